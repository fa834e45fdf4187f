"""The demo runs from end to end and says what it saw."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.rehearsal.figures import (
    Phase,
    of_phase,
    over_time,
    percentile,
    worst_overrun_ms,
)
from aerospike_resilience.rehearsal.load import Sample


def run(*arguments: str):
    return CliRunner().invoke(cli, ["demo", *arguments])


@pytest.mark.alone
def test_a_short_run_writes_figures_picture_and_page(tmp_path):
    found = run(
        *("--seconds", "0.6", "--rate", "400", "--threads", "4", "--variants", "bare,resilient"),
        *("--out", str(tmp_path), "--json", str(tmp_path / "figures.json")),
    )

    assert found.exit_code == 0, found.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [one["variant"] for one in figures["results"]] == ["bare", "resilient"]
    ours = figures["results"][1]
    assert ours["phases"]["during"]["reads"]["errors"] == {}
    assert ours["lost_writes"] == 0
    assert ours["healthy_nodes_opened"] == []
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (tmp_path / "demo.html").read_text()
    assert "resilient" in found.output
    assert "no acknowledged writes lost" in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hosts", "127.0.0.1:3000"], "use --fault none"),
        (["--hosts", "nowhere"], "is not host:port"),
        (["--variants", "bare,magic"], "Known: bare, tuned, stack, resilient"),
        (["--rate", "0"], "--rate"),
        (["--fault", "fire"], "stall"),
    ],
)
def test_what_it_cannot_do_is_said(arguments, message):
    found = run(*arguments)

    assert found.exit_code == 2
    assert message in found.output


def sample(sent: float, took_s: float = 0.01, error: str = "", *, write: bool = False) -> Sample:
    return Sample(write, sent, sent, took_s, error)


def test_a_call_in_flight_when_the_fault_begins_belongs_to_the_fault():
    before, during = Phase("before", 1.0, 3.0), Phase("during", 3.0, 6.0)
    caught = sample(2.9, took_s=0.5)

    assert not before.holds(caught)
    assert during.holds(caught)
    assert before.holds(sample(2.9))


def test_figures_of_a_phase():
    found = of_phase(
        [sample(0.1), sample(0.2, 0.03), sample(0.3, 0.05, "TimeoutError"), sample(9.0)],
        Phase("after", 0.0, 1.0),
        offered=3,
    )

    assert (found["served_per_s"], found["answered_per_s"]) == (2, 3)
    assert found["errors"] == {"TimeoutError": 1}
    assert (found["p50_ms"], found["max_ms"]) == (30, 50)


def test_a_percentile_is_a_value_that_was_seen():
    values = [float(number) for number in range(1, 101)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (
        50,
        99,
        100,
    )
    assert percentile([], 0.5) is None


def test_calls_count_in_the_bin_in_which_they_were_answered():
    series = over_time([sample(0.1, 0.3), sample(0.3, 0.1, "X", write=True)], ends=0.5)

    assert series["reads_served_per_s"] == [0, 4]
    assert series["writes_failed_per_s"] == [0, 4]


def test_the_worst_overrun_is_that_of_the_slowest_call():
    assert worst_overrun_ms([sample(0, 0.26), sample(0, 0.1)], 0.25) == 10
