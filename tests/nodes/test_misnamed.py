"""An order about an unknown node is reported, and holds as soon as the node joins."""

from __future__ import annotations

import contextlib
import logging

import pytest

from aerospike_resilience import UnknownNodeError, resilient
from aerospike_resilience.nodes import ClusterHealth, MisnamedNodes, NodeOptions
from tests import fakes
from tests.waiting import until

TEXT = "version: 1\nextends: latency\nconnection: {{tend_interval: 250ms}}\nbreaker: {}\n"


@pytest.fixture
def wrap(bare, tmp_path):
    with contextlib.ExitStack() as stack:

        def wrap_(breaker: str = "{}", **more):
            (tmp_path / "mine.yaml").write_text(TEXT.format(breaker))
            client = resilient(bare, "mine", policies=tmp_path, **more)
            stack.callback(client.resilience.close)
            until(lambda: len(client.resilience.nodes) == 3)
            return client

        yield wrap_


def warnings(caplog) -> list[str]:
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno == logging.WARNING and "breaker.isolate of profile" in one.getMessage()
    ]


@pytest.mark.parametrize("how", ["at first", "by a reload", "by the watcher", "in code"])
def test_a_misspelt_node_is_named_in_the_log_and_the_snapshot(wrap, tmp_path, caplog, how):
    first = how == "at first"
    more = {"overrides": {"breaker": {"isolate": ["A1", "A9"]}}} if how == "in code" else {}
    client = wrap("{isolate: [A1, A9]}" if first else "{}", **more)
    if how.startswith("by"):
        (tmp_path / "mine.yaml").write_text(TEXT.format("{isolate: [A1, A9]}"))
    if how == "by a reload":
        assert client.resilience.reload().error is None
    until(lambda: warnings(caplog))

    assert client.resilience.snapshot()["isolate_unknown"] == ["A9"]
    (line,) = warnings(caplog)
    assert "names 'A9', which is isolated as soon as it joins: there is no such node" in line
    assert "Known: A1, A2, A3" in line


def test_a_node_that_is_near_is_suggested(wrap, caplog):
    wrap("{isolate: [AA1]}")
    until(lambda: warnings(caplog))

    assert "did you mean 'A1'? Known: A1, A2, A3" in warnings(caplog)[0]


def test_it_is_told_once_and_again_only_if_it_is_written_again(wrap, tmp_path, caplog):
    client = wrap("{isolate: [A9]}")
    until(lambda: warnings(caplog))
    for _ in range(3):
        client.resilience.reload()
    assert len(warnings(caplog)) == 1

    for breaker in ("{}", "{isolate: [A9]}"):
        (tmp_path / "mine.yaml").write_text(TEXT.format(breaker))
        client.resilience.reload()
    until(lambda: len(warnings(caplog)) == 2)


def test_under_mode_off_nothing_is_isolated_and_nothing_told(wrap, caplog):
    client = wrap("{isolate: [A9], mode: off}")
    client.resilience.reload()

    assert warnings(caplog) == []
    assert client.resilience.snapshot()["isolate_unknown"] == []


def test_a_node_that_joins_later_is_isolated_and_no_longer_unknown(caplog):
    caplog.set_level(logging.WARNING)
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(isolated=frozenset({"A3"})))
    misnamed = MisnamedNodes(health)
    known = {address.name: address for address in source.nodes()}

    with health.notices, health.lock:
        health.update_nodes_locked({name: known[name] for name in ("A1", "A2")})
    misnamed.look("mine")
    assert misnamed.names() == ["A3"]

    with health.notices, health.lock:
        health.update_nodes_locked(known)
    misnamed.look("mine")
    assert misnamed.names() == []
    assert health.by_name["A3"].breaker.state == "isolated"

    with health.notices, health.lock:
        health.update_nodes_locked({name: known[name] for name in ("A1", "A2")})
    misnamed.look("mine")  # it left: that is no slip of the pen
    assert len(warnings(caplog)) == 1


def test_nothing_is_said_while_no_node_is_known(caplog):
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(isolated=frozenset({"A3"})))
    health.by_name.clear()
    MisnamedNodes(health).look("mine")

    assert warnings(caplog) == []


# ----- by hand


def test_a_node_may_be_given_as_its_object(wrap, healthy):
    client = wrap()
    node = healthy.master("test", "misnamed", 1) if hasattr(healthy, "master") else healthy.nodes[0]

    client.resilience.isolate(node)
    assert client.resilience.nodes[node.name]["state"] == "isolated"
    client.resilience.release(node)
    assert client.resilience.nodes[node.name]["state"] == "closed"


@pytest.mark.parametrize("node", [3, None, {"name": "A1"}, b"A1", ["A1"]])
def test_what_is_neither_is_refused(wrap, node):
    client = wrap()
    for order in (client.resilience.isolate, client.resilience.release):
        with pytest.raises(TypeError, match="a node's name is needed, or a node, not"):
            order(node)


def test_an_unknown_node_by_hand_is_refused_with_those_there_are(wrap):
    with pytest.raises(
        UnknownNodeError, match=r"there is no node 'AA1'; did you mean 'A1'\? Known: A1, A2, A3"
    ):
        wrap().resilience.isolate("AA1")
