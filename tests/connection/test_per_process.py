"""`connect_per_process()`: forked children connect for themselves, and close at their end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from aerospike_resilience import ConnectError, connect_per_process
from tests.connection.conftest import defined, put_and_get
from tests.patience import NEVER_LATE

ROOT = Path(__file__).parents[2]

FORKED = """
import multiprocessing, os, sys
from datetime import timedelta
from aerospike_resilience import ClusterDefinition, Host, SystemSettings, connect_per_process

kind, seeds, used_before = sys.argv[1], sys.argv[2], sys.argv[3] == "used"
definition = ClusterDefinition(hosts=Host.parse_hosts(seeds, 3000))
definition.with_system_settings(SystemSettings(tend_timeout=timedelta(seconds=20)))
client = connect_per_process(definition, client=kind, overrides=NEVER_LATE)

def key(number):
    if kind == "aerospike_native":
        import aerospike_native
        return aerospike_native.Key("test", "forked", number)
    return "test", "forked", number

def put(number):
    name = "put_blocking" if kind == "aerospike_native" else "put"
    getattr(client, name)(key(number), {"pid": os.getpid()})

def work(number, queue):
    for _ in range(20):
        put(number)
    queue.put((os.getpid(), client.resilience.name, client.is_connected()))
    mine = client.resilience._engine
    from multiprocessing import util
    # In one piece, as both children end at the same time.
    told = lambda: os.write(1, f"closed {mine.closed}{os.linesep}".encode())
    util.Finalize(None, told, exitpriority=1)

if __name__ == "__main__":
    if used_before:
        put(0)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=work, args=(number, queue)) for number in (1, 2)]
    for child in children:
        child.start()
    found = [queue.get(timeout=200) for _ in children]
    for child in children:
        child.join(100)
    put(0)
    pids = {pid for pid, _, _ in found}
    print("children", len(pids), all(up for _, _, up in found), os.getpid() not in pids)
    print("exit codes", [child.exitcode for child in children])
"""


@pytest.mark.parametrize(
    ("kind", "before"),
    [("aerospike", "used"), ("aerospike_py", ""), ("aerospike_native", "")],
)
def test_forked_children_connect_for_themselves_and_close_at_their_end(healthy, kind, before):
    code = textwrap.dedent(FORKED).replace("NEVER_LATE", repr(NEVER_LATE))
    done = subprocess.run(
        [sys.executable, "-c", code, kind, healthy.seeds, before],
        env={**os.environ, "PYTHONPATH": str(ROOT), "AEROSPIKE_NO_UVLOOP": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "children 2 True True" in done.stdout, done.stdout + done.stderr
    assert "exit codes [0, 0]" in done.stdout
    assert done.stdout.count("closed True") == 2, done.stdout + done.stderr
    assert "before the process forked" not in done.stderr


def test_nothing_is_connected_before_the_first_use(spare):
    before = sum(spare.counters(node).connections_opened for node in spare.nodes)
    client = connect_per_process(defined(spare), overrides=NEVER_LATE)
    assert "not used yet" in repr(client)
    assert sum(spare.counters(node).connections_opened for node in spare.nodes) == before
    assert put_and_get("aerospike")(client) == {"n": 1}
    assert "connected" in repr(client)
    assert client.resilience.profile.name == "latency"
    client.close()


def test_a_bad_description_is_refused_at_once():
    with pytest.raises(ValueError, match="max_con"):
        connect_per_process({"hosts": [("db", 3000)], "max_con": 1})
    with pytest.raises(TypeError, match="connect_per_process"):
        connect_per_process("aerospike://db/", nmae="x")


def test_a_first_use_that_fails_is_tried_again_at_the_next(nobody):
    client = connect_per_process(f"aerospike://{nobody[0]}:{nobody[1]}/")
    for _ in range(2):
        with pytest.raises(ConnectError):
            client.get_nodes()


def test_an_awaited_client_is_connected_once_for_all_tasks(healthy):
    clients = connect_per_process(
        defined(healthy), client="aerospike_py.async", overrides=NEVER_LATE
    )

    async def one() -> int:
        client = await clients
        await put_and_get("aerospike_py.async")(client)
        return id(client)

    async def all_of_them():
        found = await asyncio.gather(*(one() for _ in range(5)))
        await clients.close()
        return found

    assert len(set(asyncio.run(all_of_them()))) == 1


def test_a_context_manager_closes_the_processs_client(healthy):
    clients = connect_per_process(defined(healthy))
    with clients as client:
        client.get_nodes()
    assert "not used yet" in repr(clients)
