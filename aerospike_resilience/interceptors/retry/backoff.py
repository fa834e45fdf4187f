"""Backoff: how long to sleep before the next attempt.

The curves are tenacity's wait strategies; jitter is added here, from an injected random source, so
that a test can replay it. The two kinds of jitter are named as in Marc Brooker's "Exponential
Backoff and Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import tenacity

if TYPE_CHECKING:
    from tenacity.wait import wait_base

Curve = Callable[[int, float], float]
"""From the number of failed attempts and the last sleep in seconds to the next sleep in seconds."""

_CEILING: Final = 2.0**30  # tenacity multiplies before it compares; this keeps it from overflowing


class Backoff:
    """A named curve between a first sleep and a longest one.

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
        self._random = random_source or random.Random()
        curves: dict[str, Curve] = {
            "constant": self._tenacious(tenacity.wait_fixed(first_s)),
            "linear": self._tenacious(
                tenacity.wait_incrementing(start=first_s, increment=first_s, max=max_sleep_s)
            ),
            "exponential": self._exponential,
            "exponential_jitter": lambda failed, last: (
                self._exponential(failed, last) * self._random.uniform(0.5, 1.0)
            ),
            "full_jitter": lambda failed, last: (
                self._exponential(failed, last) * self._random.random()
            ),
            "decorrelated_jitter": lambda _failed, last: self._random.uniform(
                first_s, max(first_s, 3.0 * last)
            ),
        }
        if chain:
            curves["chained"] = self._tenacious(
                tenacity.wait_chain(*(tenacity.wait_fixed(sleep_s) for sleep_s in chain))
            )
        elif name == "chained":
            raise ValueError("the backoff 'chained' needs a chain of sleeps")
        if name not in curves:
            raise ValueError(f"no backoff is called {name!r}; there are {', '.join(curves)}")
        self._curve = curves[name]
        self._step = self._tenacious(
            tenacity.wait_exponential(
                multiplier=first_s, exp_base=2, max=min(max_sleep_s, _CEILING)
            )
        )

    def sleep_s(self, failed: int, last_s: float) -> float:
        """Return how long to sleep, in seconds.

        Args:
            failed: attempts that failed so far, 1 or more.
            last_s: the last sleep, in seconds; 0 before the first.
        """
        return min(max(self._curve(failed, last_s), 0.0), self.max_sleep_s)

    def _exponential(self, failed: int, last: float) -> float:
        return self._step(failed, last)

    @staticmethod
    def _tenacious(wait: wait_base) -> Curve:
        def curve(failed: int, _last: float) -> float:
            state = tenacity.RetryCallState(_RETRYING, None, (), {})
            state.attempt_number = failed
            return wait(state)

        return curve


_RETRYING: Final = tenacity.Retrying()
