"""Files are looked for in the directory that was meant, and named so that they can be opened."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

import aerospike
import pytest

from aerospike_resilience import PolicyFileError, instrument, resilient, uninstrument
from aerospike_resilience.profiles import PolicyLibrary, Watcher
from aerospike_resilience.profiles.library import ENVIRONMENT
from tests.profiles.test_reload import GOOD, replace
from tests.waiting import until


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The working directory, with a profile in ./policies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yaml").write_text(GOOD.format(100))
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def total(client) -> int:
    return client.resilience.explain("get").value("total_timeout")


# ----- a relative directory is the one that was meant


def given(source: str, monkeypatch) -> dict:
    if source == "environment":
        monkeypatch.setenv(ENVIRONMENT, "policies")
        return {}
    return {
        "text": {"policies": "policies"},
        "path": {"policies": Path("policies")},
        "list": {"policies": ["nothing-here/..", "policies"]},
    }[source]


SOURCES = ["text", "path", "list", "environment"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_relative_directory_is_what_was_meant_when_the_client_was_wrapped(
    home, bare, monkeypatch, source
):
    client = resilient(bare, "mine", **given(source, monkeypatch))
    monkeypatch.chdir("elsewhere")
    with contextlib.closing(client.resilience):
        replace(home / "policies" / "mine.yaml", GOOD.format(200))
        assert client.resilience.reload().error is None
        assert total(client) == 200

        replace(home / "policies" / "mine.yaml", GOOD.format(300))
        until(lambda: total(client) == 300)  # by the watcher

        (home / "policies" / "other.yaml").write_text(GOOD.format(400))
        with client.resilience.using("other"):
            engine = client.resilience._engine
            assert engine._switched.profiles == ("other",)


@pytest.mark.parametrize("source", SOURCES)
def test_it_is_what_was_meant_when_the_process_was_instrumented(home, healthy, monkeypatch, source):
    instrument("mine", **given(source, monkeypatch))
    try:
        monkeypatch.chdir("elsewhere")
        client = aerospike.client({"hosts": healthy.hosts})
        assert total(client) == 100
        client.close()
    finally:
        uninstrument()


# ----- a directory that is not there


@pytest.mark.parametrize("source", ["policies=", ENVIRONMENT])
@pytest.mark.parametrize(("there", "told"), [(False, "does not exist"), (True, "is no directory")])
def test_a_directory_that_is_not_there_is_named_in_the_log(
    home, bare, monkeypatch, caplog, source, there, told
):
    if there:
        (home / "mounted").write_text("")
    if source == ENVIRONMENT:
        monkeypatch.setenv(ENVIRONMENT, os.pathsep.join(["policies", "mounted"]))
    more = {"policies": ["policies", "mounted"]} if source == "policies=" else {}

    client = resilient(bare, "latency", **more)

    client.resilience.close()
    (line,) = [one for one in caplog.records if "names" in one.getMessage()]
    assert line.levelno == logging.WARNING
    assert f"{source} names mounted, which {told}" in line.getMessage()


def test_a_directory_that_is_mounted_later_is_seen(home, bare):
    client = resilient(bare, "latency", policies="mounted")
    with contextlib.closing(client.resilience):
        (home / "mounted").mkdir()
        (home / "mounted" / "latency.yaml").write_text(
            "version: 1\npolicy: {reads: {total_timeout: 7ms}}\n"
        )
        until(lambda: total(client) == 7)


# ----- how files are named


def test_files_are_named_from_the_working_directory_and_shipped_ones_apart(home):
    (home / "policies" / "latency.yaml").write_text(
        "version: 1\nextends: default\nbreaker: {mode: off}\n"
    )
    profile = PolicyLibrary.of("policies").load("latency")

    assert profile.origin("breaker.mode") == "policies/latency.yaml:3"
    assert profile.origin("retry.backoff").startswith("<shipped>/default.yaml:")


def test_a_file_that_is_nearer_by_its_whole_path_is_named_so(home, monkeypatch):
    monkeypatch.chdir("/")
    (home / "policies" / "mine.yaml").write_text("version: 2\n")

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([home / "policies"]).load("mine")

    named = str(caught.value).partition(":")[0]
    assert Path(named).samefile(home / "policies" / "mine.yaml")


def test_a_link_that_leads_nowhere_does_not_let_the_shipped_file_stand_in(home):
    (home / "policies" / "latency.yaml").symlink_to("gone")

    with pytest.raises(
        PolicyFileError, match=r"policies/latency\.yaml: cannot be read: No such file"
    ):
        PolicyLibrary.of("policies").load("latency")


# ----- a file that vanishes


@pytest.fixture
def watched(home):
    (home / "policies" / "latency.yaml").write_text(
        "version: 1\nextends: default\npolicy: {reads: {total_timeout: 7ms}}\n"
    )
    return home / "policies" / "latency.yaml"


@pytest.mark.parametrize("how", ["unlink", "rename", "directory"])
def test_an_override_of_a_shipped_profile_that_vanishes_is_told_and_stays_in_force(
    watched, bare, caplog, how
):
    client = resilient(bare, "latency", policies="policies")
    with contextlib.closing(client.resilience):
        if how == "unlink":
            watched.unlink()
        elif how == "rename":
            watched.rename(watched.with_name("latency.yaml.off"))
        else:
            watched.parent.rename("unmounted")
        until(lambda: client.resilience.snapshot()["profile"]["reload_error"])

        told = client.resilience.snapshot()["profile"]["reload_error"]
        assert (
            "policies/latency.yaml: is gone, and <shipped>/latency.yaml would stand in for it"
            in told
        )
        until(lambda: told in caplog.text)  # logged after the lock is released
        assert client.resilience.reload().error is not None
        assert total(client) == 7

        watched.parent.mkdir(exist_ok=True)
        watched.write_text("version: 1\npolicy: {reads: {total_timeout: 9ms}}\n")
        until(lambda: total(client) == 9)
        assert client.resilience.snapshot()["profile"]["reload_error"] is None


def test_a_parent_that_vanishes_behind_its_child_is_told_too(watched):
    (watched.parent / "mine.yaml").write_text("version: 1\nextends: latency\n")
    errors: list[Exception] = []
    watcher = Watcher(PolicyLibrary.of("policies"), "mine", lambda _profile: None, errors.append)

    watched.unlink()
    watcher.poll()
    watcher.poll()

    (error,) = errors
    assert "policies/latency.yaml: is gone" in str(error)
    assert watcher.profile.flat()["policy.reads.total_timeout"] == "7ms"


def test_a_child_that_no_longer_builds_on_it_lets_it_go(watched):
    (watched.parent / "mine.yaml").write_text("version: 1\nextends: latency\n")
    changes, errors = [], []
    watcher = Watcher(PolicyLibrary.of("policies"), "mine", changes.append, errors.append)

    (watched.parent / "mine.yaml").write_text("version: 1\nextends: throughput\n")
    watched.unlink()
    watcher.poll()

    assert (len(changes), errors) == (1, [])


# ----- deployments that give every file the same time


FIXED = (315_532_800, 315_532_800)


def deploy(path: Path, milliseconds: int) -> None:
    path.write_text(GOOD.format(milliseconds))
    os.utime(path, FIXED)


def test_a_deployment_with_fixed_times_is_seen(home):
    file = home / "policies" / "mine.yaml"
    deploy(file, 210)
    changes: list = []
    watcher = Watcher(PolicyLibrary.of("policies"), "mine", changes.append, changes.append)
    for wanted in (220, 230, 240):
        before = file.stat()
        deploy(file, wanted)  # over the old one: the same inode, size and time
        after = file.stat()
        assert (before.st_ino, before.st_size, before.st_mtime_ns) == (
            *(after.st_ino, after.st_size, after.st_mtime_ns),
        )
        watcher.poll()
        assert changes[-1].flat()["policy.reads.total_timeout"] == f"{wanted}ms"


def test_two_changes_of_one_moment_are_both_seen(home, monkeypatch):
    """The system's clock may not tell them apart: the time of change is coarse."""
    file, real = home / "policies" / "mine.yaml", os.stat
    changes: list = []
    watcher = Watcher(PolicyLibrary.of("policies"), "mine", changes.append, changes.append)
    deploy(file, 220)
    frozen = file.stat()

    def coarse(self, **more):
        return frozen if self == file else real(self, **more)

    monkeypatch.setattr(Path, "stat", coarse)
    watcher.poll()
    deploy(file, 230)
    watcher.poll()

    assert [one.flat()["policy.reads.total_timeout"] for one in changes] == ["220ms", "230ms"]


