"""Settings that are valid and will go wrong are found, each by its id."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients.aerospike.operations import OPERATIONS
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.lint import RULES, examine

TRAPS = {
    "AR001": {"policy": {"reads": {"socket_timeout": 250}}},
    "AR002": {"backpressure": {"max_concurrent_operations": 301}},
    "AR003": {"policy": {"all": {"timeout_delay": 3000}}},
    "AR004": {"policy": {"writes_non_retryable": {"max_retries": 1, "socket_timeout": 100}}},
    "AR005": {"policy": {"reads_point": {"max_retries": 1}}},
    "AR006": {"adaptive_timeout": {"min": "50ms"}},
    "AR007": {"policy": {"reads_point": {"total_timeout": 0}}},
    "AR008": {"breaker": {"silence": "20ms"}},
    "AR009": {"retry": {"max_sleep": "1s"}},
    "AR010": {"backpressure": {"operation_queue_timeout": "250ms"}},
    "AR011": {
        "breaker": {"on_replica_open": "commit_master"},
        "policy": {"all": {"commit_level": "all"}},
    },
    "AR012": {"breaker": {"max_open_share": 1}},
    "AR013": {"operations": {"fetch": {"total_timeout": 5}}},
}


def findings(overrides: dict) -> list:
    profile = PolicyLibrary().load("latency").with_overrides(overrides)
    return examine(profile, tuple(OPERATIONS.values()))


def test_every_rule_has_a_trap_here():
    assert set(TRAPS) == set(RULES)


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_found_by_its_id_and_no_other(name):
    found = findings(TRAPS[name])

    assert {one.id for one in found} == {name}
    assert all(one.origin == "overrides=" or ":" in one.origin for one in found)
    assert all(one.message and one.fix for one in found)


@pytest.mark.parametrize("name", TRAPS)
def test_a_finding_that_is_meant_to_be_so_is_left_out(name):
    assert findings({**TRAPS[name], "lint": {"ignore": {name: "measured for a month"}}}) == []


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_shipped_profiles_are_lint_clean(name):
    assert examine(PolicyLibrary().load(name), tuple(OPERATIONS.values())) == []


@pytest.fixture
def trapped(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\nextends: latency\npolicy:\n  reads: {socket_timeout: 250ms}\n")
    return path


def lint(*arguments: str):
    return CliRunner().invoke(cli, ["policy", "lint", *arguments])


def test_a_warning_passes_unless_strict(trapped):
    assert lint(str(trapped)).exit_code == 0
    assert lint("--strict", str(trapped)).exit_code == 1


def test_an_error_fails(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\nextends: latency\nadaptive_timeout: {min: 50ms}\n")

    assert lint(str(path)).exit_code == 1


def test_a_broken_file_is_told_apart(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\nnonsense: 1\n")

    assert lint(str(path)).exit_code == 2


def test_text_names_line_id_and_fix(trapped):
    told = lint(str(trapped)).output

    assert "mine.yaml:4: warning AR001" in told
    assert "fix: socket_timeout of at most 62 ms" in told


def test_github_shows_it_beside_the_line(trapped):
    assert "::warning file=" in lint("--format", "github", str(trapped)).output


def test_json_and_sarif_are_for_programs(trapped):
    found = json.loads(lint("--format", "json", str(trapped)).output)
    assert {one["id"] for one in found} == {"AR001"}

    result = json.loads(lint("--format", "sarif", str(trapped)).output)["runs"][0]["results"][0]
    assert result["ruleId"] == "AR001"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4
