"""What would have been done so far, by action, node and reason, beside what really became of the calls."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from ...concurrency import forking

Action: TypeAlias = Literal["refused", "hurried", "shed", "retried"]
"""What would have been done: refused for an open node, sent to leave its node early, refused by the gate,
or tried again."""

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

Became: TypeAlias = Literal["served", "failed"]
"""What really became of the call."""


class Foreseen(NamedTuple):
    """What would have been done to a call.

    Attributes:
        action: what.
        node: because of which node; empty where no node is the reason.
        reason: why: what opened the node, ``suspect``, ``slow``, why the gate refuses, or the failure.
    """

    action: Action
    node: str
    reason: str


class WouldHave:
    """Counters of one client. They outlive reloads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._counts: Counter[tuple[Foreseen, Became]] = Counter()
        forking.register(self)

    def count(self, foreseen: Foreseen, became: Became) -> None:
        """Count one call."""
        with self._lock:
            self._counts[foreseen, became] += 1

    def items(self) -> list[tuple[Foreseen, Became, int]]:
        """Return every counter."""
        with self._lock:
            return [(*key, count) for key, count in self._counts.items()]

    def report(self, profile: str) -> dict[str, Any]:
        """Return all of it as plain values, ready for JSON.

        Args:
            profile: the profile that is compared with.
        """
        actions: dict[str, dict[str, dict[str, dict[str, int]]]] = {name: {} for name in ACTIONS}
        for (action, node, reason), became, count in sorted(self.items()):
            reasons = actions[action].setdefault(node, {})
            reasons.setdefault(reason, {"served": 0, "failed": 0})[became] = count
        return {"profile": profile, "actions": actions}

    def after_fork(self) -> None:
        """Start anew in a forked child: the counts are the parent's."""
        self._lock = threading.RLock()
        self._counts.clear()
