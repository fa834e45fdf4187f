"""A model of the C client: its tries, its timeouts, its connections and its view of the cluster."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

from simpy import Event

from ..clients.aerospike.adapter import AerospikeAdapter
from ..clients.aerospike.policies import COMMIT_MASTER, NUMBERS
from ..clients.contract import Refusals
from ..clients.shared.result_codes import ServerCode
from ..errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..model.operation import Key, NodeAddress
from ..nodes.partitions import PARTITIONS
from .cluster import FIRST_PORT, NAMESPACE, ModelCluster, ReplicaWait
from .node import OVERLOAD, READ, REFUSED, WRITE, ModelNode
from .world import World

ANY_REPLICA: Final = NUMBERS["replica"]["any"]

_CONNECTION_FAILED: Final = -10
_NO_MORE_CONNECTIONS: Final = -7

TEND_TIMEOUT_S: Final = 1.0
"""For how long the client's own tend waits for a node that does not answer, in seconds."""


class ModelError(Exception):
    """What the C client raises: ``args`` are code, text, file, line and in doubt."""


class NativeCall:
    """One native call: awaited, it returns or raises what the C client would.

    Args:
        client: the client.
        kind: `READ` or `WRITE`.
        partition: the record's partition.
        policy: the native policy.
    """

    __slots__ = (
        *("_attempt", "_client", "_commit_master", "_done", "_ends", "_gives_up", "_node"),
        *("_partition", "_rank", "_socket_s", "_tries", "_tries_left", "kind"),
    )

    def __init__(
        self, client: ModelClient, kind: int, partition: int, policy: Mapping[str, Any] | None
    ) -> None:
        policy = policy or {}
        self.kind = kind
        self._client = client
        self._partition = partition
        total_s = policy.get("total_timeout", 1000) / 1000 or math.inf
        self._ends = client.world.clock() + total_s
        self._socket_s = policy.get("socket_timeout", 0) / 1000 or math.inf
        self._tries_left = policy.get("max_retries", 0) + 1
        self._commit_master = policy.get("commit_level") == COMMIT_MASTER
        self._rank = client.next_rank() if policy.get("replica") == ANY_REPLICA else 0
        self._gives_up = math.inf
        self._tries = self._attempt = 0
        self._node: ModelNode | None = None
        self._done = client.world.event()

    def __await__(self) -> Generator[Event, Any, Any]:
        self._try()
        error = yield self._done
        if error is not None:
            raise error
        return None

    def _try(self) -> None:
        client, world = self._client, self._client.world
        now = world.clock()
        owners = client.owners(self._partition)
        node = owners[self._rank % len(owners)] if self.kind == READ else owners[0]
        self._node = node
        self._attempt = attempt = self._attempt + 1
        if client.connections[node.name] >= client.max_conns_per_node:
            self._end(self._error(_NO_MORE_CONNECTIONS, "Max node connections would be exceeded"))
            return
        client.connections[node.name] += 1
        self._tries += 1
        self._tries_left -= 1
        self._rank += 1
        self._gives_up = min(now + self._socket_s, self._ends)
        if self._gives_up < math.inf:
            world.give_up_at(self._gives_up, self, attempt)
        node.submit(self, attempt)

    def served(self, node: ModelNode, attempt: int) -> None:
        """The node has worked on it: a write goes on to the replicas."""
        if self.kind == WRITE and not self._commit_master:
            cluster = self._client.cluster
            # A client with an old map may ask another node than the master: it hands the write on.
            others = tuple([n for n in cluster.owners[self._partition] if n != node.name])
            if others:
                write = ReplicaWait(cluster, others, self, attempt)
                for name in others:
                    cluster.nodes[name].submit(write, attempt)
                return
        self.replicated(attempt)

    def replicated(self, attempt: int) -> None:
        """The answer is on its way: it arrives, unless the client gives up before."""
        node, client = self._node, self._client
        if attempt != self._attempt or node is None or self._done.triggered:
            return  # a late answer: nobody listens any more
        if client.world.clock() + client.round_trip_s < self._gives_up:
            client.connections[node.name] -= 1
            self._attempt += 1
            client.world.happen_later(self._done, client.round_trip_s)

    def answered(self, attempt: int, outcome: int) -> None:
        """A refusal, or the end of the connection, is on its way."""
        self._client.world.later(
            self._client.round_trip_s, lambda _event: self._refused(attempt, outcome)
        )

    def _refused(self, attempt: int, outcome: int) -> None:
        node = self._node
        if attempt != self._attempt or node is None or self._done.triggered:
            return
        self._client.connections[node.name] -= 1
        if self._goes_on():
            self._try()
        elif outcome == OVERLOAD:
            self._end(
                self._error(ServerCode.DEVICE_OVERLOAD.value, "AEROSPIKE_ERR_DEVICE_OVERLOAD")
            )
        else:
            said = "Connection refused" if outcome == REFUSED else "Connection reset"
            doubt = outcome != REFUSED and self.kind == WRITE
            self._end(self._error(_CONNECTION_FAILED, said, in_doubt=doubt))

    def timed_out(self, attempt: int) -> None:
        """Give up a try that has no answer, and go on with the next if there may be one."""
        node = self._node
        if attempt != self._attempt or node is None or self._done.triggered:
            return
        self._client.connections[node.name] -= 1
        self._attempt += 1  # its answer comes too late
        if self._goes_on():
            self._try()
        else:
            code = ServerCode.TIMEOUT.value
            self._end(self._error(code, "Client timeout", in_doubt=self.kind == WRITE))

    def _goes_on(self) -> bool:
        # A try that would end within the same millisecond is not begun.
        return self._tries_left > 0 and self._ends - self._client.world.clock() > 0.001

    def _end(self, error: ModelError | None) -> None:
        self._attempt += 1
        if not self._done.triggered:
            self._done.succeed(error)

    def _error(self, code: int, said: str, *, in_doubt: bool = False) -> ModelError:
        node = self._node
        port = FIRST_PORT + (self._client.cluster_index(node.name) if node is not None else 0)
        text = f"{said}: iterations={self._tries} lastNode=127.0.0.1:{port}"
        return ModelError(code, text, None, None, in_doubt)


