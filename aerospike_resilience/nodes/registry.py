"""The roster: which nodes there are, and the health of each."""

from __future__ import annotations

import functools
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from ..concurrency.notices import Notices
from ..concurrency.tallies import Tallies
from ..concurrency.weakly import weakly
from ..errors import IsolationError, UnknownNodeError
from ..model.failure import Failure
from ..model.identity import ClientIdentity
from ..model.operation import NodeAddress
from ..model.wording import shown, suggestion
from .breaker import NodeBreaker, Orderer, Shares
from .haste import Haste, Tolerance
from .health import NodeHealth
from .history import NodeHistory
from .listeners import TransitionListeners
from .options import NodeOptions
from .transition_log import TransitionLog

REMEMBERED: Final = 50
"""How many changes of state are remembered for people to look at."""


class NodeRegistry:
    """Every node's health by name. Written under the lock of the cluster that owns it.

    Args:
        listeners: the application's; they hear of every transition.
        random_source: where jitter comes from.
        clock: seconds on the clock that the whole chain uses.
        identity: the wrapped client's name and profile, for log lines and errors.
        notices: says what is to be logged once the lock is released.
        tolerance: what the client's own breaker tolerates.

    Attributes:
        by_name: every node's health.
        isolated_by_hand: the nodes that a human keeps calls away from, by name, with the reason. The order
            is about a name: it holds while the node is gone, and when it is back.
        isolated_for_fleet: the reason why a node is isolated in all workers of the service; None if it is
            not.
        names: every node's name by ``host:port``, IPv6 without brackets as adapters give it.
        history: what became of each node so far.
        refused: how many operations were refused so far for each node that was not closed.
        recent: the last changes of state: the time of the wall clock, node, old and new state, reason.
        on_transition: called at each with the node's name, the old and the new state.
        log: logs them.
    """

    def __init__(
        self,
        listeners: TransitionListeners,
        random_source: random.Random,
        clock: Callable[[], float],
        identity: ClientIdentity,
        notices: Notices,
        tolerance: Tolerance = Tolerance(),  # noqa: B008 - immutable
    ) -> None:
        self._tolerance = tolerance
        self.isolated_by_hand: dict[str, str] = {}
        self.isolated_for_fleet: Callable[[NodeAddress], str | None] = lambda _node: None
        self.by_name: dict[str, NodeHealth] = {}
        self.names: dict[str, str] = {}
        self.history = NodeHistory(clock)
        self.refused: Tallies[str] = Tallies()
        self.recent: deque[tuple[datetime, str, str, str, str]] = deque(maxlen=REMEMBERED)
        self.on_transition: Callable[[str, str, str], None] = lambda _node, _old, _new: None
        self._listeners = listeners
        self._random = random_source
        self._clock = clock
        self._identity = identity
        self.log = TransitionLog(identity, notices, clock, self.refused.get)

    def find(self, name: str) -> NodeHealth:
        """Return a node's health.

        Raises:
            UnknownNodeError: the cluster has no such node.
        """
        try:
            return self.by_name[name]
        except KeyError:
            told = f"there is no node {shown(name)}{suggestion(name, sorted(self.by_name))}"
            raise self._identity.error(UnknownNodeError, told) from None

    def unknown(self, options: NodeOptions) -> frozenset[str]:
        """Return the nodes that the profile isolates and the cluster does not have, if it has any."""
        if options.mode == "off" or not self.by_name:
            return frozenset()
        return options.isolated - self.by_name.keys()

    def named(self, failure: Failure) -> Failure:
        """Return a failure with the name of its node, where it tells an address."""
        if failure.node is None and failure.address is not None:
            return replace(failure, node=self.names.get(failure.address))
        return failure

    def live(self, names: Iterable[str], at: float) -> None:
        """Note that a record's nodes took part in something: the first answered, the others replicated."""
        for rank, name in enumerate(names):
            if node := self.by_name.get(name):
                if rank == 0:
                    node.live(at)
                else:
                    node.last_replicated = max(node.last_replicated, at)

    def timed(
        self, names: Iterable[str], began: float, *, slow: bool, weight: float = 1.0
    ) -> list[NodeHealth]:
        """Count a call that went well for its nodes, master first; return those that are slow too often.

        A write waits for its replica, so a slow one counts for all its nodes. The slow node takes part
        in all of them and its healthy neighbours in some: only the node with the most opens. Once it
        is open, it explains those that are still on their way.
        """
        nodes = [node for name in names if (node := self.by_name.get(name))]
        if slow and not all(node.breaker.closed for node in nodes):
            return []
        too_slow = [
            node
            for rank, node in enumerate(nodes)
            if node.breaker.answer(began, slow=slow, replicated=rank > 0, weight=weight)
        ]
        return [node for node in too_slow if self._slowest(node)]

    def _slowest(self, node: NodeHealth) -> bool:
        return all(
            other is node or not other.breaker.closed or other.breaker.slow < node.breaker.slow
            for other in self.by_name.values()
        )

    def others_open(self, node: NodeHealth) -> int:
        """Return how many nodes but this one are not closed."""
        return sum(
            1 for other in self.by_name.values() if other is not node and not other.breaker.closed
        )

    def isolate(self, name: str, options: NodeOptions, reason: str = "") -> None:
        """Begin a node's isolation by hand, or give it another reason.

        Raises:
            UnknownNodeError: the cluster has no such node.
            IsolationError: the breaker's mode is ``off``.
        """
        node = self.find(name)
        if options.mode == "off":
            raise self._identity.error(
                IsolationError,
                f"node {name} is not isolated: under breaker.mode off no call is kept away from any "
                f"node. Set breaker.mode to enforce, or to shadow, in which isolation alone counts",
            )
        self.isolated_by_hand[name] = reason
        self._follow_orders(node, options, "by hand")

    def release(self, name: str, options: NodeOptions) -> None:
        """End a node's isolation by hand.

        Raises:
            UnknownNodeError: the cluster has no such node.
            IsolationError: the profile, or an order to the whole fleet, isolates it too.
        """
        ordered = name in self.isolated_by_hand
        self.isolated_by_hand.pop(name, None)
        if ordered and name not in self.by_name:
            return  # it has left the cluster, and may come back
        node = self.find(name)
        self._follow_orders(node, options, "by hand")
        if "profile" in node.breaker.orders:
            raise self._identity.error(
                IsolationError,
                f"node {name} stays isolated, by the profile: take it out of breaker.isolate in the "
                f"policy file, or in overrides=",
            )
        if "fleet" in node.breaker.orders:
            raise self._identity.error(
                IsolationError,
                f"node {name} stays isolated, for the whole fleet: release it with "
                f"`aerospike-resilience node release {name}`",
            )

    def follow_fleet(self, options: NodeOptions) -> None:
        """Isolate nodes, or no longer, as `isolated_for_fleet` now says."""
        for node in self.by_name.values():
            self._follow_orders(node, options, "for the fleet")

    def update(
        self, known: Mapping[str, NodeAddress], held: frozenset[str], options: NodeOptions
    ) -> None:
        """Take over the client's list of nodes.

        Args:
            known: the nodes that the client knows, by name.
            held: the nodes that hold partitions; one in neither is forgotten.
            options: the profile's node options.
        """
        for name, address in known.items():
            if name in self.by_name:
                self.by_name[name].address = address
            else:
                self._add(address, options)
        for name in [name for name in self.by_name if name not in known and name not in held]:
            self.log.left(name)
            del self.by_name[name]
            self.history.left(name)
        self.names = {f"{a.host.strip('[]')}:{a.port}": a.name for a in known.values()}

    def reconfigure(self, options: NodeOptions) -> None:
        """Adopt a reloaded profile's node options; every node keeps its state."""
        for node in self.by_name.values():
            breaker = node.breaker
            breaker.max_error_rate = options.max_error_rate
            breaker.window_s = options.window_s
            breaker.half_open_calls = options.half_open_calls
            breaker.lease_s = options.lease_s
            breaker.shares = _shares(options)
            self._follow_profile(node, options)

    def _follow_profile(self, node: NodeHealth, options: NodeOptions) -> None:
        off = options.mode == "off"
        self._follow_orders(node, options, "breaker.mode: off" if off else "by the profile")

    def _follow_orders(self, node: NodeHealth, options: NodeOptions, why: str) -> None:
        """Isolate a node, or no longer, as the orders say that are about it.

        In mode ``off`` none counts; what was ordered by hand or for the fleet holds again in the next mode.
        """
        before, name = node.breaker.state, node.address.name
        orders: dict[Orderer, str] = {}
        if options.mode != "off":
            if name in options.isolated:
                orders["profile"] = ""
            if (reason := self.isolated_for_fleet(node.address)) is not None:
                orders["fleet"] = reason
            if name in self.isolated_by_hand:
                orders["hand"] = self.isolated_by_hand[name]
        node.breaker.isolate(self._clock(), orders)
        if node.breaker.state != before:
            self._changed(node, before, node.breaker.state, why, by_human=True)

    def _add(self, address: NodeAddress, options: NodeOptions) -> None:
        name = address.name

        node = NodeHealth(
            address,
            NodeBreaker(
                name,
                max_error_rate=options.max_error_rate,
                window_s=options.window_s,
                half_open_calls=options.half_open_calls,
                lease_s=options.lease_s,
                shares=_shares(options),
                random_source=self._random,
                on_change=functools.partial(weakly(self._breaker_changed), name),
            ),
            Haste(self._tolerance),
        )
        self._follow_profile(node, options)
        self.by_name[name] = node
        self.log.joined(name)
        self.history.joined(name, node.breaker.state)

    def _breaker_changed(self, name: str, old: str, new: str) -> None:
        if (node := self.by_name.get(name)) is not None:
            self._changed(node, old, new, node.breaker.reason or "answered")
            self.on_transition(name, old, new)
            self._listeners.changed_locked(node.breaker, old, new)

    def _changed(
        self, node: NodeHealth, old: str, new: str, why: str, *, by_human: bool = False
    ) -> None:
        name = node.address.name
        self.history.changed(name, new)
        self.history.is_now(name, node.breaker.state)
        self.recent.append((datetime.now(UTC), name, old, new, why))
        self.log.changed(name, old, new, why, by_human=by_human)


def _shares(options: NodeOptions) -> Shares:
    return Shares(options.failure_rate, options.slow_call_rate, options.minimum_calls)
