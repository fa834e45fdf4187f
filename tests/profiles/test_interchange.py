"""Policies go to the clients' own files and come back, and what cannot go is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients import adapter_named, every_operation
from aerospike_resilience.operation import Kind, Operation, Shape
from aerospike_resilience.profiles import PolicyLibrary, interchange_c, interchange_sdk
from aerospike_resilience.profiles.profile import Layer, Profile
from aerospike_resilience.profiles.source import Source

SHIPPED = PolicyLibrary().names()


def profile(data: dict, name: str = "made") -> Profile:
    return Profile(name, "", (), (Layer([Source("made.yaml", data)]),))


# ----- what either file may say, with every value that the other side knows too

_ms = st.integers(0, 60_000)
_flag = st.booleans()
_replica = st.sampled_from(["MASTER", "MASTER_PROLES", "SEQUENCE", "PREFER_RACK", "RANDOM"])
_base = {
    **dict.fromkeys(
        ("connect_timeout", "socket_timeout", "total_timeout", "sleep_between_retries"), _ms
    ),
    "timeout_delay": st.sampled_from([0, 3000]),
    "max_retries": st.integers(0, 100),
    "replica": _replica,
}
_modes = {
    "read_mode_ap": st.sampled_from(["ONE", "ALL"]),
    "read_mode_sc": st.sampled_from(["SESSION", "LINEARIZE", "ALLOW_REPLICA", "ALLOW_UNAVAILABLE"]),
}
_rows = {"send_key": _flag, "durable_delete": _flag}
_batch = {
    "max_concurrent_threads": st.sampled_from([0, 1]),
    **dict.fromkeys(("allow_inline", "allow_inline_ssd", "respond_all_keys"), _flag),
}


def some(fields: dict) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional=fields)


def filled(fields: dict) -> st.SearchStrategy:
    return some(fields).filter(bool)


C_FILES = some(
    {
        "static": st.fixed_dictionaries(
            {
                "client": filled(
                    {
                        "max_connections_per_node": st.integers(1, 1000),
                        "min_connections_per_node": st.integers(0, 1000),
                    }
                )
            }
        ),
        "dynamic": filled(
            {
                "client": filled(
                    {
                        "timeout": _ms,
                        "login_timeout": _ms,
                        "max_error_rate": st.integers(0, 10_000),
                        "error_rate_window": st.integers(0, 100),
                        "tend_interval": st.integers(250, 5000),
                        "max_socket_idle": st.integers(0, 59),
                        "fail_if_not_connected": _flag,
                        "use_service_alternative": _flag,
                        "rack_aware": _flag,
                        "rack_ids": st.lists(st.integers(0, 9), min_size=1, max_size=3),
                        "app_id": st.sampled_from(["checkout", "search"]),
                    }
                ),
                "read": filled({**_base, **_modes}),
                "write": filled({**_base, **_rows}),
                "query": filled(
                    {
                        **_base,
                        "info_timeout": _ms,
                        "expected_duration": st.sampled_from(["LONG", "SHORT", "LONG_RELAX_AP"]),
                    }
                ),
                "scan": filled(_base),
                "batch_read": filled({**_base, **_modes, **_batch}),
                "batch_write": filled({**_base, **_batch, **_rows}),
                "batch_udf": filled(_rows),
                "batch_delete": filled(_rows),
                "txn_verify": filled({**_base, **_modes, **_batch}),
                "txn_roll": filled({**_base, **_batch}),
            }
        ),
    }
)


@settings(max_examples=150, deadline=None)
@given(file=C_FILES)
def test_the_c_clients_file_comes_back_as_it_went_in(file):
    taken = interchange_c.take({"version": "1.0.0", **file}, "made")
    back = interchange_c.export(profile(taken.files["made"]))

    assert taken.left == ()
    assert back.data == {"version": "1.0.0", **file}


_our_fields = some(
    {
        "total_timeout": st.integers(0, 9),
        "socket_timeout": st.integers(0, 9),
        "max_retries": st.integers(0, 9),
        "replica": st.sampled_from(["sequence", "master", "any"]),
        "durable_delete": _flag,
        "ttl": st.sampled_from([5, "never"]),
    }
)
OUR_FILES = st.fixed_dictionaries(
    {
        "policy": some(
            dict.fromkeys(
                (
                    *("all", "reads", "reads_ap", "reads_sc", "reads_point", "reads_batch"),
                    *("reads_query", "writes", "writes_sc", "writes_retryable"),
                    *("writes_non_retryable", "writes_point", "writes_batch", "writes_query"),
                    *("system_txn_verify", "system_txn_roll"),
                ),
                _our_fields,
            )
        ),
        "operations": some(dict.fromkeys(("get", "scan", "batch_remove"), _our_fields)),
        "sets": some({"test.s": some({"reads": _our_fields})}),
    }
)

COMMIT = [Operation("commit", Kind.TXN, Shape.CLUSTER, f"txn_{one}") for one in ("verify", "roll")]
ADAPTER = adapter_named("aerospike")


def cells(found: Profile, names: tuple[str, ...]):
    """Every field in force for every sort of operation: its key in the file, and its value."""
    operations = [every_operation(ADAPTER)[name] for name in names] + COMMIT
    for operation in operations:
        for retryable in (True, False):
            for strong in (True, False):
                for field, one in found.settings(
                    operation, retryable=retryable, strong=strong
                ).items():
                    yield (operation.name, operation.family, retryable, strong, field), one


def assert_kept(before: Profile, after: Profile, left: tuple, names: tuple[str, ...]) -> None:
    """What holds before holds after, unless it was said that it does not."""
    said = {one.key for one in left}
    there = {cell: one.value for cell, one in cells(after, names)}
    for cell, one in cells(before, names):
        assert there.get(cell) == one.value or one.key in said, (cell, one)
    for path in before.leaves():
        assert path[0] != "sets" or ".".join(path) in said


@settings(max_examples=150, deadline=None)
@given(file=OUR_FILES)
def test_a_profile_keeps_through_the_c_clients_file_all_that_is_not_said_to_be_lost(file):
    before = profile(file)
    sent = interchange_c.export(before)
    taken = interchange_c.take(sent.data, "made")

    assert taken.left == ()
    names = ("get", "exists", "put", "increment", "query", "scan", "batch_read", "batch_write")
    after = profile(taken.files["made"])
    assert_kept(before, after, sent.left, (*names, "batch_remove", "batch_apply"))


@settings(max_examples=150, deadline=None)
@given(file=OUR_FILES)
def test_a_profile_keeps_through_the_sdks_file_all_that_is_not_said_to_be_lost(file):
    del file["operations"]
    before = profile(file)
    sent = interchange_sdk.export(before)
    taken = interchange_sdk.take(sent.data, "made")

    assert taken.left == ()
    after = profile(taken.files["made"])
    assert_kept(before, after, sent.left, ("get", "put", "query", "batch_read", "batch_write"))


_behavior_fields = {
    "abandon_call_after": st.sampled_from(["0ms", "250ms", "2000ms"]),
    "maximum_number_of_call_attempts": st.integers(1, 9),
    "replica_order": _replica,
}
_blocks = {
    **dict.fromkeys(
        (
            *("all_operations", "availability_mode_reads", "consistency_mode_reads"),
            *("batch_reads", "batch_writes", "query", "non_retryable_writes"),
            *("system_txn_verify", "system_txn_roll"),
        ),
        some(_behavior_fields),
    )
}


@settings(max_examples=150, deadline=None)
@given(parent=some(_blocks), child=some(_blocks))
def test_a_behavior_resolves_as_in_the_sdk_unless_it_is_said_that_it_does_not(parent, child):
    """In the SDK a child's word is stronger than its parent's, however special the parent's."""
    taken = interchange_sdk.take(
        {"behaviors": {"base": parent, "mine": {"parent": "base", **child}}}, "x"
    )
    found = profile(taken.files["mine"])
    said = {one.key for one in taken.left}

    for (shape, kind, mode), order in SDK_ORDER.items():
        expected: dict = {}
        for behavior in (parent, child):
            for block in order:
                expected |= behavior.get(block, {})
        family = mode if kind is Kind.TXN else ""
        operation = Operation("one", kind, shape, family)
        ours = found.settings(operation, retryable=False, strong=mode == "sc")
        for theirs, field, convert in (
            ("abandon_call_after", "total_timeout", lambda value: int(value[:-2])),
            ("maximum_number_of_call_attempts", "max_retries", lambda value: value - 1),
        ):
            want = convert(expected[theirs]) if theirs in expected else None
            have = ours[field].value if field in ours else None
            assert want == have or f"behaviors.mine.{field}" in said


