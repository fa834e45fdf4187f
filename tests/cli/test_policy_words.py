"""The commands on policy files belong together, and say what they did in whole words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.cli.policy import policy

MINE = "version: 1\nextends: latency\npolicy: {reads: {total_timeout: 123ms}}\n"


def run(*arguments: str):
    found = CliRunner().invoke(cli, ["policy", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def elsewhere(home):
    (home / "deploy").mkdir()
    (home / "deploy" / "mine.yaml").write_text(MINE)
    return home


# ----- the first session


def test_what_new_writes_the_next_command_finds(home):
    written = run("new", "checkout", "--from", "latency")
    (line,) = [line for line in written.output.splitlines() if line.startswith("next: ")]
    words = line.removeprefix("next: aerospike-resilience policy ").split()

    shown = run(*words)

    assert words == ["explain", "checkout", "get"]
    assert shown.exit_code == 0
    assert "250ms" in shown.stdout
    assert (
        "note: found policies/checkout.yaml; a service finds it with policies='policies'"
        in shown.stderr
    )
    assert "AEROSPIKE_RESILIENCE_POLICIES=policies" in shown.stderr


def test_what_new_writes_elsewhere_the_next_command_finds_too(home):
    written = run("new", "checkout", "--into", "deploy/policies")
    line = written.output.splitlines()[-1]

    assert line == (
        "next: aerospike-resilience policy explain checkout get --policies deploy/policies"
    )
    found = run(*line.split()[3:])
    assert (found.exit_code, found.stderr) == (0, "")


def test_new_writes_what_editors_go_by(home):
    run("new", "checkout")
    file = home / "policies" / "checkout.yaml"

    assert file.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    assert json.loads((file.parent / "schema.json").read_text()) == json.loads(run("schema").stdout)


def test_new_leaves_a_schema_that_is_there_alone(home):
    (home / "policies").mkdir()
    (home / "policies" / "schema.json").write_text("{}")
    run("new", "checkout")

    assert (home / "policies" / "schema.json").read_text() == "{}"


def test_json_is_alone_on_standard_output(home):
    run("new", "checkout", "--from", "latency")

    for command in (["explain", "checkout", "get"], ["show", "checkout"]):
        json.loads(run(*command, "--json").stdout)


def test_a_file_in_policies_that_is_named_is_no_surprise(home, monkeypatch):
    run("new", "checkout")
    assert "note:" not in run("explain", "checkout", "get", "--policies", "policies").output
    monkeypatch.setenv("AEROSPIKE_RESILIENCE_POLICIES", str(home / "policies"))
    assert "note:" not in run("explain", "checkout", "get").output


# ----- --policies on every command


TAKING = [name for name in policy.commands if name != "schema"]

EVERYWHERE = {
    "list": ["list"],
    "show": ["show", "mine"],
    "explain": ["explain", "mine", "get"],
    "diff": ["diff", "mine", "mine"],
    "check": ["check"],
    "lint": ["lint"],
    "new": ["new", "child", "--from", "mine", "--into", "out"],
    "import": ["import", "native.yaml", "--extends", "mine", "--into", "out"],
    "export": ["export", "mine", "--to", "aerospike"],
    "rollout": ["rollout", "mine"],
    "simulate": "simulate mine --fault none --rate 5 --threads 2 --seconds 0.2".split(),
}


def test_every_command_is_tried_here():
    # `rehearse` takes seconds: tests/rehearsal/test_rehearse.py tries it.
    assert {*EVERYWHERE, "rehearse"} == set(TAKING)


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("where", ["group", "command", "both"])
def test_every_command_takes_policies(elsewhere, name, where):
    (elsewhere / "native.yaml").write_text("dynamic: {read: {total_timeout: 99}}\n")
    (elsewhere / "empty").mkdir()
    group = {"group": ["--policies", "deploy"], "both": ["--policies", "empty"]}.get(where, [])
    command = [] if where == "group" else ["--policies", "deploy"]

    found = run(*group, *EVERYWHERE[name], *command)

    assert found.exit_code == 0, found.output
    if name in ("list", "show", "explain"):
        assert "mine" in found.stdout


def test_the_schema_command_takes_it_as_well(elsewhere):
    assert run("schema", "--policies", "deploy").exit_code == 0


def test_a_directory_that_is_not_there_is_refused(home):
    found = run("explain", "latency", "get", "--policies", "nowhere")

    assert found.exit_code == 2
    assert "'nowhere' does not exist" in found.output


def test_one_of_the_environment_is_warned_of(home, monkeypatch):
    monkeypatch.setenv("AEROSPIKE_RESILIENCE_POLICIES", "nowhere")
    found = run("explain", "latency", "get")

    assert found.exit_code == 0
    assert (
        found.stderr.count(
            "warning: AEROSPIKE_RESILIENCE_POLICIES names nowhere, which does not exist"
        )
        == 1
    )


# ----- words


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["version: 1\n"], "1 file checked, no problems"),
        (["version: 1\n"] * 2, "2 files checked, no problems"),
        (["version: 2\n"], "1 file checked, 1 broken"),
        (["version: 2\n", "version: 1\n"], "2 files checked, 1 broken"),
    ],
)
def test_check_counts(home, texts, told):
    files = [f"f{number}.yaml" for number in range(len(texts))]
    for name, text in zip(files, texts, strict=True):
        Path(name).write_text(text)

    assert run("check", *files).stdout.splitlines()[-1] == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: latency\n", "no findings"),
        ("extends: latency\nbreaker: {silence: 20ms}\n", "1 finding"),
        ("extends: latency\nbreaker: {silence: 20ms, max_open_share: 1}\n", "2 findings"),
    ],
)
def test_lint_counts(home, text, told):
    Path("mine.yaml").write_text("version: 1\n" + text)

    assert run("lint", "mine.yaml").stdout.splitlines()[-1] == told


@pytest.mark.parametrize("given", ["bad.yaml", "sub/bad.yaml", "../bad.yaml", "absolute"])
def test_a_broken_file_is_named_as_it_can_be_opened(home, monkeypatch, given):
    (home / "work" / "sub").mkdir(parents=True)
    monkeypatch.chdir("work")
    file = home / "x.yaml" if given == "absolute" else Path(given)
    file.write_text("version: 1\nno_such: 1\n")

    told = run("check", str(file)).stderr

    named = told.partition(":")[0]
    assert Path(named).samefile(file)
    assert given in ("absolute", named)


def test_diff_and_explain_have_units_and_the_files_own_names(home):
    (home / "policies").mkdir()
    for name, text in {
        "a": "connection: {max_socket_idle: 55}\nadaptive_timeout: {max: 40ms}\n",
        "b": "policy: {all: {total_timeout: 250, compression_threshold: 65536, ttl: 86400}}\n"
        "retry: {budget: null, chain: [2ms, 1s]}\nbreaker: {isolate: [A1]}\n",
    }.items():
        (home / "policies" / f"{name}.yaml").write_text("version: 1\n" + text)
    differs = " ".join(run("diff", "a", "b").stdout.split())

    for told in (
        "adaptive_timeout.max │ 40ms │ not set",
        "connection.max_socket_idle │ 55s │ not set",
        "retry.budget.ratio │ 0.1 │ not set",
        "retry.chain │ [] │ [2ms, 1s]",
        "breaker.isolate │ [] │ [A1]",
        "total_timeout │ not set │ 250ms",
        "compression_threshold │ not set │ 64KiB",
        "ttl │ not set │ 1d",
    ):
        assert told in differs, differs
    for word in ("None", "adaptive_timeout.max_s", " - "):
        assert word not in differs

    explained = " ".join(run("explain", "b", "put").stdout.split())
    assert "total_timeout │ 250ms │ 250 │ policies/b.yaml:2" in explained
    assert "max_retries │ not set │ " in explained
    assert "connection.max_socket_idle │ 55s │" in " ".join(run("show", "a").stdout.split())


def test_brackets_in_a_file_are_shown_as_they_are(home):
    (home / "policies").mkdir()
    (home / "policies" / "mine.yaml").write_text('version: 1\ndescription: "[red]hot[/red] [a]"\n')

    assert "[red]hot[/red] [a]" in run("list").stdout


@pytest.mark.parametrize("target", ["sessions", "tset.s"])
def test_explain_says_that_no_line_is_about_a_namespace(home, target):
    assert (
        "note: no line of latency is about namespace"
        in run("explain", "latency", "get", "--set", target).stderr
    )


@pytest.mark.parametrize("target", ["a.b.c", ".s", "test.", ":", "a:b:c"])
def test_explain_refuses_what_names_no_set(home, target):
    found = run("explain", "latency", "get", "--set", target)

    assert found.exit_code == 2
    assert 'a set is "namespace" or "namespace.set"' in " ".join(found.output.split())


def test_what_is_not_carried_over_is_told_in_plain_words(home):
    told = run("export", "latency", "--to", "aerospike").stderr

    assert "has no equivalent in that file format" in told
    assert "no like" not in told


# ----- deadlines in code


CODE = {
    "from aerospike_resilience import deadline\nwith deadline(200):\n    pass\n": 2,
    "from aerospike_resilience import deadline as d\n\nwith d(10.0): pass\n": 3,
    "import aerospike_resilience as ar\nar.deadline(250)\n": 2,
    "import aerospike_resilience\nasync def f():\n  async with aerospike_resilience.deadline(30): ...\n": 3,
    "from aerospike_resilience import deadline\ndeadline(seconds=500)\n": 2,
}

FINE = [
    'from aerospike_resilience import deadline\ndeadline("200ms"); deadline(0.2); deadline(9.9)\n',
    "from aerospike_resilience import deadline\ndeadline(x); deadline(); deadline(True)\n",
    "from other import deadline\ndeadline(200)\n",
    "deadline(200)\n",
    "x.deadline(200)\n",
    "this is no Python\n",
]


@pytest.mark.parametrize("text", CODE)
@pytest.mark.parametrize("given", ["src/app.py", "src"])
def test_lint_asks_about_a_bare_number_that_may_be_milliseconds(home, text, given):
    (home / "src").mkdir()
    (home / "src" / "app.py").write_text(text)

    found = run("lint", "--strict", given)

    assert found.exit_code == 1
    assert f"src/app.py:{CODE[text]}: warning AR040: deadline(" in found.stdout
    assert 'fix: deadline("' in found.stdout


@pytest.mark.parametrize("text", FINE)
def test_lint_asks_about_nothing_else(home, text):
    (home / "app.py").write_text(text)

    assert run("lint", "--strict", "app.py").stdout == "no findings\n"


# ----- python -m


def test_the_package_runs_as_the_command(home):
    found = subprocess.run(
        [sys.executable, "-m", "aerospike_resilience", "policy", "check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")
    assert "files checked, no problems" in found.stdout
