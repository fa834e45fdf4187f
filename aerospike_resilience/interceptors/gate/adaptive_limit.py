"""The adaptive limit: learns how many concurrent operations the cluster serves well.

Two signals. Losses come first, as in TCP's congestion control (additive increase, multiplicative
decrease; RFC 5681): a timeout, an overload answer or an exhausted pool is a sign of too many operations
in flight. The limit reacts as soon as there are more losses than chance explains. Latency comes second,
as in the gradient limits of Netflix's ``concurrency-limits``: answers that take much longer than usual
show that a queue builds up, before anything is lost.

TCP's clock is the round trip; here it is the *round*: as many outcomes as the limit, so that the limit
adapts fast to a fast cluster, and needs no timer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

LOSS_FACTOR: Final = 0.7
"""The limit is multiplied by this after a round with losses. TCP halves its window; CUBIC (RFC 9438)
keeps 0.7 of it. A pool and a cluster drop less abruptly than a router's queue, so CUBIC's value is
used."""

TOLERATED_LOSSES: Final = 0.02
"""Losses up to this share of a round are ignored as chance: a pause of one node, a lost packet. A single
loss is always ignored."""

TOLERANCE: Final = 2.0
"""A latency above this many times the usual one counts as a queue."""

NOISE_S: Final = 0.001
"""The least difference from the usual latency that counts as a queue, in seconds. A smaller one may come
from our own scheduling."""

SMOOTHING: Final = 0.2
"""The share of the latency's correction that one round applies."""

FASTER, SLOWER = 0.2, 0.02
"""How quickly the usual latency follows a lower one, and a higher one. Queueing latency must not become
the usual one at once. A cluster that stays slower becomes the usual one after some dozens of rounds."""

SHORTEST_ROUND: Final = 20
"""The fewest samples that are learned from."""


class LimitSample(NamedTuple):
    """The outcome of one attempt that reached the cluster, or found no free connection.

    Attributes:
        began: when it began, on the chain's clock, in seconds.
        took_s: how long the answer took, in seconds; None where it does not depend on the load (scans,
            batches, losses).
        in_flight: permits that were out when it ended.
        lost: whether it was a timeout, an overload answer or an exhausted pool.
    """

    began: float
    took_s: float | None
    in_flight: int
    lost: bool = False


class Bounds(NamedTuple):
    """The range of the limit, and its first value.

    Attributes:
        start: the first limit.
        floor: the lowest limit.
        ceiling: the highest limit.
    """

    start: int
    floor: int
    ceiling: int


class AdaptiveLimit:
    """Learns the limit from samples, a round at a time. Not thread-safe.

    Args:
        bounds: the range of the limit.

    Attributes:
        bounds: the range of the limit.
        limit: the limit now.
        round: how many outcomes make a round.
        tolerated: how many losses of a round are ignored; one more makes it learn at once.
        lowered: when it was last lowered for losses, on the chain's clock, in seconds. Losses of attempts
            that began before are ignored, as the lowering already answers them.
        usual_s: the latency that counts as usual, in seconds; None while nothing is known.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.lowered = float("-inf")
        self.usual_s: float | None = None
        self._move(float(bounds.start), bounds)

    def rebound(self, bounds: Bounds) -> None:
        """Replace the bounds. The learned limit stays, unless the start changes."""
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

        A limit that is not reached is not raised, as there is no evidence that the cluster could do more.

        Args:
            samples: the samples since the last time.
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
        """Return the factor by which the latency would lower the limit, 0.5 to 1."""
        times = [sample.took_s for sample in samples if sample.took_s is not None]
        if not times:
            return 1.0
        from statistics import median  # imported late, as it is slow to import

        median_s = median(times)
        if self.usual_s is None:
            self.usual_s = median_s
        usual_s = self.usual_s
        self.usual_s += (median_s - usual_s) * (FASTER if median_s < usual_s else SLOWER)
        if median_s <= TOLERANCE * usual_s + NOISE_S:
            return 1.0
        return max(TOLERANCE * usual_s / median_s, 0.5)
