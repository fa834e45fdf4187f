"""Admission: whether an attempt may go to the nodes it needs, and how patient it may be with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ..errors import CircuitOpenError
from ..model.call import Call
from ..model.failure import FailureKind
from ..model.operation import Key
from ..model.plan import Plan
from .breaker import NodeBreaker
from .cluster import ClusterHealth
from .health import NodeHealth
from .partitions import UNKNOWN
from .unreachable import may_find_out, takes_over_writes

SILENT_S: Final = 0.05
"""How long a read waits at most for a node that owes an answer, in seconds, where the profile has no
`adaptive_timeout` that says it. Calls that wait for such a node in vain fill the gate for all others."""

EVICTED_S: Final = 2.0
"""After how long the others have evicted a node that is silent, and clients know it, at the earliest, in
seconds: ten heartbeats of 150 ms, which are a cluster's defaults, and a tend of the client."""


class Admission:
    """The decision before an attempt. Only asked while the cluster is not calm.

    Args:
        health: the state of every node.
        refuse: what to raise for an open node; the client's own class combined with
            `CircuitOpenError`.
    """

    __slots__ = ("_health", "_refuse")

    def __init__(
        self,
        health: ClusterHealth,
        refuse: Callable[[str, dict[str, Any]], CircuitOpenError] = CircuitOpenError.with_facts,
    ) -> None:
        self._health = health
        self._refuse = refuse

    def admit(self, call: Call) -> None:
        """Let a call pass, steer it, or refuse it. Only asked while not `calm`.

        Raises:
            CircuitOpenError: a node it needs is open and no other can serve it.
        """
        self._health.wake_tending()
        names = self._needed(call.plan, call.key)
        call.nodes = names[:-1] if names[-1:] == (UNKNOWN,) else names
        if not names:
            return
        if (sure := self._sure(call.plan, names)) is not None:
            raise self.refusal(call, *sure)
        if call.plan.writes:
            self._admit_write(call, names)
        else:
            self._admit_read(call, names)

    def refused_at_once(self, plan: Plan, key: Key) -> CircuitOpenError | None:
        """Return the error for a call that is refused whatever else holds; None if `admit` has to look.

        It takes nothing and changes nothing, so that it may be asked before there is a `Call`.
        """
        health = self._health
        if health.asleep:
            health.wake_tending()
        names = self._needed(plan, key)
        sure = self._sure(plan, names) if names else None
        return None if sure is None else self._error(plan, *sure)

    def _needed(self, plan: Plan, key: Key | None) -> tuple[str, ...]:
        """Return the nodes that a call goes to, master first; `UNKNOWN` for one that is not known yet.

        A write needs its replica by the cluster's map, a read moves to one by the client's own.
        """
        health = self._health
        return health.maps.owners(key) if plan.writes else health.maps.owners_asked(key)

    def _sure(self, plan: Plan, names: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the node for which a call is refused, and its role, where its state alone decides it.

        Who may probe a half-open node, scout, or commit on the master alone is for `admit` to find out.
        """
        health, writes = self._health, plan.writes
        for rank, name in enumerate(names):
            node = health.by_name.get(name)
            if node is None or not self._shut(node):
                if writes:
                    continue
                return None  # it can be read there
            if node.breaker.lends:
                return None
            if not writes:
                if not plan.failover:
                    return name, "master"
            elif not rank:
                scouted = health.maps.previous is not None and not node.breaker.isolated
                return None if scouted else (name, "master")
            elif health.options.on_replica_open != "wait" and not plan.commits_alone:
                goes_on = health.options.on_replica_open == "commit_master"
                now = health.clock()
                goes_on = goes_on or takes_over_writes(node, now) or may_find_out(node, now)
                return None if goes_on else (name, "replica")
        return None if writes else (names[0], "master")

    def _shut(self, node: NodeHealth) -> bool:
        """Whether calls are kept away from a node. In shadow mode only an order counts, no verdict."""
        breaker = node.breaker
        enforces = self._health.options.mode == "enforce"
        return not breaker.closed if enforces else bool(breaker.orders)

    @property
    def _enforces(self) -> bool:
        return self._health.options.mode == "enforce"

    def _admit_write(self, call: Call, names: tuple[str, ...]) -> None:
        if self._health.commits_alone(call):
            names = names[:1]  # by its own policy, so no replica's state matters to it
        unreached: list[str] = []
        for rank, name in enumerate(names):
            if self._passes(call, name):
                continue
            if rank == 0 and self._may_scout(call, name):
                return
            if rank and self._health.options.on_replica_open == "wait":
                continue
            if rank and self._health.may_commit_alone(call):
                call.commit_master = call.tailored = True
                continue
            if rank and self._may_reach(name):
                unreached.append(name)
                continue
            raise self.refusal(call, name, "replica" if rank else "master")
        for name in unreached:  # nobody else refuses it, so it may be the one that finds out
            if not self._reaches(name):
                raise self.refusal(call, name, "replica")
        again = bool(call.attempts) or (call.plan.idempotent and call.tries_left > 1)
        left_out = again and self._health.leaves_replica_out(call, names)
        if left_out and call.attempts:
            call.commit_master = call.tailored = True
        nodes = [node for name in names if (node := self._health.by_name.get(name)) is not None]
        slow = all(self._health.pace.spares(node, call.now) for node in nodes)
        outlasts = call.deadline - call.started > EVICTED_S
        if slow or (not outlasts and not left_out and any(node.suspect for node in nodes)):
            # It needs all of them. A second try would only be one more error of its master. But where it
            # outlasts the eviction of a silent node, its later tries are served; and so is the second one
            # that leaves a silent replica out.
            call.patience_s, call.tailored = self._patient_s(call, tries=1), True
        if call.commit_master:
            with self._health.notices, self._health.lock:
                self._health.committed_alone += 1

    def _may_reach(self, name: str) -> bool:
        """Return whether a write's master may reach an open replica, or may be asked to find out."""
        node, now = self._health.by_name.get(name), self._health.clock()
        return node is None or takes_over_writes(node, now) or may_find_out(node, now)

    def _reaches(self, name: str) -> bool:
        """Return whether a write's master may reach an open replica that this client does not reach."""
        health = self._health
        node, now = health.by_name.get(name), health.clock()
        if node is None or takes_over_writes(node, now):
            return True
        with health.notices, health.lock:
            if found_out := may_find_out(node, now):
                node.tried_as_replica = now
            return found_out

    def _may_scout(self, call: Call, name: str) -> bool:
        """Return whether a write whose master is open is to find out whether the client asks another."""
        node = self._health.by_name.get(name)
        return node is not None and not node.breaker.isolated and self._health.calls.scouts(call)

    def _admit_read(self, call: Call, names: tuple[str, ...]) -> None:
        master = self._health.by_name.get(names[0])
        plan = call.plan
        if master is None:
            return
        others = [self._health.by_name.get(name) for name in (names[1:] if plan.failover else ())]
        if master.well:
            if others and all(node is not None and node.silent for node in others):
                self._stay_at_master(call)
            elif others and self._health.pace.spares(master, call.now):
                self._be_patient(call, others)
            return
        if not any(node is None or not self._shut(node) for node in others):
            if self._shut(master):
                if not self._passes(call, names[0]):
                    raise self.refusal(call, names[0], "master")
            elif others and all(node is not None and node.silent for node in others):
                self._stay_at_master(call)  # it is late itself, and the best there is
            return
        if others and master.breaker.closed and self._health.pace.spares(master, call.now):
            # Whoever left it now would have the client's own breaker shut it for everybody.
            self._be_patient(call, others)
            return
        if call.frugal and self._health.may_move(call, names):
            call.frugal = False  # its second try leaves a node that does not answer
        if not self._enforces:
            return
        # Reads are never spent as probes: nobody can say whether a suspect master answered one, since
        # the client may have gone to the replica by itself. Pulses and writes show it.
        call.patience_s = plan.socket_timeout_s
        call.tailored = True
        if all(node is not None and self._health.pace.spares(node, call.now) for node in others):
            # Its tries are all as long, and those at the replica are not to be short. They may begin
            # anywhere, so two of them may meet the silent node.
            call.patience_s = self._patient_s(call, tries=max(call.tries_left, 1))
            call.leave_master = call.leave_master or (
                not call.attempts and self._may_begin_anywhere(call)
            )
            return
        # Where the replica is suspect too, the cluster is slow rather than the node, and leaving early
        # would only multiply the load. Of a master that is open that much is known already.
        if not any(node is None or node.well for node in others):
            self._health.calls.fold()  # they may have answered meanwhile
        replica_quiet = any(node is None or node.well for node in others)
        call.steered = replica_quiet or not master.breaker.closed
        if call.steered and not call.attempts:
            call.leave_master = self._may_begin_anywhere(call)
        hurried = plan.max_tries > plan.native_retries + 1 and not call.attempts
        if replica_quiet and hurried:
            call.patience_s = min(self.shortest_s(names[1:]), plan.socket_timeout_s)

    def _stay_at_master(self, call: Call) -> None:
        """Give one try at the master all the time that there is, as nobody else answers."""
        call.patience_s, call.tailored = self._patient_s(call, tries=1), True
        call.leave_master = call.began_anywhere = False

    def _be_patient(self, call: Call, others: Sequence[NodeHealth | None]) -> None:
        """Have a read wait for its master, and leave time for another node if one is better off."""
        better = any(node is None or (node.well and not node.unhurried) for node in others)
        call.patience_s, call.tailored = self._patient_s(call, None if better else 1), True

    @staticmethod
    def _patient_s(call: Call, tries: int | None = None) -> float:
        """Return how long a read waits for a node that is not to be left early, in seconds.

        The bare client waits for it with all its time. Here one try leaves time for another, if there is
        another node to ask.

        Args:
            call: the call.
            tries: how many tries share the time; None for those of a native call.
        """
        plan = call.plan
        if math.isinf(call.deadline):
            return plan.socket_timeout_s
        tries = plan.native_retries + 1 if tries is None else tries
        return max((call.deadline - call.now) / tries, plan.socket_timeout_s)

    @property
    def whole_batches(self) -> bool:
        """Whether a batch fails whole for rows that need an open node."""
        return self._health.options.batch_on_open == "fail"

    def refused_rows(self, call: Call, keys: Sequence[Key]) -> dict[int, tuple[str, str]]:
        """Return which rows of a batch need a node that is not closed: its name and part, by position."""
        self._health.wake_tending()
        nodes = list(self._health.by_name.values())
        if call.plan.failover and any(self._health.pace.spares(node, call.now) for node in nodes):
            call.patience_s, call.tailored = call.plan.socket_timeout_s, True
        found = {}
        for index, key in enumerate(keys):
            if (needed := self._needed_open(call.plan, key)) is not None:
                found[index] = needed
        return found

    def leave_master(self, call: Call) -> None:
        """Have the next attempt of a read that failed begin at any replica.

        Whatever our map says: the client's own may be older, and have a master that is gone.
        """
        if call.plan.failover:
            call.leave_master = self._may_begin_anywhere(call)

    def _may_begin_anywhere(self, call: Call) -> bool:
        """Return whether an attempt of a read may begin at any replica.

        Where it may, clients take the replicas in turn, for all calls together, so all its tries may meet
        the same silent node. An attempt that begins at the master reaches a replica with its second try for
        sure. So one attempt of those that have two tries begins at the master. Unless nothing was sent, or
        the master refuses a client that then stays there.
        """
        if not self._may_leave(call.key):
            return False
        call.began_anywhere = self._keeps_client(call) or self._is_better_anywhere(call)
        return call.began_anywhere

    @staticmethod
    def _is_better_anywhere(call: Call) -> bool:
        tries = call.plan.native_retries + 1
        if not call.attempts:
            return tries < 2 or call.tries_left >= 2 * tries
        if tries < 2 or call.tries_left < 2 or not call.began_anywhere:
            return True
        last = call.attempts[-1]
        refused = last.failure is not None and last.failure.kind is FailureKind.NATIVE_BREAKER
        return not (last.tries or refused)

    def _keeps_client(self, call: Call) -> bool:
        """Return whether a client that begins at the record's master stays there in vain."""
        health = self._health
        if not health.source.stays_where_refused:
            return False
        master = next((health.by_name.get(name) for name in health.maps.owners(call.key)), None)
        return (
            master is not None
            and not master.breaker.closed
            and master.breaker.reason == FailureKind.CONNECTION
        )

    def _may_leave(self, key: Key | None) -> bool:
        """Return whether a record may be read from a replica; without a key, whether any record may."""
        strong = self._health.maps.strong
        if not strong:
            return True
        namespace = self._health.maps.namespace(key)
        return namespace is not None and namespace not in strong

    def _needed_open(self, plan: Plan, key: Key) -> tuple[str, str] | None:
        names = self._needed(plan, key)
        states = [(name, self._health.by_name.get(name)) for name in names]
        shut = [name for name, node in states if node is not None and self._shut(node)]
        if not shut:
            return None
        if plan.writes:
            if names[0] in shut:
                return names[0], "master"
            alone = plan.commits_alone and not self._health.maps.is_strong(key)
            waits = self._health.options.on_replica_open == "wait" or alone
            now = self._health.clock()
            lost = [
                name
                for name, node in states
                if name in shut and node is not None and not takes_over_writes(node, now)
            ]
            return None if waits or not lost else (lost[0], "replica")
        reachable = names if plan.failover else names[:1]
        return (names[0], "master") if all(name in shut for name in reachable) else None

    def shortest_s(self, names: Iterable[str]) -> float:
        """Return the shortest socket timeout that is safe for the replicas a read would move to."""
        adaptive = self._health.options.adaptive
        if adaptive is None:
            return SILENT_S
        nodes = [node for name in names if (node := self._health.by_name.get(name)) is not None]
        return max((node.hurry_s or adaptive.min_s for node in nodes), default=adaptive.min_s)

    def _passes(self, call: Call, name: str) -> bool:
        node = self._health.by_name.get(name)
        if node is None or not self._shut(node):
            return True
        with self._health.notices, self._health.lock:
            if (lease := node.breaker.lease(self._health.clock())) is not None:
                call.leases = (*call.leases, (name, lease))
                return True
            return node.breaker.closed

    def refusal(self, call: Call, name: str, role: str, *, rows: int = 0) -> CircuitOpenError:
        """Return the error for a call that needs an open node.

        Args:
            call: the call.
            name: the node's name.
            role: what the call needs it for: ``master`` or ``replica``.
            rows: how many rows of a batch need an open node; 0 for a call about one record.
        """
        self._health.give_back(call)
        error = self._error(call.plan, name, role, rows)
        call.refuse(error, name)
        return error

    def _error(self, plan: Plan, name: str, role: str, rows: int = 0) -> CircuitOpenError:
        health = self._health
        health.registry.refused.add(name)
        now = health.clock()
        node = health.by_name.get(name)
        breaker = _left(name, now) if node is None else node.breaker
        operation, profile = plan.operation.name, plan.profile
        orders, state, why = breaker.orders, breaker.state, breaker.why
        open_for_s = now - (breaker.isolated_since if orders else breaker.since)
        if open_for_s < 0.0:
            open_for_s = 0.0
        retry_after_s = None if orders else max(breaker.until - now, 0.0)
        if retry_after_s is not None:
            until = f"for {retry_after_s:.1f} s more"
        elif "profile" in orders:
            until = "until the profile's breaker.isolate no longer names it"
        elif "fleet" in orders:
            until = "until `aerospike-resilience node release` releases it"
        else:
            until = "until released by hand"
        what = f"{operation} was not sent"
        if rows:
            what = f"{rows} rows of {operation} were not sent"
        return self._refuse(
            f"{what}: node {name}, the record's {role}, has been {state} for "
            f"{open_for_s:.1f} s and stays so {until} ({why}; profile {profile!r})",
            {
                "operation": operation,
                "profile": profile,
                "node": name,
                "role": role,
                "state": state,
                "open_for_s": open_for_s,
                "retry_after_s": retry_after_s,
                "reason": why,
            },
        )


def _left(name: str, now: float) -> NodeBreaker:
    """Return what to tell of a node that has left the cluster since the call was refused for it."""
    breaker = NodeBreaker(name, max_error_rate=0, window_s=0.0, half_open_calls=1)
    breaker.open(now, "it has left the cluster")
    return breaker
