"""Commands on files name the right one, tell of a broken one in every format, and end in no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli

TRAPPED = "version: 1\nextends: latency\npolicy:\n  reads: {socket_timeout: 250ms}\n"

FILE = "deploy/policies/mine.yaml"


def run(*arguments: str):
    found = CliRunner().invoke(cli, ["policy", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(TRAPPED)
    return tmp_path


def uri(*arguments: str) -> str:
    found = json.loads(run("lint", "--format", "sarif", *arguments).stdout)
    place = found["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    return place["artifactLocation"]["uri"]


def test_github_is_told_the_file_as_the_checkout_has_it(checkout):
    assert f"file={FILE},line=4," in run("lint", "--format", "github", FILE).stdout
    assert f"file={FILE},line=4," in run("lint", "--format", "github", str(checkout / FILE)).stdout


def test_sarif_names_the_file_as_the_checkout_has_it(checkout, tmp_path):
    assert uri(FILE) == FILE


def test_a_file_outside_of_the_checkout_is_named_whole(checkout, monkeypatch):
    (checkout / "elsewhere").mkdir()
    monkeypatch.chdir(checkout / "elsewhere")

    assert uri(f"../{FILE}").startswith("file:///")
    assert uri(f"../{FILE}").endswith(FILE)


def test_a_finding_that_no_file_gives_is_shown_beside_the_profile(checkout, monkeypatch):
    (checkout / FILE).write_text("version: 1\nextends: latency\n")
    monkeypatch.setenv("AEROSPIKE_CLIENT_CONFIG_URL", "file:///etc/aerospike.yaml")

    assert f"file={FILE},line=1,title=AR021" in run("lint", "--format", "github", FILE).stdout


def test_what_would_end_a_workflow_command_is_escaped(checkout):
    (checkout / "a,b").mkdir()
    (checkout / "a,b" / "mine.yaml").write_text(TRAPPED)

    assert (
        "file=a%2Cb/mine.yaml,line=4" in run("lint", "--format", "github", "a,b/mine.yaml").stdout
    )


@pytest.mark.parametrize("style", ["text", "json", "github", "sarif"])
def test_a_broken_file_is_told_in_every_format_and_the_others_are_looked_at(checkout, style):
    broken = checkout / "broken.yaml"
    broken.write_text("version: 1\nnonsense: 1\nbraker: {}\n")

    found = run("lint", "--format", style, str(broken), FILE)

    assert found.exit_code == 2
    for word in ("AR000", "nonsense", "braker", "AR001"):
        assert word in found.stdout
    if style in ("json", "sarif"):
        json.loads(found.stdout)


def test_a_broken_parent_is_shown_beside_its_own_line(checkout):
    (checkout / FILE).write_text("version: 1\nextends: base\n")
    (checkout / FILE).with_name("base.yaml").write_text("version: 1\n\nnonsense: 1\n")

    told = run("lint", "--format", "github", FILE).stdout

    assert "::error file=deploy/policies/base.yaml,line=3,title=AR000::nonsense: " in told


def test_check_finds_parents_where_lint_finds_them(checkout):
    (checkout / "shared").mkdir()
    (checkout / "shared" / "base.yaml").write_text("version: 1\n")
    (checkout / FILE).write_text("version: 1\nextends: base\n")

    assert run("check", FILE).exit_code == 1
    assert run("--policies", "shared", "check", FILE).exit_code == 0
    assert run("--policies", "shared", "lint", FILE).exit_code == 0


@pytest.mark.parametrize(
    ("command", "code"), [(("check",), 1), (("lint",), 2), (("lint", "--format", "sarif"), 2)]
)
@pytest.mark.parametrize("name", ["mine.yml", "nowhere/latency.yaml", ".yaml", "..yaml"])
def test_a_file_that_is_no_profile_is_said_to_be_none(checkout, command, code, name):
    (checkout / "mine.yml").write_text("version: 1\n")
    (checkout / "..yaml").write_text("version: 1\n")

    found = run(*command, name)

    assert found.exit_code == code
    assert ".yaml" in found.output


@pytest.mark.parametrize("name", ["a/b", "..", ".", ".hidden", "", "/etc/mine"])
def test_new_takes_the_name_of_a_profile_and_no_path(checkout, name):
    found = run("new", name, "--into", "policies")

    assert found.exit_code == 1
    assert "cannot be the name of a file" in found.output
    assert not Path("policies").exists()


def test_new_says_why_it_cannot_write(checkout):
    Path("taken").write_text("")

    assert "cannot be written" in run("new", "mine", "--into", "taken/policies").output


@pytest.mark.parametrize(
    "text", ["description: 2024-99-99\n", "policy: " + "[" * 200_000, "policy: &a {all: *a}\n"]
)
def test_a_hostile_file_is_one_line_of_the_list(checkout, text):
    (checkout / FILE).write_text("version: 1\n" + text)

    assert "broken: " in run("--policies", str((checkout / FILE).parent), "list").output
