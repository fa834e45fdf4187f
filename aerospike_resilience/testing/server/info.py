"""Info requests: names in, values out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from . import catalog, index_commands, strong_info, topology
from .partitions import bitmap
from .records import PARTITIONS
from .topology import ENTERPRISE

if TYPE_CHECKING:
    from .node import Node
    from .records import Store

BUILD: Final = "8.1.2.0"
FEATURES: Final = (
    "batch-any;batch-index;blob-bits;cdt-index;cdt-list;cdt-map;cluster-stable;float;geo;"
    "sindex-exists;peers;pipelining;pquery;pscans;query-show;relaxed-sc;replicas;replicas-all;"
    "replicas-master;replicas-max;truncate-namespace;udf"
)
UNKNOWN: Final = "ERROR:4:unrecognized command"

Args = dict[str, str]


def respond(node: Node, body: bytes) -> bytes:
    """Answer the lines of an info request, in order.

    Args:
        node: The node asked.
        body: The request: commands, each ended by a newline.

    Returns:
        The answer's body.
    """
    text = body.decode("latin-1")
    if not text:
        return "".join(f"{name}\t{_PLAIN[name](node, {})}\n" for name in _STANDARD).encode(
            "latin-1"
        )
    lines = text.split("\n")[:-1]
    return "".join(f"{line}\t{_value(node, line)}\n" for line in lines).encode("latin-1")


def _value(node: Node, line: str) -> str:
    name, colon, rest = line.partition(":")
    args: Args = {}
    if colon:
        for part in rest.split(";"):
            key, _, value = part.partition("=")
            if key:
                args[key] = value
    elif "/" in name:
        name, _, path = name.partition("/")
        args = {"path": path}
    else:
        name = name.partition(";")[0]
    command = _PLAIN.get(name)
    return UNKNOWN if command is None else command(node, args)


def cluster_key(node: Node) -> str:
    """Return the hex value that changes with every membership."""
    view = node.membership.view
    if view is None:
        return "0"
    return f"{random.Random(repr(sorted(view.members.items()))).getrandbits(48):012X}"


def _replicas(node: Node, _: Args) -> str:
    view = node.membership.view
    factor = min(node.settings.replication_factor, len(view.members)) if view else 1
    if node.bitmaps is None or node.bitmaps[0] is not view:
        node.bitmaps = (view, {})
    drawn = node.bitmaps[1]
    shown = []
    for name in node.settings.namespaces:
        strong = name in node.settings.strong
        closed = node.strong.closed(name) if strong else frozenset()
        if closed not in drawn:
            ranks = (bitmap(view, node.settings.name, rank, closed) for rank in range(factor))
            drawn[closed] = ",".join(ranks)
        # Without a regime, which is 0, clients take a namespace for an available one.
        regime = view.epoch if view and strong else 0
        shown.append(f"{name}:{regime},{factor},{drawn[closed]}")
    return ";".join(shown)


def _replicas_master(node: Node, _: Args) -> str:
    maps = bitmap(node.membership.view, node.settings.name, 0)
    return ";".join(f"{name}:{maps}" for name in node.settings.namespaces)


def _replicas_all(node: Node, args: Args) -> str:
    return ";".join(
        re.sub(r":\d+,", ":", part, count=1) for part in _replicas(node, args).split(";")
    )


def _cluster_stable(node: Node, args: Args) -> str:
    membership = node.membership
    if membership.view is None or not membership.stable:
        return "ERROR:7:unstable cluster"
    size = args.get("size")
    if size is not None and size != str(len(membership.view.members)):
        return "ERROR:7:unstable cluster"
    if not membership.view.settled and args.get("ignore-migrations") != "true":
        return "ERROR:7:unstable cluster"
    return cluster_key(node)


def _statistics(node: Node, _: Args) -> str:
    membership = node.membership
    size = len(membership.view.members) if membership.view else 0
    values = {
        "failed_best_practices": "false",
        "cluster_size": size,
        "cluster_key": cluster_key(node),
        "cluster_generation": membership.rebalance_generation,
        "cluster_integrity": str(membership.stable).lower(),
        "cluster_is_member": str(membership.view is not None).lower(),
        "uptime": int(node.loop.time() - node.started_s),
        "client_connections": len(node.connections),
        "client_connections_opened": node.words_opened,
        "objects": sum(map(_objects, node.stores.values())),
        "migrate_allowed": "true",
        "migrate_partitions_remaining": node.replication.remaining,
    }
    return ";".join(f"{name}={value}" for name, value in values.items())


def _objects(store: Store) -> int:
    return sum(len(partition) for partition in store.partitions)


def _latencies(node: Node, args: Args) -> str:
    if "hist" in args:
        return f"{args['hist']}:"
    kinds = ("read", "write", "udf", "batch-sub-read", "batch-sub-write", "batch-sub-udf")
    names = [f"{{{ns}}}-{kind}:" for ns in node.settings.namespaces for kind in kinds]
    return ";".join(["batch-index:", *names])


def _namespaces(node: Node, _: Args) -> str:
    return ";".join(node.settings.namespaces)


_PLAIN: Final[dict[str, Callable[[Node, Args], str]]] = {
    "node": lambda node, _: node.settings.alias,
    "build": lambda *_: BUILD,
    "version": lambda node, _: f"{strong_info.edition(node, {})} build {BUILD}",
    "edition": strong_info.edition,
    "cluster-name": lambda node, _: node.settings.cluster_name,
    "features": lambda *_: FEATURES,
    "partition-generation": lambda node, _: str(node.membership.partition_generation),
    "rebalance-generation": lambda node, _: str(node.membership.rebalance_generation),
    "peers-generation": lambda node, _: str(node.membership.listing.generation),
    "peers-clear-std": topology.peers,
    "peers-clear-alt": topology.peers_alternate,
    "peers-tls-std": topology.only_with_tls(topology.peers),
    "peers-tls-alt": topology.only_with_tls(topology.peers_alternate),
    "service": topology.service,
    "service-clear-std": topology.service,
    "service-clear-alt": topology.service_alternate,
    "service-tls-std": topology.only_with_tls(topology.service),
    "service-tls-alt": topology.only_with_tls(topology.service_alternate),
    "replicas": _replicas,
    "replicas-master": _replicas_master,
    "replicas-all": _replicas_all,
    "user-agent-set": lambda *_: "ok",
    "rack-ids": topology.rack_ids,
    "racks": topology.racks,
    "cluster-stable": _cluster_stable,
    "status": lambda *_: "ok",
    "namespaces": _namespaces,
    "statistics": _statistics,
    "name": lambda node, _: node.settings.alias,
    "alumni-clear-std": topology.peers,
    "build_ee_sha": lambda *_: "",
    "build_sha": lambda *_: "0" * 40,
    "build_time": lambda *_: "Thu Jan  1 00:00:00 UTC 1970",
    "build_os": lambda *_: "any",
    "build_arch": lambda *_: "any",
    "compatibility-id": lambda *_: "15",
    "partitions": lambda *_: str(PARTITIONS),
    "objects": lambda node, _: str(sum(map(_objects, node.stores.values()))),
    "services": topology.services,
    "services-alumni": lambda *_: "",
    "health-outliers": lambda *_: "",
    "health-stats": lambda *_: "",
    "logs": lambda *_: "0:stderr",
    "get-sl": lambda node, _: node.settings.alias,
    "recluster": strong_info.recluster,
    "roster": strong_info.roster,
    "roster-set": strong_info.roster_set,
    "revive": strong_info.revive,
    "eviction-reset": lambda *_: "ok",
    "latencies": _latencies,
    "namespace": catalog.namespace,
    "sets": catalog.sets,
    "truncate": catalog.truncate,
    "truncate-namespace": catalog.truncate_namespace,
    "sindex-create": index_commands.create,
    "sindex-delete": index_commands.delete,
    "sindex-exists": index_commands.exists,
    "sindex-list": index_commands.listing,
    "sindex-stat": index_commands.stat,
    "sindex": index_commands.listing,
    "udf-put": catalog.udf_put,
    "udf-get": catalog.udf_get,
    "udf-remove": catalog.udf_remove,
    "udf-list": catalog.udf_list,
    "set-config": lambda node, args: node.config.set(args),
    "tip-clear": lambda *_: "ERROR::0 cleared, 0 not found",
    "query-show": catalog.query_show,
    "query-abort": catalog.query_abort,
    "query-abort-all": catalog.query_abort_all,
    **{
        name: lambda *_: ENTERPRISE
        for name in (
            *("feature-key", "masking-show", "quiesce", "quiesce-undo"),
            *("xdr-dc-state", "xdr-get-filter", "xdr-set-filter"),
        )
    },
}
_STANDARD: Final = (
    *("features", "node", "compatibility-id", "edition", "build_ee_sha", "build_sha"),
    *("build_arch", "build_time", "build_os", "build", "version", "statistics"),
    *("services-alumni", "services", "partition-generation"),
)
