"""What a change of a policy file does is shown by operation: of names, files, and files in git."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli

OLD = "version: 1\nextends: base\npolicy:\n  reads: {total_timeout: 250ms}\n"
NEW = OLD.replace("250ms", "400ms")


def run(*arguments: str):
    found = CliRunner().invoke(cli, ["policy", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def diff(*arguments: str) -> list[dict[str, object]]:
    found = run("diff", *arguments, "--format", "json")
    rows = json.loads(found.stdout)
    assert found.exit_code == int(bool(rows)), found.output
    return rows


def git(*arguments: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    return tmp_path


def write(name: str, text: str) -> None:
    Path("policies", f"{name}.yaml").write_text(text)


@pytest.fixture
def repository(home):
    """A repository in which a file and its parent were changed after the last commit."""
    write("base", "version: 1\nextends: latency\nbreaker: {silence: 300ms}\n")
    write("checkout", OLD)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    write("checkout", NEW)
    write("base", "version: 1\nextends: latency\nbreaker: {silence: 500ms}\n")
    return home


FILE = "policies/checkout.yaml"


def test_a_file_is_compared_with_its_version_in_git(repository):
    rows = diff(f"HEAD:{FILE}", FILE)

    assert rows[0] == {
        "operations": ["get", "exists", "select"],
        "field": "total_timeout",
        "before": "250ms",
        "after": "400ms",
        "origin": f"{FILE}:4",
    }


def test_the_parents_of_a_version_in_git_are_of_that_version_too(repository):
    silence = [row for row in diff(f"HEAD:{FILE}", FILE) if row["field"] == "breaker.silence"]

    assert [(row["before"], row["after"]) for row in silence] == [("300ms", "500ms")]
    assert silence[0]["origin"] == "policies/base.yaml:3"
    # The other way round the old file is the one that is named, as git names it.
    (back,) = [row for row in diff(FILE, f"HEAD:{FILE}") if row["field"] == "breaker.silence"]
    assert back["origin"] == "HEAD:policies/base.yaml:3"


def test_a_parent_in_another_directory_of_the_repository_is_of_that_version(repository):
    Path("shared").mkdir()
    Path("policies/base.yaml").rename("shared/base.yaml")
    git("add", "-A")
    git("commit", "-qm", "second")
    Path("shared/base.yaml").write_text("version: 1\nextends: latency\nbreaker: {silence: 800ms}\n")

    (row,) = diff(f"HEAD:{FILE}", FILE, "--policies", "shared")

    assert (row["field"], row["before"], row["after"]) == ("breaker.silence", "500ms", "800ms")


def test_a_path_in_git_may_be_given_from_here(repository, monkeypatch):
    monkeypatch.chdir("policies")

    assert diff("HEAD:./checkout.yaml", "checkout.yaml")
    assert diff(f"HEAD:{FILE}", "checkout.yaml")


def test_a_file_of_git_that_is_gone_now_is_compared_all_the_same(repository):
    Path(FILE).unlink()

    assert diff(f"HEAD:{FILE}", "latency")


def test_a_name_is_compared_with_a_file(repository):
    assert any(row["after"] == "400ms" for row in diff("latency", FILE))
    assert diff("checkout", FILE) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("HEAD:policies/nowhere.yaml", "git has no policies/nowhere.yaml in HEAD"),
        ("nowhere:policies/checkout.yaml", "git: "),
        ("policies/nowhere.yaml", "No such file"),
        ("nowhere", "no profile is called 'nowhere'"),
        ("HEAD:policies/broken.yaml", "HEAD:policies/broken.yaml:2:1: no_such"),
    ],
)
def test_what_is_not_there_is_told(repository, given, told):
    write("broken", "version: 1\nno_such: 1\n")
    git("add", ".")
    git("commit", "-qm", "broken")
    found = run("diff", given, "latency")

    assert found.exit_code == 2
    assert told.lower() in found.output.lower()


def test_outside_of_a_repository_git_says_so(home):
    found = run("diff", "HEAD:policies/x.yaml", "latency")

    assert found.exit_code == 2
    assert "not a git repository" in found.output


def test_markdown_is_a_table_for_a_pull_request(repository):
    told = run("diff", f"HEAD:{FILE}", FILE, "--format", "markdown").stdout.splitlines()

    assert told[0] == f"### Policy: `HEAD:{FILE}` → `{FILE}`"
    assert told[2] == "| operations | field | before | after | set in |"
    assert told[4] == (
        f"| `get`, `exists`, `select` | `total_timeout` | 250ms | **400ms** | `{FILE}:4` |"
    )
    assert all(line.count("|") == 6 for line in told[2:])
    same = run("diff", "latency", "latency", "--format", "markdown")
    assert (same.exit_code, "No difference in effect." in same.stdout) == (0, True)


def test_what_differs_only_for_a_set_or_a_kind_of_call_is_shown_there(home):
    write("a", "version: 1\npolicy: {writes: {total_timeout: 1s}}\n")
    write(
        "b",
        "version: 1\npolicy:\n  writes: {total_timeout: 1s}\n  writes_non_retryable: {max_retries: 3}\n"
        "  reads_sc: {socket_timeout: 7ms}\nsets:\n  test.sessions: {reads: {total_timeout: 80ms}}\n",
    )

    rows = {(row["field"], row["after"]): row["operations"] for row in diff("a", "b")}

    assert rows["total_timeout", "80ms"] == [
        "get (test.sessions)",
        "exists (test.sessions)",
        "select (test.sessions)",
    ]
    assert "put (not repeatable)" in rows["max_retries", "3"]
    assert "increment" in rows["max_retries", "3"]
    assert "put" not in rows["max_retries", "3"]
    assert rows["socket_timeout", "7ms"][0] == "get (strong consistency)"


def test_sections_have_units_the_files_own_names_and_one_word_for_what_is_not_set(home):
    write("a", "version: 1\nadaptive_timeout: {max: 40}\nconnection: {max_socket_idle: 55}\n")
    write("b", "version: 1\nforked_client: error\nretry: {budget: null}\n")

    rows = {row["field"]: (row["before"], row["after"]) for row in diff("a", "b")}

    assert rows["adaptive_timeout.max"] == ("40ms", "not set")
    assert rows["connection.max_socket_idle"] == ("55s", "not set")
    assert rows["retry.budget.ratio"] == ("0.1", "not set")
    assert rows["forked_client"] == ("warn", "error")
    assert not {"None", "-", "null"} & {value for row in rows.values() for value in row}


def test_another_password_is_a_difference_that_shows_neither(home):
    for name, password in {"a": "one", "b": "two"}.items():
        write(name, f"version: 1\nbreaker: {{storage: 'redis://u:{password}@host/0'}}\n")

    (row,) = diff("a", "b")

    assert row["after"] == f"{row['before']} (with other credentials)"
    assert "one" not in str(row)
    assert "two" not in str(row)


@pytest.mark.parametrize("given", ["checkout", FILE, f"HEAD:{FILE}"])
@pytest.mark.parametrize(
    "command",
    [["show"], ["explain", "get"], ["export", "--to", "aerospike"]],
    ids=lambda one: one[0],
)
def test_other_commands_take_files_and_revisions_too(repository, command, given):
    name, *rest = command
    found = run(name, given, *rest)

    assert found.exit_code == 0, found.output
    assert ("250" if given.startswith("HEAD") else "400") in found.stdout
