"""The adapter of ``aerospike-native``. It answers from the tables in the modules beside it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ...model.at_call import noted
from ...model.attempt_policy import AttemptPolicy
from ...model.durations import NO_LIMIT_MS
from ...model.failure import Failure
from ...model.operation import Operation
from ...model.plan import Send
from ...model.rows import ExpectedWrite
from ...model.stream import Stream
from ..contract import Creation, LazyMethod, Refusals
from ..contract.operations import SlotSender
from ..shared.addresses import hosts_in_seeds
from ..shared.common import CommonAdapter
from ..shared.result_codes import ANSWERED
from ..shared.senders import policy_sender
from ..shared.statement import select, without_values
from . import failures, idempotence, policies
from .failures import classify_row, result_code
from .operations import OPERATIONS
from .package import native
from .rows import NativeRows
from .slots import slot_sender
from .source import NativeSource

_BIN: Final = re.compile(r'bin_name: "([^"]*)"')
"""Only the ``repr`` of a filter has the name of its bin."""

_NO_ROWS: Final = frozenset({"batch_exists", "batch_get_header", "batch_stream"})
"""Batches whose results do not show which rows failed."""

_SLACK_MS: Final = 5
"""How much longer than its ``socket_timeout`` a try may take, in milliseconds, before the call ends."""


def _seeds(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of ``new_client(policy, "host:port,host:port")``."""
    seeds = args[1] if len(args) > 1 else kwargs.get("seeds", "")
    return hosts_in_seeds(seeds)


def _total_timeout_ms(fields: Mapping[str, Any], attempt: AttemptPolicy) -> int:
    """Return what all tries of an attempt may take together, in milliseconds; 0 for no limit."""
    if NO_LIMIT_MS in (attempt.socket_timeout_ms, attempt.total_timeout_ms):
        return attempt.total_timeout_ms  # no limit was asked for, so none is made up
    between_ms = _SLACK_MS + int(fields.get("sleep_between_retries") or 0)
    tries_ms = (attempt.max_retries + 1) * (attempt.socket_timeout_ms + between_ms)
    return min(attempt.total_timeout_ms, tries_ms)


