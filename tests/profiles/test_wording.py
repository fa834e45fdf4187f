"""What is said about a mistake names the value, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from aerospike_resilience import (
    PolicyFileError,
    UnknownProfileError,
    deadline,
    remaining,
    resilient,
)
from aerospike_resilience.profiles import PolicyLibrary
from tests.waiting import until


def refusal(text: str) -> str:
    """What is said about a file that is refused, without the file's name."""
    Path("mine.yaml").write_text(text)
    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([Path()]).load("mine")
    return str(caught.value)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


FILES = {
    "extends: latncy": "no profile is called 'latncy'; did you mean 'latency'? Known: batch, ",
    "version: 2": "version: 2 is not supported; this release reads version 1",
    "version: 0": "version: 0 is not supported; this release reads version 1",
    "breaker: {mode: on}": (
        "breaker.mode: on is read as true by YAML; write 'enforce', 'shadow' or 'off' (in quotes: \"off\")"
    ),
    "breaker: {on_replica_open: no}": "write 'fail', 'commit_master' or 'wait'",
    "backpressure: {queue: yes}": "yes is read as true by YAML; write 'fifo' or 'lifo'",
    "retry: {in_doubt: on}": "write 'report' or 'verify'",
    "forked_client: off": "write 'warn', 'error' or 'allow'",
    "extends: no": 'no is read as false by YAML; write "no" in quotes',
    "lint: {ignore: {AR008: x}}": "'x' is no reason; say in a few words why AR008 is ignored",
    "lint: {ignore: {AR008: ''}}": "'' is no reason; say in a few words why AR008 is ignored",
    "breaker: {isolate: A1}": "breaker.isolate: should be a list, such as [A1], not 'A1'",
    "breaker: {isolate: B7}": "should be a list, such as [B7], not 'B7'",
    "retry: {chain: 2ms}": "retry.chain: should be a list, such as [2ms, 10ms, 50ms], not '2ms'",
    "connection: {rack_ids: 1}": "connection.rack_ids: should be a list, such as [1, 2], not 1",
    "breaker: {storage: redis}": "should be a URL such as redis://host:6379/0",
    "breaker: {storage: [a]}": "should be a URL such as redis://host:6379/0",
    'sets: {"a.b.c.d": {}}': 'a set is "namespace" or "namespace.set", not \'a.b.c.d\'',
    "breaker: {silence: 250 ms 3}": "is no duration; write a number and one of us, ms, s, m, h: 40ms",
    "policy: {all: {max_retries: '2'}}": "should be a number and is text; write 2 without quotes",
}


@pytest.mark.parametrize("line", FILES)
def test_a_refused_file_is_told_what_would_be_right(line):
    text = line if line.startswith("version") else f"version: 1\n{line}"

    told = refusal(f"{text}\n")

    assert FILES[line] in told
    assert told.startswith("mine.yaml:")


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ("version: 1\npolicy:\n  all: {total_timeout: 1s\nbreaker: {}\n", "3:8", "mapping"),
        ("version: 1\nbreaker: {isolate: [A1, A2\nretry: {sleep: 2ms}\n", "2:20", "list"),
        ("version: 1\nretry: {chain: [1ms, 2ms}\n", "2:16", "list"),
        ("version: 1\npolicy: {all: {}\n", "2:9", "mapping"),
    ],
)
def test_an_unclosed_bracket_is_reported_where_it_opens(text, place, kind):
    told = refusal(text)

    assert told.startswith(f"mine.yaml:{place}: the {kind} that begins here with ")
    assert "is not closed" in told


def test_own_and_shipped_files_of_one_name_are_told_apart():
    Path("policies").mkdir()
    Path("policies/latency.yaml").write_text("version: 1\npolicy: {all: {total_timeout: 1s}}\n")
    path = ("policy", "all", "total_timeout")

    assert PolicyLibrary([Path("policies")]).load("latency").origin(path) == (
        "policies/latency.yaml:2"
    )
    assert PolicyLibrary().load("latency").origin(path).startswith("<shipped>/latency.yaml:")


@pytest.mark.parametrize(("given", "at_most"), [("200ms", 0.2), ("2s", 2), ("1.5 s", 1.5)])
def test_a_deadline_is_written_as_in_policy_files(given, at_most):
    with deadline(given):
        left = remaining()

    assert left is not None
    assert left <= at_most


@pytest.mark.parametrize("given", ["200", "soon", "-1s", "200 msec", ""])
def test_a_text_that_is_no_deadline_names_what_is(given):
    with pytest.raises(
        ValueError, match=r'takes seconds from now \(0.2\), text with a unit \("200ms"\)'
    ):
        deadline(given)


def test_a_node_may_be_given_itself(healthy, bare):
    client = resilient(bare, "latency")
    until(lambda: len(client.resilience.nodes) > 1)
    node = healthy.master("test", "words", 1)

    client.resilience.isolate(node)
    assert client.resilience.nodes[node.name]["state"] == "isolated"
    client.resilience.release(node)
    assert client.resilience.nodes[node.name]["state"] == "closed"
    client.resilience.close()


def test_a_profile_in_policies_that_is_not_looked_at_is_pointed_out(bare):
    Path("policies").mkdir()
    Path("policies/checkout.yaml").write_text("version: 1\n")

    with pytest.raises(UnknownProfileError) as caught:
        resilient(bare, "checkout")

    assert str(caught.value).endswith(
        '; policies/checkout.yaml is not looked at: pass policies="policies", or set '
        "AEROSPIKE_RESILIENCE_POLICIES=policies"
    )
