"""Pulses: questions to nodes that are suspect, open or asked about, each from a thread of its own."""

from __future__ import annotations

import math
from typing import Final

from ..concurrency import threads
from ..model.failure import FailureKind
from ..model.operation import Key, NotAskedError
from .breaker import HALF_OPEN, OPEN
from .cluster import SILENCE, ClusterHealth
from .health import ANSWERING, SLOW, NodeHealth

SPARED_S: Final = 0.25
"""How long a node is sent no pulse after one that our own side kept back, in seconds: while the pool is
exhausted, each question takes a connection from a call."""

FIRST_S: Final = 0.05
"""How soon a node is asked again after its first refusal, in seconds; then twice as long each time."""

REST: Final = 10
"""A node rests for so many times as long as an answer took it. So the pulses of a whole fleet, which wait
for each other in its queue, take up little of its time."""

LONGEST_S: Final = 0.5
"""The longest time between two pulses, in seconds: sooner than a client notices the node, which usually
tends once a second."""

JITTER: Final = 0.5
"""By how much these times differ at most, both ways together, so that processes do not keep step."""

_PROBE_SET: Final = "resilience-probe"


class HealthChecks:
    """Sends pulses to one cluster's nodes, at most one at a time to each, and judges by what comes back.

    Args:
        health: the cluster's health.
    """

    def __init__(self, health: ClusterHealth) -> None:
        self._health = health
        self._log = health.identity.log("aerospike_resilience.tend")

    def send(self) -> None:
        """Send one to every node that needs it."""
        for node in self._due():
            self._begin(node)

    def _due(self) -> list[NodeHealth]:
        """Return the nodes to ask now. Their pulses are on the way from here on."""
        health = self._health
        now = health.clock()
        with health.lock:
            wanted = {name for names, _began, _kind in health.inquiries for name in names}
            due = [
                node
                for node in health.by_name.values()
                if not node.pulse_out
                and now >= node.spared_until
                and (node.watched or node.address.name in wanted)
            ]
            for node in due:
                node.pulse_out = True
        return due

    def _begin(self, node: NodeHealth) -> None:
        """Send a pulse, from a thread of its own."""
        name = f"aerospike-resilience-pulse-{node.address.name}"
        if threads.start(self._send, node, name=name) is None:
            node.pulse_out = False  # the next look sends it

    def _send(self, node: NodeHealth) -> None:
        health = self._health
        name = node.address.name
        began = health.clock()
        try:
            if health.source.refuses(name, health.options.silence_s):
                self.refused(name, began)
                return
            # By name, as the client may know a newer map than we do and read elsewhere; the read then
            # shows that the node does more than chat.
            self._ask_map(name)
            took_s = 0.0
            if (key := self._probe_key(name)) is not None:
                # Only the read tells how long the node takes: to ask one node by name, some clients
                # ask all of them, and wait for the slowest.
                asked = health.clock()
                try:
                    health.source.read(name, key, health.options.silence_s)
                except NotAskedError:
                    raise
                except Exception:
                    self._ask_map(
                        name
                    )  # the record may have moved meanwhile, to a node that is silent
                    raise
                took_s = health.clock() - asked
        except NotAskedError as error:
            self._log.debug(
                "pulse to node %s not sent: %s", name, error, extra={"aerospike_node": name}
            )
            node.spared_until = health.clock() + SPARED_S
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the node did not answer
            self._log.debug(
                "pulse to node %s missed: %s", name, error, extra={"aerospike_node": name}
            )
            self.missed(name, began, hard=True)
        else:
            self.answered(name, began, took_s)
        finally:
            node.pulse_out = False

    def _ask_map(self, name: str) -> None:
        """Ask a node whether the partition map that we have is still true of it.

        Raises:
            NotAskedError: it is not, so nobody knows yet which records it would be asked for.
            Exception: the node did not answer.
        """
        health = self._health
        answer = health.source.info(name, "partition-generation", health.options.silence_s)
        if health.maps.generations.get(name, answer) != answer:
            with health.lock:
                health.maps.moved.add(name)
            raise NotAskedError("its part of the partition map is out of date")

    def _probe_key(self, name: str) -> Key | None:
        """Find a key whose record the node would be master of; no such record is ever written.

        Whichever map the client goes by, it asks that node.
        """
        health = self._health
        with health.lock:
            for namespace in health.maps.newest.namespaces:
                for number in range(64):
                    key = health.source.key(namespace, _PROBE_SET, number)
                    place = health.source.partition(key)
                    if health.maps.owners(key)[:1] == (name,) and health.maps.replaced.is_master(
                        name, health.maps.newest, *place
                    ):
                        return key
        return None

    def _spare(self, node: NodeHealth, for_s: float) -> None:
        """Send a node no pulse for so long, or a little shorter or longer."""
        health = self._health
        jitter = 1 + JITTER * (health.random_source.random() - 0.5)
        node.spared_until = health.clock() + min(for_s, LONGEST_S) * jitter

    def missed_in_passing(self, name: str, began: float) -> None:
        """A question that was asked in passing went unanswered."""
        self.missed(name, began, hard=False)

    def missed(self, name: str, began: float, *, hard: bool) -> None:
        """A question of ours to a node went unanswered.

        A missed pulse settles the inquiries about the node and counts as hard; a missed question that
        was asked in passing only makes the node suspect.
        """
        health = self._health
        now = health.clock()
        with health.notices, health.lock:
            node = health.by_name.get(name)
            if node is None:
                return
            if hard:
                node.missed = began
            health.note_unanswered_locked(node, began, now)
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

    def refused(self, name: str, began: float) -> None:
        """A node refused the connection: nothing runs there, so it opens without waiting for more."""
        health = self._health
        self.missed(name, began, hard=True)
        if node := health.by_name.get(name):
            self._spare(node, FIRST_S * 2 ** min(node.refusals, 16))
            node.refusals += 1
        with health.notices, health.lock:
            node = health.by_name.get(name)
            if node is not None and node.suspect and node.breaker.closed:
                node.errors[FailureKind.CONNECTION] += 1
                health.open_locked(node, FailureKind.CONNECTION, health.clock())
                health.settle_locked()

    def answered(self, name: str, began: float, took_s: float) -> None:
        """A pulse was answered: the node is alive, and whatever it was asked about, it did not do.

        Args:
            name: the node's name.
            began: when the pulse was sent.
            took_s: how long the node itself took for it, in seconds; 0 where nobody can tell.
        """
        health = self._health
        now = health.clock()
        with health.notices, health.lock:
            node = health.by_name.get(name)
            if node is None:
                return
            health.registry.live((name,), now)
            node.refusals = 0
            back = node.breaker.state == OPEN and node.breaker.reason not in ANSWERING
            health.inquiries = [
                (rest, since, kind)
                for names, since, kind in health.inquiries
                if (rest := tuple(n for n in names if n != name or since > began))
            ]
            if node.breaker.state == OPEN and node.breaker.reason not in ANSWERING:
                node.breaker.half_open(now)  # it was opened for not answering, and it answers
            if node.breaker.state == HALF_OPEN:
                if health.options.slow(took_s) and began >= node.breaker.since:
                    health.open_locked(node, SLOW, now)
                else:
                    health.succeed_locked(node, now, began)
            if node.breaker.state == OPEN:  # until its time is up, an answer changes nothing
                self._spare(node, math.inf)
            elif node.watched and not back:  # the first answer took as long as the node was away
                self._spare(node, REST * took_s)
            health.settle_locked()