class AerospikeNativeAdapter(CommonAdapter):
    """`aerospike_native.Client`, distribution ``aerospike-native`` 1.0."""

    name = "aerospike-native"
    returns_futures = True
    outlives_cancellation = True
    operations: Mapping[str, Operation] = OPERATIONS
    lazy: Mapping[str, LazyMethod] = {}
    reads_back: Mapping[str, str] = {"put": "get", "put_blocking": "get_blocking"}
    write_result: Any = None
    cannot: Mapping[str, str] = policies.CANNOT
    in_forked_child: Mapping[str, Any] = MappingProxyType({})
    why_not_forked = "the threads that it works with are not there, so calls wait in vain"
    creations: tuple[Creation, ...] = (
        Creation("aerospike_native", "new_client", "awaitable", _seeds),
        Creation("aerospike_native", "new_client_blocking", "function", _seeds),
    )

    def recognises(self, client: object) -> bool:
        """Return whether this is such a client, or of a class derived from it.

        The class says that its module is ``builtins``. So the package is asked, if it was imported at all.
        """
        package = sys.modules.get("aerospike_native")
        return package is not None and isinstance(client, package.Client)

    def is_closed(self, client: Any) -> bool:
        """Return whether the client was closed: a client without a connection never connects again."""
        return not client.is_connected()

    @property
    def refusals(self) -> Refusals:
        """This library's errors as this client's errors."""
        from .refusals import REFUSALS

        return REFUSALS

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """Return the package's defaults: a client's configuration has no policies."""
        return {family: policies.defaults(family) for family in policies.CLASSES}

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Remove both policies from the arguments; return the one for the record's namespace."""
        policy = arguments.pop(operation.policy, None)
        strong = arguments.pop("policy_sc", None)
        if strong is not None and not isinstance(strong, _policy_class(operation)):
            return strong  # the client will object to it
        if strong is not None and place is not None and client.is_strong_consistency(place[0]):
            return strong
        return policy

    def caller_fields(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return the attributes of a caller's policy object; None if it is of another class."""
        if not isinstance(policy, _policy_class(operation)):
            return None
        return policies.read(operation.family, policy)

    def policy_content(self, operation: Operation, policy: Any) -> Hashable | None:
        """Return the attributes of a policy object; None with a filter or a transaction."""
        if type(policy) not in _policy_class(operation):
            return None
        return policies.content(operation.family, policy)

    def place(self, key: object) -> tuple[str, str] | None:
        """Return a ``Key``'s namespace and set."""
        return (key.namespace, key.set_name) if isinstance(key, native().Key) else None

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into the attributes of this client's policy."""
        return policies.to_native(operation.family, settings)

    def tailor(self, family: str, fields: Mapping[str, Any], attempt: AttemptPolicy) -> Any:
        """Make the policy object of one attempt. Admin commands only take ``timeout``.

        While a node refuses connections the client tries this node again, and no other, until the total
        timeout: neither ``socket_timeout`` nor ``max_retries`` ends that. So the total timeout is what the
        tries may take together, and the next attempt of a read may begin at any replica.
        """
        changed = dict(fields)
        if family == "admin":
            changed["timeout"] = attempt.total_timeout_ms
            return policies.build(family, changed)
        changed["total_timeout"] = (
            attempt.total_timeout_ms if family == "query" else _total_timeout_ms(fields, attempt)
        )
        changed["socket_timeout"] = attempt.socket_timeout_ms
        changed["max_retries"] = attempt.max_retries
        package = native()
        if attempt.leave_master and fields.get("replica") in (None, package.Replica.SEQUENCE):
            changed["replica"] = package.Replica.MASTER_PROLES
        if attempt.commit_master and family == "write":
            changed["commit_level"] = package.CommitLevel.COMMIT_MASTER
        return policies.build(family, changed)

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Return False for reads that are for the master only, or linearizable."""
        package = native()
        return not (
            fields.get("replica") == package.Replica.MASTER
            or fields.get("read_mode_sc") == package.ReadModeSC.LINEARIZE
        )

    def begins_at_master(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the replica policy is ``SEQUENCE``, the default, or the master alone."""
        replicas = native().Replica
        return fields.get("replica") in (None, replicas.SEQUENCE, replicas.MASTER)

    def commits_alone(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the commit level is that of the master alone."""
        return bool(fields.get("commit_level") == native().CommitLevel.COMMIT_MASTER)

    def seed(self, client: Any) -> str:
        """Return the first of the client's seeds."""
        return hosts_in_seeds(client.seeds())[0]

    def target(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return what the arguments name; a ``Statement`` shows its set and not its namespace."""
        statement = arguments.get("statement")
        if isinstance(statement, native().Statement):
            return "", statement.set_name or ""
        return super().target(operation, arguments)

    def expected_write(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Return what a `put` that expects a generation, or that only creates, leaves behind."""
        return idempotence.expected_write(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of a ``Record``."""
        return result.generation, result.bins

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the fields hold a generation check or create-only."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Return what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> NativeRows | None:
        """Return how to read a batch operation's rows; None if its result does not show which failed."""
        if operation.name in _NO_ROWS:
            return None
        return NativeRows(operation)

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call. It passes one policy for namespaces of either consistency."""
        if operation.awaited:
            method = noted(method)
        if operation.streams:
            return _stream_sender(method, operation)
        if "policy_sc" not in operation.keywords:
            return policy_sender(method, operation.policy)

        def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
            if policy is None:
                return method(*args, **kwargs)
            return method(*args, policy=policy, policy_sc=policy, **kwargs)

        return send

    def policy_keywords(self, operation: Operation) -> tuple[str, ...]:
        """Return the parameters for namespaces of either consistency, as `sender` passes its policy."""
        return tuple(
            name for name in (operation.policy, "policy_sc") if name and name in operation.keywords
        )

    def slot_sender(self, client: Any, operation: Operation) -> SlotSender | None:
        """Return how to make a `get` or a `put` as a window of one."""
        return slot_sender(client, operation)

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the text of the query that a call makes, without its namespace and bins."""
        if isinstance(expression := arguments.get("ael"), str):
            return f"EXPLAIN {without_values(expression)}"
        statement = arguments.get("statement")
        if not isinstance(statement, native().Statement):
            return ""
        bins = [_BIN.search(repr(one)) for one in statement.filters or ()]
        conditions = [f"{found[1]} IN ?" if found and found[1] else "?" for found in bins]
        return select(statement.set_name or "?", ("?",), conditions)

    def source(self, client: Any) -> NativeSource:
        """Return the client's view of its cluster."""
        return NativeSource(client)


def _policy_class(operation: Operation) -> tuple[type, ...]:
    """Return the class of an operation's policies; none where it takes none."""
    cls = getattr(native(), policies.CLASSES.get(operation.family, ""), None)
    return () if cls is None else (cls,)


def _streamed_row(item: tuple[int, Any]) -> Failure | None:
    """Return what a failed row of ``batch_stream`` means; it yields each with its position."""
    _position, row = item
    return None if result_code(row) in ANSWERED else classify_row(row)


def _stream_sender(method: Callable[..., Any], operation: Operation) -> Send:
    """Return a native call that returns a `Stream`, whose results arrive after it returned."""
    open_stream = policy_sender(method, operation.policy)

    failure = _streamed_row if operation.rows else None

    async def streamed(opening: Any) -> Any:
        return Stream(await opening, failure)

    def begin(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        return asyncio.ensure_future(streamed(open_stream(args, kwargs, policy)))

    def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        return Stream(open_stream(args, kwargs, policy), failure)

    return begin if operation.awaited else send
