"""A node's breaker as pybreaker's listeners are shown it. Imported where there are listeners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import pybreaker

from ..errors import ResilienceError
from .breaker import CLOSED, HALF_OPEN, OPEN, NodeBreaker

_STATES: Final[dict[str, Any]] = {
    CLOSED: pybreaker.CircuitClosedState,
    HALF_OPEN: pybreaker.CircuitHalfOpenState,
    OPEN: pybreaker.CircuitOpenState,
}


class NodeCircuit(pybreaker.CircuitBreaker):
    """A `pybreaker.CircuitBreaker` that shows a node's breaker and holds no state.

    Args:
        breaker: the node's breaker.
        listeners: what hears of its transitions.
    """

    def __init__(
        self, breaker: NodeBreaker, listeners: Iterable[pybreaker.CircuitBreakerListener]
    ) -> None:
        self.breaker = breaker
        self._shown = _Shown(breaker)
        super().__init__(name=breaker.name, listeners=tuple(listeners), state_storage=self._shown)

    def tell(self, listener: pybreaker.CircuitBreakerListener, old: str, new: str) -> None:
        """Tell a listener of a transition, in pybreaker's objects. What it raises is raised."""
        listener.state_change(self, self._object(old), self._object(new))

    def note(self, new: str) -> None:
        """Note when the node opened, by the wall clock, as pybreaker does."""
        if new == OPEN:
            self._shown.opened = datetime.now(UTC)

    @property  # type: ignore[misc]  # shown, not set
    def state(self) -> Any:
        """The state, as pybreaker's object for it."""
        return self._object(self.current_state)

    def _object(self, state: str) -> Any:
        return _STATES[state](self, None)  # made so, it tells no listener

    @property  # type: ignore[misc]  # shown, not set
    def fail_max(self) -> int:
        """Errors in a window above which the node opens (``max_error_rate``)."""
        return self.breaker.max_error_rate

    @property  # type: ignore[misc]  # shown, not set
    def reset_timeout(self) -> float:
        """For how long it opens the first time, in seconds."""
        return self.breaker.window_s

    @property  # type: ignore[misc]  # shown, not set
    def success_threshold(self) -> int:
        """Answers to probes after which it closes."""
        return self.breaker.half_open_calls

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise ResilienceError(
            f"the breaker of node {self.name} opens and closes by what its node does; "
            f"client.resilience.isolate({self.name!r}) and release() keep calls away from it by order"
        )

    open = half_open = close = call = calling = call_async = _refuse


class _Shown(pybreaker.CircuitBreakerStorage):
    """Where a `NodeCircuit` reads state and counters: the node's breaker. It cannot be written."""

    def __init__(self, breaker: NodeBreaker) -> None:
        super().__init__(breaker.name)
        self._breaker = breaker
        self.opened: datetime | None = None

    @property  # type: ignore[misc]  # shown, not set
    def state(self) -> str:
        return self._breaker.state_by_evidence

    @property
    def counter(self) -> int:
        return self._breaker.errors

    @property
    def success_counter(self) -> int:
        return self._breaker.successes

    @property  # type: ignore[misc]  # shown, not set
    def opened_at(self) -> datetime | None:
        return self.opened
