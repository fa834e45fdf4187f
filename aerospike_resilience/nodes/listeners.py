"""Listeners of the application's: told of every transition, and no call waits for them.

pybreaker calls its listeners where the state changes, which here is in the middle of somebody's call and
under the cluster's lock. So transitions are noted there, and told in order from a short-lived thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..errors import ResilienceError
from .breaker import NodeBreaker

if TYPE_CHECKING:
    import pybreaker

    from .pybreaker_view import NodeCircuit

from ..model.identity import ClientLog


class TransitionListeners:
    """Tells transitions to listeners that may be slow, or raise.

    Args:
        listeners: pybreaker's listeners.
        lock: returns the lock of the cluster, under which transitions happen. A fork replaces it.
        log: where a listener that fails is logged.

    Raises:
        ResilienceError: there are listeners, and the package ``pybreaker`` is not installed.
    """

    def __init__(
        self,
        listeners: Iterable[pybreaker.CircuitBreakerListener],
        lock: Callable[[], AbstractContextManager[Any]],
        log: ClientLog,
    ) -> None:
        self._listeners = tuple(listeners)
        self._lock = lock
        self._log = log
        self._circuit_of = _circuits() if self._listeners else None
        self._circuits: dict[str, NodeCircuit] = {}
        self._untold: list[tuple[NodeCircuit, str, str]] = []
        self._telling = False

    def changed_locked(self, breaker: NodeBreaker, old: str, new: str) -> None:
        """Note a transition, to be told soon. Called under the cluster's lock."""
        if self._circuit_of is None:
            return
        circuit = self._circuits.get(breaker.name)
        if circuit is None or circuit.breaker is not breaker:
            circuit = self._circuits[breaker.name] = self._circuit_of(breaker, self._listeners)
        circuit.note(new)
        self._untold.append((circuit, old, new))
        if not self._telling:
            try:
                threading.Thread(
                    target=self._tell, name="aerospike-resilience-listeners", daemon=True
                ).start()
            except RuntimeError as error:  # the interpreter is on its way out
                self._log.debug("listeners not told: %s", error)
            else:
                self._telling = True

    def after_fork(self) -> None:
        """Start anew in a forked child: what was not told yet is told in the parent."""
        self._untold, self._telling = [], False
        if self._circuit_of is not None:  # the old ones may be locked by a thread of the parent
            self._circuits = {
                name: self._circuit_of(circuit.breaker, circuit.listeners)
                for name, circuit in self._circuits.items()
            }

    def _tell(self) -> None:
        while True:
            with (
                self._lock()
            ):  # whoever changed the state has settled all of it once we have the lock
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
