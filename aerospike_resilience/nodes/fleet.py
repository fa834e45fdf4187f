"""The fleet: orders to all workers of a service about a node, and what each worker sees, kept in Redis.

An order is a register in which the newest version wins, a release included. Workers remember the newest
they saw, hold to it while Redis is gone, and write it again if Redis came back without it: what a human
ordered holds until a human says otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ..model.operation import NodeAddress

if TYPE_CHECKING:
    import redis

ORDERS_KEY: Final = "aerospike-resilience:orders"
"""The hash of all orders, by target."""

WORKER_KEY: Final = "aerospike-resilience:worker:"
"""The beginning of the keys in which workers say what they see."""

_MISSED_ROUNDS: Final = 3
_GRACE_S: Final = 2.0
"""A worker that wrote nothing for so many of its rounds, and these seconds, is gone."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order about a node.

    Attributes:
        target: the node's name, or ``name@host:port`` where several clusters have a node of that name.
        isolated: whether the node is isolated; false for a release.
        reason: why.
        by: who gave it.
        version: milliseconds since 1970, or one more than the order before if that is later.
    """

    target: str
    isolated: bool
    reason: str
    by: str
    version: int

    @property
    def at(self) -> str:
        """When it was given."""
        return datetime.fromtimestamp(self.version / 1000, UTC).isoformat(timespec="seconds")

    def encoded(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Worker:
    """What one worker sees.

    Attributes:
        client: the wrapped client's name.
        host: its machine.
        pid: its process.
        profile: the name of its profile.
        version: the newest version of an order that it knows; 0 for none.
        nodes: by name, each node's ``address``, ``state`` and ``reason``.
    """

    client: str
    host: str
    pid: int
    profile: str
    version: int
    nodes: Mapping[str, Mapping[str, str]]

    @property
    def key(self) -> str:
        """The key in which it says what it sees."""
        return f"{WORKER_KEY}{self.host}:{self.pid}:{self.client}"


class KnownOrders:
    """The orders that one worker knows. Written by its sharing thread alone; read by anybody."""

    def __init__(self) -> None:
        self._by_target: dict[str, Order] = {}

    @property
    def version(self) -> int:
        """The newest version of an order; 0 for none."""
        return max((order.version for order in self._by_target.values()), default=0)

    def in_force(self) -> list[Order]:
        """Return the orders that isolate a node."""
        return [order for order in self._by_target.values() if order.isolated]

    def reason(self, node: NodeAddress) -> str | None:
        """Return why a node is isolated; None if no order isolates it."""
        orders = self._by_target
        for target in (f"{node.name}@{node.host}:{node.port}", node.name):
            order = orders.get(target)
            if order is not None and order.isolated:
                return f"{order.reason} ({order.by})"
        return None

    def exchange(self, client: redis.Redis) -> None:
        """Take over newer orders, and write those that Redis has lost.

        Raises:
            redis.RedisError: Redis cannot be used.
        """
        found = orders(client)
        known = {**self._by_target}
        for target, order in found.items():
            if target not in known or known[target].version < order.version:
                known[target] = order
        self._by_target = known  # swapped, as others read it meanwhile
        for target, order in known.items():
            if target not in found or found[target].version < order.version:
                write(client, order)


def orders(client: redis.Redis) -> dict[str, Order]:
    """Return every order, by target; what is none is left out."""
    found: Mapping[bytes, bytes] = client.hgetall(ORDERS_KEY)  # type: ignore[assignment]  # it is sync
    return {order.target: order for text in found.values() for order in _decoded(Order, text)}


def write(client: redis.Redis, order: Order) -> None:
    """Write an order, unless Redis has a newer one."""

    def newest(pipe: Any) -> None:
        before = [
            one for text in (pipe.hget(ORDERS_KEY, order.target),) for one in _decoded(Order, text)
        ]
        pipe.multi()
        if not before or before[0].version < order.version:
            pipe.hset(ORDERS_KEY, order.target, order.encoded())

    client.transaction(newest, ORDERS_KEY)


def give(client: redis.Redis, target: str, *, isolated: bool, reason: str, by: str) -> Order:
    """Write a new order about a node and return it.

    Raises:
        redis.RedisError: Redis cannot be used.
    """
    before = orders(client).get(target)
    version = max(int(time.time() * 1000), before.version + 1 if before is not None else 0)
    order = Order(target, isolated, reason, by, version)
    write(client, order)
    return order


def tell(client: redis.Redis, worker: Worker, interval_s: float) -> None:
    """Write what a worker sees; it is forgotten if the worker does not write again in time."""
    lasts_ms = int((_MISSED_ROUNDS * interval_s + _GRACE_S) * 1000)
    client.set(worker.key, json.dumps(asdict(worker)), px=lasts_ms)


def workers(client: redis.Redis) -> list[Worker]:
    """Return what every worker sees.

    Raises:
        redis.RedisError: Redis cannot be used.
    """
    keys: Iterable[Any] = client.scan_iter(match=f"{WORKER_KEY}*", count=1000)
    listed = list(keys)
    texts: Iterable[Any] = client.mget(listed) if listed else ()
    found = [worker for text in texts for worker in _decoded(Worker, text)]
    return sorted(found, key=lambda worker: (worker.host, worker.client, worker.pid))


def _decoded(kind: type[Any], text: bytes | None) -> Iterator[Any]:
    """Yield what was written; nothing if there is nothing, or what another version wrote differently."""
    if text is None:
        return
    try:
        yield kind(**json.loads(text))
    except (ValueError, TypeError):
        return
