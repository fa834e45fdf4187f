"""A model of one node: so many requests at once, a queue in front of them, and a refusal beyond it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from .world import World

OK: Final = 0
OVERLOAD: Final = 1
REFUSED: Final = 2
RESET: Final = 3
"""How a request ends: answered, refused for load, no connection, a connection that broke."""


READ: Final = 0
WRITE: Final = 1
REPLICA: Final = 2
PULSE: Final = 3
"""Kinds of request: two of the load, a write that a master hands on, and a question of the library."""


DRAWN: Final = 10_000
"""So many service times are drawn in advance: to draw one costs as much as all else that a node does."""


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """What a model of a cluster assumes.

    Attributes:
        nodes: how many nodes.
        replication_factor: how many of them hold each record.
        service_ms: how long a node works on a request: the median, in ms.
        service_p99_ms: 99 of 100 take at most this long, in ms.
        concurrency: requests that a node works on at once.
        queue_limit: requests that wait at a node at most; beyond, it answers `DEVICE_OVERLOAD`.
        round_trip_ms: how long a request and its answer are on the network together, in ms.
        evict_ms: after how long the others evict a silent node, in ms.
        rejoin_ms: how long a node that comes back takes to join, in ms.
    """

    nodes: int = 3
    replication_factor: int = 2
    service_ms: float = 0.3
    service_p99_ms: float = 1.2
    concurrency: int = 8
    queue_limit: int = 10_000
    round_trip_ms: float = 0.2
    evict_ms: float = 1750.0
    rejoin_ms: float = 300.0

    @property
    def capacity_per_s(self) -> float:
        """Requests a second that a node can answer."""
        sigma = self.sigma
        return 1000 * self.concurrency / (self.service_ms * math.exp(sigma * sigma / 2))

    @property
    def sigma(self) -> float:
        """The spread of the log-normal distribution of the service time."""
        return math.log(max(self.service_p99_ms / self.service_ms, 1.0)) / 2.326


class Request(Protocol):
    """A request as a node sees it.

    Attributes:
        kind: `READ`, `WRITE`, `REPLICA` or `PULSE`.
    """

    kind: int

    def served(self, node: ModelNode, attempt: int) -> None:
        """The node has worked on it."""

    def answered(self, attempt: int, outcome: int) -> None:
        """The node answers without having worked on it, or the connection broke."""


class ModelNode:
    """One node.

    Args:
        name: its name.
        world: the clock.
        model: what it assumes.

    Attributes:
        running: whether it works; a stopped node keeps its connections and does not answer.
        down: whether its process is gone: connections are refused.
        slow_s: how much longer each request takes, without load for the node, in seconds.
        pace: how many times as long as usual it works on a request.
        refuses: the share of requests that it refuses for load.
        handled: requests that it took in hand so far, by kind.
        refused: requests that it refused so far because its queue was full.
        busy_s: how long it worked in all, in seconds.
    """

    def __init__(self, name: str, world: World, model: ClusterModel) -> None:
        self.name = name
        self._world = world
        self._model = model
        self._times_s = [
            world.chance.lognormvariate(math.log(model.service_ms / 1000), model.sigma)
            for _ in range(DRAWN)
        ]
        self._working: dict[tuple[int, int], tuple[Request, int]] = {}
        self._queue: deque[tuple[Request, int]] = deque()
        self._unread: list[tuple[Request, int]] = []
        self._finished: list[tuple[int, int]] = []
        self._number = 0
        self._life = 0
        self.running = True
        self.down = False
        self.slow_s = 0.0
        self.pace = 1.0
        self.refuses = 0.0
        self.handled = [0, 0, 0, 0]
        self.refused = 0
        self.busy_s = 0.0

    @property
    def answers(self) -> bool:
        """Whether it answers questions."""
        return self.running and not self.down

    @property
    def waiting(self) -> int:
        """Requests in its queue."""
        return len(self._queue)

    def submit(self, request: Request, attempt: int) -> None:
        """Take a request from the network."""
        if self.down:
            request.answered(attempt, REFUSED)
        elif not self.running:
            self._unread.append((request, attempt))
        elif self.slow_s and request.kind != REPLICA:
            life = self._life

            def after(_event: object) -> None:
                if life == self._life:
                    self._admit(request, attempt)

            self._world.later(self.slow_s, after)
        else:
            self._admit(request, attempt)

    def _admit(self, request: Request, attempt: int) -> None:
        if not self.running:
            self._unread.append((request, attempt))
            return
        kind = request.kind
        self.handled[kind] += 1
        if self.refuses and kind != REPLICA and self._world.chance.random() < self.refuses:
            request.answered(attempt, OVERLOAD)
        elif len(self._working) < self._model.concurrency:
            self._work(request, attempt)
        elif kind == REPLICA or len(self._queue) < self._model.queue_limit:
            self._queue.append((request, attempt))
        else:
            self.refused += 1
            request.answered(attempt, OVERLOAD)

    def _work(self, request: Request, attempt: int) -> None:
        self._number += 1
        place = (self._life, self._number)
        self._working[place] = (request, attempt)
        takes_s = self._times_s[int(self._world.chance.random() * DRAWN)] * self.pace
        self.busy_s += takes_s
        self._world.later(takes_s, lambda _event: self._finish(place))

    def _finish(self, place: tuple[int, int]) -> None:
        if not self.running:
            self._finished.append(place)
            return
        done = self._working.pop(place, None)
        if done is None:
            return  # of an earlier life
        while self._queue and len(self._working) < self._model.concurrency:
            self._work(*self._queue.popleft())
        done[0].served(self, done[1])

    def stop(self) -> None:
        """Stop: keep connections, answer nothing."""
        self.running = False

    def go_on(self) -> None:
        """Go on with what was begun, and with what arrived meanwhile."""
        self.running = True
        finished, self._finished = self._finished, []
        unread, self._unread = self._unread, []
        for place in finished:
            self._finish(place)
        for request, attempt in unread:
            self.submit(request, attempt)

    def kill(self) -> None:
        """End: every connection breaks, and new ones are refused."""
        self.down = True
        self._life += 1
        lost = [*self._working.values(), *self._queue, *self._unread]
        self._working.clear()
        self._queue.clear()
        self._unread.clear()
        self._finished.clear()
        for request, attempt in lost:
            request.answered(attempt, RESET)

    def restart(self) -> None:
        """Start again, with nothing in hand."""
        self.down = False
        self.running = True
