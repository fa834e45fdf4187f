"""`policy rehearse` works through faults with two profiles, and says what differs."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner
from rich.console import Console

from aerospike_resilience.cli.main import cli
from aerospike_resilience.cli.rehearse import progress_on
from aerospike_resilience.model.traffic import OperationTraffic, Traffic
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.rehearsal import subjects

SHORT = ("--seconds", "0.4", "--rate", "150", "--threads", "3")


def rehearse(*arguments: str):
    return CliRunner().invoke(cli, ["policy", "rehearse", *arguments])


@pytest.fixture
def checkout(tmp_path):
    path = tmp_path / "checkout.yaml"
    path.write_text("version: 1\nextends: latency\nbreaker: {max_error_rate: 5}\n")
    return path


@pytest.mark.alone
def test_a_file_is_compared_with_a_profile_under_the_traffic_of_a_file(checkout, tmp_path):
    traffic = tmp_path / "traffic.json"
    Traffic(
        (
            OperationTraffic("get", 100.0, "shop", "carts"),
            OperationTraffic("put", 50.0, "shop", "carts", writes=True, record_bytes=300),
            OperationTraffic("batch_read", 10.0, "shop", "items", rows=4),
        )
    ).write(traffic)

    found = rehearse(
        *(str(checkout), "--against", "latency", "--fault", "overload", *SHORT),
        *("--traffic", str(traffic), "--json", str(tmp_path / "out.json")),
        *("--chart", str(tmp_path), "--require", "before.reads.calls > 1"),
        *("--require", "lost_writes <= 0"),
    )

    assert found.exit_code == 0, found.output
    figures = json.loads((tmp_path / "out.json").read_text())
    assert [one["fault"] for one in figures["faults"]] == ["overload"]
    assert figures["profiles"]["new"]["name"] == "checkout"
    overload = figures["faults"][0]["results"]
    assert [one["variant"] for one in overload] == ["old", "new"]
    for result in overload:
        assert result["lost_writes"] == 0
        assert result["phases"]["before"]["reads"]["requests_per_operation"] > 0.5
        assert set(result["phases"]["during"]["writes"]["errors"]) <= {"overload", "open_node"}
    assert (tmp_path / "overload.png").read_bytes().startswith(b"\x89PNG")
    assert "all 2 requirements are met" in found.output
    assert "failed by kind" in found.output


@pytest.mark.alone
def test_a_requirement_that_is_not_met_is_named_and_fails_the_command(checkout):
    found = rehearse(
        *("checkout", "--policies", str(checkout.parent), *SHORT, "--json", "-"),
        *("--fault", "none", "--fault", "flap"),
        *("--require", "none.during.reads.served_per_s > 100000"),
    )

    assert found.exit_code == 1
    assert "not met (none, during): none.during.reads.served_per_s > 100000; it is" in found.stderr
    figures = json.loads(found.stdout)
    assert len(figures["requirements"]["not_met"]) == 1
    assert [one["fault"] for one in figures["faults"]] == ["none", "flap"]
    assert figures["faults"][0]["results"][0]["opened_after_s"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["latncy"], "did you mean 'latency'"),
        (["gone.yaml"], "gone.yaml"),
        (["latency", "--fault", "fire"], "fire"),
        (["latency", "--require", "reads.failed"], "is no requirement"),
        (["latency", "--require", "reads.failed <= old"], "give --against"),
        (["latency", "--traffic", "gone.json"], "gone.json"),
    ],
)
def test_what_it_cannot_do_is_said_before_anything_starts(arguments, message):
    found = rehearse(*arguments)

    assert found.exit_code in (1, 2)
    assert message in found.output


def test_a_broken_file_is_told_with_its_line(tmp_path):
    path = tmp_path / "checkout.yaml"
    path.write_text("version: 1\nbreaker: {max_eror_rate: 5}\n")

    found = rehearse(str(path))

    assert found.exit_code == 1
    assert "checkout.yaml:2" in found.output


def test_on_a_terminal_every_run_has_a_bar_with_its_present_step():
    screen = Console(force_terminal=True, width=120, file=io.StringIO())

    with progress_on(["stall", "kill"], ["old: latency", "new: [checkout]"], screen) as progress:
        progress("stall", "new: [checkout]", "stall: A3", 0.5)

    shown = screen.file.getvalue()
    assert "new: [checkout]" in shown
    assert "stall: A3" in shown
    assert "kill" in shown


def test_a_rehearsal_never_writes_nodes_states_where_the_service_reads_them(monkeypatch):
    shared = {"breaker": {"storage": "redis://nowhere.invalid:6379/0"}}
    profile = PolicyLibrary().load("latency").with_overrides(shared)
    asked = {}

    def connect(*_definition, **options):
        asked.update(options)
        raise InterruptedError

    monkeypatch.setattr(subjects, "connect", connect)
    subject = subjects.Subject("new", "latency", profile, ())

    with pytest.raises(InterruptedError):
        subject.variant.build([("127.0.0.1", 3000)])

    assert profile.with_overrides(asked["overrides"]).breaker.storage is None
