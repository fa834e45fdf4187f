"""What a node is started with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a node's certificate.

    Attributes:
        certificate: The node's certificate, PEM.
        key: Its private key, PEM.
        authority: The authority that must sign client certificates; empty if none are required.
        name: The name in the certificate, which clients give as `tls_name`.
    """

    certificate: str
    key: str
    authority: str
    name: str


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is started with.

    Attributes:
        name: Which node of the cluster it is.
        index: Its number, from 0.
        incarnation: Which process of that name this is; a later one has a higher number.
        alias: The node name it shows to clients.
        port: Where clients connect.
        fabric_port: Where the other nodes and the controller connect.
        roster: All nodes: name to fabric port, client port and alias.
        token: The secret that all processes of this cluster share.
        lock_path: A file to lock when processes take turns.
        namespaces: The namespaces.
        replication_factor: How many nodes hold a record.
        heartbeat_s: Seconds between heartbeats.
        heartbeat_timeout: After how many missed heartbeats a silent node is gone.
        cluster_name: The name of the cluster.
        bootstrap: Incarnations of the members, if the cluster starts as a whole.
        faults: The faults in force, packed.
        clock_offset_ms: How far the clock is ahead.
        default_ttl_s: Seconds a record lives by default; 0 is forever.
        max_record_size: Bytes a record may take.
        expiry: Whether records may expire.
        users: User to password and roles; None leaves security off.
        session_ttl_s: How long a login lasts.
        tls: The node's certificate, if clients connect with TLS.
        racks: Node to rack; None if there are no racks.
        access: Node to the address that clients get, where it is not the node's own.
        alternate_access: The same for clients that ask for alternate services.
        lua_path: The directory that has the package lupa; empty if there is no Lua.
        strong: The namespaces that are strongly consistent.
        index_build_s: How long an index cannot be queried after it was made.
        truncate_delay_s: How long after the answer a truncation takes effect.
        external_users: User of an external directory to password (SHA-256, hex) and roles.
    """

    name: str
    index: int
    incarnation: int
    alias: str
    port: int
    fabric_port: int
    roster: dict[str, tuple[int, int, str]]
    token: bytes
    lock_path: str
    namespaces: tuple[str, ...] = ("test",)
    replication_factor: int = 2
    heartbeat_s: float = 0.15
    heartbeat_timeout: int = 10
    cluster_name: str = "local"
    bootstrap: dict[str, int] | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    clock_offset_ms: int = 0
    default_ttl_s: int = 0
    max_record_size: int = 1024 * 1024
    expiry: bool = True
    users: dict[str, tuple[str, tuple[str, ...]]] | None = None
    session_ttl_s: int = 3600
    tls: TlsFiles | None = None
    racks: dict[str, int] | None = None
    access: dict[str, str] = field(default_factory=dict)
    alternate_access: dict[str, str] = field(default_factory=dict)
    lua_path: str = ""
    external_users: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    strong: tuple[str, ...] = ()
    index_build_s: float = 0.0
    truncate_delay_s: float = 0.0

    @property
    def racks_of(self) -> tuple[tuple[str, int], ...]:
        """The rack of each node, as sorted pairs."""
        return tuple(sorted((self.racks or {}).items()))

    def lock_file(self) -> IO[bytes]:
        """Open the file that processes lock when they take turns."""
        return Path(self.lock_path).open("ab")

    def pack(self) -> dict[str, Any]:
        """Return the settings as values that JSON can carry."""
        return {**asdict(self), "token": self.token.hex()}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> NodeSettings:
        """Return the settings that `pack` made."""
        values = dict(packed)
        values["token"] = bytes.fromhex(values["token"])
        values["namespaces"] = tuple(values["namespaces"])
        values["strong"] = tuple(values["strong"])
        values["roster"] = {name: tuple(entry) for name, entry in values["roster"].items()}
        for name in ("users", "external_users"):
            if values[name] is not None:
                values[name] = {
                    user: (secret, tuple(roles)) for user, (secret, roles) in values[name].items()
                }
        if values["tls"] is not None:
            values["tls"] = TlsFiles(**values["tls"])
        return cls(**values)
