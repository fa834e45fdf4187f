"""Call reports: what calls say about the nodes they asked, when they come back."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..model.call import Call
from ..model.failure import NODE, Failure, FailureKind
from ..model.operation import Key
from . import blame
from .health import SLOW
from .scouting import Scouting

if TYPE_CHECKING:
    from .cluster import ClusterHealth

RECENT: Final = 512
"""How many successes are remembered for working out later which node answered: bounded memory."""

_SCOUT: Final = ""
"""The name in the lease of a scout, which is no probe of any node."""

Answer = tuple[Key, float, float, slice | None]
"""A success: the record's key, when its attempt began and ended, and which of the record's nodes, master
first, answered for sure; None for a read, which may have left its master."""


class CallReports:
    """Takes note of how calls ended, and works out what that says about nodes.

    Args:
        health: what is known of the cluster.

    Attributes:
        recent: successes not yet worked out. Appended to by calls, without a lock.
        scouting: finds out whether the client has the cluster's new map.
    """

    def __init__(self, health: ClusterHealth) -> None:
        self._health: ClusterHealth = weakref.proxy(health)  # which holds this
        self.recent: deque[Answer] = deque(maxlen=RECENT)
        self.scouting = Scouting()
        self._folded = health.clock()

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self._folded = self._health.clock()
        self.recent.clear()

    def answered(self, call: Call, began: float, ended: float) -> None:
        """Take note of a success that was slow to come, or was a probe."""
        health = self._health
        with health.notices, health.lock:
            names = call.nodes or health.maps.owners(call.key)
            self._scouted_locked(call, began, ended)
            if call.plan.writes:
                if health.commits_alone(call):
                    names = names[:1]
                health.registry.live(names, ended)
                self.timed_locked(names, began, ended)
                for name, _lease in call.leases:
                    # A slow write proves nothing: which of its nodes was slow is for pulses to say.
                    if (node := health.by_name.get(name)) and not health.options.slow(
                        ended - began
                    ):
                        health.succeed_locked(node, ended, began)
                health.give_back(call)
            elif not call.plan.failover:
                health.registry.live(names[:1], ended)
                self.timed_locked(names[:1], began, ended)
            elif names and (master := health.by_name.get(names[0])):
                master.left_early += 1
                health.pace.left_locked(names[:1], ended, reads=True)
                health.note_unanswered_locked(master, began, ended)
            health.settle_locked()

    def failed(self, call: Call, began: float) -> None:
        """Take note of a failed attempt: ``call.failure`` says how, ``call.now`` when it ended."""
        health = self._health
        failure = call.failure
        if failure is None or failure.fault is not NODE or call.scouts:
            # Whom a scout met is not known, so its failure speaks against nobody.
            if call.scouts and failure is not None and failure.answered:
                with health.notices, health.lock:
                    self._scouted_locked(call, began, call.now)
            if call.leases:
                health.give_back(call)
            if failure is not None and failure.answered and call.key is not None:
                # "Not found" and the like are answers of the master, without its replica.
                self.recent.append((call.key, began, call.now, None))
            return
        with health.notices, health.lock:
            self.fold_locked()
            names = call.nodes or health.maps.owners(call.key)
            holders, sure = health.maps.holders(call.key, names)
            if sure and health.commits_alone(call):
                holders = holders[:1]
            evidence = self._weigh_locked(
                call, health.registry.named(failure), holders, began, sure=sure
            )
            if failure.tries != 0:
                named = health.registry.named(failure)
                tried = blame.tried(call, failure, names)
                if call.plan.writes:
                    tried = tried[:1]
                elif call.leave_master:  # all its tries may have met the same node
                    tried = (named.node,) if named.node else tried[:1]
                health.pace.left_locked(tried, call.now, reads=not call.plan.writes)
            if evidence.hard:
                self._accuse_locked({evidence: failure.kind}, call, began)
            call.moves = health.may_move(call, names)
            health.give_back(call)
            health.settle_locked()

    def rows_failed(self, call: Call, result: Any, began: float) -> None:
        """Take note of a batch some of whose rows failed. A node is charged once an attempt."""
        health = self._health
        rows = call.plan.rows
        if rows is None:
            return
        keys, failures = rows.keys(result), rows.failures(result)
        with health.notices, health.lock:
            self.fold_locked()
            quick = call.now - began < call.early_s
            for index, key in enumerate(keys):
                if index not in failures and (quick or call.plan.writes):
                    owners = health.maps.owners(key)
                    health.registry.live(owners if call.plan.writes else owners[:1], call.now)
            accused: dict[blame.Evidence, FailureKind] = {}
            for index, failure in failures.items():
                owners = health.maps.owners(keys[index])
                holders, sure = health.maps.holders(keys[index], owners)
                if sure and (quick or call.plan.writes):
                    failure = blame.of_master(failure, owners)
                evidence = self._weigh_locked(call, failure, holders, began, sure=sure)
                if evidence.hard:
                    accused[evidence] = failure.kind
            self._accuse_locked(accused, call, began)
            health.settle_locked()

    def hurried(self, call: Call) -> None:
        """Take note of a read that began at its master, which is suspect, and did not have to leave it.

        If that master has left the cluster, the client has asked another: it knows the new map. Unless the
        client's own breaker may have kept the read from that master.
        """
        health = self._health
        if health.maps.previous is None or (name := call.nodes[0]) in health.maps.newest.nodes():
            return
        with health.notices, health.lock:
            master = health.by_name.get(name)
            shut = master is not None and master.haste.spent(call.now)
            if not shut and self.scouting.is_elsewhere(master, call.began, call.now):
                health.maps.previous = None

    def scouts(self, call: Call) -> bool:
        """Return whether a write is to find out whether the client has the new map.

        It may, one write at a time, if the cluster has moved the record to nodes that are closed. From then
        on ``call.nodes`` are those.
        """
        health = self._health
        if health.maps.previous is None:
            return False
        try:
            names = health.maps.newest.owners(*health.source.partition(call.key))
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return False
        nodes = [health.by_name.get(name) for name in names]
        if not nodes or not all(node is not None and node.breaker.closed for node in nodes):
            return False
        with health.notices, health.lock:
            if not self.scouting.may_go(health.clock()):
                return False
        call.nodes, call.scouts = names, True
        call.leases = ((_SCOUT, 0),)
        return True

    def fold_locked(self) -> None:
        """Work out which nodes the successes since the last time came from.

        Of more than are remembered each stands for as many as went by in its share of the time:
        otherwise a busy node's failures would weigh more than they should.
        """
        health = self._health
        now, remembered, weight = health.clock(), len(self.recent), 1.0
        if remembered == RECENT and (spanned_s := now - self.recent[0][2]) > 0.0:
            weight = max(1.0, (now - self._folded) / spanned_s)
        self._folded = now
        for _ in range(remembered):
            try:
                key, began, ended, answered_by = self.recent.popleft()
            except IndexError:
                break
            names = health.maps.owners(key)
            if answered_by is not None:
                health.registry.live(names[answered_by], ended)
                self.timed_locked(names[answered_by], began, ended, weight)
            elif names and (master := health.by_name.get(names[0])):
                # A quick read proves nothing about a suspect master: the client may have gone to the
                # replica at once. One that took longer than reads usually wait did come from it, and so
                # did one whose replica does not answer.
                took_s = ended - began
                slow = took_s > (health.patience_s or 0.0)
                if not master.suspect or slow or self._is_only_one_locked(names):
                    master.live(ended)
                    master.latency.add(took_s)
                    if health.pace.together:
                        health.pace.answered_locked(master, began, took_s)
                    self.timed_locked(names[:1], began, ended, weight)

    def fold(self) -> None:
        """Work out the successes since the last time at once, as a call asks what they show."""
        with self._health.notices, self._health.lock:
            self.fold_locked()

    def _is_only_one_locked(self, names: tuple[str, ...]) -> bool:
        """Return whether of the nodes that hold a record only the master can have answered."""
        others = [self._health.by_name.get(name) for name in names[1:]]
        return bool(others) and all(node is not None and node.mute for node in others)

    def timed_locked(
        self, names: Iterable[str], began: float, ended: float, weight: float = 1.0
    ) -> None:
        """Count a call that went well for its nodes; one that is slow too often opens."""
        health = self._health
        slow = ended - began >= health.options.slow_call_s
        for node in health.registry.timed(names, began, slow=slow, weight=weight):
            health.open_locked(node, SLOW, ended)

    def _scouted_locked(self, call: Call, began: float, ended: float) -> None:
        """Forget the old map if a scout was answered that shows that the client has the new one."""
        health = self._health
        if call.scouts and health.maps.previous is not None:
            name = health.maps.previous.owners(*health.source.partition(call.key))[0]
            if self.scouting.is_elsewhere(health.by_name.get(name), began, ended):
                health.maps.previous = None

    def _alive_since(self, name: str, moment: float, *, as_replica: bool) -> bool:
        health = self._health
        node = health.by_name.get(name)
        return node is not None and node.alive_since(moment, as_replica=as_replica)

    def _weigh_locked(
        self, call: Call, failure: Failure, owners: tuple[str, ...], began: float, *, sure: bool
    ) -> blame.Evidence:
        """Weigh a failure, and note who showed life by it and who owes an answer."""
        health = self._health
        evidence = blame.weigh(call, failure, owners, began, self._alive_since, sure=sure)
        for name in evidence.suspects:
            if node := health.by_name.get(name):
                if evidence.spoken:
                    node.live(call.now)
                else:
                    health.note_unanswered_locked(node, began, call.now)
        return evidence

    def _accuse_locked(
        self, accused: Mapping[blame.Evidence, FailureKind], call: Call, began: float
    ) -> None:
        """Charge who is to blame for an attempt, each node once, or have it found out."""
        health = self._health
        charged, inquiries = blame.accuse(accused, began)
        for name, kind in charged.items():
            health.charge_locked((name,), kind, began, call.now)
        health.inquiries += inquiries
