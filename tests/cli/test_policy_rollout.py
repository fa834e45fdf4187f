"""`policy rollout` edits a file and leaves its comments, its order and its line ends as they are."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.edit import with_share

FILE = Path("policies/checkout.yaml")
HEAD = "# who: the checkout team\nversion: 1   # of the format\n\nextends: latency  # quick\n"
REST = "\npolicy:           # why\n    all: {total_timeout: 400ms}\nretry: {sleep: 3ms}  # last\n"


def run(*arguments: str):
    found = CliRunner().invoke(cli, ["policy", "rollout", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()
    FILE.write_text(HEAD + REST)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("rollout: {share: 10%, by: hostname}  # since May\n",) * 1
        + ("rollout: {share: 50%, by: hostname}  # since May\n",),
        ("rollout: {by: hostname, share: 0.1}\n", "rollout: {by: hostname, share: 50%}\n"),
        ('rollout: {share: "10%"}\n', "rollout: {share: 50%}\n"),
        ("rollout:\n  share: 10%   # a tenth\n", "rollout:\n  share: 50%   # a tenth\n"),
        ("rollout:\n  by: hostname\n", "rollout:\n  share: 50%\n  by: hostname\n"),
        ("rollout: {by: hostname}\n", "rollout: {share: 50%, by: hostname}\n"),
        ("rollout: {}\n", "rollout: {share: 50%}\n"),
        ("", "rollout: {share: 50%, by: hostname}\n"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_share_is_all_that_changes(line, after, end):
    FILE.write_bytes((HEAD + line + REST).replace("\n", end).encode())

    found = run("checkout", "50%")

    assert found.exit_code == 0, found.output
    assert FILE.read_bytes().decode() == (HEAD + after + REST).replace("\n", end)
    assert PolicyLibrary([FILE.parent]).load("checkout").rollout.share == 0.5


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "version: 1\nextends: latency",
            "version: 1\nextends: latency\nrollout: {share: 5%, by: hostname}\n",
        ),
        (
            "{version: 1, extends: latency}",
            "{rollout: {share: 5%, by: hostname}, version: 1, extends: latency}",
        ),
        (
            "# ünï\nversion: 1\nextends: latency # ü\nrollout: {share: 1%} # é\n",
            "# ünï\nversion: 1\nextends: latency # ü\nrollout: {share: 5%} # é\n",
        ),
    ],
)
def test_a_file_of_any_style_is_edited(text, after):
    assert with_share(text, "5%") == after


def test_the_file_is_replaced_in_one_step_with_its_mode_and_behind_its_link(home):
    real = home / "real.yaml"
    real.write_text(HEAD + REST)
    real.chmod(0o640)
    FILE.unlink()
    FILE.symlink_to(real)
    before = real.stat().st_ino

    assert run(str(FILE), "25%").exit_code == 0

    assert FILE.is_symlink()
    assert "share: 25%" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.stat().st_ino != before
    assert [path.name for path in FILE.parent.iterdir()] == ["checkout.yaml"]


@pytest.mark.parametrize("share", ["10", "101%", "-5%", "much", "1"])
def test_a_share_that_is_none_is_refused_and_the_file_left_alone(share):
    before = FILE.read_text()
    found = run("--", "checkout", share)

    assert found.exit_code == 2
    assert "is no share" in found.output
    assert FILE.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["latency", "10%"], "latency is a shipped profile; write one of your own"),
        (["chekout", "10%"], "did you mean 'checkout'"),
        (["policies/nowhere.yaml", "10%"], "No such file"),
        (["parentless", "10%"], "needs a profile that the other processes stay with"),
        (["broken", "10%"], "nonsense"),
        (["checkout", "10%", "--by", "pid"], "'pid' tells no processes apart"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(arguments, told):
    (FILE.parent / "parentless.yaml").write_text("version: 1\n")
    (FILE.parent / "broken.yaml").write_text("version: 1\nextends: latency\nnonsense: 1\n")
    texts = {path: path.read_text() for path in FILE.parent.iterdir()}

    found = run(*arguments)

    assert found.exit_code == 1
    assert told in found.output
    assert {path: path.read_text() for path in FILE.parent.iterdir()} == texts


def test_it_says_how_far_a_file_is_and_which_hosts_have_it():
    assert "has no rollout: it is in force in all processes" in run("checkout").stdout
    run("checkout", "10%")

    found = run("checkout", "--host", "web-30", "--host", "web-21")

    told = " ".join(found.stdout.split())
    assert "policies/checkout.yaml:5: in force in 10% of the processes, by hostname" in told
    assert "the others have latency" in told
    assert "web-30 │ new web-21 │ previous" in told


def test_at_100_it_says_what_to_do_next():
    assert "delete the line rollout:" in run("checkout", "100%").stdout


def test_other_commands_note_that_the_values_hold_in_a_share():
    run("checkout", "10%")
    found = CliRunner().invoke(cli, ["policy", "explain", "checkout", "get"])

    assert "400ms" in found.stdout
    assert (
        "note: policies/checkout.yaml:5: these values hold in 10% of the processes, by hostname; the "
        "others have latency" in found.stderr
    )
