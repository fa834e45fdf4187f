"""The parts of membership: messages, peers, times, and a proposed view."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from .fabric import Link
from .partitions import View

HEARTBEAT: Final = 0
PING: Final = 1
PONG: Final = 2
PREPARE: Final = 3
FLUSH: Final = 4
FLUSHED: Final = 5
PROMISE: Final = 6
COMMIT: Final = 7
CAUGHT_UP: Final = 8

Message = tuple[Any, ...]


@dataclass(slots=True)
class Peer:
    """The known state of another node.

    Attributes:
        link: The connection to it.
        sent_s: When it sent its last heartbeat.
        since_s: When this incarnation was first heard.
        incarnation: Which process of that name it is.
        epoch: The view it is in.
        promised: The view it promised to join.
        port: Where clients reach it.
        alias: The node name it shows to clients.
    """

    link: Link
    sent_s: float = -1e9
    since_s: float = 0.0
    incarnation: int = 0
    epoch: int = 0
    promised: int = 0
    port: int = 0
    alias: str = ""

    def heard(self, heartbeat: Message, now: float, silence_s: float) -> None:
        """Record a heartbeat, unless it is older than the last."""
        _, _, incarnation, sent_s, epoch, promised, port, alias = heartbeat
        if sent_s < self.sent_s:
            return
        if incarnation != self.incarnation or now - self.sent_s > silence_s:
            self.since_s = now
        self.incarnation, self.sent_s = incarnation, sent_s
        self.epoch, self.promised = epoch, promised
        self.port, self.alias = port, alias


@dataclass(slots=True)
class Proposal:
    """A view that this node proposed, while it collects promises."""

    epoch: int
    members: dict[str, int]
    started_s: float
    whole: bool
    latest: int = 0
    versions: dict[str, bytes] = field(default_factory=dict)

    def is_complete_with(self, name: str, versions: bytes, latest: int) -> bool:
        """Record a promise; return whether all members have promised."""
        self.versions[name] = versions
        self.latest = max(self.latest, latest)
        return self.versions.keys() == self.members.keys()


def decoded(raw: dict[str, bytes]) -> dict[str, array[int]]:
    """Return each member's versions of the partitions, decoded."""
    versions: dict[str, array[int]] = {}
    for name, data in raw.items():
        versions[name] = array("Q")
        versions[name].frombytes(data)
    return versions


class Holder(Protocol):
    """The object that stores the records."""

    versions: array[int]

    def adopt(self, view: View) -> None:
        """Take up the roles of a new view."""

    def resume(self) -> None:
        """Serve the waiting requests again."""

    def metadata(self) -> Any:
        """Return the shared metadata, to send it with a commit."""

    def merge_metadata(self, metadata: Any) -> None:
        """Merge the metadata that came with a commit."""


class Timing(NamedTuple):
    """The cluster's times, in seconds.

    Attributes:
        heartbeat_s: Between heartbeats.
        silence_s: After which a silent node counts as gone.
    """

    heartbeat_s: float = 0.15
    silence_s: float = 1.5

    @property
    def lease_s(self) -> float:
        """How long after a heartbeat a node may trust its view."""
        return self.silence_s * 2 / 3

    @property
    def settle_s(self) -> float:
        """How long a change must last before the principal acts on it."""
        return self.heartbeat_s * 3

    @property
    def join_s(self) -> float:
        """How long a node must be heard before it is let in."""
        return self.silence_s * 1.3


class Listing:
    """The list of peers that clients read.

    A newcomer is listed before it has a map, and its entry is published in two steps.

    Args:
        timing: The cluster's times.

    Attributes:
        entries: Node to the name and port shown.
        generation: Rises with every change.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.entries: dict[str, tuple[str, int]] = {}
        self.generation = 0

    def add(self, name: str, peer: Peer) -> None:
        """List a peer, unless it is listed already."""
        if name not in self.entries:
            self.entries[name] = (peer.alias, peer.port)
            self.generation += 2

    def newcomers(self, now: float, heard: dict[str, Peer]) -> None:
        """List peers that have been heard for a while, and those with a new address."""
        for name, peer in heard.items():
            shown = (peer.alias, peer.port)
            patience_s = self._timing.silence_s * 0.8
            if self.entries.get(name) != shown and now - peer.since_s > patience_s:
                self.entries[name] = shown
                self.generation += 2

    def drop_all_but(self, members: dict[str, int]) -> list[str]:
        """Remove peers that are not members; return the removed ones."""
        gone = [name for name in self.entries if name not in members]
        for name in gone:
            del self.entries[name]
        self.generation += bool(gone)
        return gone
