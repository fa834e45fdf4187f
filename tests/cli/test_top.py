"""`top` shows what a served client is doing, in the terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import aerospike
import pytest
from click.testing import CliRunner
from rich.console import Console

from aerospike_resilience import ResilienceError, resilient
from aerospike_resilience.cli.main import cli
from aerospike_resilience.cli.top_screen import Screen, bars
from aerospike_resilience.live.reading import Reading
from tests.patience import NEVER_LATE
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def served(healthy):
    wrapped = resilient(
        aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE, name="carts"
    )
    for n in range(50):
        wrapped.put(("test", "top", n), {"n": n})
    yield wrapped
    wrapped.close()


@pytest.fixture
def server(served, tmp_path):
    with served.resilience.serve(tmp_path / "live.sock") as found:
        yield found


def top(*arguments: str, code: int = 0, **environment: str) -> str:
    found = CliRunner().invoke(cli, ["top", *arguments], env=environment)
    assert found.exit_code == code, found.output
    return found.output


def test_it_shows_nodes_gate_retries_profile_and_changes(served, server):
    node = next(iter(served.resilience.nodes))
    served.resilience.isolate(node, reason="new [disk]")
    try:
        shown = top("--socket", str(server.path))
    finally:
        served.resilience.release(node)

    for word in ("carts", "latency", "of 256 in flight", "left in the budget", node):
        assert word in shown
    assert "isolated by hand: new [disk]" in shown
    assert f"node {node}: closed -> isolated (by hand)" in shown


def test_json_has_the_whole_state(served, server):
    state = json.loads(top("--socket", str(server.path), "--json", "--once"))

    assert state["nodes"].keys() == served.resilience.nodes.keys()


def test_several_clients(served, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    where = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert "client.resilience.serve()" in top(code=1, **where)
    with served.resilience.serve():
        assert "carts" in top(**where)
        with served.resilience.serve(tmp_path / "aerospike-resilience" / "other.sock"):
            assert "choose one" in top(code=2, **where)


def test_it_reads_a_port_with_its_token_and_says_when_that_is_wrong(served):
    with served.resilience.serve(port=0) as server:
        assert "carts" in top("--url", server.page)
        assert "carts" in top("--url", server.url, AEROSPIKE_RESILIENCE_TOKEN=server.token)
        said = top("--url", server.url, "--token", "wrong", code=1)
    assert "401" in said
    assert "token" in said


def test_what_is_not_served_is_said(tmp_path):
    said = top("--socket", str(tmp_path / "none.sock"), code=1)

    assert "No such file" in said


def test_in_a_terminal_it_goes_on_until_the_endpoint_ends(served, tmp_path):
    server = served.resilience.serve(tmp_path / "live.sock")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "aerospike_resilience", "top", "--socket", str(server.path)],
        stdout=theirs,
        stderr=theirs,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            "COLUMNS": "120",
            "LINES": "40",
        },
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                seen.extend(part)
        except OSError:  # the terminal is gone
            return

    reader = threading.Thread(target=read)
    reader.start()
    node = next(iter(served.resilience.nodes))
    until(lambda: b"carts" in seen)
    served.resilience.isolate(node)
    until(lambda: b"isolated by hand" in seen)
    served.resilience.release(node)
    server.close()
    assert process.wait(60) == 1
    reader.join(60)
    os.close(ours)
    assert b"has ended" in seen


def test_a_reading_yields_whole_states(served, server):
    states = Reading(server.path).states(0.05)
    first = next(states)
    node = next(iter(served.resilience.nodes))
    served.resilience.isolate(node)
    try:
        later = next(one for one in states if one["nodes"][node]["state"] == "isolated")
    finally:
        served.resilience.release(node)
        states.close()

    assert later.keys() == first.keys()


def test_an_answer_that_is_no_state_is_an_error(server):
    with pytest.raises(ResilienceError, match="404"):
        Reading(server.path)._answer("nothing").close()


def state_of(**changed):
    node = {
        "address": "127.0.0.1:3000",
        "state": "closed",
        "suspect": False,
        "errors": {"timeout": 3},
        "left_early": 2,
        "reason": "",
        "p50_ms": 0.2,
        "p99_ms": 12.0,
    }
    return {
        "name": "carts",
        "client": "aerospike",
        "at": "2026-03-01T12:00:00.000+00:00",
        "process": {"pid": 1, "host": "web-1"},
        "profile": {"name": "latency", "files": [], "fingerprint": "f", "reload_error": None},
        "verdict": None,
        "storage": None,
        "isolate_unknown": [],
        "nodes": {"A1": {**node, "suspect": True, "reason": "timeout"}, "A2": node},
        "gate": {"limit": 0, "in_flight": 7, "waiting": 0, "waited": 0, "rejected": {"shed": 4}},
        "retry": {"retries": 5, "suppressed": {}, "budget": None},
        "adaptive_timeout_ms": None,
        **changed,
    }


def rendered(state) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(Screen().render(state, height=40))
    return console.export_text()


def test_what_is_wrong_stands_above_all():
    shown = rendered(
        state_of(
            verdict="cluster",
            profile={"name": "x", "files": [], "fingerprint": "f", "reload_error": "x.yaml:3: no"},
            storage={"where": "redis:6379", "problem": "TimeoutError"},
            isolate_unknown=["B9"],
        )
    )

    for word in (
        "most nodes fail",
        "x.yaml:3: no",
        "redis:6379: TimeoutError",
        "unknown nodes: B9",
    ):
        assert word in shown.partition("Nodes")[0]


def test_changes_of_profiles_and_what_observe_foresees_are_shown():
    refused = {"A1": {"silence": {"served": 9, "failed": 2}}}
    shown = rendered(
        state_of(
            changes=[
                {
                    "at": "2026-03-01T12:00:01.000",
                    "outcome": "refused",
                    "profile": "checkout",
                    "text": "checkout.yaml:3: no such key",
                },
                {"at": "2026-03-01T12:00:02.000", "key": "a.b", "after": 3, "fingerprint": "ff"},
            ],
            transitions=[],
            would_have={
                "profile": "latency",
                "actions": {"refused": refused, "shed": {}},
            },
        )
    )

    assert "profile checkout: refused: checkout.yaml:3: no such key" in shown
    assert "key a.b, after 3" in shown
    assert "refused: A1 silence 11 (2 failed)" in shown
    assert "shed: none" in shown
    assert "suspect" in shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [([], ""), ([None, 0.0], " ▁"), ([1.0, 2.0], "▅█"), ([0.0, 4.0, 8.0], "▁▅█")],
)
def test_bars(values, shown):
    assert bars(values) == shown
