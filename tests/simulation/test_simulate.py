"""The library's own decisions in virtual time, against a model of a cluster."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.rehearsal.figures import recovered_after_s
from aerospike_resilience.simulation.node import ClusterModel
from aerospike_resilience.simulation.simulate import Scenario, Subject, simulate

LATENCY = PolicyLibrary().load("latency")


def run(*faults, profile=LATENCY, **settings):
    """Return the results of one short simulation for each fault."""
    settings = {"processes": 2, "threads": 8, "rate": 150.0, "seconds": 1.0, **settings}
    figures = simulate(Scenario([Subject("new", profile.name, profile)], faults, **settings))
    return [one["results"][0] for one in figures["faults"]]


def without_speed(result):
    return {name: value for name, value in result.items() if name != "simulated_per_s"}


def test_the_same_seed_gives_the_same_figures_and_another_one_others():
    first, again, other = (run("kill", seed=seed)[0] for seed in (1, 1, 2))

    assert without_speed(first) == without_speed(again)
    assert without_speed(first) != without_speed(other)


def test_without_a_fault_every_call_is_one_request_and_none_fails():
    (found,) = run("none")

    for kinds in found["phases"].values():
        for figures in kinds.values():
            assert figures["failed"] == 0
            assert figures["requests_per_operation"] == pytest.approx(1, abs=0.02)
    assert found["opened_after_s"] is None
    assert found["recovered_after_s"] == 0


def test_a_stalled_node_opens_by_the_profiles_silence_and_reads_leave_it():
    slow = LATENCY.with_overrides({"breaker": {"silence": "600ms"}})

    (found,), (later,) = run("stall"), run("stall", profile=slow)

    assert 0.25 <= found["opened_after_s"] < 0.5
    assert 0.6 <= later["opened_after_s"] < 0.9
    during = found["phases"]["during"]
    assert during["reads"]["failed"] == 0
    assert set(during["writes"]["errors"]) == {"open_node", "timeout"}
    assert found["healthy_nodes_opened"] == []
    assert found["closed_after_s"] is not None
    assert found["worst_overrun_ms"] <= 0.1


def test_tries_never_exceed_the_profiles_and_a_budget_bounds_what_they_add():
    tries = {"max_retries": 4, "socket_timeout": "10ms", "total_timeout": "200ms"}
    eager = LATENCY.with_overrides(
        {
            "policy": {"reads": tries, "writes_retryable": tries},
            "retry": {"sleep": "1ms", "max_sleep": "1ms", "budget": None},
            "breaker": {"mode": "off"},
            "adaptive_timeout": None,
            "backpressure": {"max_concurrent_operations": 0},
        }
    )
    frugal = eager.with_overrides({"retry": {"budget": {"ratio": 0.1, "min_per_second": 0}}})
    model = ClusterModel(service_ms=1.0, service_p99_ms=2.0, concurrency=16)
    settings = {"model": model, "factor": 40.0, "rate": 80.0}

    (storm,) = run("brownout", profile=eager, **settings)
    (calm,) = run("brownout", profile=frugal, **settings)

    most, least = (
        one["phases"]["during"]["reads"]["requests_per_operation"] for one in (storm, calm)
    )
    assert 4 < most <= 5.2  # requests of the last calls before the phase count too
    assert least < 1.6


def test_a_gate_keeps_waiting_calls_and_refuses_those_that_wait_too_long():
    narrow = LATENCY.with_overrides(
        {"backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "5ms"}}
    )
    model = ClusterModel(service_ms=4.0, service_p99_ms=8.0)

    (found,) = run("none", profile=narrow, processes=1, rate=300.0, model=model)

    during = found["phases"]["during"]["reads"]
    assert set(during["errors"]) == {"queue"}
    assert during["failed"] < during["calls"]
    assert during["p50_ms"] > 4


def test_a_pool_that_is_too_small_fails_calls_on_our_own_side():
    small = LATENCY.with_overrides(
        {"connection": {"max_conns_per_node": 1, "min_conns_per_node": 0}}
    )
    model = ClusterModel(service_ms=10.0, service_p99_ms=12.0)

    (found,) = run("none", profile=small, processes=1, rate=400.0, model=model)

    assert found["phases"]["during"]["writes"]["errors"].keys() == {"pool_exhausted"}


@pytest.mark.parametrize(
    ("fault", "figure", "said"),
    [
        ("slow", "p99_ms", lambda value: value < 150),
        ("flap", "failed", lambda value: value == 0),
        ("overload", "requests_per_operation", lambda value: value > 1.02),
        ("surge", "offered_per_s", lambda value: value == 630),
    ],
)
def test_every_other_fault_does_to_reads_what_it_is_there_for(fault, figure, said):
    (found,) = run(fault)

    assert said(found["phases"]["during"]["reads"][figure])


def test_recovery_counts_from_when_calls_go_well_to_the_end():
    def after(failed):
        none = [0] * len(failed)
        served = [10] * len(failed)
        series = {
            "t_s": [0.125 + 0.25 * place for place in range(len(failed))],
            "reads_served_per_s": served,
            "reads_failed_per_s": failed,
            "writes_served_per_s": served,
            "writes_failed_per_s": none,
        }
        return recovered_after_s(series, 0.5)

    assert after([0, 9, 0, 0, 0]) == 0
    assert after([0, 9, 9, 0, 0]) == 0.25
    assert after([0, 9, 0, 9, 0]) == 0.5
    assert after([0, 9, 0, 0, 9]) is None


def command(*arguments):
    return CliRunner().invoke(cli, ["policy", "simulate", *arguments])


def test_the_command_compares_two_profiles_and_is_a_gate(tmp_path):
    found = command(
        *("latency", "--against", "observe", "--fault", "stall", "--processes", "2"),
        *("--rate", "60", "--seconds", "0.6", "--nodes", "4"),
        *("--json", str(tmp_path / "out.json"), "--require", "reads.failed <= 0"),
        *("--require", "during.reads.served_per_s > old * 9"),
    )

    assert found.exit_code == 1
    assert "not met (stall, during): during.reads.served_per_s > old * 9" in found.stderr
    assert "reads.failed" not in found.stderr
    figures = json.loads((tmp_path / "out.json").read_text())
    assert [one["variant"] for one in figures["faults"][0]["results"]] == ["old", "new"]
    assert figures["model"]["nodes"] == 4
    assert "what 4 nodes can do" in found.output


def test_without_simpy_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    found = command("latency")

    assert found.exit_code == 1
    assert "pip install 'aerospike-resilience[simulate,cli]'" in found.output
