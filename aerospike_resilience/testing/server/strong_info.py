"""Info commands about strongly consistent namespaces: rosters, revival, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .topology import ENTERPRISE

if TYPE_CHECKING:
    from .node import Node

Args = dict[str, str]

_NOT_STRONG = "ERROR:4:namespace is not strong-consistency"


def _names(node: Node, args: Args) -> tuple[str, ...]:
    strong = node.settings.strong
    wanted = args.get("namespace")
    return strong if wanted is None else tuple(name for name in strong if name == wanted)


def roster(node: Node, args: Args) -> str:
    """Return the roster, the pending one and the nodes that are there."""
    if not node.settings.strong:
        return ENTERPRISE
    view = node.membership.view
    observed = ",".join(sorted(view.members, reverse=True)) if view else ""
    shown = [
        f"ns={name}:roster={','.join(node.strong.roster(name)) or 'null'}"
        f":pending_roster={','.join(node.strong.pending_roster(name)) or 'null'}"
        f":observed_nodes={observed or 'null'}"
        for name in _names(node, args)
    ]
    if not shown:
        return _NOT_STRONG
    return shown[0].partition(":")[2] if "namespace" in args else ";".join(shown)


def roster_set(node: Node, args: Args) -> str:
    """Set the roster that the next `recluster` puts in force."""
    if not node.settings.strong:
        return ENTERPRISE
    nodes = [each.partition("@")[0] for each in args.get("nodes", "").split(",") if each]
    if not nodes or not set(nodes) <= node.settings.roster.keys():
        return "ERROR:4:bad nodes list"
    if args.get("namespace") not in node.settings.strong:
        return _NOT_STRONG
    node.strong.set_roster(args["namespace"], sorted(nodes, reverse=True))
    return "ok"


def revive(node: Node, args: Args) -> str:
    """Accept the loss of dead partitions; the next `recluster` opens them."""
    if not node.settings.strong:
        return ENTERPRISE
    if not _names(node, args):
        return _NOT_STRONG
    node.replication.revive()
    return "ok"


def recluster(node: Node, _: Args) -> str:
    """Put pending rosters and revivals in force."""
    if not node.settings.strong:
        return "ok"
    view = node.membership.view
    if view is None or node.settings.name != min(view.members):
        return "ignored-by-non-principal"
    node.strong.use_rosters()
    node.membership.propose_anew()
    return "ok"


def figures(node: Node, namespace: str) -> dict[str, object]:
    """Return a namespace's figures about its consistency."""
    if namespace not in node.settings.strong:
        return {
            "unavailable_partitions": 0,
            "dead_partitions": 0,
            "strong-consistency": "false",
        }
    return {
        "unavailable_partitions": len(node.strong.unavailable(namespace)),
        "dead_partitions": len(node.strong.dead(namespace)),
        "strong-consistency": "true",
        "strong-consistency-allow-expunge": "false",
    }


def edition(node: Node, _: Args) -> str:
    """Return the edition; only one has strongly consistent namespaces."""
    return f"Aerospike {'Enterprise' if node.settings.strong else 'Community'} Edition"