def test_a_childs_word_replaces_its_parents_however_special():
    taken = interchange_sdk.take(
        {
            "behaviors": {
                "base": {"batch_reads": {"abandon_call_after": "5s"}},
                "mine": {"parent": "base", "all_operations": {"abandon_call_after": "250ms"}},
            }
        },
        "x",
    )

    assert taken.left == ()
    batch = profile(taken.files["mine"]).settings(SORTS["read batch"], retryable=True)
    assert batch["total_timeout"].value == 250


def test_what_no_scope_of_ours_can_say_is_said_to_be_lost():
    """Batches of strongly consistent namespaces would keep the parent's word, the others not."""
    taken = interchange_sdk.take(
        {
            "behaviors": {
                "base": {"batch_reads": {"abandon_call_after": "5s"}},
                "mine": {"parent": "base", "availability_mode_reads": {"abandon_call_after": "9s"}},
            }
        },
        "x",
    )

    assert [one.key for one in taken.left] == ["behaviors.mine.total_timeout"]
    assert "batch_read would have 5000ms by its parents, and has None" in taken.left[0].why


_AP, _SC = ("availability_mode_reads",), ("consistency_mode_reads",)
_W = ("non_retryable_writes",)
SDK_ORDER = {
    (Shape.POINT, Kind.READ, "ap"): ("all_operations", *_AP),
    (Shape.POINT, Kind.READ, "sc"): ("all_operations", *_SC),
    (Shape.BATCH, Kind.READ, "ap"): ("all_operations", *_AP, "batch_reads"),
    (Shape.BATCH, Kind.READ, "sc"): ("all_operations", *_SC, "batch_reads"),
    (Shape.QUERY, Kind.READ, "ap"): ("all_operations", *_AP, "query"),
    (Shape.POINT, Kind.WRITE, "ap"): ("all_operations", *_W),
    (Shape.BATCH, Kind.WRITE, "ap"): ("all_operations", *_W, "batch_writes"),
    (Shape.CLUSTER, Kind.TXN, "txn_verify"): ("all_operations", "system_txn_verify"),
    (Shape.CLUSTER, Kind.TXN, "txn_roll"): ("all_operations", "system_txn_roll"),
}
"""As the SDK's documentation has it, written down once more."""


