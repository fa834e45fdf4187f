"""How nodes agree on who is in the cluster.

Heartbeats show which nodes are alive. The lowest-named living node, the principal, proposes a new
view when that changed, and commits it once every member promised:

* a member that promised serves nothing until the view is committed, and before it promises
  it makes sure that the other members received all it sent them (`FLUSH`), so no write can
  slip between two views;
* a node that did not get to send heartbeats for a while (it was stopped) can no longer know
  whether the others went on without it. It serves nothing by itself until all members of
  its view say that the view still stands, or until it is in a new one. Times are compared
  with the machine's monotonic clock, which all nodes share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from .fabric import encode
from .partitions import Racks, View, first_view, next_view
from .peers import (
    CAUGHT_UP,
    COMMIT,
    FLUSH,
    FLUSHED,
    HEARTBEAT,
    PING,
    PONG,
    PREPARE,
    PROMISE,
    Holder,
    Listing,
    Message,
    Peer,
    Proposal,
    Timing,
    decoded,
)
from .settling import Settling, newcomers

_EPOCHS_PER_ROUND: Final = 64


class Membership:
    """One node's part in the agreement.

    Args:
        name: This node.
        index: Its number, to keep the epochs of different proposers apart.
        incarnation: Which process of that name this is.
        loop: The event loop.
        timing: The cluster's times.
        factor: The replication factor.
        racks: The rack of each node, if there are racks.
    """

    def __init__(
        self,
        name: str,
        index: int,
        incarnation: int,
        loop: asyncio.AbstractEventLoop,
        timing: Timing,
        factor: int,
        racks: Racks = (),
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.timing = timing
        self.factor = factor
        self.racks = racks
        self.peers: dict[str, Peer] = {}
        self.view: View | None = None
        self.promised = 0
        self.frozen = False
        self.suspect = False
        self.left = False
        self.lease_until_s = 0.0
        self.rebalance_generation = 0
        self.partition_generation = -1
        self.listing = Listing(timing)
        self.port = 0
        self.alias = name
        self._index = index
        self._loop = loop
        self._holder: Holder
        self._settling = Settling(timing)
        self._proposal: Proposal | None = None
        self._unflushed: set[str] = set()
        self._proposer = ""
        self._caught_up: set[str] = set()
        self._nonce = 0
        self._ponged: set[str] = set()
        self.handlers: dict[int, Callable[[Message], None]] = {
            HEARTBEAT: self._on_heartbeat,
            PING: self._on_ping,
            PONG: self._on_pong,
            PREPARE: self._on_prepare,
            FLUSH: self._on_flush,
            FLUSHED: self._on_flushed,
            PROMISE: self._on_promise,
            COMMIT: self._on_commit,
            CAUGHT_UP: self._on_caught_up,
        }

    def start(self, holder: Holder, bootstrap: dict[str, int] | None) -> None:
        """Begin to send heartbeats.

        Args:
            holder: The object that stores the records.
            bootstrap: The members of a cluster that starts as a whole, if it does.
        """
        self._holder = holder
        now = self._loop.time()
        if bootstrap is not None:
            self.promised = 1
            for name, peer in self.peers.items():
                if name in bootstrap:
                    peer.incarnation = bootstrap[name]
                    peer.sent_s = peer.since_s = now
                    peer.epoch = 1
                    self.listing.add(name, peer)
            self.lease_until_s = now + self.timing.lease_s
            self._install(first_view(bootstrap, self.factor, 1, self.racks))
            self.partition_generation = 0
        self._beat()

    @property
    def serving(self) -> bool:
        """Whether the node may act on its view."""
        if self._loop.time() > self.lease_until_s and not self.suspect and self.view is not None:
            self._suspect()
        return not (self.frozen or self.suspect)

    @property
    def stable(self) -> bool:
        """Whether the living nodes are those of the view."""
        return (
            self.view is not None
            and self._settling.unchanged
            and not self.frozen
            and not self.suspect
        )

    def newer_peer(self) -> Peer | None:
        """Return a living peer that is in a later view than this node; None if there is none."""
        now = self._loop.time()
        epoch = self.view.epoch if self.view else 0
        for peer in self.peers.values():
            if peer.epoch > epoch and now - peer.sent_s < self.timing.silence_s:
                return peer
        return None

    def broadcast(self, message: Message) -> None:
        """Send a message to every peer that may be alive."""
        data = encode(message)
        keep = message[0] != HEARTBEAT
        for peer in self.peers.values():
            peer.link.send_encoded(data, keep=keep)

    # Heartbeats

    def _beat(self) -> None:
        self._loop.call_later(self.timing.heartbeat_s, self._beat)
        now = self._loop.time()
        if not self.left:
            self._send_heartbeat(now)
            if self.serving and self.view is not None:
                self.lease_until_s = now + self.timing.lease_s
            elif self.suspect:
                self._ask_whether_view_stands()
        self._watch(now)

    def _send_heartbeat(self, now: float) -> None:
        epoch = self.view.epoch if self.view else 0
        self.broadcast(
            (
                *(HEARTBEAT, self.name, self.incarnation, now, epoch),
                *(self.promised, self.port, self.alias),
            )
        )

    def _on_heartbeat(self, message: Message) -> None:
        peer = self.peers.get(message[1])
        if peer is not None:
            peer.heard(message, self._loop.time(), self.timing.silence_s)

    def _alive(self, now: float) -> dict[str, int]:
        alive = {
            name: peer.incarnation
            for name, peer in self.peers.items()
            if now - peer.sent_s < self.timing.silence_s
        }
        alive[self.name] = self.incarnation
        return alive

    def _watch(self, now: float) -> None:
        alive = self._alive(now)
        heard = [name for name in alive if name != self.name]
        self.listing.newcomers(now, {name: self.peers[name] for name in heard})
        view = self.view
        epoch = view.epoch if view else 0
        odd = tuple(
            name
            for name in alive
            if name != self.name
            and (self.peers[name].epoch != epoch or self.peers[name].promised > self.promised)
        )
        half_done = self.frozen and self._proposal is None
        if view is not None and alive == view.members and not odd and not half_done:
            self._settling.clear()
            if not view.settled and self._caught_up >= view.members.keys():
                self.propose_settled()
            return
        self._settling.saw((alive, odd, half_done), now)
        if self._proposal is not None:
            if self._proposal.members == alive and now - self._proposal.started_s < 1.0:
                return
            self._proposal = None
        if min(alive) == self.name and not self.left and self._due(now, alive):
            self._propose(alive, now, whole=False)

    def _due(self, now: float, alive: dict[str, int]) -> bool:
        members, epoch = (self.view.members, self.view.epoch) if self.view else ({}, 0)
        joining = newcomers(alive, members, epoch, self.peers)
        if self.newer_peer() is not None:
            joining.append(self.name)
        return self._settling.is_due(now, joining)

    # A node that was stopped

    def _suspect(self) -> None:
        self.suspect = True
        self._nonce += 1
        self._ponged.clear()
        now = self._loop.time()
        members = self.view.members if self.view else {}
        for name, peer in self.peers.items():
            if name in members:
                peer.sent_s = max(peer.sent_s, now - self.timing.heartbeat_s)
        self._settling.clear()
        self._proposal = None
        self._send_heartbeat(now)
        self._ask_whether_view_stands()

    def _ask_whether_view_stands(self) -> None:
        if self.view is None:
            return
        for name in self.view.members:
            if name != self.name and name not in self._ponged:
                self.peers[name].link.send((PING, self.name, self._nonce))
        self._trust_again()

    def _on_ping(self, message: Message) -> None:
        _, name, nonce = message
        sure = self.view is not None and not self.frozen and self.promised <= self.view.epoch
        knows = self.view is not None and name in self.view.members
        epoch = self.view.epoch if self.view and sure and knows else 0
        self.peers[name].link.send((PONG, self.name, nonce, epoch))

    def _on_pong(self, message: Message) -> None:
        _, name, nonce, epoch = message
        if self.suspect and nonce == self._nonce and self.view and epoch == self.view.epoch:
            self._ponged.add(name)
            self._trust_again()

    def _trust_again(self) -> None:
        if self.view is None or self._ponged < self.view.members.keys() - {self.name}:
            return
        self.suspect = False
        self.lease_until_s = self._loop.time() + self.timing.lease_s
        if not self.frozen:
            self._holder.resume()

    # Agreement

    def propose_settled(self) -> None:
        """Ask for the view in which every owner serves, now that all have caught up."""
        view = self.view
        if view is None or self._proposal is not None or self.frozen:
            return
        now = self._loop.time()
        if min(view.members) == self.name and self._alive(now) == view.members:
            whole = len(view.members) == len(self.peers) + 1
            self._propose(view.members, now, whole=whole)

    def propose_anew(self) -> None:
        """Ask for another view of the same members, as a new roster needs one."""
        view = self.view
        if view is not None and self._proposal is None and not self.frozen:
            self._propose(view.members, self._loop.time(), whole=False)

    def _propose(self, members: dict[str, int], now: float, *, whole: bool) -> None:
        seen = max(self.promised, *(max(p.epoch, p.promised) for p in self.peers.values()), 0)
        epoch = (seen // _EPOCHS_PER_ROUND + 1) * _EPOCHS_PER_ROUND + self._index
        self._proposal = Proposal(epoch, dict(members), now, whole)
        message = (PREPARE, self.name, epoch, dict(members))
        for name in members:
            if name != self.name:
                self.peers[name].link.send(message)
        self._on_prepare(message)

    def _on_prepare(self, message: Message) -> None:
        _, proposer, epoch, members = message
        if epoch <= self.promised or members.get(self.name) != self.incarnation or self.left:
            return
        self.promised = epoch
        self.frozen = True
        self._proposer = proposer
        self._unflushed = set(members) - {self.name}
        for name in self._unflushed:
            self.peers[name].link.send((FLUSH, self.name, epoch))
        if not self._unflushed:
            self._promise()

    def _on_flush(self, message: Message) -> None:
        _, name, epoch = message
        self.peers[name].link.send((FLUSHED, self.name, epoch))

    def _on_flushed(self, message: Message) -> None:
        _, name, epoch = message
        if epoch == self.promised and name in self._unflushed:
            self._unflushed.discard(name)
            if not self._unflushed:
                self._promise()

    def _promise(self) -> None:
        message = (
            *(PROMISE, self.name, self.promised, self._holder.versions.tobytes()),
            *(self.view.epoch if self.view else 0, self._holder.metadata()),
        )
        if self._proposer == self.name:
            self._on_promise(message)
        else:
            self.peers[self._proposer].link.send(message)

    def _on_promise(self, message: Message) -> None:
        _, name, epoch, versions, latest, metadata = message
        proposal = self._proposal
        if proposal is None or epoch != proposal.epoch:
            return
        # The principal may have just been restarted, and know less than the others.
        self._holder.merge_metadata(metadata)
        if not proposal.is_complete_with(name, versions, latest):
            return
        self._proposal = None
        commit = (
            *(COMMIT, self.name, epoch, proposal.members, proposal.versions),
            *(proposal.latest, proposal.whole, self._holder.metadata()),
        )
        for member in proposal.members:
            if member != self.name:
                self.peers[member].link.send(commit)
        self._on_commit(commit)

    def _on_commit(self, message: Message) -> None:
        _, _, epoch, members, raw, latest, whole, metadata = message
        if epoch != self.promised or (self.view and epoch <= self.view.epoch):
            return
        versions = decoded(raw)
        self._holder.merge_metadata(metadata)
        view = next_view(
            *(epoch, members, self.factor, versions, latest), whole=whole, racks=self.racks
        )
        self._install(view)

    def _install(self, view: View) -> None:
        old = self.view
        self.view = view
        self.frozen = False
        self._caught_up.clear()
        self.partition_generation += 1
        if old is None or old.members != view.members:
            self.rebalance_generation += 1
            for name in self.listing.drop_all_but(view.members):
                self.peers[name].link.renew()
        for name in view.members:
            if name != self.name:
                self.peers[name].epoch = view.epoch
                self.listing.add(name, self.peers[name])
        if self.lease_until_s == 0.0:
            self.lease_until_s = self._loop.time() + self.timing.lease_s
        self._settling.clear()
        self._holder.adopt(view)
        if self.suspect:
            self._ask_whether_view_stands()
        else:
            self._holder.resume()

    # Catching up

    def caught_up(self) -> None:
        """Tell the principal that this node holds all it should."""
        if self.view is None:
            return
        message = (CAUGHT_UP, self.name, self.view.epoch)
        principal = min(self.view.members)
        if principal == self.name:
            self._on_caught_up(message)
        else:
            self.peers[principal].link.send(message)

    def _on_caught_up(self, message: Message) -> None:
        _, name, epoch = message
        view = self.view
        if view is None or epoch != view.epoch or view.settled:
            return
        self._caught_up.add(name)
        if self._caught_up >= view.members.keys():
            self._loop.call_soon(self.propose_settled)
