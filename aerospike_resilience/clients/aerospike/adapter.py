"""The adapter of the C client. It answers from the tables in the modules beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.plan import Send
from ...model.rows import ExpectedWrite
from ..contract import Creation, LazyMethod, NativeConfig, Refusals
from ..shared.addresses import hosts_in_config
from ..shared.common import is_of_class
from ..shared.dicts import DictAdapter
from ..shared.result_codes import ServerCode
from ..shared.statement import BuilderCalls, of_query
from . import failures, idempotence, native_config, policies
from .operations import LAZY, OPERATIONS
from .rows import AerospikeRows
from .source import AerospikeSource

_EQUALS: Final = 0
_GEO: Final = 2
"""Numbers in the client's predicates; it has no names for them."""


class AerospikeAdapter(DictAdapter):
    """`aerospike.Client`, distribution ``aerospike`` 19."""

    name = "aerospike"
    commit_master = policies.COMMIT_MASTER
    replica_to_leave_master = policies.REPLICA_TO_LEAVE_MASTER
    operations: Mapping[str, Operation] = OPERATIONS
    lazy: Mapping[str, LazyMethod] = LAZY
    reads_back: Mapping[str, str] = {"put": "get"}
    write_result: Any = 0
    creations: tuple[Creation, ...] = (
        Creation("aerospike", "client", "function", hosts_in_config),
        Creation("aerospike", "Client", "class", hosts_in_config),
    )
    cannot: Mapping[str, str] = policies.CANNOT
    in_forked_child: Mapping[str, Any] = MappingProxyType({"concurrent": False})
    why_not_forked = (
        "they use the same sockets, and one can be handed the record that the other asked for"
    )
    config_variables: Mapping[str, str] = {
        native_config.VARIABLE: "wins over this profile and over every call's own policy"
    }

    def recognises(self, client: object) -> bool:
        """Return whether this is an `aerospike.Client`, or of a class derived from it."""
        return is_of_class(client, "aerospike", "Client")

    def is_closed(self, client: Any) -> bool:
        """Return whether the client was closed: only a closed one refuses to list its nodes.

        A client that has not reached a node yet (``fail_if_not_connected: False``) lists none.
        """
        try:
            client.get_nodes()
        except AttributeError:
            return False  # a stand-in
        except Exception as error:  # noqa: BLE001 - known by its code, without importing the client
            return error.args[:1] == (ServerCode.PARTITION_UNAVAILABLE,)
        return False

    @property
    def refusals(self) -> Refusals:
        """This library's errors as this client's errors."""
        from .refusals import REFUSALS

        return REFUSALS

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:
        """Return the effective policies of the client's configuration, by family.

        The conditions that it puts on the rows of a batch count as the batch's own.
        """
        get_policies = getattr(client, "get_policies", None)
        found: dict[str, Mapping[str, Any]] = {} if get_policies is None else dict(get_policies())
        rows = found.get("batch_write", {})
        conditions = {name: rows[name] for name in ("gen", "exists") if name in rows}
        if conditions:
            found["batch_parent_write"] = {**found.get("batch_parent_write", {}), **conditions}
        return found

    def configured(self, own: Mapping[str, Any], policy: Any) -> bool:
        """Return whether the client's configuration has every field of a policy, with its value."""
        return isinstance(policy, dict) and all(
            name in own and type(own[name]) is type(value) and own[name] == value
            for name, value in policy.items()
        )

    def native_config(self, client: Any) -> NativeConfig:
        """Return what watches the client's dynamic configuration file."""
        return native_config.AerospikeNativeConfig(client)

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into this client's policy fields."""
        return policies.native(operation, settings)

    def own_family(self, operation: Operation) -> str:
        """Return the operation's family. The client configures writing batches apart from reading ones."""
        if operation.family == "batch" and operation.writes:
            return "batch_parent_write"
        return operation.family

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Return False for reads that are for the master only, or linearizable."""
        return (
            fields.get("replica") != policies.MASTER_ONLY
            and fields.get("read_mode_sc") != policies.LINEARIZE
        )

    def begins_at_master(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the replica policy is ``sequence``, the default, or the master alone."""
        return fields.get("replica", policies.SEQUENCE) in (policies.SEQUENCE, policies.MASTER_ONLY)

    def seed(self, client: Any) -> str:
        """Return the first node that the client lists: seeds come first in its list."""
        host, port = client.get_nodes()[0]
        return f"{host}:{port}"

    def expected_write(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Return what a `put` with a generation in ``meta``, or one that only creates, leaves behind."""
        return idempotence.expected_write(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of ``(key, meta, bins)``."""
        return result[1]["gen"], result[2]

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the fields hold a generation check or create-only."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Return what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> AerospikeRows:
        """Return how to read the rows of a batch operation."""
        return AerospikeRows(operation)

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call. It passes the policy under the method's own name for it."""
        if operation.policy == policies.BATCH:
            return _batch_sender(method, operation)
        return super().sender(method, operation)

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Take the policy out of a call's arguments; what it says of rows is for no row, as ever."""
        policy = super().take_policy(client, operation, arguments, place)
        if operation.policy == policies.BATCH and isinstance(policy, dict):
            return policies.kept_from_rows(policy)
        return policy

    def lazy_statement(self, created_with: Sequence[Any], builder_calls: BuilderCalls) -> str:
        """Return the text of a query or scan."""
        return of_query(created_with, builder_calls, _condition)

    def source(self, client: Any) -> AerospikeSource:
        """Return the client's view of its cluster."""
        return AerospikeSource(client)


def _condition(predicate: Sequence[Any]) -> str:
    """Return the text of ``(how, type of index, bin, values …)``."""
    how, kind, name = predicate[:3]
    if kind == _GEO:
        return f"{name} GEO ?"
    return f"{name} = ?" if how == _EQUALS else f"{name} BETWEEN ? AND ?"


def _batch_sender(method: Callable[..., Any], operation: Operation) -> Send:
    """Return the native call of a batch, whose rows may take a policy too.

    A field of the caller's own policy for the rows is stronger than the profile's.
    """
    rows_parameter = policies.ROWS[operation.name][0] if operation.name in policies.ROWS else ""

    def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        if policy is None:
            return method(*args, **kwargs)
        of_batch, of_rows = policies.split_for_rows(operation, policy)
        callers = kwargs.get(rows_parameter)
        named = {**kwargs, operation.policy: of_batch}
        if of_rows and (callers is None or isinstance(callers, dict)):
            named[rows_parameter] = {**of_rows, **(callers or {})}
        return method(*args, **named)

    return send
