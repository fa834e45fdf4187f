"""A policy file is found, read and checked, and everything that is wrong is said at once."""

from __future__ import annotations

import os

import pytest

from aerospike_resilience.clients import ADAPTERS, every_operation
from aerospike_resilience.model.operation import Kind
from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary, UnknownProfileError
from aerospike_resilience.profiles.loader import LOADER, PurePythonLoader
from aerospike_resilience.profiles.operation_names import OPERATION_NAMES
from tests.profiles.broken_yaml import BROKEN_YAML, HEAD

BROKEN = {
    "unknown key": (
        HEAD + "policy: {all: {total_timout: 5ms}}\n",
        ":2:16",
        "did you mean 'total_timeout'?",
    ),
    "unknown section": (HEAD + "braker: {}\n", ":2:1", "did you mean 'breaker'?"),
    "unknown scope": (HEAD + "policy:\n  read: {}\n", ":3:3", "did you mean 'reads'?"),
    "unknown name": (
        HEAD + "policy: {all: {replica: sequense}}\n",
        ":2:16",
        "did you mean 'sequence'?",
    ),
    "wrong type": (HEAD + "policy: {all: {max_retries: often}}\n", ":2:16", "valid integer"),
    "a fraction of a retry": (
        HEAD + "policy: {all: {max_retries: 1.5}}\n",
        ":2:16",
        "valid integer",
    ),
    "negative": (
        HEAD + "policy: {all: {max_retries: -1}}\n",
        ":2:16",
        "greater than or equal to 0",
    ),
    "negative duration": (HEAD + "policy: {all: {total_timeout: -5}}\n", ":2:16", "out of range"),
    "absurd duration": (
        HEAD + "policy: {all: {total_timeout: 400h}}\n",
        ":2:16",
        "between 0 and 24h",
    ),
    "unknown unit": (HEAD + "policy: {all: {total_timeout: 5 min}}\n", ":2:16", "no duration"),
    "no unit to read": (HEAD + "policy: {all: {total_timeout: soon}}\n", ":2:16", "40ms"),
    "too short": (HEAD + "policy: {all: {total_timeout: 10us}}\n", ":2:16", "shorter than 1ms"),
    "yes for a duration": (HEAD + "policy: {all: {total_timeout: yes}}\n", ":2:16", "duration"),
    "share above one": (
        HEAD + "breaker: {max_open_share: 2}\n",
        ":2:11",
        "less than or equal to 1",
    ),
    "no window": (
        HEAD + "breaker: {error_rate_window: 0}\n",
        ":2:11",
        "greater than or equal to 1",
    ),
    "section is a number": (HEAD + "breaker: 5\n", ":2:1", "mapping"),
    "scope is a list": (HEAD + "policy: {all: [1]}\n", ":2:10", "mapping"),
    "wrong version": (
        "version: 2\n",
        ":1:1",
        "version: 2 is not supported; this release reads version 1",
    ),
    "no version": ("description: x\n", "", "version: is missing"),
    "duplicate key": (
        HEAD + "breaker: {}\nbreaker: {}\n",
        ":3:1",
        "stands twice; it is given on line 2",
    ),
    "duplicate field": (
        HEAD + "policy: {all: {max_retries: 1, max_retries: 2}}\n",
        ":2:32",
        "twice",
    ),
    "tab": (HEAD + "policy:\n\tall: {}\n", ":3", "tab"),
    "an unclosed list": (
        HEAD + "breaker:\n  isolate: [A1, A2\n  mode: enforce\n",
        ":3:12",
        "begins here with [ is not closed; line 4 does not belong in it",
    ),
    "no bracket is to blame": (
        HEAD + "policy: {all: {ttl: @1}}\n",
        ":2:21",
        "cannot start any token",
    ),
    "an unclosed mapping before a key": (
        HEAD + "policy: {all: {max_retries: 1}\nbreaker: {mode: off}\n",
        ":2:9",
        "begins here with { is not closed; line 3 does not belong in it",
    ),
    "a list at the end": (HEAD + "breaker:\n  isolate: [A1,\n", ":3:12", "with [ is not closed"),
    "the wrong bracket": (
        HEAD + "policy:\n  all: {ttl: 1]\n",
        ":3:8",
        "begins here with { is not closed",
    ),
    "a bracket too many": (HEAD + "policy: {all: {}}}\n", ":2:18", ""),
    "an unclosed quote": (HEAD + 'description: "x\nbreaker: {}\n', ":2:14", "no closing quote"),
    "several documents": (HEAD + "---\nversion: 1\n", ":2", "several documents"),
    "not a mapping": ("- 1\n", ":1:1", "mapping"),
    "empty": ("", ":1:1", "empty"),
    "only comments": ("# nothing\n", ":1:1", "empty"),
    "broken yaml": (HEAD + "policy: {all: {\n", ":2:15", "begins here with { is not closed"),
    "a tag": (HEAD + "description: !!python/object/apply:os.system [x]\n", "", ""),
    "an object": (HEAD + "description: !!python/name:os.system ''\n", ":2", "not allowed"),
    "a number for a key": (HEAD + "1: x\n", ":2:1", "quote it"),
    "a parent that is missing": (HEAD + "extends: latancy\n", ":2:1", "did you mean 'latency'?"),
    "unknown retry key": (HEAD + "retry: {backof: linear}\n", ":2:9", "did you mean 'backoff'?"),
    "unknown backoff": (HEAD + "retry: {backoff: linaer}\n", ":2:9", "did you mean 'linear'?"),
    "unknown mode": (HEAD + "breaker: {mode: enforced}\n", ":2:11", "did you mean 'enforce'?"),
    "unknown replica word": (
        HEAD + "breaker: {on_replica_open: fial}\n",
        ":2:11",
        "did you mean 'fail'?",
    ),
    "unknown commit level": (
        HEAD + "policy: {all: {commit_level: master_only}}\n",
        ":2:16",
        "'master'",
    ),
    "unknown key policy": (HEAD + "policy: {all: {key: sent}}\n", ":2:16", "did you mean 'send'?"),
    "unknown exists": (HEAD + "policy: {all: {exists: create}}\n", ":2:16", "create_only"),
    "unknown generation": (
        HEAD + "policy: {all: {gen: equal}}\n",
        ":2:16",
        "Known: ignore, eq, gt",
    ),
    "unknown read mode": (HEAD + "policy: {all: {read_mode_sc: linear}}\n", ":2:16", "linearize"),
    "a number for a name": (HEAD + "policy: {all: {replica: 2}}\n", ":2:16", "Known: sequence, "),
    "a name for a flag": (HEAD + "policy: {all: {compress: maybe}}\n", ":2:16", "valid boolean"),
    "too many retries": (
        HEAD + "policy: {all: {max_retries: 1000}}\n",
        ":2:16",
        "less than or equal to 100",
    ),
    "a list of retries": (HEAD + "policy: {all: {max_retries: [1]}}\n", ":2:16", "valid integer"),
    "budget above one": (
        HEAD + "retry: {budget: {ratio: 3}}\n",
        ":2:18",
        "less than or equal to 1",
    ),
    "negative reserve": (
        HEAD + "retry: {budget: {min_per_second: -1}}\n",
        ":2:18",
        "or equal to 0",
    ),
    "unknown budget key": (HEAD + "retry: {budget: {rate: 1}}\n", ":2:18", "did you mean 'ratio'?"),
    "failover of a thousand": (
        HEAD + "retry: {native_failover: 1000}\n",
        ":2:9",
        "less than or equal to 10",
    ),
    "quantile of one": (HEAD + "adaptive_timeout: {quantile: 1}\n", ":2:20", "less than 1"),
    "factor below one": (HEAD + "adaptive_timeout: {factor: 0.5}\n", ":2:20", "or equal to 1"),
    "adaptive is a word": (HEAD + "adaptive_timeout: on\n", ":2:1", "mapping"),
    "no probes": (HEAD + "breaker: {half_open_calls: 0}\n", ":2:11", "or equal to 1"),
    "negative silence": (HEAD + "breaker: {silence: -1s}\n", ":2:11", "no duration"),
    "no pool": (HEAD + "connection: {max_conns_per_node: 0}\n", ":2:14", "or equal to 1"),
    "unknown pool": (HEAD + "connection: {max_conn_per_node: 5}\n", ":2:14", "max_conns_per_node"),
    "negative gate": (
        HEAD + "backpressure: {max_concurrent_operations: -1}\n",
        ":2:16",
        "or equal to 0",
    ),
    "spans as text": (HEAD + "telemetry: {spans: often}\n", ":2:13", "valid boolean"),
    "unknown telemetry": (HEAD + "telemetry: {metric: true}\n", ":2:13", "did you mean 'metrics'?"),
    "unknown field of an operation": (
        HEAD + "operations: {get: {timout: 1}}\n",
        ":2:20",
        "'timeout'",
    ),
    "unknown scope of a set": (
        HEAD + "sets: {test.s: {red: {}}}\n",
        ":2:17",
        "did you mean 'reads'?",
    ),
    "ignored without a reason": (
        HEAD + "lint: {ignore: {AR001: ''}}\n",
        ":2:17",
        "say in a few words why AR001 is ignored",
    ),
    "extends a list": (HEAD + "extends: [latency]\n", ":2:1", "valid string"),
    "extends a path": (HEAD + "extends: ../latency\n", ":2:1", "no profile is called"),
    "description is a mapping": (HEAD + "description: {a: 1}\n", ":2:1", "valid string"),
    "version as text": ("version: '1'\n", ":1:1", "write version: 1 without quotes"),
    "alias bomb": (
        HEAD
        + "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{one}: &{one} [{', '.join(['*' + before] * 10)}]\n"
            for before, one in zip("abcdef", "bcdefg", strict=True)
        ),
        "",
        "beyond all measure",
    ),
    "unknown operation": (
        HEAD + "operations: {gte: {total_timeout: 1}}\n",
        ":2:14",
        "did you mean 'get'?",
    ),
    "no such operation": (
        HEAD + "operations: {xyzzy: {}}\n",
        ":2:14",
        "no client has an operation",
    ),
    "unknown finding": (HEAD + "lint: {ignore: {AR999: because}}\n", ":2:17", "no finding 'AR999'"),
    "a tend without end": (
        HEAD + "connection: {tend_interval: 0}\n",
        ":2:14",
        "must be longer than 0",
    ),
    "no silence": (HEAD + "breaker: {silence: 0ms}\n", ":2:11", "must be longer than 0"),
    "everything is slow": (
        HEAD + "breaker: {slow_call_duration: 0}\n",
        ":2:11",
        "must be longer than 0",
    ),
    "no time to adapt in": (HEAD + "adaptive_timeout: {max: 0}\n", ":2:20", "longer than 0"),
    "a port that is none": (
        HEAD + "breaker: {storage: 'redis://host:notaport/0'}\n",
        ":2:11",
        "write redis://host:port/db",
    ),
    "a chain that nobody gives": (HEAD + "retry: {backoff: chained}\n", ":2:1", "needs a chain"),
    "one thing by two names": (
        HEAD + "policy:\n  all:\n    key: send\n    send_key: true\n",
        ":5:5",
        "'key' and 'send_key' say the same",
    ),
    **BROKEN_YAML,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_says_where_and_what_would_be_right(name, tmp_path):
    text, where, message = BROKEN[name]
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")

    assert f"{tmp_path.name}/mine.yaml{where}" in str(caught.value)
    assert message in str(caught.value)


