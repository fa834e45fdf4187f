"""A policy file is found, read and checked, and everything that is wrong is said at once."""

from __future__ import annotations

import os

import pytest

from aerospike_resilience.clients import ADAPTERS, every_operation
from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary, UnknownProfileError
from aerospike_resilience.profiles.operation_names import OPERATION_NAMES
from tests.profiles.broken_yaml import HEAD


def problems(directory, text: str) -> list[tuple[int, str]]:
    """Return line and key of everything that is wrong with a file."""
    (directory / "mine.yaml").write_text(text)
    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([directory]).load("mine")
    return [(problem.line, problem.key) for problem in caught.value.problems]


def test_a_key_that_stands_twice_hides_no_other_problem(tmp_path):
    text = (
        HEAD + "breaker: {}\nbreaker: {mode: maybe}\nbraker: {}\n"
        "policy: {all: {max_retries: 0b_, total_timout: 1}}\n"
    )

    assert problems(tmp_path, text) == [
        (3, "breaker"),
        (4, "braker"),
        (5, "policy.all.max_retries"),
        (5, "policy.all.total_timout"),
    ]


def test_what_cannot_be_read_is_not_said_to_be_missing_too(tmp_path):
    assert problems(tmp_path, "version: 0b_\nbraker: {}\n") == [(1, "version"), (2, "braker")]


def test_a_missing_parent_is_told_along_with_everything_else(tmp_path):
    text = HEAD + "extends: latancy\nbreaker: {mode: maybe}\nnonsense: 1\n"

    assert problems(tmp_path, text) == [(2, "extends"), (3, "breaker.mode"), (4, "nonsense")]


def test_an_unknown_field_hides_no_field_that_is_said_twice(tmp_path):
    text = HEAD + "policy:\n  all:\n    total_timout: 1\n    key: send\n    send_key: true\n"

    assert problems(tmp_path, text) == [(4, "policy.all.total_timout"), (6, "policy.all.send_key")]


def test_every_file_of_a_chain_is_in_one_report(tmp_path):
    (tmp_path / "base.yaml").write_text("nonsense: 1\nversion: 1\n")
    (tmp_path / "mine.yaml").write_text(HEAD + "extends: base\nbraker: {}\n")

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")

    where = [problem.where.rpartition("/")[2] for problem in caught.value.problems]
    assert where == ["mine.yaml", "base.yaml"]


def test_a_child_may_take_the_chain_of_sleeps_from_its_parent(tmp_path):
    (tmp_path / "base.yaml").write_text(HEAD + "retry: {chain: [2ms, 10ms]}\n")
    (tmp_path / "mine.yaml").write_text(HEAD + "extends: base\nretry: {backoff: chained}\n")

    assert PolicyLibrary([tmp_path]).load("mine").retry.chain == (0.002, 0.01)


def test_a_child_that_takes_the_chain_away_is_told_so(tmp_path):
    (tmp_path / "base.yaml").write_text(HEAD + "retry: {backoff: chained, chain: [2ms]}\n")

    assert problems(tmp_path, HEAD + "extends: base\nretry: {chain: []}\n") == [(3, "retry")]


def test_a_long_value_is_cut_short_in_the_report(tmp_path):
    (tmp_path / "mine.yaml").write_text(HEAD + f"policy: {{all: {{replica: {'x' * 10_000}}}}}\n")

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")

    assert len(str(caught.value)) < 500


def test_a_pipe_is_no_policy_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "mine.yaml")

    with pytest.raises(PolicyFileError, match="no regular file"):
        PolicyLibrary([tmp_path]).load("mine")


def test_the_operations_that_a_file_may_name_are_those_of_all_clients():
    of_clients = {name for adapter in ADAPTERS for name in every_operation(adapter)}

    assert of_clients == OPERATION_NAMES


@pytest.mark.parametrize("given", [10**400, "9" * 5000, -(10**400)])
def test_a_number_beyond_all_measure_in_code_is_a_policy_error_too(given):
    settings = {"policy": {"all": {"total_timeout": given, "compression_threshold": given}}}

    with pytest.raises(PolicyFileError, match=r"policy\.all\.total_timeout"):
        PolicyLibrary().load("latency").with_overrides(settings)


def test_every_problem_of_a_file_is_in_one_report_in_the_order_of_the_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        HEAD + "policy:\n  reads: {total_timeout: soon}\n  wrties: {}\nbreaker: {mode: maybe}\n"
    )

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")

    assert [(p.line, p.key) for p in caught.value.problems] == [
        (3, "policy.reads.total_timeout"),
        (4, "policy.wrties"),
        (5, "breaker.mode"),
    ]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"version: 1\ndescription: \xff\n")

    with pytest.raises(PolicyFileError, match=r"mine\.yaml:2:1: byte 24 is not UTF-8"):
        PolicyLibrary([tmp_path]).load("mine")


def test_a_file_over_a_mebibyte_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text(HEAD + "#" * (1 << 20))

    with pytest.raises(PolicyFileError, match="larger than 1 MiB"):
        PolicyLibrary([tmp_path]).load("mine")


def test_a_chain_of_parents_without_an_end_is_shown(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(HEAD + f"extends: {parent}\n")

    with pytest.raises(PolicyFileError, match="a -> b -> c -> a"):
        PolicyLibrary([tmp_path]).load("a")


def test_files_are_looked_for_in_the_argument_then_the_environment_then_the_shipped(
    tmp_path, monkeypatch
):
    first, second = tmp_path / "first", tmp_path / "second"
    for directory, words in ((first, "from the argument"), (second, "from the environment")):
        directory.mkdir()
        (directory / "latency.yaml").write_text(HEAD + f"description: {words}\n")
    (second / "only-here.yaml").write_text(HEAD)
    monkeypatch.setenv("AEROSPIKE_RESILIENCE_POLICIES", str(second))

    assert PolicyLibrary([first]).load("latency").description == "from the argument"
    assert PolicyLibrary().load("latency").description == "from the environment"
    assert {"only-here", "throughput"} <= set(PolicyLibrary([first]).names())


@pytest.mark.parametrize("name", ["", "../latency", "latency.yaml", os.sep])
def test_a_name_that_is_a_path_is_no_profile(name):
    with pytest.raises(UnknownProfileError):
        PolicyLibrary().load(name)
