"""One node's circuit breaker over tend windows.

As Aerospike defines it: more than ``max_error_rate`` errors inside ``error_rate_window`` tends open
the node. Beyond that: half-open probes are leases that end by themselves (Polly re-grants after a
break for the same reason), re-opening waits longer each time with jitter, and results of calls that
began before the last transition are ignored.

What it says is the state, and nothing else holds one. pybreaker's listeners are shown it through
`pybreaker_view`; pybreaker's own breaker runs the protected call under its lock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half-open"
ISOLATED: Final = "isolated"
"""States are named as pybreaker names them, which has no name for the last."""

Orderer: TypeAlias = Literal["profile", "fleet", "hand"]
"""Who isolates a node: the policy file, an order to all workers of a service, or one process's own."""

ORDERED: Final[dict[Orderer, str]] = {
    "profile": "isolated by the profile",
    "fleet": "isolated for the fleet",
    "hand": "isolated by hand",
}
"""Who isolates a node, in words. Of several, the first that ordered it is named."""

GROWTH: Final = 1.5
"""How many times as long as before a node that opens again stays open."""

MAX_OPEN_WINDOWS: Final = 2.5
"""Re-opening never waits longer than this many windows, jitter aside: with it and the time that probes
take, a node that is well again is closed within three. Longer would spare it three probes a time."""

JITTER: Final = 0.1
"""By which part of it the time differs for which a node stays open, so that processes do not keep step."""

FORGIVEN_WINDOWS: Final = 3
"""A node that stayed closed for this many windows opens for the shortest time again."""


class Shares(NamedTuple):
    """Shares of a window's calls that open a node, besides the number of errors.

    The names are those of Resilience4j's ``CircuitBreakerConfig``.

    Attributes:
        failure_rate: of failed calls among those that failed for the node or that it answered; None
            for none. A write that it only replicated says nothing of its own failures.
        slow_call_rate: of slow calls among those it took part in, as a replica too: a write waits for
            all its nodes. None for none.
        minimum_calls: below so many calls no share says anything.
    """

    failure_rate: float | None = None
    slow_call_rate: float | None = None
    minimum_calls: int = 20