def test_a_settled_file_is_not_read_again(home):
    loads: list[str] = []

    class Library(PolicyLibrary):
        def load(self, *args):
            loads.append(args[0])
            return super().load(*args)

    watcher = Watcher(Library([home / "policies"]), "mine", loads.append, loads.append)
    until(lambda: watcher.poll() or not watcher._unsettled)
    loads.clear()
    watcher.poll()

    assert loads == []


def test_a_configmap_with_fixed_times_is_seen(home):
    """Kubernetes writes each version into a directory of its own and switches a link to it."""
    for number in (1, 2, 3):
        (home / f"..{number}").mkdir()
        deploy(home / f"..{number}" / "mine.yaml", 100 + number)
    (home / "..data").symlink_to("..1")
    (home / "mine.yaml").symlink_to("..data/mine.yaml")
    changes: list = []
    watcher = Watcher(PolicyLibrary([home]), "mine", changes.append, changes.append)
    for number in (2, 3, 1):
        (home / "..fresh").symlink_to(f"..{number}")
        (home / "..fresh").rename(home / "..data")
        watcher.poll()
        assert changes[-1].flat()["policy.reads.total_timeout"] == f"{100 + number}ms"


# ----- what a reload tells


def test_a_reload_tells_each_change_with_its_units_and_its_line(home, bare, caplog):
    caplog.set_level(logging.INFO, "aerospike_resilience.profiles")
    text = "version: 1\npolicy:\n  all:\n    max_retries: 1\n    {}\nretry: {{sleep: {}}}\n"
    file = home / "policies" / "checkout.yaml"
    file.write_text(text.format("total_timeout: 250", "1500us"))
    client = resilient(bare, "checkout", policies="policies")
    name = client.resilience.name
    with contextlib.closing(client.resilience):
        file.write_text(text.format("total_timeout: 400ms", "2s"))
        client.resilience.reload()
        file.write_text(text.format("compress: true", "2s"))
        client.resilience.reload()

    told = [one.getMessage() for one in caplog.records if "reloaded" in one.getMessage()]
    assert told == [
        f"client '{name}', profile 'checkout': profile 'checkout' reloaded: {change}"
        for change in (
            "policy.all.total_timeout: 250ms → 400ms (policies/checkout.yaml:5)",
            "retry.sleep: 1.5ms → 2s (policies/checkout.yaml:6)",
            "policy.all.compress: not set → true (policies/checkout.yaml:5)",
            "policy.all.total_timeout: 400ms → not set (policies/checkout.yaml:5)",
        )
    ]
