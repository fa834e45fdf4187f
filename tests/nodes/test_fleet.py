"""Orders to all workers of a service, through a real Redis."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import CliRunner

from aerospike_resilience import CircuitOpenError, IsolationError, resilient
from aerospike_resilience.cli.main import cli
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, SharedStates, fleet, report
from tests import fakes
from tests.patience import never_late
from tests.waiting import until


@pytest.fixture
def worker(healthy, connect, request):
    if request.config.getoption("--aerospike"):
        pytest.skip("keeps calls away from nodes")
    workers = []

    def worker_(url: str, name: str, **breaker):
        client = resilient(
            connect(healthy),
            "latency",
            name=name,
            overrides=never_late(
                {
                    "breaker": {"storage": url, **breaker},
                    "connection": {"tend_interval": "250ms"},
                }
            ),
        )
        workers.append(client)
        return client

    yield worker_
    for client in workers:
        client.resilience.close()


def run(server, *arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(
        cli,
        ["node", *arguments],
        env={"AEROSPIKE_RESILIENCE_STORAGE": server.url, "COLUMNS": "200"},
    )
    assert found.exit_code == code, found.output
    return found.output


def seen(client, node: str = "A1") -> tuple[str, str]:
    found = client.resilience.nodes[node]
    return found["state"], found["reason"]


def all_seen(server, count: int) -> None:
    client = server.client()
    until(lambda: len(fleet.workers(client)) == count)


def test_every_worker_obeys_shows_the_reason_and_obeys_the_release(redis_server, worker):
    workers = [worker(redis_server.url, name) for name in ("carts-1", "carts-2")]
    all_seen(redis_server, 2)

    said = run(redis_server, "isolate", "A1", "--reason", "disk replaced", "--wait", "60")

    assert "2 of 2 workers know it" in said
    for client in workers:
        state, reason = seen(client)
        assert state == "isolated"
        assert reason.startswith("isolated for the fleet: disk replaced (")
        (order,) = client.resilience.snapshot()["storage"]["orders"]
        assert (order["node"], order["reason"]) == ("A1", "disk replaced")
        with pytest.raises(IsolationError, match="node release A1"):
            client.resilience.release("A1")
    listed = run(redis_server, "list")
    assert "isolated 2" in listed
    assert "disk replaced" in listed
    each = run(redis_server, "list", "--workers")
    assert each.count("isolated for the fleet: disk replaced") == 2
    assert {
        one["client"] for one in json.loads(run(redis_server, "list", "--json"))["workers"]
    } == {
        "carts-1",
        "carts-2",
    }
    refused = None
    for n in range(200):
        try:
            workers[0].put(("test", "fleet", n), {"n": n})
        except CircuitOpenError as error:
            refused = error
            break
    assert "until `aerospike-resilience node release` releases it" in str(refused)
    assert "disk replaced" in refused.reason

    assert "2 of 2" in run(redis_server, "release", "A1", "--wait", "60")
    assert {seen(client) for client in workers} == {("closed", "")}


def test_a_worker_obeys_at_its_next_exchange_and_there_is_one_each_tend(redis_server):
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(), clock=fakes.FakeClock())
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    states = SharedStates(redis_server.url, health, interval_s=1.0)
    fleet.give(redis_server.client(), "A1", isolated=True, reason="disk", by="me")

    states.exchange([])

    assert report(health)["A1"]["reason"] == "isolated for the fleet: disk (me)"
    assert not health.calm
    states.leave()


def test_an_order_holds_while_redis_is_gone_and_after_it_came_back_empty(redis_server, worker):
    client = worker(redis_server.url, "carts")
    all_seen(redis_server, 1)
    run(redis_server, "isolate", "A1", "--reason", "rack moved", "--wait", "60")

    redis_server.stop()  # what it knew is gone with it
    until(lambda: client.resilience.snapshot()["storage"]["problem"])
    assert seen(client)[0] == "isolated"
    redis_server.start()
    all_seen(redis_server, 1)

    assert "A1" in fleet.orders(redis_server.client())  # written again by the worker
    late = worker(redis_server.url, "carts-late")
    until(lambda: seen(late)[0] == "isolated")
    run(redis_server, "release", "A1", "--wait", "60")
    assert (seen(client)[0], seen(late)[0]) == ("closed", "closed")


def test_a_worker_that_is_closed_is_no_longer_listed(redis_server, worker):
    client = worker(redis_server.url, "carts")
    all_seen(redis_server, 1)

    client.resilience.close()

    all_seen(redis_server, 0)
    assert "no worker uses this storage now" in run(redis_server, "list")


def test_an_order_ends_with_the_storage_in_the_file(redis_server, connect, healthy, tmp_path):
    file = tmp_path / "mine.yaml"
    shared = f"version: 1\nextends: latency\nbreaker: {{storage: '{redis_server.url}'}}\n"
    file.write_text(shared)
    client = resilient(connect(healthy), "mine", policies=tmp_path)
    all_seen(redis_server, 1)
    run(redis_server, "isolate", "A1", "--reason", "disk", "--wait", "60")

    file.write_text("version: 1\nextends: latency\n")
    assert client.resilience.reload().error is None

    assert seen(client) == ("closed", "")
    file.write_text(shared)
    client.resilience.reload()
    until(lambda: seen(client)[0] == "isolated")
    client.resilience.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["isolate", "AA1", "--reason", "x"], "A1"),
        (["isolate", "A1@10.0.0.1:3000", "--reason", "x"], "no worker sees A1 at"),
        (["release", "A1"], "not isolated for the fleet"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_there_is(redis_server, worker, arguments, said):
    worker(redis_server.url, "carts")
    all_seen(redis_server, 1)

    assert said in run(redis_server, *arguments, code=1)


def test_a_name_that_two_clusters_have_must_be_told_apart(redis_server):
    client = redis_server.client()
    for pid, address in ((1, "10.0.0.1:3000"), (2, "10.0.0.2:3000")):
        nodes = {"A1": {"address": address, "state": "closed", "reason": ""}}
        fleet.tell(client, fleet.Worker("carts", "web", pid, "latency", 0, nodes), 60.0)

    said = run(redis_server, "isolate", "A1", "--reason", "x", code=1)
    assert "A1@10.0.0.2:3000" in said
    late = run(
        *(redis_server, "isolate", "A1@10.0.0.2:3000", "--reason", "x", "--wait", "0.1"), code=1
    )
    assert "0 of 2 workers know it" in late  # nobody is behind them

    known = fleet.KnownOrders()
    known.exchange(client)
    assert known.reason(NodeAddress("A1", "10.0.0.1", 3000)) is None
    assert known.reason(NodeAddress("A1", "10.0.0.2", 3000)).startswith("x (")
    assert "closed 1" in run(redis_server, "list")


def test_of_two_orders_the_newer_wins_wherever_it_is(redis_server):
    client = redis_server.client()
    old = fleet.Order("A1", isolated=True, reason="old", by="me", version=1)
    new = fleet.Order("A1", isolated=False, reason="new", by="me", version=2)
    fleet.write(client, old)
    one, other = fleet.KnownOrders(), fleet.KnownOrders()
    one.exchange(client)
    fleet.write(client, new)
    fleet.write(client, old)  # too late
    other.exchange(client)
    client.hset(fleet.ORDERS_KEY, "A1", old.encoded())  # an old copy of Redis came back
    other.exchange(client)
    one.exchange(client)

    assert one.in_force() == other.in_force() == []
    assert fleet.orders(client) == {"A1": new}


def test_what_another_version_wrote_is_left_alone(redis_server):
    client = redis_server.client()
    client.hset(fleet.ORDERS_KEY, "A1", "{}")
    client.hset(fleet.ORDERS_KEY, "A2", "no json")
    client.set(f"{fleet.WORKER_KEY}x", "[]")

    known = fleet.KnownOrders()
    known.exchange(client)

    assert (known.version, fleet.workers(client)) == (0, [])


def test_without_redis_the_command_says_so_and_shows_no_password(redis_server):
    redis_server.stop()
    url = redis_server.url.replace("redis://", "redis://me:hunter2@")

    found = CliRunner().invoke(cli, ["node", "list", "--storage", url])

    assert found.exit_code == 1
    assert "cannot be used" in found.output
    assert "hunter2" not in found.output


def test_no_thread_is_left(redis_server, worker):
    client = worker(redis_server.url, "carts")
    all_seen(redis_server, 1)
    client.resilience.close()

    until(
        lambda: not [t for t in threading.enumerate() if t.name == "aerospike-resilience-sharing"]
    )
