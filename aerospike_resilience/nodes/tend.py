"""The tend thread: one daemon a process, for all wrapped clients.

Each ``tend_interval`` it advances breaker windows, refreshes the partition map when a node's partition
generation changed, and recomputes adaptive timeouts. While something is wrong it looks more often.
It never waits for a node: a suspect or open one is sent pulses, and the map is asked for, each from a
short-lived thread of its own, at most one at a time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from ..call import FailureKind
from ..operation import Key, NotAskedError
from .breaker import HALF_OPEN, OPEN
from .cluster import SILENCE, SLOW, ClusterHealth
from .health import NodeHealth

_log = logging.getLogger("aerospike_resilience.tend")

WATCHFUL_S: Final = 0.05
"""How often a cluster that is not calm is looked at, in seconds."""

INFO_TIMEOUT_S: Final = 0.25
"""How long an info command to a healthy node may take, in seconds."""

INQUIRY_S: Final = 10.0
"""How long a failure of which several nodes may be the cause is worth asking about, in seconds."""

OFTEN: Final = 0.9
"""A read that leaves a suspect node gives the replica a multiple of what it takes this often. Its p99
would do for a cluster that is well, but one hiccup of the survivors, as when they take partitions over,
moves that for long."""

_STRONG: Final = "strong-consistency=true"

_ANSWERING: Final = frozenset({FailureKind.OVERLOAD, SLOW})
"""Why a node opens that answers all the same: one more answer says nothing until its time is up."""

_PROBE_SET: Final = "resilience-probe"


class Tended:
    """One cluster in the tend thread's care.

    Args:
        health: the cluster's health.
        on_patience: told the socket timeout of reads, in seconds, whenever it changes.
        on_tend: called on every full tend, for what else rides on it (profile reload, telemetry).
        on_fork: called in a forked child, for locks and permits that the parent's threads held.
    """

    def __init__(
        self,
        health: ClusterHealth,
        *,
        on_patience: Callable[[float], None] = lambda _seconds: None,
        on_tend: Callable[[], None] = lambda: None,
        on_fork: Callable[[], None] = lambda: None,
    ) -> None:
        self.health = health
        self._on_patience = on_patience
        self._on_tend = on_tend
        self.on_fork = on_fork
        self._generations: dict[str, str] = {}
        self._consistency: dict[str, bool] = {}
        self._mapper: threading.Thread | None = None
        self._due = 0.0
        self._looked = 0.0

    def begin(self) -> None:
        """Have the next tend be a full one: the client was just wrapped, or connected again."""
        self._due = self._looked = 0.0

    def tend(self, now: float) -> float:
        """Do what is due and return in how many seconds to come again."""
        health = self.health
        full = now >= self._due
        if not full and now < self._looked + WATCHFUL_S:
            return self._looked + WATCHFUL_S - now
        self._looked = now
        if full:
            self._due = now + health.options.tend_interval_s
            self._on_tend()
        if full or not health.calm:
            self._refresh_nodes()
        with health.lock:
            health.fold_locked()
        options = health.options
        if options.mode != "off" or options.adaptive is not None or options.mapped:
            self._pulse()
            if full or not health.calm:
                self._map()
            self._advance(now)
        if full:
            self._adapt()
        return max(self._due - now, 0.0) if health.calm else WATCHFUL_S

    def _refresh_nodes(self) -> None:
        health = self.health
        known = {address.name: address for address in health.source.nodes()}
        with health.lock:
            health.update_nodes_locked(known)

    def _map(self) -> None:
        """Refresh the map from a thread of its own: even a healthy node may have stalled just now.

        The first map is waited for, so that the first calls of a wrapped client have one.
        """
        if not self.health.partitions.namespaces:
            self._refresh_partitions()
        elif self._mapper is None or not self._mapper.is_alive():
            self._mapper = threading.Thread(
                target=self._refresh_partitions, name="aerospike-resilience-map", daemon=True
            )
            self._mapper.start()

    def _refresh_partitions(self) -> None:
        """Ask healthy nodes for their partition generation, and all of them for the map if one changed."""
        health = self.health
        names = [node.address.name for node in health.nodes() if node.quiet]
        generations = self._ask(names, "partition-generation")
        if all(self._generations.get(name) == answer for name, answer in generations.items()):
            return
        answers = self._ask(list(generations), "replicas")
        try:
            health.adopt(health.partitions.merged(answers))
        except ValueError as error:
            _log.warning("partition map kept as it was: %s", error)
            return
        self._generations = generations
        self._learn_consistency()

    def _learn_consistency(self) -> None:
        """Ask once of every namespace whether it is strongly consistent; it stays what it is."""
        health = self.health
        for namespace in health.partitions.namespaces:
            names = [node.address.name for node in health.nodes() if node.quiet]
            if namespace in self._consistency or not names:
                continue
            answers = self._ask(names[:1], f"namespace/{namespace}")
            for answer in answers.values():
                self._consistency[namespace] = _STRONG in answer.split(";")
        health.strong = frozenset(name for name, strong in self._consistency.items() if strong)

    def _ask(self, names: list[str], command: str) -> dict[str, str]:
        health = self.health
        asked = health.clock()
        answers = health.source.answers(names, command, INFO_TIMEOUT_S)
        for name in names:
            if name not in answers:
                _log.debug("node %s did not answer %r", name, command)
                self._missed(name, asked, hard=False)
        return {name: answer for name, answer in answers.items() if answer is not None}

    def _pulse(self) -> None:
        health = self.health
        with health.lock:
            wanted = {name for names, _began, _kind in health.inquiries for name in names}
            due = [
                node
                for node in health.by_name.values()
                if not node.pulse_out
                and (node.suspect or not node.breaker.closed or node.address.name in wanted)
            ]
            for node in due:
                node.pulse_out = True
        for node in due:
            threading.Thread(
                target=self._send_pulse,
                args=(node,),
                name=f"aerospike-resilience-pulse-{node.address.name}",
                daemon=True,
            ).start()

    def _send_pulse(self, node: NodeHealth) -> None:
        health = self.health
        name = node.address.name
        began = health.clock()
        try:
            # The client may know a newer map than we do and read elsewhere, so the node is asked by
            # name first; the read then shows that it does more than chat.
            health.source.info(name, "build", health.options.silence_s)
            if (key := self._probe_key(name)) is not None:
                health.source.read(key, health.options.silence_s)
        except NotAskedError as error:
            _log.debug("pulse to node %s not sent: %s", name, error)
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the node did not answer
            _log.debug("pulse to node %s missed: %s", name, error)
            self._missed(name, began, hard=True)
        else:
            self._answered(name, began)
        finally:
            node.pulse_out = False

    def _probe_key(self, name: str) -> Key | None:
        """Find a key whose record the node would be master of; no such record is ever written."""
        health = self.health
        for namespace in health.partitions.namespaces:
            for number in range(64):
                key = health.source.key(namespace, _PROBE_SET, number)
                if health.owners(key)[:1] == (name,):
                    return key
        return None

    def _missed(self, name: str, began: float, *, hard: bool) -> None:
        """A question of ours to a node went unanswered.

        A missed pulse settles the inquiries about the node and counts as hard; a missed question that
        was asked in passing only makes the node suspect.
        """
        health = self.health
        now = health.clock()
        with health.lock:
            node = health.by_name.get(name)
            if node is None:
                return
            if hard:
                node.missed = began
            health.owe_locked(node, began, now)
            if node.breaker.state == HALF_OPEN and began >= node.breaker.since:
                # For what it was opened: a node that answers with overload is not half-open again
                # as soon as it answers a pulse.
                health.open_locked(node, node.breaker.reason or SILENCE, now)
            if hard and node.suspect:
                open_inquiries, health.inquiries = health.inquiries, []
                for names, since, kind in open_inquiries:
                    if name in names:
                        health.charge_locked((name,), kind, since, now)
                        names = tuple(other for other in names if other != name)
                    if names:
                        health.inquiries.append((names, since, kind))
            health.settle_locked()

    def _answered(self, name: str, began: float) -> None:
        """A pulse was answered: the node is alive, and whatever it was asked about, it did not do."""
        health = self.health
        now = health.clock()
        with health.lock:
            node = health.by_name.get(name)
            if node is None:
                return
            health.live_locked((name,), now)
            health.inquiries = [
                (rest, since, kind)
                for names, since, kind in health.inquiries
                if (rest := tuple(n for n in names if n != name or since > began))
            ]
            if node.breaker.state == OPEN and node.breaker.reason not in _ANSWERING:
                node.breaker.half_open(now)  # it was opened for not answering, and it answers
            if node.breaker.state == HALF_OPEN:
                if health.options.slow(now - began) and began >= node.breaker.since:
                    health.open_locked(node, SLOW, now)
                else:
                    node.breaker.succeed(now, began)
            health.settle_locked()

    def _advance(self, now: float) -> None:
        health = self.health
        with health.lock:
            health.inquiries = [
                (names, since, kind)
                for names, since, kind in health.inquiries
                if since > now - INQUIRY_S and any(name in health.by_name for name in names)
            ]
            for node in health.by_name.values():
                node.breaker.tick(now, suspect=node.suspect)
                if node.breaker.closed and node.silent_for(now, health.options.silence_s):
                    health.open_locked(node, SILENCE, now)
            health.settle_locked()

    def _adapt(self) -> None:
        """Recompute how long reads wait for a node while all is calm."""
        health, adaptive = self.health, self.health.options.adaptive
        if adaptive is None:
            return
        usual = []
        with health.lock:
            for node in health.by_name.values():
                if (often_s := node.latency.quantile(OFTEN)) is not None:
                    node.hurry_s = adaptive.clamp(often_s * adaptive.factor)
                if node.quiet and (most_s := node.latency.quantile(adaptive.quantile)) is not None:
                    usual.append(most_s)
        patience_s = adaptive.clamp(max(usual) * adaptive.factor) if usual else adaptive.max_s
        if patience_s != health.patience_s:
            health.patience_s = patience_s
            self._on_patience(patience_s)


class Tender:
    """The thread, and the clusters it tends. Clusters are held weakly: it ends with the last one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._tended: weakref.WeakSet[Tended] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, tended: Tended) -> None:
        """Tend a cluster from now on.

        Its first tend is done before this returns, but for an event loop's thread, which is never held
        up: there the tend thread does it within milliseconds.
        """
        tended.begin()
        if not _in_event_loop():
            tended.tend(self._clock())
        with self._lock:
            self._tended.add(tended)
            self._start_locked()
        self._wake.set()

    def discard(self, tended: Tended) -> None:
        """Tend a cluster no more."""
        with self._lock:
            self._tended.discard(tended)
        self._wake.set()

    def wake(self) -> None:
        """Have the thread look now instead of at its next tend."""
        self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._tended:
                    self._start_locked()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def after_fork(self) -> None:
        """Start anew in a forked child: threads and held locks do not come along.

        The thread itself starts with the child's first call. The child shares its parent's sockets,
        and one that never uses the client must not have us use them.
        """
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread = None
        for one in list(self._tended):
            one.health.after_fork()
            one.on_fork()

    def _start_locked(self) -> None:
        if not self.alive:
            self._thread = threading.Thread(
                target=self._run, name="aerospike-resilience-tend", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                tended = list(self._tended)
                if not tended:
                    self._thread = None
                    return
            now = self._clock()
            pauses = []
            while tended:
                one = tended.pop()
                try:
                    pauses.append(one.tend(now))
                except Exception:  # noqa: BLE001 - one cluster must not end the tending of the others
                    _log.exception("tending failed; it goes on at the next tend")
                    pauses.append(one.health.options.tend_interval_s)
                del one  # a cluster whose client is gone must not be kept alive by the wait
            # A pause of zero is possible (a tend just became due); yield to the application anyway.
            self._wake.wait(max(min(pauses), WATCHFUL_S / 5))
            self._wake.clear()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _shared() -> Tender:
    tender = Tender()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=tender.after_fork)
    return tender


TENDER: Final = _shared()
"""The process's tend thread."""
