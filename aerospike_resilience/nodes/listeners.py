"""News: the application's listeners hear of every transition, and no call waits for them.

pybreaker calls its listeners where the state changes, which here is in the middle of somebody's call and
under the cluster's lock. So one listener of ours stands in every node's breaker and passes on what it
hears, in order, from a short-lived thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import pybreaker

from ..model.identity import ClientLog


class TransitionListeners(pybreaker.CircuitBreakerListener):
    """Passes transitions on to listeners that may be slow, or raise.

    Args:
        listeners: pybreaker's listeners.
        lock: returns the lock of the cluster, under which transitions happen. A fork replaces it.
        log: where a listener that fails is logged.
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
        self._untold: list[tuple[Any, Any, Any]] = []
        self._telling = False

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Note a transition. Called by pybreaker, under the cluster's lock."""
        self._untold.append((cb, old_state, new_state))
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
                for listener in self._listeners:
                    try:
                        listener.state_change(circuit, old, new)
                    except BaseException:  # noqa: BLE001 - it ends neither a call nor the telling
                        self._log.exception(
                            "listener %s failed at node %s: %s -> %s",
                            *(type(listener).__name__, circuit.name, old.name, new.name),
                        )
