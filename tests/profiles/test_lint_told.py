"""What lint finds is told by the command, in each of its formats, and when a profile is loaded."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aerospike_resilience import resilient
from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients.registry import adapter_named
from aerospike_resilience.model.identity import ClientIdentity
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.lint import REMEMBERED, FindingsLog


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
    # What the parent sets for batches and queries wins over the reads that the profile sets, too.
    assert {one["id"] for one in found} == {"AR001", "AR037", "AR038"}

    result = json.loads(lint("--format", "sarif", str(trapped)).output)["runs"][0]["results"][0]
    assert result["ruleId"] == "AR001"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


@pytest.fixture
def told(caplog):
    """What the log says of profiles: level, and the finding's id or the whole text."""
    caplog.set_level("INFO", logger="aerospike_resilience.profiles")

    def told_() -> list[tuple[str, str]]:
        said = [(one.levelname, one.getMessage()) for one in caplog.records]
        caplog.clear()
        return [(level, text) for level, text in said if " AR0" in text]

    return told_


def test_findings_are_told_at_load_once_and_at_reload_only_what_is_new(trapped, bare, told):
    wrapped = resilient(bare, "mine", policies=trapped.parent)
    level, text = told()[0]
    assert level == "WARNING"
    assert "mine.yaml:4: warning AR001 in profile 'mine'" in text
    assert "; fix: socket_timeout of at most 62 ms" in text

    trapped.write_text(trapped.read_text() + "breaker: {silence: 20ms}\n")
    wrapped.resilience.reload()

    assert [text.split(" in profile")[0].split()[-1] for _, text in told()] == ["AR008"]
    wrapped.resilience.close()


def test_a_note_is_information_and_not_a_warning(tmp_path, bare, told):
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nextends: latency\noperations: {ping: {timeout: 5ms}}\n"
    )
    wrapped = resilient(bare, "mine", policies=tmp_path)

    assert [level for level, _ in told()] == ["INFO"]
    wrapped.resilience.close()


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_a_shipped_profile_is_loaded_in_silence(name, bare, told):
    resilient(bare, name).resilience.close()

    assert told() == []


def test_what_overrides_add_is_told_of_too(bare, told):
    wrapped = resilient(bare, "latency", overrides={"breaker": {"max_open_share": 1}})

    assert "overrides=: warning AR012" in told()[0][1]
    wrapped.resilience.close()


def test_a_file_that_changes_again_and_again_fills_no_memory():
    log = FindingsLog(adapter_named("aerospike"), ClientIdentity("carts", "latency"))
    latency = PolicyLibrary().load("latency")

    for number in range(REMEMBERED + 10):
        changed = {"policy": {"reads": {"socket_timeout": f"{250 + number}ms"}}}
        log.tell(latency.with_overrides(changed))

    assert len(log._told) == REMEMBERED
