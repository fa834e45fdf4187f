"""Backoff: how long to sleep before the next attempt.

Jitter comes from an injected random source, so that a test can replay it. The kinds of jitter are named
as in Marc Brooker's "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

Curve = Callable[[int, float], float]
"""From the number of failed attempts and the last sleep in seconds to the next sleep in seconds."""

_MAX_EXPONENT: Final = 64
"""The most doublings: after so many every first sleep has reached the longest one. A float does not
overflow."""


class Backoff:
    """Computes sleeps by a named curve, from a first sleep to a longest one.

    Args:
        name: ``constant``, ``linear``, ``exponential``, ``exponential_jitter`` (between half and the
            whole of the exponential step), ``full_jitter`` (between nothing and the whole step),
            ``decorrelated_jitter`` (between the first sleep and three times the last) or ``chained``
            (the sleeps of `chain` one after the other, then the last of them again).
        first_s: the first sleep and the unit of the curve, in seconds.
        max_sleep_s: the longest sleep, in seconds.
        random_source: where jitter comes from.
        chain: the sleeps of ``chained``, in seconds.

    Raises:
        ValueError: `name` is none of these, or ``chained`` without a chain.
    """

    def __init__(
        self,
        name: str,
        first_s: float,
        max_sleep_s: float,
        random_source: random.Random | None = None,
        chain: Sequence[float] = (),
    ) -> None:
        self.name = name
        self.first_s = first_s
        self.max_sleep_s = max_sleep_s
        self._chain = tuple(chain)
        self._random = random_source or random.Random()
        curves: dict[str, Curve] = {
            "constant": lambda _failed, _last: first_s,
            "linear": lambda failed, _last: first_s * failed,
            "exponential": self._exponential,
            "exponential_jitter": self._exponential_jitter,
            "full_jitter": self._full_jitter,
            "decorrelated_jitter": self._decorrelated_jitter,
            "chained": self._chained,
        }
        if name not in curves:
            raise ValueError(f"no backoff is called {name!r}; there are {', '.join(curves)}")
        if name == "chained" and not chain:
            raise ValueError("the backoff 'chained' needs a chain of sleeps")
        self._curve = curves[name]

    def sleep_s(self, failed: int, last_s: float) -> float:
        """Return how long to sleep, in seconds.

        Args:
            failed: attempts that failed so far, 1 or more.
            last_s: the last sleep, in seconds; 0 before the first.
        """
        return min(max(self._curve(failed, last_s), 0.0), self.max_sleep_s)

    def _exponential(self, failed: int, _last_s: float) -> float:
        """Return the step: the first sleep, doubled for every further failure up to the longest."""
        return min(self.first_s * 2.0 ** min(failed - 1, _MAX_EXPONENT), self.max_sleep_s)

    def _exponential_jitter(self, failed: int, last_s: float) -> float:
        return self._exponential(failed, last_s) * self._random.uniform(0.5, 1.0)

    def _full_jitter(self, failed: int, last_s: float) -> float:
        return self._exponential(failed, last_s) * self._random.random()

    def _decorrelated_jitter(self, _failed: int, last_s: float) -> float:
        return self._random.uniform(self.first_s, max(self.first_s, 3.0 * last_s))

    def _chained(self, failed: int, _last_s: float) -> float:
        return self._chain[min(max(failed, 1), len(self._chain)) - 1]
