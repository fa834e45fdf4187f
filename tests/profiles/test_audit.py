"""Who changed what and when: every change in force, and every refusal, is one log line and one entry."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aerospike_resilience import PolicyFileError, UnknownProfileError, resilient
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.audit import KEPT, LOGGER, AuditTrail
from tests.waiting import until

TEXT = "version: 1\nextends: latency\npolicy:\n  all: {{total_timeout: {}}}\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    path = Path("policies", "checkout.yaml")
    path.write_text(TEXT.format("250ms"))
    return path


@pytest.fixture
def wrap(bare):
    wrapped = []

    def wrap_(**options):
        wrapped.append(resilient(bare, "checkout", policies="policies", **options))
        return wrapped[-1].resilience

    yield wrap_
    for client in wrapped:
        client.resilience.close()


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger=LOGGER)
    return lambda: [one for one in caplog.records if one.name == LOGGER]


def changes(handle):
    return handle.snapshot()["changes"]


# ----- what took effect


def test_a_change_is_an_entry_with_its_line_its_values_and_both_fingerprints(file, wrap, lines):
    handle = wrap(name="carts")
    before = handle.profile.fingerprint
    file.write_text(TEXT.format("400ms"))
    handle.reload()

    (change,) = changes(handle)

    at = datetime.fromisoformat(change.pop("at"))
    assert datetime.now(UTC) - at < timedelta(minutes=5)
    assert change == {
        "outcome": "changed",
        "profile": "checkout",
        "key": "policy.all.total_timeout",
        "before": "250ms",
        "after": "400ms",
        "origin": "policies/checkout.yaml:4",
        "file": "policies/checkout.yaml",
        "line": 4,
        "reason": "",
        "text": "policy.all.total_timeout: 250ms → 400ms (policies/checkout.yaml:4)",
        "fingerprint_before": before,
        "fingerprint": handle.profile.fingerprint,
    }
    assert before != handle.profile.fingerprint
    (line,) = lines()
    assert line.getMessage() == (
        "client 'carts', profile 'checkout': profile 'checkout' reloaded: policy.all.total_timeout: "
        "250ms → 400ms (policies/checkout.yaml:4)"
    )
    assert {f"aerospike_{name}": value for name, value in change.items()}.items() <= vars(
        line
    ).items()
    assert (line.aerospike_client, line.aerospike_profile) == ("carts", "checkout")


def test_each_key_is_an_entry_of_its_own_and_the_tend_finds_them_too(file, wrap):
    handle = wrap()
    file.write_text(
        TEXT.format("400ms") + "retry: {sleep: 3ms}\nconnection: {max_conns_per_node: 9}\n"
    )

    until(lambda: len(changes(handle)) == 3)

    told = {one["key"]: (one["outcome"], one["before"], one["after"]) for one in changes(handle)}
    assert told == {
        "policy.all.total_timeout": ("changed", "250ms", "400ms"),
        "retry.sleep": ("changed", "2ms", "3ms"),
        "connection.max_conns_per_node": ("reconnect", "300", "9"),
    }


def test_what_the_applications_own_settings_override_is_no_change_in_force(file, wrap, lines):
    handle = wrap(overrides={"policy": {"all": {"total_timeout": "1s"}}})
    file.write_text(TEXT.format("400ms"))
    handle.reload()

    (change,) = changes(handle)

    assert (change["outcome"], change["after"]) == ("overridden", "400ms")
    assert (
        change["fingerprint"] != change["fingerprint_before"]
    )  # a digest of the file's settings too
    assert "without effect" in lines()[0].getMessage()


def test_a_profile_of_a_block_is_told_by_its_name(file, wrap):
    handle = wrap()
    other = file.with_name("other.yaml")
    other.write_text(TEXT.format("1s"))
    with handle.using("other"):
        pass
    other.write_text(TEXT.format("2s"))
    handle.reload()

    (change,) = changes(handle)

    assert (change["profile"], change["before"], change["after"]) == ("other", "1s", "2s")


def test_a_node_isolated_by_hand_is_a_change(file, wrap, lines):
    handle = wrap()
    until(lambda: handle.nodes)
    node = next(iter(handle.nodes))
    handle.isolate(node)
    handle.release(node)

    told = [(one["key"], one["before"], one["after"], one["origin"]) for one in changes(handle)]

    assert told == [
        (f"node {node}", "not isolated", "isolated", "by hand"),
        (f"node {node}", "isolated", "not isolated", "by hand"),
    ]
    assert len(lines()) == 2


def test_the_last_fifty_are_kept():
    trail = AuditTrail()
    one, two = PolicyLibrary().load("latency"), PolicyLibrary().load("throughput")
    for _ in range(KEPT):
        trail.took("latency", one, two)

    assert len(trail.report()) == KEPT == 50


def test_entries_are_ready_for_json_and_hide_secrets(file, wrap):
    handle = wrap()
    file.write_text(TEXT.format("400ms") + "breaker: {storage: 'redis://u:secret@127.0.0.1:1/0'}\n")
    handle.reload()

    assert "secret" not in json.dumps(changes(handle))
    assert changes(handle)


# ----- what was refused


def test_a_refusal_says_why_and_that_nothing_changed(file, wrap, lines):
    handle = wrap()
    before = handle.profile.fingerprint
    file.write_text(TEXT.format("400ms").replace("total_timeout", "total_timout"))
    handle.reload()

    (change,) = changes(handle)

    assert (change["outcome"], change["key"]) == ("refused", "policy.all.total_timout")
    assert (change["origin"], change["line"]) == ("policies/checkout.yaml:4", 4)
    assert "did you mean 'total_timeout'" in change["reason"]
    assert change["fingerprint"] == change["fingerprint_before"] == before
    (line,) = lines()
    assert (line.levelname, line.aerospike_outcome) == ("ERROR", "refused")
    assert handle.snapshot()["profile"]["state"] == "stale"

    file.write_text(TEXT.format("250ms"))
    handle.reload()

    assert changes(handle)[-1]["outcome"] == "mended"
    assert handle.snapshot()["profile"]["state"] == "current"


# ----- a bad file at the start


BROKEN = "version: 1\nextends: latency\nnonsense: 1\n"


def test_a_client_does_not_start_on_a_bad_file_unless_it_may(file, wrap):
    file.write_text(BROKEN)

    with pytest.raises(PolicyFileError):
        wrap()
    with pytest.raises(
        ValueError, match="there is no broken_profile='parrent'; did you mean 'parent'"
    ):
        wrap(broken_profile="parrent")


@pytest.mark.parametrize(
    ("text", "parent"),
    [
        (BROKEN, "latency"),
        ("version: 1\nextends: 'latency'  # quick\npolicy: {all: [\n", "latency"),
        ("version: 1\nextends: base\nnonsense: 1\n", "throughput"),
        ("nonsense: 1\n", "observe"),
        (None, "observe"),
    ],
)
def test_a_client_that_may_starts_on_the_nearest_good_parent(file, wrap, lines, text, parent):
    file.with_name("base.yaml").write_text("version: 1\nextends: throughput\nnonsense: 2\n")
    file.unlink() if text is None else file.write_text(text)

    handle = wrap(broken_profile="parent")

    state = handle.snapshot()["profile"]
    assert (state["name"], state["in_force"], state["state"]) == ("checkout", parent, "parent")
    assert state["reload_error"]
    assert state["fingerprint"] == PolicyLibrary().load(parent).fingerprint
    (change,) = changes(handle)
    assert (change["outcome"], change["profile"]) == ("refused", "checkout")
    (line,) = lines()
    assert (
        f"profile 'checkout' cannot be used, so '{parent}' is in force instead: "
        in line.getMessage()
    )


def test_a_file_that_is_mended_later_takes_effect(file, wrap):
    file.write_text(BROKEN)
    handle = wrap(broken_profile="parent", overrides={"retry": {"sleep": "7ms"}})
    assert handle.explain("get").value("total_timeout") == 250
    assert handle.profile.retry.sleep_s == 0.007

    file.write_text(TEXT.format("400ms"))

    until(lambda: handle.explain("get").value("total_timeout") == 400)
    state = handle.snapshot()["profile"]
    assert (state["in_force"], state["state"], state["reload_error"]) == (
        "checkout",
        "current",
        None,
    )
    assert handle.profile.retry.sleep_s == 0.007


def test_the_metrics_attributes_tell_what_is_in_force(file, wrap):
    file.write_text(BROKEN)
    handle = wrap(broken_profile="parent")

    assert handle._engine.profile_state.attributes() == {
        "aerospike.resilience.profile": "checkout",
        "aerospike.resilience.profile.in_force": "latency",
        "aerospike.resilience.profile.fingerprint": handle.profile.fingerprint,
        "aerospike.resilience.profile.state": "parent",
        "aerospike.resilience.rollout.group": "none",
    }


def test_a_missing_profile_is_an_error_unless_it_may_be_missing(file, wrap):
    file.unlink()
    with pytest.raises(UnknownProfileError):
        wrap()
