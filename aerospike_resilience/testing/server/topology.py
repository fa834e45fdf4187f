"""What nodes tell clients about the cluster: addresses, peers and racks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .node import Node

Args = dict[str, str]
Command = Callable[["Node", Args], str]

DEFAULT_PORT: Final = 3000
ENTERPRISE: Final = "ERROR:25:enterprise only"
_LOOPBACK: Final = "127.0.0.1"


def _address(given: str | None, port: int) -> str:
    """Return the address of a node as it is shown: with a port of its own, or with the node's."""
    if given is None:
        return f"{_LOOPBACK}:{port}"
    has_port = given.rpartition("]")[2].count(":") == 1
    return given if has_port else f"{given}:{port}"


def _peers(node: Node, access: dict[str, str]) -> str:
    tls = node.settings.tls.name if node.settings.tls else ""
    listing = node.membership.listing
    entries = ",".join(
        f"[{alias},{tls},[{_address(access.get(name), port)}]]"
        for name, (alias, port) in sorted(listing.entries.items())
    )
    return f"{listing.generation},{DEFAULT_PORT},[{entries}]"


def _service(node: Node, access: dict[str, str]) -> str:
    return _address(access.get(node.settings.name), node.settings.port)


def peers(node: Node, _: Args) -> str:
    """Return the other nodes, with the addresses for ordinary clients."""
    return _peers(node, node.settings.access)


def peers_alternate(node: Node, _: Args) -> str:
    """Return the other nodes, with the addresses for clients that use alternate services."""
    return _peers(node, node.settings.alternate_access)


def service(node: Node, _: Args) -> str:
    """Return this node's address for ordinary clients."""
    return _service(node, node.settings.access)


def service_alternate(node: Node, _: Args) -> str:
    """Return this node's address for clients that use alternate services."""
    return _service(node, node.settings.alternate_access)


def services(node: Node, _: Args) -> str:
    """Return the other nodes' addresses only."""
    access = node.settings.access
    return ";".join(
        _address(access.get(name), port)
        for name, (_, port) in sorted(node.membership.listing.entries.items())
    )


def only_with_tls(command: Command) -> Command:
    """Return a command that is refused where clients connect without TLS."""
    return lambda node, args: command(node, args) if node.settings.tls else ENTERPRISE


def rack_ids(node: Node, _: Args) -> str:
    """Return this node's rack in each namespace."""
    placed = node.settings.racks
    if placed is None:
        return ENTERPRISE
    rack = placed[node.settings.name]
    return ";".join(f"{name}:{rack}" for name in node.settings.namespaces)


def racks(node: Node, args: Args) -> str:
    """Return the nodes of each rack."""
    placed = node.settings.racks
    if placed is None:
        return ENTERPRISE
    wanted = args.get("namespace")
    if wanted is not None and wanted not in node.settings.namespaces:
        return "ERROR:20:namespace not found on node"
    view = node.membership.view
    members: dict[int, list[str]] = {}
    for name in view.members if view else ():
        members.setdefault(placed[name], []).append(name)
    shown = ":".join(f"rack_{rack}={','.join(sorted(members[rack]))}" for rack in sorted(members))
    names = node.settings.namespaces if wanted is None else (wanted,)
    return ";".join(f"ns={name}:{shown}" for name in names)
