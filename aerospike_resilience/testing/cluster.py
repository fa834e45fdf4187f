"""`LocalCluster`: an Aerospike cluster for tests, in separate processes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, Self

from .certificates import Certificate
from .controller import ClusterError
from .counters import NodeCounters, operations_named
from .faults import make_rule, seconds
from .fleet import Fleet
from .injected import FaultBoard, InjectedFault
from .lifecycle import Lifecycle
from .local_node import LocalNode, State
from .options import Duration, Users, checked_port, common_settings, placement_of
from .options import node_names as node_names_of
from .ownership import Key, Ownership
from .snapshot import Snapshot, put, take

_POLL_S: Final = 0.01


class LocalCluster(Lifecycle):
    """An Aerospike cluster on this machine, for tests.

    Each node is a process that speaks Aerospike's wire protocol on loopback, so that the
    real clients connect to it. It is no database: it keeps everything in memory.

    Args:
        nodes: How many nodes, 1 to 8.
        replication_factor: How many nodes hold each record.
        namespaces: The namespaces.
        cluster_name: The name that clients may check.
        heartbeat_interval: How often the nodes send heartbeats to each other.
        heartbeat_timeout: After how many missed heartbeats a node is gone.
        default_ttl: How long a record lives if the client does not say; 0 is forever.
        max_record_size: Bytes a record may take.
        expiry: Whether records may expire; if not, a TTL is refused (22).
        node_names: Names for the nodes instead of `A1`, `A2`...
        users: User to password, or to password and roles; clients must then log in. The
            default roles allow everything. A user without a password (None) logs in by
            certificate.
        external_users: The same for users that an external directory (LDAP) knows, who log in
            with external authentication. Needs `users`, which may be empty.
        session_ttl: How long a login lasts.
        tls: A certificate for the nodes (see `TestAuthority`); clients must then use TLS.
        client_ca_file: With `tls`, the authority that must have signed clients' certificates.
        strong: Which of the namespaces are strongly consistent; the nodes are their roster.
        index_build: How long a new index is being built; queries that need it are refused (203).
        truncate_delay: How long after its answer a truncation takes effect.
        racks: The rack of each node, `[1, 1, 2]`. The owners of a partition are then in as many
            racks as there are.
        access_addresses: What each node tells clients as its address, `"10.9.0.1"` or
            `"db1:4000"`; None is its own. So peers can be unreachable, or need an ip map.
        alternate_access_addresses: The same for clients that use alternate services.
        port: The first node's port, the second's is one higher, and so on. By default the system
            chooses the ports.

    Raises:
        ValueError: An argument is invalid.
    """

    def __init__(
        self,
        nodes: int = 3,
        replication_factor: int = 2,
        namespaces: Sequence[str] = ("test",),
        *,
        cluster_name: str = "local",
        heartbeat_interval: Duration = "150ms",
        heartbeat_timeout: int = 10,
        default_ttl: Duration = 0,
        max_record_size: int = 1024 * 1024,
        expiry: bool = True,
        node_names: Sequence[str] | None = None,
        users: Users | None = None,
        session_ttl: Duration = "1h",
        tls: Certificate | None = None,
        client_ca_file: str | None = None,
        external_users: Users | None = None,
        strong: Sequence[str] = (),
        index_build: Duration = 0,
        truncate_delay: Duration = 0,
        racks: Sequence[int] | None = None,
        access_addresses: Sequence[str | None] | None = None,
        alternate_access_addresses: Sequence[str | None] | None = None,
        port: int | None = None,
    ) -> None:
        names = node_names_of(nodes, node_names)
        placement = placement_of(names, racks, access_addresses, alternate_access_addresses)
        common = common_settings(
            replication_factor=replication_factor,
            namespaces=namespaces,
            cluster_name=cluster_name,
            heartbeat_interval=heartbeat_interval,
            heartbeat_timeout=heartbeat_timeout,
            default_ttl=default_ttl,
            max_record_size=max_record_size,
            expiry=expiry,
            users=users,
            session_ttl=session_ttl,
            tls=tls,
            client_ca_file=client_ca_file,
            external_users=external_users,
            strong=strong,
            index_build=index_build,
            truncate_delay=truncate_delay,
            placement=placement,
        )
        self._fleet = Fleet(names, common, checked_port(port, nodes))
        self._nodes = {
            name: LocalNode(name, handle) for name, handle in self._fleet.handles.items()
        }
        self._namespaces = tuple(namespaces)
        self._lock = threading.RLock()
        self._ownership = Ownership(
            self._fleet.ask_all,
            tuple(namespaces),
            replication_factor,
            tuple(sorted((placement["racks"] or {}).items())),
        )
        self._faults = FaultBoard(lambda: self._fleet.counters, self._send_faults)
        self._clock_offset_ms = 0

    # Start and stop

    def start(self) -> Self:
        """Start the nodes; returns once all accept connections.

        Raises:
            ClusterError: It runs already, or a node did not start.
        """
        with self._lock:
            self._fleet.start()
        return self

    def stop(self) -> None:
        """End all nodes; the second time does nothing."""
        with self._lock:
            self._faults.forget()
            self._fleet.stop()

    # Addresses

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """Addresses for `aerospike.client({"hosts": ...})`."""
        _ = self._fleet.supervisor
        return [(node.host, node.port) for node in self._nodes.values()]

    @property
    def seeds(self) -> str:
        """The addresses as text, for clients that need text."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)

    @property
    def nodes(self) -> tuple[LocalNode, ...]:
        """The nodes, in order."""
        return tuple(self._nodes.values())

    def node(self, name: str | LocalNode) -> LocalNode:
        """Return a node by name.

        Raises:
            KeyError: There is no such node; the message lists the nodes.
        """
        if isinstance(name, LocalNode):
            name = name.name
        if name not in self._nodes:
            raise KeyError(f"no node is called {name!r}; there are {', '.join(self._nodes)}")
        return self._nodes[name]

    # Signals to nodes

    def stall(self, node: LocalNode | str) -> None:
        """Stop a node's process (SIGSTOP): it keeps its connections and does not answer."""
        self._signal(node, signal.SIGSTOP, expected="running", becomes="stalled")

    def resume(self, node: LocalNode | str) -> None:
        """Let a stalled node go on (SIGCONT)."""
        node = self._signal(node, signal.SIGCONT, expected="stalled", becomes="running")
        self._send_faults((node.name,))

    def kill(self, node: LocalNode | str) -> None:
        """End a node's process at once (SIGKILL); its records are gone."""
        node = self.node(node)
        with self._lock:
            if node.state == "killed":
                raise ClusterError(f"node {node.name} is killed already; restart() it first")
            self._fleet.signal(node.name, signal.SIGKILL)

    def restart(
        self, node: LocalNode | str, *, new_port: bool = False, alias: str | None = None
    ) -> None:
        """Start a killed node again: same name, same port, no records; it catches up.

        A node that still runs is killed first.

        Args:
            node: The node.
            new_port: Let clients connect to another port from now on.
            alias: Another node name to show to clients; here it keeps its own.
        """
        node = self.node(node)
        with self._lock:
            if node.state != "killed":
                self.kill(node)
            changes: dict[str, Any] = {
                "faults": self._faults.packed_for(node.name),
                "clock_offset_ms": self._clock_offset_ms,
            }
            if new_port:
                changes["port"] = self._fleet.reserve_port()
            if alias is not None:
                changes["alias"] = alias
            self._fleet.relaunch(node.name, **changes)

    def _signal(
        self, node: LocalNode | str, number: signal.Signals, *, expected: State, becomes: State
    ) -> LocalNode:
        node = self.node(node)
        with self._lock:
            if node.state != expected:
                verb = "stall" if becomes == "stalled" else "resume"
                raise ClusterError(
                    f"cannot {verb} node {node.name}: it is {node.state}, not {expected}"
                )
            self._fleet.signal(node.name, number)
            self._fleet.handles[node.name].state = becomes
        return node

    # Faults

    def inject(
        self,
        *,
        node: LocalNode | str | None = None,
        op: str | tuple[str, ...] | None = None,
        latency: Duration | tuple[Duration, Duration] | None = None,
        code: int | str | None = None,
        answer: str | None = None,
        applied: bool = True,
        namespace: str | None = None,
        set: str | None = None,  # noqa: A002
        share: float = 1.0,
        count: int | None = None,
        refuse: bool = False,
        max_connections: int | None = None,
        leave: bool = False,
        migrate_slowly: Duration = 0,
    ) -> InjectedFault:
        """Inject a fault until it is cleared.

        Args:
            node: At this node; by default at all.
            op: For these operations or groups (`read`, `write`, `batch`, `tend`...); by
                default for all but `tend` and logins.
            latency: How long a request waits before it is handled; a pair is median and p99
                of a log-normal distribution.
            code: Answer with this result code (number or name), without carrying out anything.
            answer: How the answer is damaged: `drop`, `half`, `garbage`, `reset` or `close`.
            applied: With `answer`, whether the request is carried out.
            namespace: Only for requests to this namespace.
            set: Only for requests to this set.
            share: Only for this share of the requests, at random.
            count: Only this often, over all nodes together.
            refuse: Refuse new connections and reset those there are.
            max_connections: Close connections beyond this number, like `proto-fd-max`.
            leave: The node stops talking to the others, which go on without it; it joins again
                when the fault is cleared.
            migrate_slowly: How long to wait after each partition that is sent to a node which
                catches up, so that a migration stays in progress.

        Returns:
            The fault, to clear it or to use it as a context manager.

        Raises:
            ValueError: The combination of arguments is invalid.
        """
        make = partial(
            make_rule,
            latency=latency,
            op=op,
            namespace=namespace,
            set=set,
            share=share,
            count=count,
            code=code,
            answer=answer,
            applied=applied,
            refuse=refuse,
            max_connections=max_connections,
            leave=leave,
            migrate_slowly=migrate_slowly,
        )
        return self._faults.put(
            make, tuple(self._nodes) if node is None else (self.node(node).name,)
        )

    def clear_faults(self) -> None:
        """End all faults. Stalled and killed nodes stay so."""
        self._faults.clear_all()

    def _send_faults(self, names: tuple[str, ...]) -> None:
        # A stalled node gets the change when it resumes, a killed one when it starts.
        if self._fleet.runs:
            for name in names:
                self._fleet.handles[name].ask("faults", self._faults.packed_for(name))

    # Time

    def advance_clock(self, by: Duration) -> None:
        """Move all nodes' clocks on, so that records expire without waiting."""
        with self._lock:
            self._clock_offset_ms += int(seconds(by) * 1000)
            self._fleet.ask_all("clock", self._clock_offset_ms)

    def expire_sessions(self) -> None:
        """End all logins: authentication with an old session fails (66)."""
        self._fleet.ask_all("expire_sessions")

    def stop_writes(self, namespace: str, *, on: bool = True) -> None:
        """Make a namespace refuse writes as if its memory were full (8)."""
        self._fleet.ask_all("stop_writes", namespace, on)

    # Data

    def snapshot(self) -> Snapshot:
        """Return all records, indexes and UDF modules, for `restore()`.

        Raises:
            TimeoutError: The running nodes do not agree.
        """
        self.wait_until_stable()
        return take(self._fleet.ask_all)

    def restore(self, snapshot: Snapshot) -> None:
        """Put back what a snapshot has; everything else is gone. Generations and times are as they were.

        Raises:
            ValueError: It has records of a namespace that this cluster has not.
            TimeoutError: The running nodes do not agree.
        """
        missing = set(snapshot.namespaces) - set(self._namespaces)
        if missing:
            raise ValueError(
                f"the snapshot has records of {', '.join(sorted(missing))}, this cluster has "
                f"{', '.join(self._namespaces)}"
            )
        self.wait_until_stable()
        put(self._fleet.ask_all, snapshot)

    # Counters

    def requests(self, op: str | None = None, node: LocalNode | str | None = None) -> int:
        """Return how many requests arrived.

        Args:
            op: An operation or group of them; by default all that concern data.
            node: At this node; by default at all.
        """
        operations = operations_named(op or "data")
        names = list(self._nodes)
        places = range(len(names)) if node is None else [names.index(self.node(node).name)]
        return sum(self._fleet.counters.seen(place, operations) for place in places)

    def counters(self, node: LocalNode | str) -> NodeCounters:
        """Return a node's counters, also if it is stalled or killed."""
        node = self.node(node)
        counted = self._fleet.counters.read(list(self._nodes).index(node.name))
        if node.state == "killed":
            return NodeCounters(counted.operations, counted.connections_opened, 0)
        return counted

    # The map

    def owners(self, namespace: str, set: str | None, key: Key) -> tuple[LocalNode, ...]:  # noqa: A002
        """Return the nodes that hold a record by the current map, master first."""
        return tuple(self._nodes[name] for name in self._ownership.owners(namespace, set, key))

    def master(self, namespace: str, set: str | None, key: Key) -> LocalNode:  # noqa: A002
        """Return the node that is master of a record."""
        return self.owners(namespace, set, key)[0]

    def replica(self, namespace: str, set: str | None, key: Key) -> LocalNode:  # noqa: A002
        """Return the node that holds the first copy of a record.

        Raises:
            LookupError: With one node or replication factor 1 there is none.
        """
        owners = self.owners(namespace, set, key)
        if len(owners) < 2:
            raise LookupError("there is no replica: one node, or replication_factor=1")
        return owners[1]

    def wait_until_stable(self, timeout: Duration = 60.0) -> None:
        """Wait until the running nodes agree on the cluster's members and hold all their records.

        Args:
            timeout: How long at most.

        Raises:
            TimeoutError: They did not in time; the message has each node's state.
        """
        until = time.monotonic() + seconds(timeout)
        while not self._ownership.agreed(
            {node.name for node in self.nodes if node.state == "running"}
        ):
            if time.monotonic() > until:
                thoughts = self._ownership.states()
                raise TimeoutError(
                    f"the nodes did not agree within {timeout}; they think: {thoughts}"
                )
            time.sleep(_POLL_S)

    def __repr__(self) -> str:
        return f"LocalCluster({', '.join(map(repr, self._nodes.values()))})"

    def __iter__(self) -> Iterator[LocalNode]:
        return iter(self.nodes)
