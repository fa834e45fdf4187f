"""The adaptive limit: as many concurrent operations as the cluster's answers allow.

Two signals. Losses come first, as in TCP's congestion control (additive increase, multiplicative
decrease; RFC 5681): a timeout, an overload answer or an exhausted pool says that there was too much on
the way, and is acted upon as soon as there are more of them than bad luck explains. Latency comes
second, as in the gradient limits of Netflix's ``concurrency-limits``: answers that take much longer
than they usually do say that a queue is building up, before anything is lost.

TCP's clock is the round trip; here it is the *round*: as many outcomes as the limit, so that a
fast cluster is learned about fast and nothing depends on a timer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

LOSS_FACTOR: Final = 0.7
"""What is left of the limit after a round with losses. TCP halves; its successor CUBIC (RFC 9438) keeps
0.7, since what is shared here, a pool and a cluster, is not as harsh as a router's queue."""

TOLERATED_LOSSES: Final = 0.02
"""Up to this share of a round, losses are bad luck: a pause of one node, a lost packet. So is a single one
in a round however short."""

TOLERANCE: Final = 2.0
"""How many times its usual latency the cluster may take before that counts as a queue."""

NOISE_S: Final = 0.001
"""And by how much at least, in seconds: below that, our own scheduling is what is measured."""

SMOOTHING: Final = 0.2
"""How much of what the latency says is done in one round."""

FASTER, SLOWER = 0.2, 0.02
"""How quickly the usual latency follows one that is lower, and one that is higher. A queue must not pass
for usual at once; a cluster that has become slower for good may, in some dozens of rounds."""

SHORTEST_ROUND: Final = 20
"""Outcomes; fewer say nothing."""


class LimitSample(NamedTuple):
    """What became of one attempt that reached the cluster, or failed for want of a connection.

    Attributes:
        began: when it began, on the chain's clock, in seconds.
        took_s: how long the answer took, in seconds; None where that says nothing of the load (scans,
            batches, losses).
        in_flight: permits that were out when it ended.
        lost: whether it was a timeout, an overload answer or an exhausted pool.
    """

    began: float
    took_s: float | None
    in_flight: int
    lost: bool = False


class Bounds(NamedTuple):
    """Between what the limit may move.

    Attributes:
        start: what it is at first.
        floor: never below.
        ceiling: never above.
    """

    start: int
    floor: int
    ceiling: int


class AdaptiveLimit:
    """Learns the limit from outcomes, a round at a time. Not for several threads at once.

    Args:
        bounds: between what it may move.

    Attributes:
        bounds: between what it may move.
        limit: the limit now.
        round: how many outcomes make a round.
        tolerated: how many losses of a round are bad luck; more are worth learning from at once.
        lowered: when it was last lowered for losses, on the chain's clock, in seconds. Losses of
            attempts that began before were on the way then and say nothing new.
        usual_s: the latency that counts as usual, in seconds; None while nothing is known.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.lowered = float("-inf")
        self.usual_s: float | None = None
        self._move(float(bounds.start), bounds)

    def rebound(self, bounds: Bounds) -> None:
        """Take over other bounds. What was learned stays, unless the start is another one."""
        same_start = bounds.start == self.bounds.start
        self._move(self._exact if same_start else float(bounds.start), bounds)

    def _move(self, exact: float, bounds: Bounds) -> None:
        self.bounds = bounds
        self._exact = min(max(exact, bounds.floor), bounds.ceiling)
        self.limit = int(self._exact)
        self.round = max(self.limit, SHORTEST_ROUND)
        self.tolerated = max(TOLERATED_LOSSES * self.round, 1.0)

    def learn(self, samples: Sequence[LimitSample], now: float) -> int:
        """Learn from a round and return the limit.

        A limit that is not used is not raised, since nobody knows whether more would do.

        Args:
            samples: what became of attempts since the last time.
            now: the clock's time, in seconds.
        """
        losses = [sample for sample in samples if sample.lost]
        fresh = sum(sample.began >= self.lowered for sample in losses)
        slow, exact = self._slow(samples), self._exact
        if fresh > max(self.tolerated, TOLERATED_LOSSES * len(samples)):
            exact *= LOSS_FACTOR
            self.lowered = now
        elif slow < 1.0:
            exact *= 1 - SMOOTHING * (1 - slow)
        elif not losses and 2 * max((o.in_flight for o in samples), default=0) >= self.limit:
            exact += 1
        self._move(exact, self.bounds)
        return self.limit

    def _slow(self, samples: Sequence[LimitSample]) -> float:
        """Return what share of itself the limit should be for the latency's sake, 0.5 to 1."""
        times = [sample.took_s for sample in samples if sample.took_s is not None]
        if not times:
            return 1.0
        from statistics import median  # here, as it costs every process that imports this package

        median_s = median(times)
        if self.usual_s is None:
            self.usual_s = median_s
        usual_s = self.usual_s
        self.usual_s += (median_s - usual_s) * (FASTER if median_s < usual_s else SLOWER)
        if median_s <= TOLERANCE * usual_s + NOISE_S:
            return 1.0
        return max(TOLERANCE * usual_s / median_s, 0.5)
