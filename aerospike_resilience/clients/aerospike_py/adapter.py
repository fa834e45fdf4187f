"""The adapters of ``aerospike-py``: what the house asks, answered from the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.rows import ExpectedWrite
from ..base import Creation, LazyMethod, Refusals
from ..shared.dicts import DictAdapter, config_hosts
from ..shared.statement import Built, of_query
from . import failures, idempotence, policies
from .operations import AWAITED, LAZY, LAZY_AWAITED, OPERATIONS
from .rows import AerospikePyReadRows, AerospikePyRows
from .source import AerospikePyAsyncSource, AerospikePySource

_TRACER_THREAD: Final = "OpenTelemetry.T"  # the kernel keeps 15 characters of a thread's name


_CONDITIONS: Final[Mapping[str, str]] = {"equals": "= ?", "between": "BETWEEN ? AND ?"}


def _name(task: Path) -> str:
    """Return a thread's name; nothing if the thread has just ended."""
    try:
        return (task / "comm").read_text().strip()
    except OSError:
        return ""


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
    written: Any = None
    cannot: Mapping[str, str] = policies.CANNOT
    creations: tuple[Creation, ...] = (Creation("aerospike_py", "Client", "class", config_hosts),)
    own_gate = "one for a batch, and no queries, UDFs or info commands"
    _class = "Client"

    def recognises(self, client: object) -> bool:
        """Return whether this is such a client, or of a class derived from it."""
        return any(
            cls.__module__.partition(".")[0] == "aerospike_py" and cls.__name__ == self._class
            for cls in client.__class__.__mro__
        )

    def traces_itself(self) -> bool:
        """Return whether ``aerospike_py.init_tracing()`` is in force: its exporter's thread runs.

        The package cannot be asked; threads have names on Linux only, so elsewhere this is False.
        """
        tasks = Path("/proc/self/task")
        return tasks.is_dir() and any(_name(task) == _TRACER_THREAD for task in tasks.iterdir())

    @property
    def refusals(self) -> Refusals:
        """Our errors as this client's errors."""
        from . import refusals

        return Refusals(
            refusals.AerospikePyCircuitOpenError,
            refusals.AerospikePyBackpressureError,
            refusals.AerospikePyDeadlineExceededError,
        )

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """Return the package's defaults: it has no policies in a client's configuration."""
        return policies.DEFAULTS

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into this client's policy fields."""
        return policies.native(operation.family, settings)

    def lazy_statement(self, made: Sequence[Any], built: Built) -> str:
        """Return the text of a query."""
        return of_query(made, built, _condition)

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Reads move on unless they are for the master only; commands under a write policy never do."""
        replica: int = fields.get("replica", policies.MASTER)
        return replica != policies.MASTER

    def wanted(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Tell a generation in ``meta`` and create-only."""
        return idempotence.wanted(arguments, fields)

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of a ``Record``."""
        return result.meta.gen, result.bins

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Generation checks and create-only fail once the write has been applied."""
        return idempotence.conditional(fields)

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Say what an error means."""
        return failures.classify(error, operation)

    def rows(self, operation: Operation) -> AerospikePyRows:
        """Return the way to a batch's rows."""
        of = AerospikePyReadRows if operation.name == "batch_read" else AerospikePyRows
        return of(operation)

    def source(self, client: Any) -> AerospikePySource:
        """Return the client's view of its cluster."""
        return AerospikePySource(client)


class AerospikePyAsyncAdapter(AerospikePyAdapter):
    """`aerospike_py.AsyncClient`, of the same package."""

    name = "aerospike-py-async"
    creations: tuple[Creation, ...] = (
        Creation("aerospike_py", "AsyncClient", "class", config_hosts),
    )
    operations = AWAITED
    lazy = LAZY_AWAITED
    _class = "AsyncClient"

    def source(self, client: Any) -> AerospikePyAsyncSource:
        """Return the client's view of its cluster."""
        return AerospikePyAsyncSource(client)