# ----- the clients take what is written


@pytest.mark.parametrize("name", SHIPPED)
def test_the_c_client_takes_an_exported_file_and_shows_its_values(
    name, tmp_path, monkeypatch, connect, healthy
):
    path = tmp_path / "exported.yaml"
    path.write_text(run("export", name, "--to", "aerospike").stdout)
    monkeypatch.setenv("AEROSPIKE_CLIENT_CONFIG_URL", str(path))

    shown = connect(healthy).get_policies()

    for operation_name in ("get", "put", "increment", "query", "scan", "batch_read", "batch_write"):
        operation = every_operation(ADAPTER)[operation_name]
        found = PolicyLibrary().load(name).settings(operation, retryable=False)
        sent = ADAPTER.fields(operation, {field: one.value for field, one in found.items()})
        family = shown[ADAPTER.own_family(operation)]
        common = sent.keys() & family.keys() - {"commit_level"}  # the file has no such field
        assert {field: family[field] for field in common} == {f: sent[f] for f in common}
        assert name == "observe" or {"total_timeout", "max_retries"} <= common


LOAD = """
import json, logging, sys
warned = []
class Keep(logging.Handler):
    def emit(self, record): warned.append(record.getMessage())
logging.getLogger("aerospike_sdk").addHandler(Keep(logging.WARNING))
from aerospike_sdk.policy.behavior_registry import get_behavior
from aerospike_sdk.policy.behavior_settings import Mode, OpKind, OpShape
from aerospike_sdk.sync import ClusterDefinition

host, port, *names = sys.argv[1:]
cluster = ClusterDefinition(host, int(port)).with_strict_config(True).connect()
def said(found):
    return {
        "total_timeout": found.total_timeout.total_seconds() * 1000,
        "socket_timeout": found.socket_timeout.total_seconds() * 1000,
        "max_retries": found.max_retries,
        "replica": str(found.replica).rpartition(".")[2].lower(),
    }
print(json.dumps({
    name: {
        f"{kind.value} {shape.value}": said(get_behavior(name).get_settings(kind, shape, Mode.AP))
        for kind in (OpKind.READ, OpKind.WRITE_NON_RETRYABLE)
        for shape in (OpShape.POINT, OpShape.BATCH, OpShape.QUERY)
    }
    for name in names
} | {"warned": warned}))
cluster.close()
"""

