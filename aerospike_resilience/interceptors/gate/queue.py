"""The queue of a gate: which operations wait for permits, and which is served first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias, get_args

from ...model.operation import Criticality

Order: TypeAlias = Literal["fifo", "lifo"]
"""Which operation is served first among the equally critical: the one that waits longest, or the newest."""

Reason: TypeAlias = Literal["timeout", "deadline", "closed", "shed"]
"""Why a gate refuses an operation."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Waiter:
    """An operation's place in the queue, and the permits it was given. Written under the gate's lock.

    Args:
        weight: permits the operation takes, 1 or more; a gate that has fewer in all gives those.
        criticality: how much the application minds a refusal.

    Attributes:
        held: permits taken from the gate for this place so far.
        granted: whether it has all it needs.
        refused: why it was refused; None if it was not.
        wake: wakes the thread or task that waits; returns false if it cannot be woken any more. It may be
            called more than once.
    """

    __slots__ = ("criticality", "granted", "held", "refused", "wake", "weight")

    def __init__(self, weight: int = 1, criticality: Criticality = "default") -> None:
        self.weight = weight
        self.criticality: Criticality = criticality
        self.held = 0
        self.granted = False
        self.refused: Reason | None = None
        self.wake: Callable[[], bool] = _cannot_be_woken


class WaitQueue:
    """Places in the order in which they are served: the critical, the default, the sheddable.

    Joining, leaving and looking at the front take the same time however long the queue is.

    Attributes:
        order: which place comes first among the equally critical.
    """

    __slots__ = ("_classes", "order")

    def __init__(self, order: Order = "fifo") -> None:
        self.order: Order = order
        self._classes: dict[Criticality, OrderedDict[Waiter, None]] = {
            criticality: OrderedDict() for criticality in get_args(Criticality)
        }

    def __len__(self) -> int:
        critical, default, sheddable = self._classes.values()
        return len(critical) + len(default) + len(sheddable)

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self._classes[waiter.criticality]

    def __iter__(self) -> Iterator[Waiter]:
        return iter([waiter for places in self._classes.values() for waiter in places])

    def join(self, waiter: Waiter) -> None:
        """Add a place."""
        self._classes[waiter.criticality][waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Remove a place; do nothing if it is not in the queue."""
        self._classes[waiter.criticality].pop(waiter, None)

    def front(self) -> Waiter | None:
        """Return the place that is served next."""
        for places in self._classes.values():
            if places:
                return next(reversed(places) if self.order == "lifo" else iter(places))
        return None

    def sheddable(self) -> list[Waiter]:
        """Return the places that are refused first when there are too many."""
        return list(self._classes["sheddable"])


def _cannot_be_woken() -> bool:
    return False
