"""The adapter of ``aerospike-native``: what the house asks, answered from the tables beside it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.plan import Send
from ...model.rows import ExpectedWrite
from ...model.stream import Stream
from ..base import Creation, LazyMethod, Refusals
from ..shared.common import CommonAdapter
from ..shared.statement import select, without_values
from . import failures, idempotence, policies
from .operations import OPERATIONS
from .package import native
from .rows import NativeRows
from .source import NativeSource

_BIN: Final = re.compile(r'bin_name: "([^"]*)"')
"""A filter tells its bin in its ``repr`` alone."""

_NO_ROWS: Final = frozenset({"batch_exists", "batch_get_header", "batch_stream"})
"""Batches whose results do not say what became of a row."""

_SLACK_MS: Final = 10
"""What a try may take beyond its ``socket_timeout`` before the call is ended for it."""


def _seeds(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of ``new_client(policy, "host:port,host:port")``."""
    seeds = args[1] if len(args) > 1 else kwargs.get("seeds", "")
    return [seed.strip() for seed in str(seeds).split(",")]


class AerospikeNativeAdapter(CommonAdapter):
    """`aerospike_native.Client`, distribution ``aerospike-native`` 1.0."""

    name = "aerospike-native"
    returns_futures = True
    outlives_cancellation = True
    operations: Mapping[str, Operation] = OPERATIONS
    lazy: Mapping[str, LazyMethod] = {}
    reads_back: Mapping[str, str] = {"put": "get", "put_blocking": "get_blocking"}
    written: Any = None
    cannot: Mapping[str, str] = policies.CANNOT
    creations: tuple[Creation, ...] = (
        Creation("aerospike_native", "new_client", "awaitable", _seeds),
        Creation("aerospike_native", "new_client_blocking", "function", _seeds),
    )

    def recognises(self, client: object) -> bool:
        """Return whether this is such a client, or of a class derived from it.

        The class says that it is of ``builtins``, so the package is asked, if anybody imported it.
        """
        package = sys.modules.get("aerospike_native")
        return package is not None and isinstance(client, package.Client)

    def is_closed(self, client: Any) -> bool:
        """Return whether the client was closed: it never connects again by itself."""
        return not client.is_connected()

    @property
    def refusals(self) -> Refusals:
        """Our errors as this client's errors."""
        from . import refusals

        return Refusals(
            refusals.NativeCircuitOpenError,
            refusals.NativeBackpressureError,
            refusals.NativeDeadlineExceededError,
        )

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """Return the package's defaults: it has no policies in a client's configuration."""
        return {family: policies.defaults(family) for family in policies.CLASSES}

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Take the policy that holds for the record's namespace out of a call's arguments."""
        policy = arguments.pop(operation.policy, None)
        strong = arguments.pop("policy_sc", None)
        if strong is not None and place is not None and client.is_strong_consistency(place[0]):
            return strong
        return policy

    def given(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return the attributes of a caller's policy object; None if it is of another class."""
        cls = getattr(native(), policies.CLASSES.get(operation.family, ""), None)
        if cls is None or not isinstance(policy, cls):
            return None
        return policies.read(operation.family, policy)

    def place(self, key: object) -> tuple[str, str] | None:
        """Return a ``Key``'s namespace and set."""
        return (key.namespace, key.set_name) if isinstance(key, native().Key) else None

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into the attributes of this client's policy."""
        return policies.to_native(operation.family, settings)

    def tailor(
        self,
        family: str,
        fields: Mapping[str, Any],
        *,
        total_timeout_ms: int,
        socket_timeout_ms: int,
        max_retries: int,
        commit_master: bool = False,
        leave_master: bool = False,
    ) -> Any:
        """Make a policy object; admin commands only know ``timeout``.

        While a node refuses connections the client tries it again, and no other, until the total timeout:
        neither ``socket_timeout`` nor ``max_retries`` ends that. So the total is what the tries may take,
        and after that a read begins anywhere.
        """
        changed = dict(fields)
        if family == "admin":
            changed["timeout"] = total_timeout_ms
            return policies.build(family, changed)
        if socket_timeout_ms and family != "query":
            between_ms = _SLACK_MS + int(fields.get("sleep_between_retries") or 0)
            tries_ms = (max_retries + 1) * (socket_timeout_ms + between_ms)
            total_timeout_ms = min(total_timeout_ms or tries_ms, tries_ms)
        changed["total_timeout"] = total_timeout_ms
        changed["socket_timeout"] = socket_timeout_ms
        changed["max_retries"] = max_retries
        package = native()
        if leave_master and fields.get("replica") in (None, package.Replica.SEQUENCE):
            changed["replica"] = package.Replica.MASTER_PROLES
        if commit_master and family == "write":
            changed["commit_level"] = package.CommitLevel.COMMIT_MASTER
        return policies.build(family, changed)

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Reads move on unless they are for the master only or linearizable."""
        package = native()
        return not (
            fields.get("replica") == package.Replica.MASTER
            or fields.get("read_mode_sc") == package.ReadModeSC.LINEARIZE
        )

    def wanted(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Tell an expected generation and create-only from the policy."""
        return idempotence.wanted(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of a ``Record``."""
        return result.generation, result.bins

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Generation checks and create-only fail once the write has been applied."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Say what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> NativeRows | None:
        """Return the way to a batch operation's rows; None where its result does not tell them apart."""
        if operation.name in _NO_ROWS:
            return None
        return NativeRows(operation)

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call. What was resolved holds in namespaces of either consistency."""
        parameter = operation.policy
        if operation.streams:
            return _streaming(method, operation)
        if not parameter:
            return lambda args, kwargs, _policy: method(*args, **kwargs)
        if "policy_sc" in operation.keywords:

            def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
                if policy is None:
                    return method(*args, **kwargs)
                return method(*args, policy=policy, policy_sc=policy, **kwargs)

        else:

            def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
                if policy is None:
                    return method(*args, **kwargs)
                return method(*args, **{parameter: policy}, **kwargs)

        return send

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the text of a query. A statement tells neither its namespace nor its bins."""
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


def _streaming(method: Callable[..., Any], operation: Operation) -> Send:
    """Return a native call whose result is known to end some time after it returned."""
    parameter = operation.policy

    def opened(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        given = {} if policy is None else {parameter: policy}
        return method(*args, **given, **kwargs)

    async def send_async(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        return Stream(await opened(args, kwargs, policy))

    def begin(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        return asyncio.ensure_future(send_async(args, kwargs, policy))

    def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        return Stream(opened(args, kwargs, policy))

    return begin if operation.awaited else send
