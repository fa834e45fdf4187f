"""A file is in force in a share of the processes; the others stay with its parent, or with `previous:`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aerospike_resilience import PolicyFileError, resilient
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.lint import examine
from aerospike_resilience.profiles.rollout import has_it, place

FILE = "version: 1\nextends: latency\nrollout: {}\npolicy:\n  all: {{total_timeout: 400ms}}\n"
EARLY, LATE = "web-30", "web-21"
"""A host below 10 % for the profile `checkout`, and one above 50 %."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    return tmp_path


@pytest.fixture
def on(monkeypatch):
    """Have the process run on a host of that name."""
    return lambda name: monkeypatch.setattr(socket, "gethostname", lambda: name)


def write(text: str, name: str = "checkout") -> None:
    Path("policies", f"{name}.yaml").write_text(text)


def load(name: str = "checkout", **options):
    return PolicyLibrary([Path("policies")], **options).load(name)


def timeout(profile) -> str:
    return profile.leaves()["policy", "all", "total_timeout"]


# ----- who has it


def test_a_place_is_the_same_on_every_machine_and_python():
    assert [round(place("checkout", host), 6) for host in (EARLY, LATE)] == [0.011282, 0.60325]
    assert place("carts", EARLY) != place("checkout", EARLY)


def test_a_share_is_that_share_of_many_hosts_and_only_grows():
    hosts = [f"host-{number}" for number in range(2000)]
    groups = [
        {one for one in hosts if has_it("checkout", one, share)} for share in (0, 0.1, 0.5, 1)
    ]

    assert [len(group) for group in groups][::3] == [0, 2000]
    assert 140 < len(groups[1]) < 260
    assert 920 < len(groups[2]) < 1080
    assert groups[1] < groups[2] < groups[3]


@pytest.mark.parametrize(
    ("host", "share", "value"),
    [
        (EARLY, "10%", "400ms"),
        (LATE, "10%", "250ms"),
        (LATE, "50%", "250ms"),
        (LATE, "0.9", "400ms"),
        (LATE, "100%", "400ms"),
        (EARLY, "0%", "250ms"),
    ],
)
def test_the_values_hold_in_the_share_and_the_parents_elsewhere(home, on, host, share, value):
    on(host)
    write(FILE.format(f"{{share: {share}}}"))

    profile = load()

    assert timeout(profile) == value
    assert profile.name == "checkout"
    assert profile.rollout.group == ("new" if value == "400ms" else "previous")


def test_the_groups_have_two_fingerprints(home, on):
    write(FILE.format("{share: 10%, by: hostname}"))
    prints = []
    for host in (EARLY, LATE):
        on(host)
        prints.append(load().fingerprint)

    assert prints[0] != prints[1]


def test_a_process_may_be_told_apart_by_a_variable(home, monkeypatch):
    write(FILE.format("{share: 10%, by: env:POD}"))
    for value, group in ((EARLY, "new"), (LATE, "previous"), ("", "previous")):
        monkeypatch.setenv("POD", value)
        assert load().rollout.group == group
    monkeypatch.delenv("POD")
    assert load().rollout.group == "previous"
    write(FILE.format("{share: 100%, by: env:POD}"))
    assert load().rollout.group == "new"


def test_the_others_may_stay_with_a_profile_of_ones_own(home, on):
    on(LATE)
    write(
        "version: 1\nextends: throughput\npolicy: {all: {total_timeout: 333ms}}\n", "checkout-old"
    )
    write(FILE.format("{share: 10%, previous: checkout-old}"))

    profile = load()

    assert timeout(profile) == "333ms"
    assert profile.origin("backpressure.max_concurrent_operations").startswith(
        "<shipped>/throughput"
    )
    assert profile.rollout.instead == "checkout-old"


def test_a_parents_rollout_holds_for_its_children_too(home, on):
    write(FILE.format("{share: 10%}"), "base")
    write("version: 1\nextends: base\nretry: {sleep: 3ms}\n")
    # A file's place is that of its own name.
    early = next(host for host in map(str, range(99)) if place("base", host) < 0.1)
    for host, value in (
        (early, "400ms"),
        (next(h for h in "abcdefg" if place("base", h) > 0.1), "250ms"),
    ):
        on(host)
        assert timeout(load()) == value
        assert load().retry.sleep_s == 0.003


def test_commands_show_what_the_file_says_wherever_they_run(home, on):
    on(LATE)
    write(FILE.format("{share: 10%}"))

    assert timeout(load(everywhere=True)) == "400ms"


# ----- lint


def lint(profile) -> list[tuple[str, str]]:
    return [(one.id, one.origin) for one in examine(profile, adapter_named("aerospike"), {})]


