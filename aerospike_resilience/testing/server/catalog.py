"""Info commands about what is stored: sets, UDF modules, truncation, jobs."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from . import strong_info
from .metadata import module_hash
from .partitions import MASTER, REPLICA
from .records import EPOCH_S, PARTITIONS

if TYPE_CHECKING:
    from .node import Node

Args = dict[str, str]


def truncate(node: Node, args: Args) -> str:
    """Remove the records of a set."""
    if not args.get("namespace"):
        return "ERROR:4:missing 'namespace'"
    if not args.get("set"):
        return "ERROR:4:missing 'set'"
    return _truncate(node, args, args["set"])


def truncate_namespace(node: Node, args: Args) -> str:
    """Remove the records of a namespace."""
    return _truncate(node, args, "")


def _truncate(node: Node, args: Args, set_name: str) -> str:
    now_us = node.clock.now_us()
    at_us = now_us
    if "lut" in args:
        if not args["lut"].isdigit():
            return "ERROR:4:bad 'lut'"
        at_us = int(args["lut"]) // 1000 - EPOCH_S * 1_000_000
        if at_us > now_us:
            return "ERROR:4:would truncate in the future"
    key = f"{args.get('namespace', '')}|{set_name}"
    delay_s = node.settings.truncate_delay_s
    if delay_s:
        node.metadata_store.set_later(delay_s, "truncate", key, at_us)
    else:
        node.metadata_store.set("truncate", key, at_us)
    return "ok"


def udf_put(node: Node, args: Args) -> str:
    """Register a UDF module."""
    name = args.get("filename", "")
    try:
        content = base64.b64decode(args.get("content", ""), validate=True)
    except binascii.Error:
        return "error=invalid_base64_content"
    if not name or not content:
        return "error=invalid_params"
    wrong = node.functions.syntax_error(name, content)
    if wrong:
        return wrong
    node.metadata_store.set("udf", name, content)
    return "ok"


def udf_get(node: Node, args: Args) -> str:
    """Return a UDF module."""
    content = node.metadata_store.get("udf", args.get("filename", ""))
    if content is None:
        return "error=not_found"
    return f"type=LUA;content={base64.b64encode(content).decode()};"


def udf_remove(node: Node, args: Args) -> str:
    """Remove a UDF module."""
    if node.metadata_store.get("udf", args.get("filename", "")) is not None:
        node.metadata_store.set("udf", args["filename"], None)
    return "ok"


def udf_list(node: Node, _: Args) -> str:
    """Return the UDF modules."""
    return "".join(
        f"filename={name},hash={module_hash(content)},type=LUA;"
        for name, content in node.metadata_store.all("udf").items()
    )


def sets(node: Node, args: Args) -> str:
    """Return the sets and their figures."""
    namespace, _, wanted = args.get("path", "").partition("/")
    lines = []
    for name in node.settings.namespaces:
        if namespace and name != namespace:
            continue
        counts: dict[bytes, tuple[int, int]] = {}
        for partition in node.stores[name.encode()].partitions:
            for record in partition.values():
                count, size = counts.get(record.set_name, (0, 0))
                counts[record.set_name] = (count + 1, size + record.size)
        for set_name, (count, size) in sorted(counts.items()):
            shown = set_name.decode("latin-1")
            if set_name and wanted in ("", shown):
                head = "" if wanted else f"ns={name}:set={shown}:"
                lines.append(head + _set_figures(node, name, shown, count, size))
    return "".join(lines)


def _set_figures(node: Node, namespace: str, name: str, count: int, size: int) -> str:
    indexed = sum(
        (index.namespace, index.set_name) == (namespace, name)
        for index in node.metadata_store.indexes()
    )
    return (
        f"objects={count}:tombstones=0:data_used_bytes={size}:truncate_lut=0:sindexes={indexed}:"
        "index_populating=false:truncating=false:default-read-touch-ttl-pct=0:default-ttl=0:"
        "disable-eviction=false:enable-index=false:stop-writes-count=0:stop-writes-size=0;"
    )


def namespace(node: Node, args: Args) -> str:
    """Return the figures of a namespace."""
    name = args.get("path", "")
    if name not in node.settings.namespaces:
        return "type=unknown"
    store = node.stores[name.encode()]
    counts = {0: 0, MASTER: 0, REPLICA: 0}
    for pid in range(PARTITIONS):
        counts[node.roles[pid]] += len(store.partitions[pid])
    view = node.membership.view
    size = len(view.members) if view else 0
    figures = {
        "ns_cluster_size": size,
        "effective_replication_factor": min(node.settings.replication_factor, max(size, 1)),
        "objects": sum(counts.values()),
        "tombstones": 0,
        "master_objects": counts[MASTER],
        "prole_objects": counts[REPLICA],
        "non_replica_objects": counts[0],
        "migrate_tx_partitions_remaining": 0,
        "migrate_rx_partitions_remaining": node.replication.remaining,
        "stop_writes": str(store.stop_writes).lower(),
        "default-ttl": node.settings.default_ttl_s,
        "max-record-size": node.settings.max_record_size,
        "nsup-period": 120 if node.settings.expiry else 0,
        "replication-factor": node.settings.replication_factor,
        "storage-engine": "memory",
        **strong_info.figures(node, name),
    }
    return ";".join(f"{key}={value}" for key, value in figures.items())


def query_show(node: Node, args: Args) -> str:
    """Return the state of a job, or of all."""
    number = _job_number(args)
    return node.jobs.show(number)


def query_abort(node: Node, args: Args) -> str:
    """End a job."""
    number = _job_number(args)
    return node.jobs.abort(-1 if number is None else number)


def query_abort_all(node: Node, _: Args) -> str:
    """End all jobs."""
    return node.jobs.abort_all()


def _job_number(args: Args) -> int | None:
    # Clients of servers before 8.1 call it `trid`.
    given = args.get("id", args.get("trid"))
    if given is None:
        return None
    return int(given) if given.isdigit() else -1
