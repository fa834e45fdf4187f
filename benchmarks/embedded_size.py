"""How much memory the embedded cluster takes: `python -m benchmarks.embedded_size 1000000`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import aerospike
from aerospike_helpers.batch import records as batches
from aerospike_helpers.operations import operations

from aerospike_resilience.testing import LocalCluster

RECORDS = 1_000_000
BUDGET_MB = 1500
_ROWS = 1000
_VALUE = "x" * 100


def memory_mb(cluster: LocalCluster) -> float:
    """Return the memory of all nodes, each page that they share counted once (Linux)."""
    return sum(
        int(line.split()[1]) / 1000
        for node in cluster.nodes
        for line in Path(f"/proc/{node.pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )


def fill(client: aerospike.Client, records: int) -> None:
    """Write records with one bin of 100 bytes."""
    for first in range(0, records, _ROWS):
        rows = [
            batches.Write(("test", "size", number), [operations.write("value", _VALUE)])
            for number in range(first, min(first + _ROWS, records))
        ]
        written = client.batch_write(batches.BatchRecords(rows), {"total_timeout": 60_000})
        assert written.result == 0


def measure(records: int) -> str:
    """Fill three nodes, two copies of each record, and return what that took."""
    with LocalCluster(nodes=3) as cluster:
        client = aerospike.client({"hosts": cluster.hosts})
        empty_mb = memory_mb(cluster)
        began = time.perf_counter()
        fill(client, records)
        took_s = time.perf_counter() - began
        full_mb = memory_mb(cluster)
        client.close()
    copy = (full_mb - empty_mb) * 1e6 / records / 2
    million_mb = empty_mb + 2 * copy
    return (
        f"{records:,} records of 100 bytes on three nodes: {full_mb:,.0f} MB, {copy:,.0f} bytes a copy, "
        f"written in {took_s:.1f} s; a million take {million_mb:,.0f} MB, budget {BUDGET_MB:,}: "
        f"{'holds' if million_mb <= BUDGET_MB else 'EXCEEDED'}"
    )


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