def test_a_process_without_the_variable_is_told(home, monkeypatch):
    write(FILE.format("{share: 10%, by: env:POD}"))
    monkeypatch.delenv("POD", raising=False)

    assert ("AR042", "policies/checkout.yaml:3") in lint(load())
    assert "AR042" not in dict(lint(load(everywhere=True)))  # a command runs elsewhere
    monkeypatch.setenv("POD", LATE)
    assert "AR042" not in dict(lint(load()))


def test_a_rollout_that_is_complete_is_a_note(home):
    write(FILE.format("{share: 100%}"))
    assert ("AR043", "policies/checkout.yaml:3") in lint(load())
    write(FILE.format("{share: 99%}"))
    assert "AR043" not in dict(lint(load()))


# ----- mistakes, which are those of every process


@pytest.mark.parametrize("host", [EARLY, LATE])
@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        ("{share: 10}", "rollout.share: 10 is no share; write a percentage from 0% to 100%"),
        ("{share: 1}", "1 is no share"),
        ("{share: 101%}", "'101%' is no share"),
        ("{share: true}", "true is no share"),
        ("{by: pid}", "rollout.by: 'pid' tells no processes apart; write hostname, or env:NAME"),
        ("{shar: 10%}", "did you mean 'share'"),
        ("10%", "rollout: must be a mapping"),
        ("{previous: nowhere}", "rollout.previous: no profile is called 'nowhere'"),
        ("{previous: checkout}", "'checkout' leads back to this file"),
        ("{previous: broken}", "policies/broken.yaml:2:1: nonsense"),
        ("{previous: child}", "has no end"),
    ],
)
def test_a_mistake_is_found_in_every_process(home, on, host, rollout, told):
    on(host)
    write("version: 1\nnonsense: 1\n", "broken")
    write("version: 1\nextends: checkout\n", "child")
    write(FILE.format(rollout))

    with pytest.raises(PolicyFileError) as caught:
        load()

    assert told in str(caught.value)


def test_a_rollout_needs_something_that_the_others_stay_with(home):
    write("version: 1\nrollout: {share: 10%}\n")

    with pytest.raises(PolicyFileError, match="needs a profile that the other processes stay with"):
        load()


# ----- a running process


@pytest.fixture
def wrapped(home, on, bare):
    on(LATE)
    write(FILE.format("{share: 10%}"))
    client = resilient(bare, "checkout", policies="policies")
    yield client.resilience
    client.resilience.close()


def test_the_snapshot_and_the_metrics_attributes_tell_the_groups_apart(wrapped, on):
    before = wrapped.snapshot()["profile"]
    assert (before["name"], before["in_force"], before["state"]) == (
        "checkout",
        "latency",
        "current",
    )
    assert before["rollout"] == {
        "group": "previous",
        "share": 0.1,
        "by": "hostname",
        "identity": LATE,
        "instead": "latency",
        "origin": "policies/checkout.yaml:3",
    }
    write(FILE.format("{share: 80%}"))
    wrapped.reload()
    after = wrapped.snapshot()["profile"]

    assert (after["in_force"], after["rollout"]["group"]) == ("checkout", "new")
    assert after["fingerprint"] != before["fingerprint"]
    attributes = wrapped._engine.profile_state.attributes()
    assert attributes["aerospike.resilience.rollout.group"] == "new"
    assert attributes["aerospike.resilience.profile.in_force"] == "checkout"


def test_a_larger_share_changes_the_values_and_is_told_by_the_audit(wrapped):
    write(FILE.format("{share: 80%}"))
    wrapped.reload()

    told = [
        (one["key"], one["before"], one["after"], one["origin"])
        for one in wrapped.snapshot()["changes"]
    ]

    assert told == [
        ("rollout", "10%: previous (latency)", "80%: new", "policies/checkout.yaml:3"),
        ("policy.all.total_timeout", "250ms", "400ms", "policies/checkout.yaml:5"),
    ]
    assert wrapped.explain("get").value("total_timeout") == 400


def test_a_share_that_changes_nothing_here_is_seen_but_no_change(wrapped):
    write(FILE.format("{share: 20%}"))
    assert wrapped.reload().changed == ()

    assert wrapped.snapshot()["profile"]["rollout"]["share"] == 0.2
    assert wrapped.snapshot()["changes"] == []


def test_a_bad_file_is_reported_by_the_processes_that_do_not_have_it_too(wrapped):
    write(FILE.format("{share: 10%}") + "nonsense: 1\n")

    assert wrapped.reload().error is not None
    assert "nonsense" in wrapped.snapshot()["profile"]["reload_error"]


def test_a_change_of_the_previous_profile_is_noticed(wrapped):
    write("version: 1\nextends: latency\n", "old")
    write(FILE.format("{share: 10%, previous: old}"))
    wrapped.reload()
    write("version: 1\nextends: latency\npolicy: {all: {total_timeout: 321ms}}\n", "old")
    wrapped._engine._watcher.poll()

    assert wrapped.explain("get").value("total_timeout") == 321