class ModelClient:
    """One process's client.

    Args:
        world: the clock.
        cluster: the cluster.
        max_conns_per_node: connections to one node at most.

    Attributes:
        connections: connections in use, by node.
        round_trip_s: how long a request and its answer are on the network, in seconds. All of it passes
            after the node's work, which saves an event for each request.
    """

    def __init__(self, world: World, cluster: ModelCluster, max_conns_per_node: int) -> None:
        self.world = world
        self.cluster = cluster
        self.max_conns_per_node = max_conns_per_node
        self.connections = dict.fromkeys(cluster.nodes, 0)
        self.round_trip_s = cluster.model.round_trip_ms / 1000
        self._ranks = 0
        self._index = {name: number for number, name in enumerate(cluster.nodes)}
        self._version = -1
        self.learn(cluster.version)

    def learn(self, asked: int) -> None:
        """Learn the map and the members of the cluster, as the client's own tend does.

        It asks all nodes for their partition generation, then fetches the map if one had changed.

        Args:
            asked: the version of the map when the nodes were asked.
        """
        if asked == self._version:
            return
        self._version = self.cluster.version
        self._owners = self.cluster.owners
        self.addresses: Sequence[NodeAddress] = self.cluster.addresses

    def owners(self, partition: int) -> Sequence[ModelNode]:
        """Return the owners of a partition as far as this client knows."""
        nodes = self.cluster.nodes
        return [nodes[name] for name in self._owners[partition]]

    def cluster_index(self, name: str) -> int:
        """Return the number of a node."""
        return self._index[name]

    def next_rank(self) -> int:
        """Return at which replica a read begins that may begin anywhere: at each in turn."""
        self._ranks += 1
        return self._ranks

    def get(self, key: Key, policy: Mapping[str, Any] | None = None) -> NativeCall:
        """Read a record."""
        return NativeCall(self, READ, _partition(key), policy)

    def put(
        self, key: Key, _bins: Any, _meta: Any = None, policy: Mapping[str, Any] | None = None
    ) -> NativeCall:
        """Write a record."""
        return NativeCall(self, WRITE, _partition(key), policy)


class ModelSource:
    """The client's view of its cluster, as the library asks for it. Questions are simulated elsewhere.

    Args:
        client: the client.
    """

    stays_where_refused = False

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now."""
        return self._client.addresses

    def partition(self, key: Key) -> tuple[str, int]:
        """Return the namespace and the partition of a record."""
        return NAMESPACE, _partition(key)

    def stop(self) -> None:
        """Do nothing: nothing is under way."""


class ModelAdapter(AerospikeAdapter):
    """The C client's adapter, for its model: the same policies and the same meaning of errors."""

    @property
    def refusals(self) -> Refusals:
        """This library's errors: no client is needed for them."""
        return Refusals(CircuitOpenError, BackpressureError, DeadlineExceededError)


def _partition(key: Any) -> int:
    number: int = key[2]
    return number % PARTITIONS
