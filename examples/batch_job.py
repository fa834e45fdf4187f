"""A batch job, for cron, Airflow or Kubernetes: it goes on where the last run stopped.

AEROSPIKE_HOSTS=127.0.0.1:3000 python batch_job.py 1000

Exits with 75 (EX_TEMPFAIL) where a later run may succeed, so that the scheduler tries again.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import aerospike

from aerospike_resilience import ConnectError, RefusedError, connect

PROGRESS = ("test", "jobs", "points")
CHUNK = 100
LATER = (
    ConnectError,
    RefusedError,
    aerospike.exception.TimeoutError,
    aerospike.exception.DeviceOverload,
)


def done_so_far(client: Any) -> int:
    """Return how many users the last runs served."""
    try:
        return int(client.get(PROGRESS)[2]["done"])
    except aerospike.exception.RecordNotFound:
        return 0


def run(client: Any, users: int) -> int:
    """Give every user their points, chunk by chunk; return how many this run served."""
    first = done_so_far(client)
    for start in range(first, users, CHUNK):
        chunk = range(start, min(start + CHUNK, users))
        for user in chunk:
            client.put(("test", "points", user), {"points": 10})  # the same again does no harm
        client.put(PROGRESS, {"done": chunk.stop})
    return max(users - first, 0)


def main(users: int) -> None:
    with connect(profile="batch", wait="60s", name="points") as client:
        print(f"{run(client, users)} users")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except LATER as error:
        print(f"later: {error}", file=sys.stderr)
        raise SystemExit(os.EX_TEMPFAIL) from None
