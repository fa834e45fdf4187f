"""An isolated node says who isolated it, and calls are kept away from it wherever it says so."""

from __future__ import annotations

import logging

import pytest

from aerospike_resilience import CircuitOpenError, IsolationError, resilient
from aerospike_resilience.nodes import Admission, ClusterHealth, NodeOptions, report
from tests import fakes
from tests.patience import never_late
from tests.waiting import until

KEYS = range(60)


def key(number: int) -> tuple[str, str, int]:
    return ("test", "isolation", number)


def needing(cluster, node: str) -> int:
    """A record of which a node is master."""
    return next(n for n in KEYS if cluster.owners("test", "isolation", n)[0].name == node)


@pytest.fixture
def wrap(healthy, connect):
    clients = []

    def wrap_(**more):
        words = never_late(more.pop("overrides", {}))
        more = {"profile": "latency", **more, "overrides": words}
        clients.append(resilient(connect(healthy), **more))
        for n in KEYS:
            clients[-1].put(key(n), {"n": n})
        return clients[-1]

    yield wrap_
    for client in clients:
        client.resilience.close()


class Files:
    """A directory of policy files with one profile in it."""

    def __init__(self, directory) -> None:
        self.directory = directory
        self.write("{}")

    def write(self, breaker: str) -> None:
        text = f"version: 1\nextends: latency\nconnection: {{tend_interval: 250ms}}\nbreaker: {breaker}\n"
        draft = self.directory / "draft"
        draft.write_text(text)
        draft.rename(self.directory / "mine.yaml")


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def state(client, node: str = "A1") -> tuple[str, str]:
    found = client.resilience.nodes[node]
    return found["state"], found["reason"]


def test_a_policy_file_isolates_a_node_of_a_running_service_and_lets_it_go(wrap, files, healthy):
    client = wrap(profile="mine", policies=files.directory)
    number = needing(healthy, "A1")

    files.write("{isolate: [A1]}")
    until(lambda: state(client) == ("isolated", "isolated by the profile"))

    with pytest.raises(
        CircuitOpenError, match=r"until the profile's breaker.isolate no longer"
    ) as e:
        client.put(key(number), {"n": 0})
    assert (e.value.node, e.value.state, e.value.retry_after_s) == ("A1", "isolated", None)
    assert 0 <= e.value.open_for_s < 60
    assert client.get(key(number))[2] == {"n": number}

    files.write("{}")
    until(lambda: state(client) == ("closed", ""))
    client.put(key(number), {"n": number})


def test_by_hand_nobody_releases_what_the_file_isolates(wrap, files):
    client = wrap(profile="mine", policies=files.directory)
    files.write("{isolate: [A1]}")
    client.resilience.reload()

    with pytest.raises(IsolationError, match=r"stays isolated, by the profile: take it out of"):
        client.resilience.release("A1")

    assert state(client)[0] == "isolated"


def test_an_isolation_by_hand_ends_by_hand_also_where_the_file_isolates_too(wrap, files):
    client = wrap(profile="mine", policies=files.directory)
    client.resilience.isolate("A1")
    assert state(client) == ("isolated", "isolated by hand")
    files.write("{isolate: [A1]}")
    client.resilience.reload()
    assert state(client) == ("isolated", "isolated by the profile")
    with pytest.raises(IsolationError):
        client.resilience.release("A1")

    files.write("{}")
    client.resilience.reload()

    assert state(client)[0] == "closed"


def test_in_shadow_mode_an_isolated_node_is_kept_free_and_only_that(wrap, healthy):
    client = wrap(overrides={"breaker": {"mode": "shadow"}})
    client.resilience.isolate("A1")
    master = needing(healthy, "A1")

    with pytest.raises(CircuitOpenError, match="until released by hand"):
        client.put(key(master), {"n": 0})
    assert client.get(key(master))[2] == {"n": master}

    client.resilience.release("A1")
    client.put(key(master), {"n": master})


def test_in_mode_off_isolation_is_refused_rather_than_pretended(wrap, healthy):
    client = wrap(overrides={"breaker": {"mode": "off", "isolate": ["A2"]}})

    with pytest.raises(IsolationError, match=r"breaker.mode off .* Set breaker.mode"):
        client.resilience.isolate("A1")

    assert {state(client, node) for node in client.resilience.nodes} == {("closed", "")}
    client.put(key(needing(healthy, "A2")), {"n": 0})


def test_an_order_by_hand_is_suspended_by_mode_off_and_holds_again_in_the_next(wrap, files, caplog):
    client = wrap(profile="mine", policies=files.directory)
    client.resilience.isolate("A1")

    files.write("{mode: 'off'}")
    with caplog.at_level(logging.INFO, "aerospike_resilience.nodes"):
        client.resilience.reload()

    assert state(client) == ("closed", "")
    assert "node A1: isolated -> closed (breaker.mode: off)" in caplog.text
    for n in KEYS:
        client.put(key(n), {"n": n})

    files.write("{mode: shadow}")
    client.resilience.reload()
    assert state(client) == ("isolated", "isolated by hand")

    client.resilience.release("A1")
    files.write("{}")
    client.resilience.reload()
    assert state(client)[0] == "closed"


def test_an_order_by_hand_holds_while_the_node_is_gone_and_when_it_is_back(cluster, connect):
    client = resilient(connect(cluster), "latency")
    client.resilience.isolate("A1")

    cluster.kill("A1")
    until(lambda: "A1" not in client.resilience.nodes)
    cluster.restart("A1")
    until(lambda: "A1" in client.resilience.nodes)

    assert state(client, "A1") == ("isolated", "isolated by hand")
    client.resilience.release("A1")
    assert state(client, "A1")[0] != "isolated"
    client.resilience.close()


def test_an_order_is_taken_back_while_the_node_is_gone_or_elsewhere():
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions())
    known = {node.name: node for node in source.nodes()}
    with health.notices, health.lock:
        health.update_nodes_locked(known)
    health.isolate("A1")
    moved = known["A1"]._replace(port=9) if hasattr(known["A1"], "_replace") else known["A1"]
    with health.notices, health.lock:
        health.update_nodes_locked({name: a for name, a in known.items() if name != "A1"})
        health.update_nodes_locked({**known, "A1": moved})
    assert health.by_name["A1"].breaker.state == "isolated"

    with health.notices, health.lock:
        health.update_nodes_locked({name: a for name, a in known.items() if name != "A1"})
    health.release("A1")
    with health.notices, health.lock:
        health.update_nodes_locked(known)

    assert health.by_name["A1"].breaker.closed


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_a_batch_sends_no_row_to_an_isolated_node(mode):
    clock = fakes.FakeClock()
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(mode=mode), clock=clock)
    health.maps.newest = fakes.three_nodes()
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})
        health.open_locked(health.by_name["A3"], "silence", clock())
    health.isolate("A1")
    call = fakes.call(fakes.plan(fakes.PUT))

    refused = Admission(health).refused_rows(call, [("test", "s", 0), ("test", "s", 1)])

    expected = {0: ("A1", "master")}
    assert refused == (expected if mode == "shadow" else {**expected, 1: ("A3", "replica")})


def test_an_isolation_is_as_old_as_it_is():
    clock = fakes.FakeClock()
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(), clock=clock)
    health.maps.newest = fakes.three_nodes()
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})
    health.isolate("A1")
    clock.pass_s(7.0)

    with pytest.raises(CircuitOpenError, match=r"has been isolated for 7\.0 s"):
        Admission(health).admit(fakes.call(fakes.plan(fakes.PUT), ("test", "s", 0)))
    assert report(health)["A1"]["reason"] == "isolated by hand"
