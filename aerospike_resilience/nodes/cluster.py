"""The health of one client's cluster: what calls ask before they go, and tell when they come back.

While every node is quiet (`ClusterHealth.calm`) a call asks nothing and tells one tuple; which node
it concerned is worked out later, by the tend thread or by the first failure, whichever comes first.
Only when some node is suspect, open or isolated do calls look their nodes up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ..concurrency import forking
from ..concurrency.notices import Notices
from ..concurrency.weakly import weakly
from ..model.call import Call
from ..model.failure import FailureKind
from ..model.identity import ClientIdentity
from ..model.operation import NodeAddress, NodeSource
from . import blame, partitions
from .breaker import CLOSED, HALF_OPEN
from .call_reports import CallReports
from .haste import Tolerance
from .health import NodeHealth
from .listeners import TransitionListeners
from .maps import Maps
from .options import NodeOptions
from .pace import ReadPace
from .registry import NodeRegistry
from .verdict_log import VerdictLog

if TYPE_CHECKING:
    import pybreaker

SILENCE: Final = "silence"


class ClusterHealth:
    """Every node's health, and the evidence it is judged by.

    Args:
        source: the client's view of its cluster.
        options: the profile's node options.
        wake: called when something happened that the tend thread should look at soon.
        held_up_s: returns for how many of the last seconds our own process was kept from running.
        listeners: pybreaker's listeners. They hear of every node's transitions, in order, from a thread of
            their own.
        clock: seconds on the clock that the whole chain uses.
        random_source: where jitter comes from.
        identity: the wrapped client's name and profile, for log lines.
        tolerance: what the client's own breaker tolerates of one node.

    Attributes:
        calm: whether no node needs asking about. Written under the lock, read without it.
        by_name: every node's health. Written under the lock.
        random_source: where jitter comes from.
        maps: which nodes hold a record.
        calls: takes note of how calls ended.
        eventual: whether every namespace is known not to be strongly consistent.
        patience_s: the socket timeout of reads while all is calm; None while not adaptive.
        pace: decides which nodes reads may leave early.
        inquiries: failures of which several nodes may be the cause, for the tend thread to settle by
            asking them: the nodes, when the attempt began, the kind of failure.
        verdict: ``cluster`` while so many nodes fail that no node is to blame.
        verdict_log: logs when that begins and ends.
        failing: whether, besides, more nodes than may be open are ailing right now, under ``enforce``.
        committed_alone: writes sent with commit level master for an open replica, so far.
        asleep: whether nobody tends the cluster, in a forked child that has not made a call yet.
        notices: has the lock, and says what is to be logged once it is released.
        closed: whether the client is protected no more, and every call passes.
    """

    def __init__(
        self,
        source: NodeSource,
        options: NodeOptions,
        *,
        wake: Callable[[], None] = lambda: None,
        held_up_s: Callable[[float], float] = lambda _seconds: 0.0,
        listeners: Iterable[pybreaker.CircuitBreakerListener] = (),
        clock: Callable[[], float] = time.monotonic,
        random_source: random.Random | None = None,
        identity: ClientIdentity | None = None,
        tolerance: Tolerance = Tolerance(),  # noqa: B008 - immutable
    ) -> None:
        self.identity = identity or ClientIdentity()
        self._log = self.identity.log("aerospike_resilience.nodes")
        self.source = source
        self.options = options
        self.clock = clock
        self.calm = True
        self.maps = Maps(source)
        self.calls = CallReports(self)
        self.eventual = False
        self.patience_s: float | None = None
        self.notices = Notices()
        self.listeners = TransitionListeners(listeners, self.notices, self._log)
        self.random_source = random_source or random.Random()
        self.registry = NodeRegistry(
            *(self.listeners, self.random_source, clock),
            *(self.identity, self.notices, tolerance),
        )
        self.by_name = self.registry.by_name
        self.verdict_log = VerdictLog(self.identity, self.notices, clock)
        self.inquiries: list[blame.Inquiry] = []
        self.pace = ReadPace(
            self.by_name, weakly(self.calls.fold_locked, otherwise=None), tolerance
        )
        self.verdict = ""
        self.failing = False
        self.committed_alone = 0
        self.asleep = False
        self.closed = False
        self.wake = wake
        self._held_up_s = held_up_s
        forking.register(self)

    @property
    def lock(self) -> threading.RLock:
        """Guards everything that is written here. Entered after `notices`."""
        return self.notices.lock

    def sleep(self) -> None:
        """Note that nobody tends the cluster: the next call asks for it."""
        self.asleep = not self.closed
        self.calm = self.closed

    def close(self) -> None:
        """Stand in no call's way any more: the client is protected no longer."""
        with self.notices, self.lock:
            self.registry.log.close()
            self.verdict_log.forget()
        self.closed = self.calm = True
        self.asleep = False
        self.verdict = ""
        self.failing = False

    def reopen(self) -> None:
        """Go by the nodes' state again after `close`."""
        self.closed = False
        with self.notices, self.lock:
            self.settle_locked()

    def wake_tending(self) -> None:
        """Have the cluster tended again, if nobody does: asked by calls while it is not calm."""
        if self.asleep:
            self.asleep = False
            self.wake()

    def may_move(self, call: Call, names: Sequence[str]) -> bool:
        """Return whether a read leaves a node that does not answer for a replica that does.

        Where the replica is silent too, sending again is what a retry storm is made of. A write moves if it
        leaves a silent replica out.

        Args:
            call: the call.
            names: the nodes that hold the record, master first.
        """
        if call.plan.writes:
            return self.leaves_replica_out(call, names)
        if not call.plan.failover:
            return False
        nodes = [node for name in names if (node := self.by_name.get(name)) is not None]
        silent = sum(node.silent for node in nodes)
        return 0 < silent < len(nodes)

    def leaves_replica_out(self, call: Call, names: Sequence[str]) -> bool:
        """Return whether a write that was kept waiting commits on the master alone when it is sent again.

        Under ``commit_master``, if a replica is silent and the master is not.

        Args:
            call: the write.
            names: the nodes that hold the record, master first.
        """
        if not self.may_commit_alone(call) or self.options.mode != "enforce":
            return False
        nodes = [self.by_name.get(name) for name in names]
        silent = [node is not None and node.silent for node in nodes]
        return not silent[0] and any(silent) if silent else False

    def commits_alone(self, call: Call) -> bool:
        """Return whether a write needs its master only, by its policy or because its replica is open.

        A strongly consistent namespace commits on every replica, whatever the commit level.
        """
        return (call.commit_master or call.plan.commits_alone) and not self.maps.is_strong(call.key)

    def may_commit_alone(self, call: Call) -> bool:
        """Return whether the profile lets a write leave out a replica that is open."""
        return self.options.on_replica_open == "commit_master" and not self.maps.is_strong(call.key)

    def give_back(self, call: Call) -> None:
        """Take probes back that proved nothing."""
        if call.leases:
            with self.notices, self.lock:
                if call.scouts:
                    self.calls.scouting.back()
                for name, lease in call.leases:
                    if node := self.by_name.get(name):
                        node.breaker.give_back(lease)
            call.leases = ()

    def adopt(self, new: partitions.PartitionMap) -> None:
        """Take over a new map."""
        with self.notices, self.lock:
            if not set(self.maps.newest.namespaces).issuperset(new.namespaces):
                self.eventual = False  # until the new ones were asked about
            self.maps.adopt(new, self.clock(), calm=self.calm)

    # ----- by hand

    def isolate(self, name: str, reason: str = "") -> None:
        """Keep writes, and reads that only the master may answer, away from a node until `release`.

        Raises:
            UnknownNodeError: the cluster has no such node.
            IsolationError: the breaker's mode is ``off``.
        """
        with self.notices, self.lock:
            self.registry.isolate(name, self.options, reason)
            self.settle_locked()

    def release(self, name: str) -> None:
        """End an isolation by hand; the node's breaker goes on from where it was.

        Raises:
            UnknownNodeError: the cluster has no such node.
            IsolationError: the profile, or an order to the whole fleet, isolates it too.
        """
        with self.notices, self.lock:
            try:
                self.registry.release(name, self.options)
            finally:
                self.settle_locked()

    def follow_fleet(self, isolated: Callable[[NodeAddress], str | None]) -> None:
        """Isolate the nodes for which `isolated` gives a reason; None is no order."""
        with self.notices, self.lock:
            self.registry.isolated_for_fleet = isolated
            self.registry.follow_fleet(self.options)
            self.settle_locked()

    def nodes(self) -> Iterator[NodeHealth]:
        """Return every node, by name."""
        with self.notices, self.lock:
            return iter([self.by_name[name] for name in sorted(self.by_name)])

    def address(self, name: str) -> tuple[str, int] | None:
        """Return where a node is; None while that is unknown."""
        node = self.by_name.get(name)
        return (node.address.host, node.address.port) if node and node.address.host else None

    def reconfigure(self, options: NodeOptions) -> None:
        """Adopt a reloaded profile's node options; every node keeps its state."""
        with self.notices, self.lock:
            before, self.options = self.options, options
            self.registry.reconfigure(options)
            if options.mode not in ("enforce", before.mode) or not options.watched:
                # Who switches the breaker to another mode wants no verdict of before to hold in it. And
                # where nothing decides by the state of nodes, nobody asks them.
                self.inquiries.clear()
                for node in self.by_name.values():
                    node.forget(self.clock())
            self.settle_locked()
        self.wake()

    def after_fork(self) -> None:
        """Start anew in a forked child: threads of the parent may have held any lock.

        The next call asks, and so wakes the tend thread, which did not come along either.
        """
        self.calls.after_fork()
        for node in self.by_name.values():
            node.after_fork()
        self.inquiries.clear()
        self.pace.forget()
        self.verdict_log.forget()
        self.registry.history.after_fork()
        self.registry.recent.clear()
        self.committed_alone = 0
        self.sleep()

    # ----- under the lock

    def succeed_locked(self, node: NodeHealth, now: float, began: float) -> None:
        """Note a success of a node that is half-open; where it closes, reads wait for it at first."""
        ailing = not node.breaker.closed
        node.breaker.succeed(now, began)
        if ailing and node.breaker.closed:
            self.pace.returned_locked(now)

    def silent_locked(self, node: NodeHealth, now: float) -> bool:
        """Return whether a node has shown no life for longer than `silence`, while our process ran."""
        return node.silent_for(now, self.options.silence_s, self._held_up_s)

    def note_unanswered_locked(self, node: NodeHealth, since: float, now: float) -> None:
        """Note that a node left a call unanswered; one that is silent for too long opens."""
        if not self.options.watched:
            return
        known = node.suspect
        node.note_unanswered(since)
        if node.suspect:
            if node.breaker.closed and self.silent_locked(node, now):
                node.errors[SILENCE] += 1
                self.open_locked(node, SILENCE, now)
            self.calm = self.closed
            if not known:
                self.notices.note(self.wake)

    def charge_locked(
        self, names: Iterable[str], kind: FailureKind, began: float, now: float
    ) -> None:
        """Charge nodes with a hard error; one with too many in a window opens."""
        for name in names:
            if node := self.by_name.get(name):
                node.errors[kind] += 1
                if node.breaker.fail(began, str(kind)):
                    self.open_locked(node, str(kind), now)

    def open_locked(self, node: NodeHealth, reason: str, now: float) -> None:
        """Open a node, unless too much of the cluster is open already."""
        if self.options.mode == "off":
            return
        others = self.registry.others_open(node)
        if others + 1 > self.options.max_open_share * len(self.by_name):
            if not self.verdict:
                self.verdict_log.begins(reason, node.address.name, others, len(self.by_name))
            self.verdict = "cluster"
            return
        if node.breaker.state in (CLOSED, HALF_OPEN):
            node.breaker.open(now, reason)

    @property
    def watchful(self) -> bool:
        """Whether a node is to be asked how it is, so that tending at the usual pace is too slow."""
        with self.notices, self.lock:
            return bool(self.inquiries) or any(node.watched for node in self.by_name.values())

    def settle_locked(self) -> None:
        """Bring `calm` and `verdict` up to date with the nodes."""
        self.calm = self.closed or all(node.quiet for node in self.by_name.values())
        if self.calm:
            self.maps.previous = None
        if self.verdict and not any(node.fails for node in self.by_name.values()):
            self.verdict_log.ends()
            self.verdict = ""
        enforced = bool(self.verdict) and self.options.mode == "enforce"
        ailing = sum(not node.well for node in self.by_name.values())
        self.failing = enforced and ailing > self.options.max_open_share * len(self.by_name)

    def update_nodes_locked(self, known: Mapping[str, NodeAddress]) -> None:
        """Take over the client's list of nodes. A node that left both list and map is forgotten."""
        before = frozenset(self.by_name)
        self.registry.update(known, self.maps.newest.nodes(), self.options)
        for name in before.difference(self.by_name):
            self.pace.gone_locked(name)
        self.settle_locked()
