"""What is known of one node."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Final

from ..model.failure import FailureKind
from ..model.operation import NodeAddress
from .breaker import HALF_OPEN, OPEN, NodeBreaker
from .haste import Haste
from .latency import Latency

SLOW: Final = "slow_calls"
"""The reason of a node that opened for answering too slowly too often."""

ANSWERING: Final = frozenset({FailureKind.OVERLOAD, SLOW})
"""Why a node opens that answers all the same: one more answer says nothing until its time is up."""


class NodeHealth:
    """One node's breaker, signs of life and answer times. Written under the cluster's lock.

    Attributes:
        address: as the client lists it.
        breaker: its circuit breaker.
        latency: recent answer times of reads.
        last_alive: when it last answered a client (the chain's clock, in seconds).
        last_replicated: when it last took a write over from a master. That clears a replica, but says
            nothing for a node that owes clients an answer: the two come by different ways.
        asked_since: when the oldest call began that it has not answered; None if nothing is owed. A
            node that owes an answer is *suspect*: further reads leave it sooner.
        left_early: reads that left it early, so far.
        errors: hard errors charged to it so far, by kind of failure.
        haste: how often tries left it without an answer lately.
        unhurried: whether they did so as often as they may, or from several nodes alike, so that a read
            that leaves it early needs evidence that it does not answer.
        unhurried_until: until when, on the chain's clock, in seconds.
        hurry_s: how long a read may take at this node when it was meant to be quick, in seconds; set by
            the tend thread, 0 while too little is known.
        pulse_out: whether a pulse is on its way to it.
        missed: when the last pulse was sent that it did not answer.
        spared_until: until when it is sent no pulse.
        refusals: how many pulses in a row it refused.
        tried_as_replica: when a write was last sent to find out whether its master reaches it.
    """

    __slots__ = (
        "address",
        "asked_since",
        "breaker",
        "errors",
        "haste",
        "hurry_s",
        "last_alive",
        "last_replicated",
        "latency",
        "left_early",
        "missed",
        "pulse_out",
        "refusals",
        "spared_until",
        "tried_as_replica",
        "unhurried",
        "unhurried_until",
    )

    def __init__(
        self, address: NodeAddress, breaker: NodeBreaker, haste: Haste | None = None
    ) -> None:
        self.address = address
        self.breaker = breaker
        self.latency = Latency()
        self.last_alive = -math.inf
        self.last_replicated = -math.inf
        self.asked_since: float | None = None
        self.left_early = 0
        self.errors: Counter[str] = Counter()
        self.haste = haste or Haste()
        self.unhurried = False
        self.unhurried_until = -math.inf
        self.hurry_s = 0.0
        self.pulse_out = False
        self.missed = -math.inf
        self.spared_until = -math.inf
        self.refusals = 0
        self.tried_as_replica = -math.inf

    @property
    def suspect(self) -> bool:
        """Whether it owes an answer."""
        return self.asked_since is not None

    @property
    def quiet(self) -> bool:
        """Whether calls need not ask about it."""
        return self.asked_since is None and self.breaker.closed and not self.unhurried

    @property
    def well(self) -> bool:
        """Whether it owes no answer and is closed."""
        return self.asked_since is None and self.breaker.closed

    @property
    def fails(self) -> bool:
        """Whether it owes an answer, or its errors opened it or would have; isolation does not matter."""
        return self.suspect or not self.breaker.trusted or self.breaker.wants_to_open

    @property
    def mute(self) -> bool:
        """Whether it is open for not answering, and not tried again yet."""
        return self.breaker.state == OPEN and self.breaker.reason not in ANSWERING

    @property
    def silent(self) -> bool:
        """Whether it is not expected to answer: it owes an answer, or was opened for not answering."""
        return self.suspect or not (self.breaker.trusted or self.breaker.reason in ANSWERING)

    @property
    def askable(self) -> bool:
        """Whether it can be expected to answer a question; isolation does not matter."""
        return self.asked_since is None and self.breaker.trusted

    @property
    def watched(self) -> bool:
        """Whether it is to be asked how it is: it owes an answer, is open, or is left too often.

        Not while isolated.
        """
        return self.suspect or self.unhurried or self.breaker.state in (OPEN, HALF_OPEN)

    def forget(self, now: float) -> None:
        """Forget what is held against it: nothing decides by it, and nothing will ask."""
        self.asked_since = None
        self.missed = -math.inf
        self.haste.forget()
        self.unhurried = False
        self.breaker.reset(now)

    def after_fork(self) -> None:
        """Start anew in a forked child: a pulse's thread is not there, and counts are the parent's."""
        self.pulse_out = False
        self.left_early = 0
        self.haste.forget()
        self.unhurried = False
        self.errors.clear()
        self.breaker.after_fork()

    def note_unanswered(self, since: float) -> None:
        """Note that a call begun at `since` got no answer from it."""
        if self.last_alive < since:
            self.asked_since = since if self.asked_since is None else min(self.asked_since, since)

    def live(self, at: float) -> None:
        """Note that it answered something at `at`."""
        self.last_alive = max(self.last_alive, at)
        if self.asked_since is not None and at > self.asked_since:
            self.asked_since = None

    def alive_since(self, moment: float, *, as_replica: bool) -> bool:
        """Return whether it has shown life since, of the kind that its part in a write calls for."""
        return self.last_alive >= moment or (as_replica and self.last_replicated >= moment)

    def silent_for(self, now: float, silence_s: float, held_up_s: Callable[[float], float]) -> bool:
        """Return whether it has owed an answer for longer than `silence_s`, to a pulse as well.

        Calls alone do not show it: after a pause of our own process all of them have timed out at once. A
        pulse may have been on its way in that pause, so the pause itself does not count.

        Args:
            now: the time, in seconds.
            silence_s: for how long it may owe an answer.
            held_up_s: for how many of the last seconds our own process was kept from running.
        """
        since = self.asked_since
        if since is None or self.missed < since or now - since <= silence_s:
            return False
        return now - since - held_up_s(now - since) > silence_s
