"""The clients take what is exported, and whoever imports is told what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients import every_operation
from aerospike_resilience.profiles import PolicyLibrary, interchange_sdk
from tests.profiles.test_interchange_kept import ADAPTER, SORTS

SHIPPED = PolicyLibrary().names()


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
        ("a: [\n", "theirs.yaml:1:4"),
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
