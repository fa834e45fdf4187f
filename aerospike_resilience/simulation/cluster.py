"""A model of a cluster: its nodes, its partition map, and who evicts a silent node when."""

from __future__ import annotations

import random
from typing import Final, Protocol

from ..model.operation import NodeAddress
from ..nodes.partitions import PARTITIONS, Owners, PartitionMap
from .node import REPLICA, ClusterModel, ModelNode
from .world import World

NAMESPACE: Final = "test"

FIRST_PORT: Final = 3000


class ModelCluster:
    """All nodes of a cluster.

    Args:
        world: the clock.
        model: what it assumes.

    Attributes:
        nodes: by name.
        owners: the owners of every partition now, master first.
        map: the same as the library knows it.
        version: grows with every change of the map.
        addresses: the members of the cluster.
    """

    def __init__(self, world: World, model: ClusterModel) -> None:
        self.model = model
        self._world = world
        self.nodes = {
            name: ModelNode(name, world, model)
            for name in (f"A{number + 1}" for number in range(model.nodes))
        }
        chance = random.Random(1)  # the map of a cluster does not depend on the simulation's seed
        self._succession = [
            tuple(chance.sample(list(self.nodes), model.nodes)) for _ in range(PARTITIONS)
        ]
        self._members = list(self.nodes)
        self._silent: dict[str, int] = {}
        self._waiting: dict[str, dict[ReplicaWait, None]] = {name: {} for name in self.nodes}
        self._known = {
            name: NodeAddress(name, "127.0.0.1", FIRST_PORT + number)
            for number, name in enumerate(self.nodes)
        }
        self._silences = 0
        self.version = 0
        self._publish()

    def _publish(self) -> None:
        depth = self.model.replication_factor
        members = frozenset(self._members)
        shared: dict[Owners, Owners] = {}
        table = []
        for names in self._succession:
            owners = tuple([name for name in names if name in members][:depth])
            table.append(shared.setdefault(owners, owners))
        self.owners: tuple[Owners, ...] = tuple(table)
        self.map = PartitionMap({NAMESPACE: self.owners})
        self.version += 1
        self.addresses = tuple(self._known[name] for name in self._members)

    @property
    def silent(self) -> bool:
        """Whether a member keeps its connections and does not answer."""
        return any(not node.running and not node.down for node in self.nodes.values())

    # ----- replication

    def wait_for_replica(self, name: str, write: ReplicaWait) -> None:
        """Note that a write waits for a replica."""
        self._waiting[name][write] = None

    def replicated(self, name: str, write: ReplicaWait) -> None:
        """Note that the replica has it."""
        self._waiting[name].pop(write, None)

    # ----- silence and eviction

    def silence(self, name: str) -> None:
        """Note that a node is silent from now on: the others evict it if it stays so."""
        self._silences += 1
        number = self._silent[name] = self._silences
        self._world.later(
            self.model.evict_ms / 1000, lambda _event: self._evict_if_silent(name, number)
        )

    def _evict_if_silent(self, name: str, number: int) -> None:
        if self._silent.get(name) != number or name not in self._members:
            return
        self._members.remove(name)
        self._publish()
        waiting, self._waiting[name] = self._waiting[name], {}
        for write in waiting:
            write.done()

    def speak(self, name: str) -> None:
        """Note that a node is back: at once if nobody missed it, else when it has joined again."""
        self._silent.pop(name, None)
        node = self.nodes[name]
        if name in self._members:
            node.down = False
            node.go_on()
            return

        def join(_event: object) -> None:
            if name not in self._silent and name not in self._members:
                self._members = [one for one in self.nodes if one in (*self._members, name)]
                node.down = False
                self._publish()
                node.go_on()

        self._world.later(self.model.rejoin_ms / 1000, join)


class Replicated(Protocol):
    """A write that is answered when its replicas have it."""

    def replicated(self, attempt: int) -> None:
        """Every replica has it, or is evicted."""
        ...


class ReplicaWait:
    """A write that its master has applied, and that waits for its replicas.

    Args:
        cluster: the cluster.
        names: the replicas.
        attempt: which attempt of the request it is.
        request: the request that is answered in the end.
    """

    __slots__ = ("_attempt", "_cluster", "_left", "_request", "kind")

    def __init__(
        self, cluster: ModelCluster, names: Owners, request: Replicated, attempt: int
    ) -> None:
        self.kind = REPLICA
        self._cluster = cluster
        self._left = len(names)
        self._request = request
        self._attempt = attempt
        for name in names:
            cluster.wait_for_replica(name, self)

    def served(self, node: ModelNode, attempt: int) -> None:  # noqa: ARG002 - the protocol's
        """A replica has it."""
        self._cluster.replicated(node.name, self)
        self.done()

    def answered(self, attempt: int, outcome: int) -> None:
        """A replica refused it, or is gone: the write goes on waiting until that one is evicted."""

    def done(self) -> None:
        """One replica less to wait for."""
        self._left -= 1
        if self._left == 0:
            self._request.replicated(self._attempt)
