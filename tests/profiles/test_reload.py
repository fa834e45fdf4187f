"""Files change while the service runs: good ones take effect, broken ones change nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.profiles import PolicyLibrary, Watcher
from tests.patience import NEVER_LATE
from tests.waiting import until

GOOD = "version: 1\nextends: latency\npolicy: {{reads: {{total_timeout: {}ms}}}}\n"


def replace(path: Path, text: str) -> None:
    """Write as careful people do: beside it, then rename."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(text)
    fresh.replace(path)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.format(100))
    return path


@pytest.fixture
def watched(file):
    found = SimpleNamespace(changes=[], errors=[])
    found.watcher = Watcher(
        PolicyLibrary([file.parent]), "mine", found.changes.append, found.errors.append
    )
    return found


def test_nothing_happens_while_nothing_changes(watched):
    watched.watcher.poll()

    assert (watched.changes, watched.errors) == ([], [])


def test_an_atomic_rename_is_seen(file, watched):
    replace(file, GOOD.format(200))

    watched.watcher.poll()

    assert len(watched.changes) == 1


def test_a_configmaps_switch_of_links_is_seen(tmp_path):
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "mine.yaml").write_text(GOOD.format(100 * number))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "mine.yaml").symlink_to("..data/mine.yaml")
    changes: list = []
    watcher = Watcher(PolicyLibrary([tmp_path]), "mine", changes.append, changes.append)

    (tmp_path / "..fresh").symlink_to("..2")
    (tmp_path / "..fresh").rename(tmp_path / "..data")
    watcher.poll()

    assert len(changes) == 1


def test_a_changed_parent_is_seen(tmp_path):
    (tmp_path / "base.yaml").write_text("version: 1\n")
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: base\n")
    changes: list = []
    watcher = Watcher(PolicyLibrary([tmp_path]), "mine", changes.append, changes.append)

    replace(tmp_path / "base.yaml", "version: 1\npolicy: {all: {max_retries: 9}}\n")
    watcher.poll()

    assert len(changes) == 1


def test_a_file_that_vanishes_keeps_the_last_good_profile_until_it_returns(file, watched):
    file.unlink()
    watched.watcher.poll()
    assert (len(watched.changes), len(watched.errors)) == (0, 1)

    file.write_text(GOOD.format(100))
    watched.watcher.poll()

    assert len(watched.changes) == 1


def test_reload_by_hand_says_what_changed_and_what_needs_a_reconnect(file, watched):
    file.write_text(GOOD.format(200) + "connection: {max_conns_per_node: 7}\n")

    result = watched.watcher.reload()

    assert ("policy.reads.total_timeout", "100ms", "200ms") in result.changed
    assert result.needs_reconnect == ("connection.max_conns_per_node",)


def test_a_running_client_takes_a_change_over_and_keeps_its_state(file, bare):
    client = resilient(bare, "mine", policies=file.parent)
    client.put(("test", "reload", 1), {"n": 1})
    node = next(iter(client.resilience.nodes))
    client.resilience.isolate(node)

    replace(file, GOOD.format(222))

    until(lambda: client.resilience.explain("get").value("total_timeout") == 222)
    assert client.resilience.nodes[node]["state"] == "isolated"
    client.resilience.close()


def test_a_broken_file_is_told_of_and_changes_nothing(file, bare):
    client = resilient(bare, "mine", policies=file.parent)

    replace(file, "version: 1\npolicy: {reads: {total_timout: 1}}\n")

    until(lambda: client.resilience.snapshot()["profile"]["reload_error"])
    assert "total_timeout" in client.resilience.snapshot()["profile"]["reload_error"]
    assert client.resilience.explain("get").value("total_timeout") == 100
    replace(file, GOOD.format(333))
    until(lambda: client.resilience.explain("get").value("total_timeout") == 333)
    assert client.resilience.snapshot()["profile"]["reload_error"] is None
    client.resilience.close()


def test_reloading_under_load_fails_no_call_and_mixes_no_profiles(file, bare):
    """Each version has one number in three fields; a call that mixed two versions would see two.

    The sleep is that number less 20 seconds: one as long as the operation would leave no time for a retry.
    """
    template = (
        "version: 1\nextends: latency\ndescription: 'v{0}'\n"
        "policy: {{reads: {{total_timeout: {0}ms, socket_timeout: {0}ms, sleep_between_retries: {1}ms}}}}\n"
        "breaker: {{silence: 60s}}\n"
    )
    file.write_text(template.format(20_000, 0))
    seen: set[tuple[int, int, int]] = set()

    class Look:
        def around(self, call, proceed):
            fields = call.plan.fields
            seen.add(
                (
                    fields["total_timeout"],
                    fields["socket_timeout"],
                    fields["sleep_between_retries"] + 20_000,
                )
            )
            return proceed(call)

        around_async = around

    client = resilient(bare, "mine", policies=file.parent, arrange=lambda chain: [*chain, Look()])
    key = ("test", "reload", 1)
    bare.put(key, {"n": 1})
    stop, errors, calls = threading.Event(), [], [0] * 16

    def work(number: int) -> None:
        while not stop.is_set():
            try:
                client.get(key)
                calls[number] += 1
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for number in range(200):
        broken = number % 10 == 9
        replace(
            file,
            "version: 1\nnonsense: 1\n" if broken else template.format(20_001 + number, 1 + number),
        )
        result = client.resilience.reload()
        assert (result.error is not None) == broken
    stop.set()
    for thread in threads:
        thread.join()

    assert errors == []
    assert min(calls) > 0
    assert len(seen) > 1
    assert all(len(set(numbers)) == 1 for numbers in seen)
    client.resilience.close()


def test_using_switches_the_profile_for_a_block_and_thread(bare):
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    key = ("test", "reload", 1)
    with client.resilience.using("batch"):
        client.put(key, {"n": 1})
        engine = client.resilience._engine
        assert engine._switched.profiles == ("batch",)
    assert client.resilience.profile.name == "latency"
    client.resilience.close()
