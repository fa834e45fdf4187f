"""Mapping: what keeps the partition map fresh, without the tend thread ever waiting for a node."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ..concurrency import forking, threads
from .cluster import ClusterHealth

INFO_TIMEOUT_S: Final = 0.25
"""How long an info command to a healthy node may take, in seconds."""

_STRONG: Final = "strong-consistency=true"


class MapRefresher:
    """Fetches one cluster's map from a thread of its own: even a healthy node may have stalled just now.

    Args:
        health: the cluster's health.
        missed: told the name of a node that left a question unanswered, and when it was asked.
    """

    def __init__(self, health: ClusterHealth, missed: Callable[[str, float], None]) -> None:
        self._health = health
        self._log = health.identity.log("aerospike_resilience.tend")
        self._missed = missed
        self._nodes: frozenset[str] = frozenset()
        self._consistency: dict[str, bool] = {}
        self._thread: threading.Thread | None = None
        forking.register(self)

    def after_fork(self) -> None:
        """Start anew in a forked child: the thread does not come along."""
        self._thread = None

    def begin(self) -> None:
        """Begin to refresh the map, unless that is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threads.start(self._run, name="aerospike-resilience-map")

    def wait(self, patience_s: float) -> None:
        """Wait for the first map, so that the first calls of a wrapped client have one.

        Args:
            patience_s: for how long at most, in seconds: nodes may be stalled from the start.
        """
        if self._thread is not None and not self._health.maps.newest.namespaces:
            self._thread.join(patience_s)

    def _run(self) -> None:
        try:
            self.refresh()
        except Exception:  # noqa: BLE001 - whatever it is, the old map goes on
            self._log.exception("partition map kept as it was")

    def refresh(self) -> None:
        """Ask healthy nodes for their partition generation, and all of them for the map if one changed.

        Also the nodes whose pulse told that their part of the map is out of date.
        """
        health = self._health
        nodes = list(health.nodes())
        with health.lock:
            moved, health.maps.moved = health.maps.moved, set()
        names = [node.address.name for node in nodes if node.askable or node.address.name in moved]
        generations = self._ask(names, "partition-generation")
        known = frozenset(node.address.name for node in nodes)
        if self._nodes == known and all(
            health.maps.generations.get(name) == answer for name, answer in generations.items()
        ):
            self._learn_consistency()  # in case that question went unanswered
            return
        answers = self._ask(list(generations), "replicas")
        absent = known.difference(answers)
        try:
            health.adopt(health.maps.newest.merged(answers, *(absent if len(absent) == 1 else ())))
        except ValueError as error:
            self._log.warning("partition map kept as it was: %s", error)
            return
        self._nodes = known
        health.maps.generations = {name: generations[name] for name in answers}
        self._learn_consistency()

    def _learn_consistency(self) -> None:
        """Ask once of every namespace whether it is strongly consistent: once answered, it stays so."""
        health = self._health
        for namespace in health.maps.newest.namespaces:
            names = [node.address.name for node in health.nodes() if node.askable]
            if namespace in self._consistency or not names:
                continue
            answers = self._ask(names[:1], f"namespace/{namespace}")
            for answer in answers.values():
                self._consistency[namespace] = _STRONG in answer.split(";")
        strong = frozenset(name for name, strong in self._consistency.items() if strong)
        if strong != health.maps.strong:  # calls know the set by its identity
            health.maps.strong = strong
        known = self._consistency.keys() >= set(health.maps.newest.namespaces)
        health.eventual = known and not strong

    def _ask(self, names: list[str], command: str) -> dict[str, str]:
        health = self._health
        asked = health.clock()
        answers = health.source.answers(names, command, INFO_TIMEOUT_S)
        for name in names:
            if name not in answers:
                self._log.debug(
                    "node %s did not answer %r", name, command, extra={"aerospike_node": name}
                )
                self._missed(name, asked)
        return {name: answer for name, answer in answers.items() if answer is not None}
