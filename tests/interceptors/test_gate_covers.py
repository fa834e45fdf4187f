"""Every operation that holds a connection holds a permit: not only those of single records."""

from __future__ import annotations

import asyncio
import threading

import aerospike_py
import pytest

from aerospike_resilience import BackpressureError, resilient
from tests.conformance.surfaces import Loop
from tests.interceptors.gating import hold, lay_down
from tests.patience import NEVER_LATE
from tests.waiting import PATIENCE_S, until

KEY = ("test", "covers", 1)

OPERATIONS = {
    "get": lambda client: client.get(KEY),
    "batch_read": lambda client: client.batch_read([KEY]),
    "query.results": lambda client: client.query("test", "covers").results(),
    "query.foreach": lambda client: client.query("test", "covers").foreach(lambda _record: None),
    "scan.results": lambda client: client.scan("test", "covers").results(),
    "udf_list": lambda client: client.udf_list(),
    "info_all": lambda client: client.info_all("build"),
    "info_single_node": lambda client: client.info_single_node("build", client.first_host),
    "truncate": lambda client: client.truncate("test", "covers-nothing", 0),
}


@pytest.fixture
def narrow(healthy, connect):
    """A client with one permit, and its gate."""
    client = resilient(
        connect(healthy),
        overrides={
            **NEVER_LATE,
            "backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "5ms"},
        },
    )
    client.put(KEY, {"n": 1})
    yield client, client.resilience._engine.shared.gates.main
    client.resilience.close()


class Addressed:
    """A client together with the name of one of its nodes, for operations that take one."""

    def __init__(self, client, host) -> None:
        self._client = client
        self.first_host = host

    def __getattr__(self, name: str):
        return getattr(self._client, name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_of_any_kind_waits_for_a_permit(healthy, narrow, name):
    client, gate = narrow
    node = next(iter(client.resilience.nodes))
    operation = OPERATIONS[name]
    addressed = Addressed(client, node)

    hold(gate)
    with pytest.raises(BackpressureError):
        operation(addressed)
    lay_down(gate)
    operation(addressed)

    assert (gate.in_flight, gate.waiting) == (0, 0)


def test_closing_a_client_turns_its_waiting_threads_away(healthy, connect):
    client = resilient(connect(healthy), overrides={**NEVER_LATE, "backpressure": ENDLESS})
    client.put(KEY, {"n": 1})
    gate = client.resilience._engine.shared.gates.main
    hold(gate)
    outcomes = []

    def call() -> None:
        try:
            client.get(KEY)
        except BackpressureError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: gate.waiting == 5)
    client.close()
    for thread in threads:
        thread.join(60)

    assert outcomes == ["closed"] * 5
    assert client.resilience.snapshot()["gate"]["rejected"]["closed"] == 5


ENDLESS = {"max_concurrent_operations": 1, "operation_queue_timeout": 0}


def test_closing_a_client_turns_its_waiting_tasks_away(healthy):
    async def closed_with_tasks_in_line() -> list[str]:
        bare = await aerospike_py.AsyncClient({"hosts": healthy.hosts}).connect()
        client = resilient(bare, overrides={**NEVER_LATE, "backpressure": ENDLESS})
        await client.put(KEY, {"n": 1})
        gate = client.resilience._engine.shared.gates.main
        hold(gate)
        tasks = [asyncio.ensure_future(client.get(KEY)) for _ in range(5)]
        while gate.waiting < 5:
            await asyncio.sleep(0.005)
        await client.close()
        outcomes = await asyncio.wait_for(
            asyncio.gather(*tasks, return_exceptions=True), PATIENCE_S
        )
        return [outcome.reason for outcome in outcomes]

    loop = Loop()
    try:
        assert loop.run(closed_with_tasks_in_line()) == ["closed"] * 5
    finally:
        loop.stop()


def test_a_reload_that_shrinks_a_full_gate_blocks_nobody_and_drains(healthy, connect, tmp_path):
    file = tmp_path / "mine.yaml"
    text = (
        "version: 1\nbreaker: {{mode: shadow}}\n"
        "policy: {{reads: {{total_timeout: 60s, socket_timeout: 60s}}}}\n"
        "backpressure: {{max_concurrent_operations: {}, operation_queue_timeout: 5ms}}\n"
    )
    file.write_text(text.format(4))
    client = resilient(connect(healthy), "mine", policies=tmp_path)
    client.put(KEY, {"n": 1})
    with healthy.inject(op="get", latency="2s", count=4):
        before = healthy.requests("get")
        threads = [threading.Thread(target=client.get, args=(KEY,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: healthy.requests("get") == before + 4)

        file.write_text(text.format(2))
        client.resilience.reload()

        gate = client.resilience.snapshot()["gate"]
        assert (gate["limit"], gate["in_flight"]) == (2, 4)
        with pytest.raises(BackpressureError):
            client.get(KEY)
        for thread in threads:
            thread.join()

    until(lambda: client.resilience.snapshot()["gate"]["in_flight"] == 0)
    assert len(client.resilience._engine.shared.gates.main.permits) == 2
    client.resilience.close()
