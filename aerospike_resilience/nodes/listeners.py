"""The application's listeners hear of every transition, and no call waits for them.

pybreaker calls its listeners where the state changes, which here is in the middle of somebody's call and
under the cluster's lock. So transitions are noted there, and told in order from a short-lived thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..concurrency import forking, threads
from ..concurrency.notices import Notices
from ..errors import ResilienceError
from ..model.identity import ClientLog
from .breaker import NodeBreaker

if TYPE_CHECKING:
    import pybreaker

    from .pybreaker_view import NodeCircuit


class TransitionListeners:
    """Tells transitions to listeners that may be slow, or raise.

    Args:
        listeners: pybreaker's listeners.
        notices: has the lock of the cluster, under which transitions happen.
        log: where a listener that fails is logged.

    Raises:
        ResilienceError: there are listeners, and the package ``pybreaker`` is not installed.
    """

    def __init__(
        self,
        listeners: Iterable[pybreaker.CircuitBreakerListener],
        notices: Notices,
        log: ClientLog,
    ) -> None:
        self._listeners = tuple(listeners)
        self._notices = notices
        self._log = log
        self._circuit_of = _circuits() if self._listeners else None
        self._circuits: dict[str, NodeCircuit] = {}
        self._untold: list[tuple[NodeCircuit, str, str]] = []
        self._telling = False
        forking.register(self)

    def changed_locked(self, breaker: NodeBreaker, old: str, new: str) -> None:
        """Note a transition, to be reported soon. Called under the cluster's lock."""
        if self._circuit_of is None:
            return
        circuit = self._circuits.get(breaker.name)
        if circuit is None or circuit.breaker is not breaker:
            circuit = self._circuits[breaker.name] = self._circuit_of(breaker, self._listeners)
        circuit.note(new)
        self._untold.append((circuit, old, new))
        self._notices.note(self.tell)

    def tell(self) -> None:
        """Have a thread tell what is untold. Called without the lock, and again at each tend."""
        with self._notices.lock:
            if self._telling or not self._untold:
                return
            self._telling = True
        if threads.start(self._tell, name="aerospike-resilience-listeners") is None:
            self._telling = False

    def after_fork(self) -> None:
        """Start anew in a forked child: the parent reports what was not reported yet."""
        self._untold, self._telling = [], False
        if self._circuit_of is not None:  # the old ones may be locked by a thread of the parent
            self._circuits = {
                name: self._circuit_of(circuit.breaker, circuit.listeners)
                for name, circuit in self._circuits.items()
            }

    def _tell(self) -> None:
        while True:
            with self._notices.lock:  # who changed the state has settled all of it once we have it
                untold, self._untold = self._untold, []
                if not untold:
                    self._telling = False
                    return
            for circuit, old, new in untold:
                for listener in circuit.listeners:
                    try:
                        circuit.tell(listener, old, new)
                    except BaseException:  # noqa: BLE001 - it ends neither a call nor the telling
                        self._log.exception(
                            "listener %s failed at node %s: %s -> %s",
                            *(type(listener).__name__, circuit.name, old, new),
                        )


def _circuits() -> type[NodeCircuit]:
    try:
        from .pybreaker_view import NodeCircuit
    except ImportError:
        raise ResilienceError(
            "listeners= needs the package pybreaker: pip install 'aerospike-resilience[pybreaker]'"
        ) from None
    return NodeCircuit