class NodeBreaker:
    """The state machine. Every method is called under the lock of the cluster that owns it.

    Args:
        name: the node's name.
        max_error_rate: errors in a window above which it opens; 0 for no limit, as Aerospike has it.
        window_s: the window in seconds, and how long the first opening lasts.
        half_open_calls: probes lent at a time; as many successes close it.
        lease_s: how long a probe may stay out before its lease ends, in seconds.
        shares: shares of a window's calls that open it too.
        random_source: where jitter comes from.
        on_change: told the old and the new state after each transition.
    """

    def __init__(
        self,
        name: str,
        *,
        max_error_rate: int,
        window_s: float,
        half_open_calls: int,
        lease_s: float = 1.0,
        shares: Shares = Shares(),  # noqa: B008 - immutable
        random_source: random.Random | None = None,
        on_change: Callable[[str, str], None] = lambda _old, _new: None,
    ) -> None:
        self.name = name
        self.max_error_rate = max_error_rate
        self.window_s = window_s
        self.half_open_calls = half_open_calls
        self.lease_s = lease_s
        self.shares = shares
        self.orders: dict[Orderer, str] = {}
        self.errors = 0
        self.answers = 0.0
        self.parts = 0.0
        self.slow = 0.0
        self.isolated_since = 0.0
        self.reason = ""
        self.since = 0.0
        self.until = 0.0
        self._random = random_source or random.Random()
        self._on_change = on_change
        self._state: str = CLOSED
        self._window_ends = 0.0
        self._openings = 0
        self._successes = 0
        self._lent = 0
        self._leases: dict[int, float] = {}

    @property
    def isolated(self) -> bool:
        """Whether calls are kept away from it by order."""
        return bool(self.orders)

    def isolate(self, now: float, orders: Mapping[Orderer, str]) -> None:
        """Replace the orders that isolate it: who gave each, with the reason. None ends the isolation."""
        before = self.isolated
        self.orders = {who: orders[who] for who in ORDERED if who in orders}
        if self.isolated and not before:
            self.isolated_since = now

    @property
    def why(self) -> str:
        """Why it is not closed: who isolated it, or the errors that opened it. Empty if neither."""
        for who, reason in self.orders.items():
            return f"{ORDERED[who]}: {reason}" if reason else ORDERED[who]
        return self.reason

    @property
    def state(self) -> str:
        """``closed``, ``open``, ``half-open`` or ``isolated``."""
        return ISOLATED if self.orders else self._state

    @property
    def state_by_evidence(self) -> str:
        """``closed``, ``open`` or ``half-open``: the state, leaving isolation aside."""
        return self._state

    @property
    def successes(self) -> int:
        """Answers to probes and pulses since it became half-open."""
        return self._successes

    @property
    def closed(self) -> bool:
        """Whether calls pass unasked."""
        return self._state == CLOSED and not self.orders

    @property
    def lends(self) -> bool:
        """Whether it is half-open, so that a call may probe it."""
        return self._state == HALF_OPEN and not self.orders

    @property
    def trusted(self) -> bool:
        """Whether no errors have opened it, isolated or not."""
        return self._state == CLOSED

    def fail(self, began: float, reason: str) -> bool:
        """Charge one hard error to the node; return whether it wants to open.

        The owner decides, because only it knows how much of the cluster is open already.
        """
        if began < self.since:
            return False  # a late result of an earlier state
        if self._state == HALF_OPEN:
            self.reason = reason
            return True
        if self._state == CLOSED:
            self.errors += 1
            self.reason = reason
            return self._fails_too_often
        return False

    def answer(
        self, began: float, *, slow: bool, replicated: bool = False, weight: float = 1.0
    ) -> bool:
        """Count a call that went well; return whether the node wants to open for being slow too often.

        Args:
            began: when its attempt began.
            slow: whether it took long.
            replicated: whether the node only replicated it, and another one answered.
            weight: for how many calls it stands.
        """
        if self._state != CLOSED or began < self.since:
            return False
        self.parts += weight
        if not replicated:
            self.answers += weight
        if slow:
            self.slow += weight
        return slow and self._is_slow_too_often

    @property
    def wants_to_open(self) -> bool:
        """Whether it is closed though what was counted in this window opens a node."""
        return self._state == CLOSED and (self._fails_too_often or self._is_slow_too_often)

    @property
    def _fails_too_often(self) -> bool:
        too_many = 0 < self.max_error_rate < self.errors
        return too_many or self._reaches(self.shares.failure_rate, self.errors, self.answers)

    @property
    def _is_slow_too_often(self) -> bool:
        return self._reaches(self.shares.slow_call_rate, self.slow, self.parts)

    def _reaches(self, rate: float | None, count: float, went_well: float) -> bool:
        calls = went_well + self.errors
        return rate is not None and calls >= self.shares.minimum_calls and count >= rate * calls

    def open(self, now: float, reason: str) -> None:
        """Open: reject until the window ends, or longer if it has re-opened before."""
        self.reason = reason
        self._stay_open(now)
        self._enter(OPEN, now)

    def _stay_open(self, now: float) -> None:
        windows = min(GROWTH ** min(self._openings, 30), MAX_OPEN_WINDOWS)
        self._openings += 1
        self.until = now + self.window_s * windows * self._random.uniform(1 - JITTER, 1 + JITTER)

    def half_open(self, now: float) -> None:
        """Let probes through."""
        self._successes = 0
        self._leases.clear()
        self._enter(HALF_OPEN, now)

    def close(self, now: float) -> None:
        """Let everything through. Earlier openings are forgotten only after some good windows."""
        self._begin_window()
        self.reason = ""
        self._enter(CLOSED, now)

    def reset(self, now: float) -> None:
        """Close without waiting for anything, if it is not closed. Isolation is no part of it."""
        self._openings = 0
        if self._state != CLOSED:
            self.close(now)

    def after_fork(self) -> None:
        """Start anew in a forked child: a thread of the parent may hold a probe."""
        self._leases.clear()

    def tick(self, now: float, *, suspect: bool) -> None:
        """Advance the window; an open node whose time is up becomes half-open.

        One that still owes an answer stays open for longer instead: no call is spent on it.
        """
        if not now < self._window_ends <= now + self.window_s:  # it is over, or was longer before
            self._window_ends = now + self.window_s
            self._begin_window()
            if self._state == CLOSED and now >= self.since + FORGIVEN_WINDOWS * self.window_s:
                self._openings = 0
        self.until = min(self.until, now + self.window_s * MAX_OPEN_WINDOWS * (1 + JITTER))
        if self._state == OPEN and now >= self.until:
            if suspect:
                self._stay_open(now)
            else:
                self.half_open(now)

    def lease(self, now: float) -> int | None:
        """Lend a probe of a half-open node.

        Returns:
            The lease, to be given back; None if all are out or the node is not half-open.
        """
        if self._state != HALF_OPEN or self.isolated:
            return None
        self._leases = {lease: ends for lease, ends in self._leases.items() if ends > now}
        if len(self._leases) >= self.half_open_calls:
            return None
        self._lent += 1
        self._leases[self._lent] = now + self.lease_s
        return self._lent

    def give_back(self, lease: int) -> None:
        """Take a probe back. One whose lease has ended takes no other's place."""
        self._leases.pop(lease, None)

    def succeed(self, now: float, began: float) -> None:
        """Note that a probe or a pulse was answered; enough of them close the node."""
        if self._state != HALF_OPEN or began < self.since:
            return
        self._successes += 1
        if self._successes >= self.half_open_calls:
            self.close(now)

    @property
    def probes_out(self) -> int:
        """Probes lent and not yet back."""
        return len(self._leases)

    def _begin_window(self) -> None:
        self.errors = 0
        self.answers = self.parts = self.slow = 0.0

    def _enter(self, state: str, now: float) -> None:
        old, self._state = self._state, state
        self.since = now
        self._on_change(old, state)