UNCLOSED = [name for name in BROKEN if any(word in name for word in ("unclosed", "bracket", "end"))]


@pytest.mark.parametrize("name", dict.fromkeys([*BROKEN_YAML, *UNCLOSED]))
def test_broken_yaml_is_refused_alike_without_libyaml(name, tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(BROKEN[name][0])
    reports = []
    for loader in (LOADER, PurePythonLoader):
        monkeypatch.setattr("aerospike_resilience.profiles.parsing.LOADER", loader)
        with pytest.raises(PolicyFileError) as caught:
            PolicyLibrary([tmp_path]).load("mine")
        reports.append([(p.line, p.column, p.key) for p in caught.value.problems])

    assert reports[0] == reports[1]


def test_escapes_that_name_characters_are_taken_by_both_loaders(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(
        HEAD + 'description: "\\u00e9 \\\\ud800 \\U0001F600 \\x41"  # \\ud800\n'
    )
    for loader in (LOADER, PurePythonLoader):
        monkeypatch.setattr("aerospike_resilience.profiles.parsing.LOADER", loader)
        found = PolicyLibrary([tmp_path]).load("mine").description
        assert found == "\u00e9 \\ud800 \U0001f600 A"


def test_there_are_enough_ways_to_be_wrong():
    assert len(BROKEN) >= 100


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


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_every_value_of_a_shipped_file_has_a_comment_that_says_why(name):
    path = PolicyLibrary().find(name)
    bare = [
        line
        for line in path.read_text().splitlines()
        if line.strip()
        and not line.lstrip().startswith("#")
        and not line.rstrip().endswith(":")
        and not line.startswith(("version", "description", "extends"))
        and "#" not in line
    ]

    assert bare == []


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_retries_of_shipped_profiles_are_real(name):
    """A socket timeout that uses up the whole time leaves nothing for a second try."""
    from aerospike_resilience.clients.aerospike.operations import OPERATIONS

    profile = PolicyLibrary().load(name)
    for operation in OPERATIONS.values():
        if operation.kind not in (Kind.READ, Kind.WRITE):
            continue  # info and admin commands have one timeout and no retries
        for retryable in (True, False):
            found = {
                k: s.value for k, s in profile.settings(operation, retryable=retryable).items()
            }
            total, socket = found.get("total_timeout", 0), found.get("socket_timeout", 0)
            if total and found.get("max_retries"):
                tries = min(found["max_retries"] + 1, 2)
                assert 0 < socket <= total / tries, (name, operation.name, found)
