"""The adapter of the C client: what the house asks, answered from the tables beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.plan import Send
from ...model.rows import ExpectedWrite
from ..base import Creation, LazyMethod, NativeConfig, Refusals
from ..shared.dicts import DictAdapter, config_hosts
from ..shared.statement import Built, of_query
from . import failures, idempotence, native_config, policies
from .operations import LAZY, OPERATIONS
from .rows import AerospikeRows
from .source import AerospikeSource

_EQUALS: Final = 0
_GEO: Final = 2
"""What the client's predicates begin with; it has no names for these."""


class AerospikeAdapter(DictAdapter):
    """`aerospike.Client`, distribution ``aerospike`` 19."""

    name = "aerospike"
    commit_master = policies.COMMIT_MASTER
    leaving = policies.LEAVING
    operations: Mapping[str, Operation] = OPERATIONS
    lazy: Mapping[str, LazyMethod] = LAZY
    reads_back: Mapping[str, str] = {"put": "get"}
    written: Any = 0
    creations: tuple[Creation, ...] = (
        Creation("aerospike", "client", "function", config_hosts),
        Creation("aerospike", "Client", "class", config_hosts),
    )
    cannot: Mapping[str, str] = policies.CANNOT
    config_variables: Mapping[str, str] = {
        native_config.VARIABLE: "wins over this profile and over every call's own policy"
    }

    def recognises(self, client: object) -> bool:
        """Return whether this is an `aerospike.Client` or of a class derived from it."""
        return any(
            cls.__module__.partition(".")[0] == "aerospike" and cls.__name__ == "Client"
            for cls in client.__class__.__mro__
        )

    def is_closed(self, client: Any) -> bool:
        """Return whether the client was closed: only then does it refuse to list its nodes.

        A client that merely has not reached a node yet (``fail_if_not_connected: False``) lists none.
        """
        try:
            client.get_nodes()
        except AttributeError:
            return False  # a stand-in
        except Exception as error:  # noqa: BLE001 - told apart by its code, without importing the client
            return error.args[:1] == (11,)
        return False

    @property
    def refusals(self) -> Refusals:
        """Our errors as this client's errors."""
        from . import refusals

        return Refusals(
            refusals.AerospikeCircuitOpenError,
            refusals.AerospikeBackpressureError,
            refusals.AerospikeDeadlineExceededError,
        )

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:
        """Return the effective policies of the client's configuration, by family.

        The conditions that it puts on a batch's rows are told with the batch.
        """
        own = getattr(client, "get_policies", None)
        found: dict[str, Mapping[str, Any]] = dict(own()) if own is not None else {}
        rows = found.get("batch_write", {})
        conditions = {name: rows[name] for name in ("gen", "exists") if name in rows}
        if conditions:
            found["batch_parent_write"] = {**found.get("batch_parent_write", {}), **conditions}
        return found

    def native_config(self, client: Any) -> NativeConfig:
        """Return what watches the client's dynamic configuration file."""
        return native_config.AerospikeNativeConfig(client)

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into this client's policy fields."""
        return policies.native(operation, settings)

    def own_family(self, operation: Operation) -> str:
        """Writing batches are configured apart from reading ones."""
        if operation.family == "batch" and operation.writes:
            return "batch_parent_write"
        return operation.family

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Reads move on unless they are for the master only or linearizable."""
        return (
            fields.get("replica") != policies.MASTER_ONLY
            and fields.get("read_mode_sc") != policies.LINEARIZE
        )

    def wanted(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Tell a generation in ``meta`` and create-only."""
        return idempotence.wanted(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of ``(key, meta, bins)``."""
        return result[1]["gen"], result[2]

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Generation checks and create-only fail once the write has been applied."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Say what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> AerospikeRows:
        """Return the way to a batch operation's rows."""
        return AerospikeRows(operation)

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call; the policy goes by keyword, under the method's own name for it."""
        if operation.name in policies.ROWS:
            return _batch_sender(method, operation)
        return super().sender(method, operation)

    def lazy_statement(self, made: Sequence[Any], built: Built) -> str:
        """Return the text of a query or scan."""
        return of_query(made, built, _condition)

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
    """Return the native call of a batch that takes a policy for its rows too; a caller's own wins."""
    of_rows = policies.ROWS[operation.name][0]

    def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        if policy is None:
            return method(*args, **kwargs)
        whole, rows = policies.parted(operation, policy)
        given = kwargs.get(of_rows)
        named = {**kwargs, operation.policy: whole}
        if rows and (given is None or isinstance(given, Mapping)):
            named[of_rows] = {**rows, **(given or {})}
        return method(*args, **named)

    return send
