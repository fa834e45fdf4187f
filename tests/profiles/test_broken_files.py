"""A broken policy file says where it is wrong and what would be right, whichever way it is broken."""

from __future__ import annotations

import pytest

from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary
from aerospike_resilience.profiles.loader import LOADER, PurePythonLoader
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