SORTS = {
    "read point": Operation("get", Kind.READ, Shape.POINT),
    "read batch": Operation("batch_read", Kind.READ, Shape.BATCH),
    "read query": Operation("query", Kind.READ, Shape.QUERY),
    "write_non_retryable point": Operation("put", Kind.WRITE, Shape.POINT),
    "write_non_retryable batch": Operation("batch_write", Kind.WRITE, Shape.BATCH),
}


def test_the_sdk_takes_exported_files_and_its_behaviors_resolve_to_the_same(tmp_path, healthy):
    names = [name for name in SHIPPED if name not in ("default", "observe")]
    path = tmp_path / "sdk.yaml"
    whole: dict = {"behaviors": {}}
    for name in names:  # `default` is what the SDK calls its root
        whole["behaviors"] |= interchange_sdk.export(PolicyLibrary().load(name)).data["behaviors"]
    path.write_text(yaml.safe_dump(whole))
    host, port = healthy.hosts[0][:2]

    ran = subprocess.run(
        [sys.executable, "-c", LOAD, host, str(port), *names],
        env={**os.environ, "AEROSPIKE_SDK_CONFIG_URL": str(path), "AEROSPIKE_NO_UVLOOP": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)

    assert shown.pop("warned") == []
    for name in names:
        for sort, operation in SORTS.items():
            found = PolicyLibrary().load(name).settings(operation, retryable=False)
            said = {field: shown[name][sort][field] for field in shown[name][sort]}
            ours = {field: found[field].value for field in said if field in found}
            assert {field: said[field] for field in ours} == ours, (name, sort)


# ----- what is said to whoever carries them over


def run(*arguments: str):
    return CliRunner().invoke(cli, ["policy", *arguments])


def test_export_says_line_by_line_what_the_file_cannot_hold():
    told = run("export", "latency", "--to", "aerospike").stderr.splitlines()

    assert any(line.startswith("not carried over: breaker.silence: ") for line in told)
    assert any("writes_retryable.max_retries: that file has one" in line for line in told)
    assert len(told) == len({line.split(":")[1] for line in told})


@pytest.fixture
def write(tmp_path):
    def write_(text: str) -> Path:
        path = tmp_path / "theirs.yaml"
        path.write_text(text)
        return path

    return write_


def import_(path: Path, *more: str):
    return run("import", str(path), "--into", str(path.parent / "ours"), *more)


def test_import_writes_a_file_that_loads_and_says_what_is_left(write):
    path = write(
        'version: "1.0.0"\nstatic: {client: {config_interval: 5000}}\n'
        "dynamic:\n  client: {colour: red}\n  read: {total_timeout: 70, hue: 3}\n  metrics: {}\n"
    )
    ran = import_(path, "--name", "mine", "--extends", "latency")

    assert ran.exit_code == 0
    keys = [line.split(": ")[1] for line in ran.stderr.splitlines()]
    assert sorted(keys) == [
        "dynamic.client.colour",
        "dynamic.metrics",
        "dynamic.read.hue",
        "static.client.config_interval",
    ]
    found = PolicyLibrary([path.parent / "ours"]).load("mine")
    get = every_operation(ADAPTER)["get"]
    assert found.settings(get, retryable=True)["total_timeout"].value == 70
    assert found.breaker.max_error_rate == 20  # of `latency`


def test_import_of_the_sdks_file_makes_a_profile_of_each_behavior(write):
    path = write(
        "system:\n  DEFAULT:\n    connections: {maximum_socket_idle_time: 55 seconds}\n"
        "    transactions: {number_of_attempts: 3}\n  east: {}\n"
        "behaviors:\n  default: {all_operations: {send_key: true}}\n"
        "  fast: {parent: DEFAULT, retryable_writes: {}, query: {colour: red}}\n"
        "  rack: {parent: FAST_RACK_AWARE}\n"
    )
    ran = import_(path)

    assert ran.exit_code == 0
    keys = {line.split(": ")[1] for line in ran.stderr.splitlines()}
    assert keys == {
        "system.DEFAULT.transactions",
        "system.east",
        "behaviors.fast.retryable_writes",
        "behaviors.fast.query.colour",
        "behaviors.rack.parent",
    }
    library = PolicyLibrary([path.parent / "ours"])
    assert {"sdk-default", "fast", "rack"} <= set(library.names())
    put = every_operation(ADAPTER)["put"]
    assert library.load("fast").settings(put, retryable=True)["key"].value == "send"
    assert library.load("fast").connection.max_socket_idle_s == 55


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense: 1\n", "neither of the C client (static, dynamic) nor of the SDK"),
        ("dynamic: {read: {total_timeout: soon}}\n", "'soon' is no duration"),
        ("dynamic: {read: {replica: NEAREST}}\n", "'nearest' is none of"),
        ("dynamic: {write: {send_key: maybe}}\n", "'maybe' is none of"),
        ("behaviors: {fast: {query: {abandon_call_after: 5 fortnights}}}\n", "is no duration"),
        ("behaviors: {fast: {query: {maximum_number_of_call_attempts: 0}}}\n", "or equal to 0"),
        ("behaviors: {../up: {}}\n", "cannot be the name of a file"),
        ("a: [\n", "theirs.yaml:2"),
    ],
)
def test_import_of_what_cannot_be_a_profile_writes_nothing(write, text, message):
    path = write(text)
    ran = import_(path)

    assert ran.exit_code == 1
    assert message in ran.output
    assert not (path.parent / "ours").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("dynamic: 5\n", "dynamic"),
        ("static: {client: 5}\n", "static.client"),
        ("dynamic: {read: [1]}\n", "dynamic.read"),
        ("system: {DEFAULT: {refresh: 5}}\n", "system.DEFAULT.refresh"),
        ("behaviors: {fast: 5}\n", "behaviors.fast"),
        ("behaviors: {fast: {query: 5}}\n", "behaviors.fast.query"),
        ("behaviors: {fast: {parent: 5}}\n", "behaviors.fast.parent"),
        ("behaviors: {a: {parent: b}, b: {parent: a}}\n", "behaviors.a.parent"),
        ("behaviors: {DEFAULT: {}, default: {}}\n", "behaviors.DEFAULT"),
        (
            "dynamic: {batch_read: {max_concurrent_threads: 8}}\n",
            "dynamic.batch_read.max_concurrent_threads",
        ),
    ],
)
def test_what_has_another_shape_than_the_clients_take_is_said_too(write, text, key):
    ran = import_(write(text))

    assert f"not carried over: {key}: " in ran.stderr


def test_import_overwrites_nothing(write):
    path = write("dynamic: {read: {total_timeout: 70}}\n")
    assert import_(path).exit_code == 0

    again = import_(path)

    assert again.exit_code == 1
    assert "exists already" in again.output
