"""``aerospike-resilience policy`` shows what is in force, and checks files."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.names import shipped
from tests.schema import validator

SCHEMA = json.loads((shipped() / "schema.json").read_text())


def run(*arguments: str):
    return CliRunner().invoke(cli, ["policy", *arguments])


def test_the_shipped_schema_is_that_of_the_code():
    assert json.loads(run("schema").output) == SCHEMA


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_shipped_files_fit_the_schema_and_name_it_for_editors(name):
    text = PolicyLibrary().find(name).read_text()

    validator().validate(yaml.safe_load(text))
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize("broken", [{"version": 2}, {"version": 1, "braker": {}}, {}])
def test_the_schema_refuses_what_the_library_refuses(broken):
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(broken)


def test_list_names_every_profile():
    found = run("list")

    assert found.exit_code == 0
    for name in PolicyLibrary().names():
        assert name in found.output


def test_show_tells_every_value_and_its_line():
    found = json.loads(run("show", "latency", "--json").output)

    assert found["breaker.max_error_rate"][0] == 20
    assert found["breaker.max_error_rate"][1].startswith("<shipped>/latency.yaml:")
    assert found["retry.native_failover"][1].startswith("<shipped>/default.yaml:")


def test_explain_tells_what_the_client_is_really_sent():
    found = {
        row["field"]: row for row in json.loads(run("explain", "latency", "get", "--json").output)
    }

    assert (found["replica"]["value"], found["replica"]["sent"]) == ("sequence", 2)


def test_explain_of_a_command_without_retries_says_what_is_not_sent():
    found = {
        row["field"]: row
        for row in json.loads(run("explain", "latency", "info_all", "--json").output)
    }

    assert found["timeout"]["sent"] == 1000
    assert found["max_retries"]["sent"] is None


def test_explain_of_a_write_that_must_not_be_repeated():
    found = json.loads(run("explain", "latency", "put", "--not-repeatable", "--json").output)

    assert {row["field"]: row["value"] for row in found}["max_retries"] == 0


def test_explain_takes_a_set(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nextends: latency\nsets: {test.sessions: {reads: {total_timeout: 80ms}}}\n"
    )

    def total(*more: str) -> int:
        told = run("--policies", str(tmp_path), "explain", "mine", "get", "--json", *more).output
        return {row["field"]: row["value"] for row in json.loads(told)}["total_timeout"]

    assert (total(), total("--set", "test.sessions"), total("--set", "test")) == (250, 80, 250)


def test_diff_shows_effects_and_not_text():
    found = run("diff", "latency", "throughput")

    assert found.exit_code == 1
    assert "socket_timeout" in found.output
    assert "commit" not in found.output  # takes no policy, so nothing of it differs
    assert run("diff", "latency", "latency").exit_code == 0


def test_check_counts_broken_files(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("version: 1\n")
    bad.write_text("version: 3\n")

    found = run("check", str(good), str(bad))

    assert found.exit_code == 1
    assert "2 files checked, 1 broken" in found.output
    assert run("check").exit_code == 0


def test_new_writes_a_file_that_loads_and_overwrites_nothing(tmp_path):
    into = str(tmp_path)

    assert run("new", "mine", "--from", "latency", "--into", into).exit_code == 0
    assert PolicyLibrary([Path(into)]).load("mine").breaker.max_error_rate == 20
    again = run("new", "mine", "--into", into)
    assert again.exit_code == 1
    assert "exists already" in again.output


@pytest.mark.parametrize("arguments", [["show", "latancy"], ["explain", "latency", "fetch"]])
def test_what_there_is_not_is_said(arguments):
    found = run(*arguments)

    assert found.exit_code == 1
    assert "Known: " in found.output
