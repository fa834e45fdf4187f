"""The adapters of ``aerospike-py``. They answer from the tables in the modules beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.rows import ExpectedWrite
from ..contract import Creation, LazyMethod, Refusals
from ..shared.addresses import hosts_in_config
from ..shared.common import is_of_class
from ..shared.dicts import DictAdapter
from ..shared.statement import BuilderCalls, of_query
from . import failures, idempotence, policies
from .operations import AWAITED, LAZY, LAZY_AWAITED, OPERATIONS
from .rows import AerospikePyReadRows, AerospikePyRows
from .source import AerospikePyAsyncSource, AerospikePySource

_CONDITIONS: Final[Mapping[str, str]] = {"equals": "= ?", "between": "BETWEEN ? AND ?"}


def _condition(predicate: Sequence[Any]) -> str:
    """Return the text of ``(how, bin, values …)``."""
    how, name = predicate[:2]
    return f"{name} {_CONDITIONS.get(how, f'{str(how).upper()} ?')}"


class AerospikePyAdapter(DictAdapter):
    """`aerospike_py.Client`, distribution ``aerospike-py`` 0.14."""

    name = "aerospike-py"
    commit_master = policies.COMMIT_MASTER
    operations: Mapping[str, Operation] = OPERATIONS
    lazy: Mapping[str, LazyMethod] = LAZY
    reads_back: Mapping[str, str] = {"put": "get"}
    write_result: Any = None
    cannot: Mapping[str, str] = policies.CANNOT
    in_forked_child: Mapping[str, Any] = MappingProxyType({})
    why_not_forked = "the threads that it works with are not there, so calls wait in vain"
    creations: tuple[Creation, ...] = (
        Creation("aerospike_py", "Client", "class", hosts_in_config),
    )
    own_gate = "one for a batch, and no queries, UDFs or info commands"
    _class = "Client"

    def recognises(self, client: object) -> bool:
        """Return whether this is such a client, or of a class derived from it."""
        return is_of_class(client, "aerospike_py", self._class)

    @property
    def refusals(self) -> Refusals:
        """This library's errors as this client's errors."""
        from .refusals import REFUSALS

        return REFUSALS

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """Return the package's defaults: a client's configuration has no policies."""
        return policies.DEFAULTS

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into this client's policy fields."""
        return policies.native(operation.family, settings)

    def lazy_statement(self, created_with: Sequence[Any], builder_calls: BuilderCalls) -> str:
        """Return the text of a query."""
        return of_query(created_with, builder_calls, _condition)

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the fields have a replica policy other than the master; a write's have none."""
        replica: int = fields.get("replica", policies.MASTER)
        return replica != policies.MASTER

    def begins_at_master(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the replica policy is ``sequence``, the default, or the master alone."""
        return fields.get("replica", policies.SEQUENCE) in (policies.SEQUENCE, policies.MASTER)

    def expected_write(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Return what a `put` with a generation in ``meta``, or one that only creates, leaves behind."""
        return idempotence.expected_write(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of a ``Record``."""
        return result.meta.gen, result.bins

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the fields hold a generation check or create-only."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Return what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> AerospikePyRows:
        """Return how to read the rows of a batch operation."""
        of = AerospikePyReadRows if operation.name == "batch_read" else AerospikePyRows
        return of(operation)

    def source(self, client: Any) -> AerospikePySource:
        """Return the client's view of its cluster."""
        return AerospikePySource(client)


class AerospikePyAsyncAdapter(AerospikePyAdapter):
    """`aerospike_py.AsyncClient`, of the same package."""

    name = "aerospike-py-async"
    creations: tuple[Creation, ...] = (
        Creation("aerospike_py", "AsyncClient", "class", hosts_in_config),
    )
    operations = AWAITED
    lazy = LAZY_AWAITED
    _class = "AsyncClient"

    def source(self, client: Any) -> AerospikePyAsyncSource:
        """Return the client's view of its cluster."""
        return AerospikePyAsyncSource(client)
