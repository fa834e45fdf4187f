"""A reload takes effect whole or not at all, whichever of its steps fails."""

from __future__ import annotations

import pytest

from aerospike_resilience import BreakerHooks, resilient
from aerospike_resilience.interceptors.gate.gates import Gates
from aerospike_resilience.profiles.lint import FindingsLog
from aerospike_resilience.runtime import engine as engine_module
from aerospike_resilience.runtime.compiled import Runtime
from aerospike_resilience.runtime.state_sharing import StateSharing

KEY = ("test", "whole", 1)
PATIENT = {"total_timeout": 60_000, "socket_timeout": 10_000}
"""What the profile says of time is compared, so the calls bring theirs along."""

BEFORE = "version: 1\nextends: latency\n"
AFTER = """version: 1
extends: latency
policy: {all: {total_timeout: 777ms}}
retry: {budget: {ratio: 0.77, min_per_second: 7}}
backpressure: {max_concurrent_operations: 7}
breaker: {max_error_rate: 7}
"""


def in_force(client) -> dict[str, object]:
    """What calls go by, wherever it is kept."""
    engine = client.resilience._engine
    shared = engine.shared
    return {
        "profile": client.resilience.profile.fingerprint,
        "timeout": engine.runtime.plans["get"].total_timeout_s,
        "gate": client.resilience.snapshot()["gate"]["limit"],
        "breaker": {n.breaker.max_error_rate for n in shared.health.nodes()},
        "options": shared.health.options.max_error_rate,
        "budget": shared.budget.ratio,
        "switched": engine._switched.find(USING).plans["get"].total_timeout_s,
    }


USING = engine_module.Using(None, {"retry": {"max_sleep": "9ms"}}, None, None)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "mine.yaml").write_text(BEFORE)
    return tmp_path


def failing(*_args, **_kwargs):
    raise OSError("this step fails")


STEPS = {
    "the chain": (Runtime, "_chain"),
    "the plans": (Runtime, "_telemetry"),
    "the gates": (Gates, "draft"),
    "the lint": (FindingsLog, "tell"),
    "the nodes' options": (engine_module, "node_options"),
    "the storage": (StateSharing, "wanted"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_leaves_everything_as_it_was(step, files, healthy, connect, monkeypatch):
    client = resilient(connect(healthy), "mine", policies=files)
    client.put(KEY, {"n": 1}, policy=PATIENT)
    with client.resilience.using(overrides=USING.overrides):
        client.get(KEY, policy=PATIENT)
    before = in_force(client)
    (files / "mine.yaml").write_text(AFTER)
    owner, name = STEPS[step]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing)
        result = client.resilience.reload()
    assert "this step fails" in str(result.error)
    assert in_force(client) == before

    assert client.resilience.reload().error is None
    after = in_force(client)
    assert (after["gate"], after["timeout"], after["budget"]) == (7, 0.777, 0.77)
    assert (after["breaker"], after["options"], after["switched"]) == ({7}, 7, 0.777)
    client.resilience.close()


def test_what_an_sdk_did_of_a_reload_that_fails_is_undone(files, healthy, connect):
    client = resilient(connect(healthy), "mine", policies=files)
    seen: list[object] = []

    def on_profile(profile) -> None:
        seen.append(profile.fingerprint)
        if len(seen) == 1:
            raise OSError("half way")

    engine = client.resilience._engine
    engine.follow(on_profile, lambda: None)
    before = client.resilience.profile.fingerprint
    (files / "mine.yaml").write_text(AFTER)

    assert "half way" in str(client.resilience.reload().error)

    assert seen[1] == before
    assert client.resilience.profile.fingerprint == before
    client.resilience.close()


def test_a_storage_whose_thread_cannot_be_started_now_is_part_of_the_whole(
    files, healthy, connect, monkeypatch
):
    from aerospike_resilience.concurrency import threads

    pybreaker = pytest.importorskip("pybreaker")
    client = resilient(
        connect(healthy),
        "mine",
        policies=files,
        breaker=BreakerHooks(storage=lambda _n: pybreaker.CircuitMemoryStorage("closed")),
    )
    (files / "mine.yaml").write_text(AFTER)
    with monkeypatch.context() as patched:
        patched.setattr(threads.threading.Thread, "start", failing_to_start)
        assert client.resilience.reload().error is None
    assert client.resilience.snapshot()["gate"]["limit"] == 7
    client.resilience.close()


def failing_to_start(_thread) -> None:
    raise RuntimeError("can't start new thread")
