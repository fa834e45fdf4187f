"""Exiting: a process that used an awaited client ends with its own exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
from time import sleep
from types import SimpleNamespace
from aerospike_resilience import connect
from aerospike_resilience.concurrency import exiting

async def use_awaited():
    async with connect(sys.argv[1], client=sys.argv[2], wait="60s"):
        pass

def use_blocking():
    with connect(sys.argv[1], client=sys.argv[2], wait="60s"):
        pass

if sys.argv[3] == "awaited":
    asyncio.run(use_awaited())
    asyncio.run(use_awaited())
else:
    use_blocking()
exiting.time = SimpleNamespace(sleep=lambda seconds: print("waits", seconds) or sleep(1))
"""


def printed(cluster, client, form):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"aerospike://{cluster.seeds}", client, form],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "client", ["aerospike_py.async", "aerospike_native.async", "aerospike_sdk"]
)
def test_the_end_leaves_an_awaited_clients_threads_the_interpreter(healthy, client):
    assert printed(healthy, client, "awaited") == "waits 0.05\n"


@pytest.mark.parametrize("client", ["aerospike", "aerospike_py"])
def test_the_end_waits_for_no_blocking_client(healthy, client):
    assert printed(healthy, client, "blocking") == ""
