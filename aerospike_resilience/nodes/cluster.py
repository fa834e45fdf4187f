"""The health of one client's cluster: what calls ask before they go, and tell when they come back.

While every node is quiet (`ClusterHealth.calm`) a call asks nothing and tells one tuple; which node
it concerned is worked out later, by the tend thread or by the first failure, whichever comes first.
Only when some node is suspect, open or isolated do calls look their nodes up.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..concurrency import forking
from ..concurrency.notices import Notices
from ..concurrency.weakly import weakly
from ..model.call import Call
from ..model.failure import NODE, Failure, FailureKind
from ..model.identity import ClientIdentity
from ..model.operation import Key, NodeAddress, NodeSource
from . import blame, partitions
from .breaker import CLOSED, HALF_OPEN
from .haste import Tolerance
from .health import SLOW, NodeHealth
from .listeners import TransitionListeners
from .options import NodeOptions
from .pace import ReadPace
from .registry import NodeRegistry
from .replaced_maps import ReplacedMaps
from .scouting import Scouting
from .verdict_log import VerdictLog

if TYPE_CHECKING:
    import pybreaker

RECENT: Final = 512
"""How many successes are remembered for working out later which node answered: bounded memory."""

SILENCE: Final = "silence"

_SCOUT: Final = ""
"""The name in the lease of a scout, which is no probe of any node."""

Answer = tuple[Key, float, float, slice | None]
"""A success: the record's key, when its attempt began and ended, and which of the record's nodes, master
first, answered for sure; None for a read, which may have left its master."""


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
        recent: successes not yet worked out. Appended to by calls, without a lock.
        by_name: every node's health. Written under the lock.
        partitions: the partition map; swapped by the tend thread.
        random_source: where jitter comes from.
        strong: the namespaces known to be strongly consistent; swapped by the tend thread.
        single: the namespaces known to hold every record once; swapped with the map.
        eventual: whether every namespace is known not to be strongly consistent.
        replaced: the maps that were replaced lately.
        generations: the partition generation of each node whose part of the map is known; swapped by the
            thread that fetches the map.
        moved: nodes that told a pulse of another generation, so that their part of the map is out of date.
        previous: the map that the client may still go by: as it was before the cluster took a node's
            partitions away while something was wrong with one. None while all is well.
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
        self.recent: deque[Answer] = deque(maxlen=RECENT)
        self._folded = clock()
        self.partitions = partitions.EMPTY
        self.strong: frozenset[str] = frozenset()
        self.single: frozenset[str] = frozenset()
        self.eventual = False
        self.replaced = ReplacedMaps()
        self.generations: Mapping[str, str] = {}
        self.moved: set[str] = set()
        self.previous: partitions.PartitionMap | None = None
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
        self._scouting = Scouting()
        self.pace = ReadPace(self.by_name, weakly(self.fold_locked, otherwise=None), tolerance)
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
        """Guards everything that is written here but `recent`. Entered after `notices`."""
        return self.notices.lock

    def sleep(self) -> None:
        """Note that nobody tends the cluster: the next call asks for it."""
        self.asleep = not self.closed
        self.calm = self.closed

    def close(self) -> None:
        """Stand in no call's way any more: the client is protected no longer."""
        with self.notices, self.lock:
            self.registry.log.close()
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

    def owners(self, key: Key | None) -> tuple[str, ...]:
        """Return the names of the nodes that hold a record, master first; empty if unknown.

        While the client lags behind the cluster, the master is the one that the client still asks.
        """
        if key is None or self.partitions is partitions.EMPTY:
            return ()
        try:
            namespace, partition = self.source.partition(key)
            now = self.partitions.owners(namespace, partition)
            if (previous := self.previous) is None:
                return now
            before = previous.owners(namespace, partition)[:1]
            return now if before == now[:1] else (*before, *(n for n in now if n not in before))
        except Exception:  # noqa: BLE001 - not a key: the client is about to say so, better than we could
            return ()

    def owners_asked(self, key: Key | None) -> tuple[str, ...]:
        """Return the nodes that reads of a record go to, by the map that the client may still go by.

        Where not all nodes that hold it are known, `UNKNOWN` comes last: a node that has joined is
        unknown until the client lists it at one of its tends.
        """
        if key is None or self.partitions is partitions.EMPTY:
            return ()
        try:
            place = self.source.partition(key)
            for one in (self.previous, self.partitions):
                if one is not None and (owners := one.owners(*place)):
                    return owners if one.is_whole(*place) else (*owners, partitions.UNKNOWN)
        except Exception:  # noqa: BLE001 - not a key: the client is about to say so, better than we could
            return ()
        return ()

    def _holders_locked(
        self, key: Key | None, owners: tuple[str, ...]
    ) -> tuple[tuple[str, ...], bool]:
        """Return every node that a call for a record may have needed, its owners first.

        Also whether those are all, and the first is the master by every map that the client may go by.
        """
        if not owners or key is None:
            return owners, True
        try:
            place = self.source.partition(key)
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return owners, True
        holders = self.replaced.holders(self.partitions, *place)
        found = (*owners, *(name for name in holders if name not in owners))
        sure = found == owners and (
            self.previous is not None or self.replaced.is_master(owners[0], self.partitions, *place)
        )
        return found, sure

    def namespace(self, key: Key | None) -> str | None:
        """Return a record's namespace; None without a key, or where the key is none."""
        if key is None:
            return None
        try:
            return self.source.partition(key)[0]
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return None

    # ----- what calls tell

    def answered(self, call: Call, began: float, ended: float) -> None:
        """Take note of a success that was slow to come, or was a probe."""
        with self.notices, self.lock:
            names = call.nodes or self.owners(call.key)
            self._scouted_locked(call, began, ended)
            if call.plan.writes:
                if self.commits_alone(call):
                    names = names[:1]
                self.registry.live(names, ended)
                self.timed_locked(names, began, ended)
                for name, _lease in call.leases:
                    # A slow write proves nothing: which of its nodes was slow is for pulses to say.
                    if (node := self.by_name.get(name)) and not self.options.slow(ended - began):
                        self.succeed_locked(node, ended, began)
                self.give_back(call)
            elif not call.plan.failover:
                self.registry.live(names[:1], ended)
                self.timed_locked(names[:1], began, ended)
            elif names and (master := self.by_name.get(names[0])):
                master.left_early += 1
                self.pace.left_locked(names[:1], ended, reads=True)
                self.note_unanswered_locked(master, began, ended)
            self.settle_locked()

    def failed(self, call: Call, began: float) -> None:
        """Take note of a failed attempt: ``call.failure`` says how, ``call.now`` when it ended."""
        failure = call.failure
        if failure is None or failure.fault is not NODE or call.scouts:
            # Whom a scout met is not known, so its failure speaks against nobody.
            if call.scouts and failure is not None and failure.answered:
                with self.notices, self.lock:
                    self._scouted_locked(call, began, call.now)
            if call.leases:
                self.give_back(call)
            if failure is not None and failure.answered and call.key is not None:
                # "Not found" and the like are answers of the master, without its replica.
                self.recent.append((call.key, began, call.now, None))
            return
        with self.notices, self.lock:
            self.fold_locked()
            names = call.nodes or self.owners(call.key)
            holders, sure = self._holders_locked(call.key, names)
            if sure and self.commits_alone(call):
                holders = holders[:1]
            evidence = self._weigh_locked(
                call, self.registry.named(failure), holders, began, sure=sure
            )
            if failure.tries != 0:
                named = self.registry.named(failure)
                tried = blame.tried(call, failure, names)
                if call.plan.writes:
                    tried = tried[:1]
                elif call.leave_master:  # all its tries may have met the same node
                    tried = (named.node,) if named.node else tried[:1]
                self.pace.left_locked(tried, call.now, reads=not call.plan.writes)
            if evidence.hard:
                self._accuse_locked({evidence: failure.kind}, call, began)
            call.moves = self.may_move(call, names)
            self.give_back(call)
            self.settle_locked()

    def hurried(self, call: Call) -> None:
        """Take note of a read that began at its master, which is suspect, and did not have to leave it.

        If that master has left the cluster, the client has asked another: it knows the new map. Unless the
        client's own breaker may have kept the read from that master.
        """
        if self.previous is None or (name := call.nodes[0]) in self.partitions.nodes():
            return
        with self.notices, self.lock:
            master = self.by_name.get(name)
            shut = master is not None and master.haste.spent(call.now)
            if not shut and self._scouting.is_elsewhere(master, call.began, call.now):
                self.previous = None

    def scouts(self, call: Call) -> bool:
        """Return whether a write is to find out whether the client has the new map.

        It may, one write at a time, if the cluster has moved the record to nodes that are closed. From then
        on ``call.nodes`` are those.
        """
        if self.previous is None:
            return False
        try:
            names = self.partitions.owners(*self.source.partition(call.key))
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return False
        nodes = [self.by_name.get(name) for name in names]
        if not nodes or not all(node is not None and node.breaker.closed for node in nodes):
            return False
        with self.notices, self.lock:
            if not self._scouting.may_go(self.clock()):
                return False
        call.nodes, call.scouts = names, True
        call.leases = ((_SCOUT, 0),)
        return True

    def adopt(self, new: partitions.PartitionMap) -> None:
        """Take over a new map. The client learns it up to two of its tends later.

        The survivors switch one by one, so the map to remember is the one from before the first.
        """
        with self.notices, self.lock:
            if self.previous is None and not self.calm and self.partitions.namespaces:
                self.previous = self.partitions
            if not set(self.partitions.namespaces).issuperset(new.namespaces):
                self.eventual = False  # until the new ones were asked about
            if not new.same_owners(self.partitions):
                self.replaced.add(self.partitions, self.clock())
            self.partitions = new
            if (single := new.single()) != self.single:  # calls know the set by its identity
                self.single = single

    def rows_failed(self, call: Call, result: Any, began: float) -> None:
        """Take note of a batch some of whose rows failed. A node is charged once an attempt."""
        rows = call.plan.rows
        if rows is None:
            return
        keys, failures = rows.keys(result), rows.failures(result)
        with self.notices, self.lock:
            self.fold_locked()
            quick = call.now - began < call.early_s
            for index, key in enumerate(keys):
                if index not in failures and (quick or call.plan.writes):
                    owners = self.owners(key)
                    self.registry.live(owners if call.plan.writes else owners[:1], call.now)
            accused: dict[blame.Evidence, FailureKind] = {}
            for index, failure in failures.items():
                owners = self.owners(keys[index])
                holders, sure = self._holders_locked(keys[index], owners)
                if sure and (quick or call.plan.writes):
                    failure = blame.of_master(failure, owners)
                evidence = self._weigh_locked(call, failure, holders, began, sure=sure)
                if evidence.hard:
                    accused[evidence] = failure.kind
            self._accuse_locked(accused, call, began)
            self.settle_locked()

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
        return (call.commit_master or call.plan.commits_alone) and not self.is_strong(call.key)

    def may_commit_alone(self, call: Call) -> bool:
        """Return whether the profile lets a write leave out a replica that is open."""
        return self.options.on_replica_open == "commit_master" and not self.is_strong(call.key)

    def is_strong(self, key: Key | None) -> bool:
        """Return whether a record is in a namespace that is known to be strongly consistent."""
        return bool(self.strong) and self.namespace(key) in self.strong

    def give_back(self, call: Call) -> None:
        """Take probes back that proved nothing."""
        if call.leases:
            with self.notices, self.lock:
                if call.scouts:
                    self._scouting.back()
                for name, lease in call.leases:
                    if node := self.by_name.get(name):
                        node.breaker.give_back(lease)
            call.leases = ()

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
        self._folded = self.clock()
        self.recent.clear()
        for node in self.by_name.values():
            node.after_fork()
        self.inquiries.clear()
        self.pace.forget()
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

    def _scouted_locked(self, call: Call, began: float, ended: float) -> None:
        """Forget the old map if a scout was answered that shows that the client has the new one."""
        if call.scouts and self.previous is not None:
            name = self.previous.owners(*self.source.partition(call.key))[0]
            if self._scouting.is_elsewhere(self.by_name.get(name), began, ended):
                self.previous = None

    def _alive_since(self, name: str, moment: float, *, as_replica: bool) -> bool:
        node = self.by_name.get(name)
        return node is not None and node.alive_since(moment, as_replica=as_replica)

    def _weigh_locked(
        self, call: Call, failure: Failure, owners: tuple[str, ...], began: float, *, sure: bool
    ) -> blame.Evidence:
        """Weigh a failure, and note who showed life by it and who owes an answer."""
        evidence = blame.weigh(call, failure, owners, began, self._alive_since, sure=sure)
        for name in evidence.suspects:
            if node := self.by_name.get(name):
                if evidence.spoken:
                    node.live(call.now)
                else:
                    self.note_unanswered_locked(node, began, call.now)
        return evidence

    def _accuse_locked(
        self, accused: Mapping[blame.Evidence, FailureKind], call: Call, began: float
    ) -> None:
        """Charge who is to blame for an attempt, each node once, or have it found out."""
        charged, inquiries = blame.accuse(accused, began)
        for name, kind in charged.items():
            self.charge_locked((name,), kind, began, call.now)
        self.inquiries += inquiries

    def fold_locked(self) -> None:
        """Work out which nodes the successes since the last time came from.

        Of more than are remembered each stands for as many as went by in its share of the time:
        otherwise a busy node's failures would weigh more than they should.
        """
        now, remembered, weight = self.clock(), len(self.recent), 1.0
        if remembered == RECENT and (spanned_s := now - self.recent[0][2]) > 0.0:
            weight = max(1.0, (now - self._folded) / spanned_s)
        self._folded = now
        for _ in range(remembered):
            try:
                key, began, ended, answered_by = self.recent.popleft()
            except IndexError:
                break
            names = self.owners(key)
            if answered_by is not None:
                self.registry.live(names[answered_by], ended)
                self.timed_locked(names[answered_by], began, ended, weight)
            elif names and (master := self.by_name.get(names[0])):
                # A quick read proves nothing about a suspect master: the client may have gone to the
                # replica at once. One that took longer than reads usually wait did come from it.
                took_s = ended - began
                if not master.suspect or took_s > (self.patience_s or 0.0):
                    master.live(ended)
                    master.latency.add(took_s)
                    if self.pace.together:
                        self.pace.answered_locked(master, began, took_s)
                    self.timed_locked(names[:1], began, ended, weight)

    def timed_locked(
        self, names: Iterable[str], began: float, ended: float, weight: float = 1.0
    ) -> None:
        """Count a call that went well for its nodes; one that is slow too often opens."""
        slow = ended - began >= self.options.slow_call_s
        for node in self.registry.timed(names, began, slow=slow, weight=weight):
            self.open_locked(node, SLOW, ended)

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
            self.previous = None
        if self.verdict and not any(node.fails for node in self.by_name.values()):
            self.verdict_log.ends()
            self.verdict = ""
        enforced = bool(self.verdict) and self.options.mode == "enforce"
        ailing = sum(not node.well for node in self.by_name.values())
        self.failing = enforced and ailing > self.options.max_open_share * len(self.by_name)

    def update_nodes_locked(self, known: Mapping[str, NodeAddress]) -> None:
        """Take over the client's list of nodes. A node that left both list and map is forgotten."""
        before = frozenset(self.by_name)
        self.registry.update(known, self.partitions.nodes(), self.options)
        for name in before.difference(self.by_name):
            self.pace.gone_locked(name)
        self.settle_locked()
