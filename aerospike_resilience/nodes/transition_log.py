"""Transition log: what is logged of nodes' changes of state, so that a flapping node fills no log.

An opening is a warning at once, and so is its end, with how long it took and how many calls it cost.
Further openings within ten seconds of the node's last line are counted. Once the ten seconds are over, one
line says how often the node opened and what it is now. That it was tried and stayed open is for debugging.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..concurrency.notices import Notices
from ..model.identity import ClientIdentity
from .breaker import CLOSED, HALF_OPEN, ISOLATED, OPEN

QUIET_S: Final = 10.0
"""How long a node that changes again and again has no further line after each of its lines, in seconds."""


@dataclass(slots=True)
class _Story:
    """What is known of one node's changes.

    Attributes:
        state: what it is.
        since: when it ceased to be closed; None while it is closed.
        refused_before: how many calls had been refused for it by then.
        told_at: when its last line was logged; None before the first.
        begun: whether the last line said that it is open or isolated.
        openings: how often it opened since then.
        why: the reason of its last change.
        pending: whether something happened that no line has said.
        left_at: when it left the cluster; None while it is there.
        told_state: the state that its last line named.
    """

    state: str = CLOSED
    since: float | None = None
    refused_before: int = 0
    told_at: float | None = None
    begun: bool = False
    openings: int = 0
    why: str = ""
    pending: bool = False
    left_at: float | None = None
    told_state: str = CLOSED


class TransitionLog:
    """Logs the changes of state of one client's nodes. Called under the cluster's lock.

    Args:
        identity: the wrapped client's name and profile.
        notices: logs once the lock is released.
        clock: seconds on the clock that the whole chain uses.
        refused: how many calls were refused for each node so far.
    """

    def __init__(
        self,
        identity: ClientIdentity,
        notices: Notices,
        clock: Callable[[], float],
        refused: Callable[[str], int],
    ) -> None:
        self._log = identity.log("aerospike_resilience.nodes")
        self._notices = notices
        self._clock = clock
        self._refused = refused
        self._stories: dict[str, _Story] = {}

    def changed(self, node: str, old: str, new: str, why: str, *, by_human: bool = False) -> None:
        """Note a change of state, and log it unless the node had a line a moment ago.

        Args:
            node: its name.
            old: the state that it had.
            new: the state that it has.
            why: the reason.
            by_human: whether a human ordered it: by hand or by a policy file. It is always logged.
        """
        story = self._stories.setdefault(node, _Story())
        now = self._clock()
        if old == CLOSED:
            story.since, story.refused_before = now, self._refused(node)
            story.openings += new == OPEN
        story.state, story.why = new, why
        if HALF_OPEN in (old, new) and new != CLOSED:
            self._say(logging.DEBUG, node, old, new, why)
        elif by_human or ISOLATED in (old, new) or self._rested(story, now) or self._ends(story):
            self._tell(node, story, old, now)
        else:
            story.pending = True
        if new == CLOSED:
            story.since = None

    def tend(self) -> None:
        """Log what was held back of nodes whose ten seconds are over."""
        if not self._stories:
            return
        now = self._clock()
        for node, story in self._stories.items():
            if story.pending and self._rested(story, now):
                self._summarise(node, story, now)

    def close(self) -> None:
        """Log what was held back, as nothing follows."""
        now = self._clock()
        for node, story in self._stories.items():
            if story.pending:
                self._summarise(node, story, now)

    def left(self, node: str) -> None:
        """Log that a node left the cluster: as a warning if it was not closed, which ends that too."""
        story, now = self._stories.setdefault(node, _Story()), self._clock()
        story.left_at = now
        extra: dict[str, Any] = {"aerospike_node": node}
        if story.since is None:
            self._notices.note(self._log.info, "node %s left the cluster", node, extra=extra)
            return
        refused = self._refused(node) - story.refused_before
        extra |= {"aerospike_lasted_s": now - story.since, "aerospike_refused": refused}
        self._notices.note(
            self._log.warning,
            "node %s left the cluster, %s for %.1f s, %d calls refused",
            *(node, story.state, now - story.since, refused),
            extra=extra,
        )

    def joined(self, node: str) -> None:
        """Log that a node is back that had left: at the level at which its leaving was logged."""
        story = self._stories.pop(node, None)
        if story is None or story.left_at is None:
            return
        level = logging.INFO if story.since is None else logging.WARNING
        self._notices.note(
            *(self._log.log, level, "node %s is back in the cluster after %.1f s"),
            *(node, self._clock() - story.left_at),
            extra={"aerospike_node": node},
        )

    @staticmethod
    def _rested(story: _Story, now: float) -> bool:
        return story.told_at is None or not 0 <= now - story.told_at < QUIET_S

    @staticmethod
    def _ends(story: _Story) -> bool:
        """Return whether this is the end of an opening that has its line."""
        return story.state == CLOSED and story.begun and not story.openings

    def _tell(self, node: str, story: _Story, old: str, now: float) -> None:
        if story.pending or story.openings > 1:
            self._summarise(node, story, now)
            return
        if story.state == CLOSED:
            self._say(logging.WARNING, node, old, CLOSED, story.why, story=story, now=now)
        else:
            self._say(logging.WARNING, node, old, story.state, story.why)
        self._told(story, now)

    def _summarise(self, node: str, story: _Story, now: float) -> None:
        over_s = QUIET_S if story.told_at is None else max(now - story.told_at, 0.0)
        self._notices.note(
            self._log.warning,
            "node %s flaps: opened %d times in %.1f s, is %s now (%s)",
            *(node, story.openings, over_s, story.state, story.why),
            extra={
                **_fields(node, story.told_state, story.state, story.why),
                "aerospike_openings": story.openings,
            },
        )
        self._told(story, now)

    def _told(self, story: _Story, now: float) -> None:
        story.begun = story.state != CLOSED
        story.told_at, story.told_state = now, story.state
        story.openings = 0
        story.pending = False

    def _say(
        self,
        level: int,
        node: str,
        old: str,
        new: str,
        why: str,
        *,
        story: _Story | None = None,
        now: float = 0.0,
    ) -> None:
        extra = _fields(node, old, new, why)
        if story is None or story.since is None:
            self._notices.note(
                *(self._log.log, level, "node %s: %s -> %s (%s)", node, old, new, why), extra=extra
            )
            return
        lasted_s, refused = now - story.since, self._refused(node) - story.refused_before
        extra |= {"aerospike_lasted_s": lasted_s, "aerospike_refused": refused}
        self._notices.note(
            *(self._log.log, level, "node %s: %s -> %s (%s) after %.1f s, %d calls refused"),
            *(node, old, new, why, lasted_s, refused),
            extra=extra,
        )


def _fields(node: str, old: str, new: str, why: str) -> dict[str, Any]:
    return {
        "aerospike_node": node,
        "aerospike_state_from": old,
        "aerospike_state_to": new,
        "aerospike_reason": why,
    }
