"""Every field that one of the four clients knows can be written in a policy file, by that client's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing

import pytest

from aerospike_resilience.clients import adapter_named
from aerospike_resilience.clients.aerospike.policies import FIELDS
from aerospike_resilience.model.operation import Kind, Operation, Shape
from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary
from aerospike_resilience.profiles.fields import ConnectionSection, PolicyFields, Scopes
from aerospike_resilience.profiles.layers import Layer
from aerospike_resilience.profiles.profile import Profile
from aerospike_resilience.profiles.source import PolicySource

A_BASE = (
    "total_timeout socket_timeout max_retries sleep_between_retries compress txn expressions "
    "connect_timeout timeout_delay error_detail_verbosity "
)
B_BASE = (
    "socket_timeout total_timeout max_retries sleep_between_retries timeout_delay "
    "filter_expression replica read_mode_ap read_touch_ttl_percent "
)
B_ROW = "key exists gen commit_level durable_delete ttl "
C_BASE = (
    "total_timeout socket_timeout max_retries sleep_between_retries timeout_delay use_compression "
    "compression_threshold read_mode_ap read_mode_sc read_touch_ttl filter_expression txn "
    "error_detail_verbosity replica "
)

POLICIES = {
    ("aerospike", "read"): A_BASE
    + "key replica deserialize read_touch_ttl_percent read_mode_ap read_mode_sc",
    ("aerospike", "write"): A_BASE
    + "key gen exists commit_level durable_delete replica compression_threshold on_locking_only ttl",
    ("aerospike", "operate"): A_BASE
    + "key gen commit_level replica durable_delete deserialize exists read_touch_ttl_percent "
    "on_locking_only read_mode_ap read_mode_sc ttl",
    ("aerospike", "remove"): A_BASE + "generation key gen commit_level replica durable_delete",
    ("aerospike", "apply"): A_BASE + "key replica commit_level durable_delete ttl on_locking_only",
    ("aerospike", "batch"): A_BASE
    + "concurrent allow_inline allow_inline_ssd respond_all_keys deserialize replica "
    "read_touch_ttl_percent read_mode_ap read_mode_sc",
    ("aerospike", "query"): A_BASE
    + "deserialize replica short_query expected_duration partition_filter",
    ("aerospike", "scan"): A_BASE
    + "durable_delete records_per_second max_records replica ttl partition_filter",
    ("aerospike", "info"): "timeout send_as_is check_bounds",
    ("aerospike", "admin"): "timeout",
    ("aerospike", "txn"): A_BASE + "concurrent allow_inline deserialize read_mode_ap read_mode_sc "
    "replica read_touch_ttl_percent",
    ("aerospike", "batch_write row"): "key gen commit_level durable_delete exists on_locking_only "
    "expressions ttl",
    ("aerospike", "batch_read row"): "read_touch_ttl_percent read_mode_ap read_mode_sc expressions",
    (
        "aerospike",
        "batch_apply row",
    ): "key commit_level ttl durable_delete on_locking_only expressions",
    ("aerospike", "batch_remove row"): "key commit_level gen durable_delete generation expressions",
    ("aerospike-py", "read"): B_BASE,
    ("aerospike-py", "write"): B_BASE + B_ROW,
    ("aerospike-py", "batch"): B_BASE
    + B_ROW
    + "allow_inline allow_inline_ssd respond_all_keys concurrency",
    ("aerospike-py", "query"): B_BASE
    + "max_records records_per_second max_concurrent_nodes record_queue_size expected_duration "
    "include_bin_data partition_filter",
    ("aerospike-py", "admin"): "timeout",
    ("aerospike-native", "read"): C_BASE,
    ("aerospike-native", "write"): C_BASE
    + "commit_level durable_delete expiration generation generation_policy record_exists_action "
    "records_per_second respond_per_each_op send_key xdr",
    ("aerospike-native", "batch"): C_BASE
    + "allow_inline allow_inline_ssd concurrency respond_all_keys",
    ("aerospike-native", "query"): C_BASE
    + "expected_duration include_bin_data max_concurrent_nodes max_records record_queue_size "
    "records_per_second",
    ("aerospike-native", "admin"): "timeout",
    ("aerospike-native", "txn"): "max_retries read_mode_sc replica sleep_between_retries "
    "socket_timeout total_timeout",
    (
        "aerospike-native",
        "batch rows",
    ): "filter_expression read_touch_ttl commit_level durable_delete "
    "expiration generation generation_policy on_locking_only record_exists_action send_key",
    ("aerospike-sdk", "settings"): "total_timeout socket_timeout timeout_delay max_retries "
    "retry_delay send_key durable_delete commit_level replica read_mode_ap read_mode_sc "
    "use_compression compression_threshold max_concurrent_nodes record_queue_size "
    "allow_scans_with_where allow_inline allow_inline_ssd read_touch_ttl_percent "
    "error_detail_verbosity",
}
"""The fields of every kind of policy, as reference documentation of each client lists them."""

CONNECTIONS = {
    "aerospike": "hosts user password tls policies shm lua serialization config_provider "
    "cluster_name app_id connect_timeout tend_interval min_conns_per_node max_conns_per_node "
    "max_socket_idle max_error_rate error_rate_window thread_pool_size use_shared_connection "
    "use_services_alternate send_bool_as compression_threshold strict_types rack_aware rack_id "
    "rack_ids fail_if_not_connected validate_keys force_single_node login_timeout_ms",
    "aerospike-py": "hosts cluster_name auth_mode user password timeout idle_timeout "
    "max_conns_per_node min_conns_per_node conn_pools_per_node tend_interval "
    "use_services_alternate max_concurrent_operations operation_queue_timeout_ms",
    "aerospike-native": "timeout connect_timeout login_timeout idle_timeout min_conns_per_node "
    "max_conns_per_node conn_pools_per_node opening_connection_threshold tend_interval "
    "max_error_rate error_rate_window fail_if_not_connected use_services_alternate "
    "seed_only_cluster rack_ids ip_map cluster_name application_id custom_client_id user password "
    "auth_mode tls_config per_client_runtime_workers buffer_reclaim_threshold",
    "aerospike-sdk": "min_connections_per_node max_connections_per_node conn_pools_per_node "
    "wait_for_connection_to_complete tend_timeout login_timeout max_socket_idle_time tend_interval "
    "num_tend_intervals_in_error_window max_errors_in_error_window transactions metrics",
}

OBJECTS = {"txn", "expressions", "filter_expression", "partition_filter"}
"""What a call gives in code: no text stands for it."""

IDENTITY = {"hosts", "user", "password", "auth_mode", "tls", "tls_config", "custom_client_id"}
"""Who connects to what: secrets have no place in a policy file."""

ELSEWHERE = {
    "policies",  # this is what the file itself is
    "config_provider",  # a native file that overrides ours
    *("lua", "serialization"),  # code
    *("max_concurrent_operations", "operation_queue_timeout_ms"),  # the section `backpressure`
    *("transactions", "metrics"),  # the SDK's own, on which nothing of ours rests
}

WRITTEN = {
    **dict.fromkeys(
        "timeout connect_timeout login_timeout login_timeout_ms idle_timeout tend_timeout "
        "tend_interval max_socket_idle max_socket_idle_time wait_for_connection_to_complete "
        "total_timeout socket_timeout timeout_delay sleep_between_retries retry_delay "
        "info_timeout".split(),
        "40s",
    ),
    **dict.fromkeys(("compression_threshold", "buffer_reclaim_threshold"), "64KiB"),
    **dict.fromkeys(("ttl", "expiration"), "30d"),
    "replica": "prefer_rack",
    "read_mode_ap": "all",
    "read_mode_sc": "linearize",
    "key": "send",
    "gen": "eq",
    "generation_policy": "expect_gen_equal",
    "exists": "create_only",
    "record_exists_action": "create_only",
    "commit_level": "master",
    "expected_duration": "short",
    "concurrency": "parallel",
    "send_bool_as": "integer",
    "rack_ids": [1, 2],
    "ip_map": {"10.0.0.1": "192.168.0.1"},
    "cluster_name": "east",
    "app_id": "checkout",
    "application_id": "checkout",
    "shm": {"max_nodes": 16, "shm_key": 7},
}
"""How a field is written, where it is neither a count nor a switch."""


def loads(settings: dict) -> Profile:
    return PolicyLibrary().load("default").with_overrides(settings)


def written(model: type, name: str) -> object:
    if name in WRITTEN:
        return WRITTEN[name]
    switch = "bool" in str(model.model_fields[name].annotation)
    return True if switch else 2


@pytest.mark.parametrize(("client", "kind"), POLICIES)
def test_a_file_can_say_every_policy_field_by_the_clients_own_name(client, kind):
    for name in {*POLICIES[client, kind].split()} - OBJECTS:
        loads({"policy": {"all": {name: written(PolicyFields, name)}}})


@pytest.mark.parametrize("client", CONNECTIONS)
def test_a_file_can_say_every_connection_setting_by_the_clients_own_name(client):
    for name in {*CONNECTIONS[client].split()} - IDENTITY - ELSEWHERE:
        loads({"connection": {name: written(ConnectionSection, name)}})


INSPECT = """
import dataclasses, json, typing
import aerospike_native as native
from aerospike_py import types
from aerospike_sdk.policy.behavior_settings import Scope, Settings
from aerospike_sdk.policy.system_settings import SystemSettings

def told(policy):
    return [n for n in dir(policy) if not n.startswith("_") and not callable(getattr(policy, n, None))]

native_policies = "Read Write Batch Query Admin TxnVerify TxnRoll BatchRead BatchWrite BatchDelete BatchUDF"
py_policies = "Read Write Batch BatchRead BatchDelete BatchUDF Admin Query Scan"
print(json.dumps({
    "policies": [
        *(told(getattr(native, f"{name}Policy")()) for name in native_policies.split()),
        *(list(getattr(types, f"{name}Policy").__annotations__) for name in py_policies.split()),
        [field.name for field in dataclasses.fields(Settings)],
    ],
    "connections": [
        told(native.ClientPolicy()),
        list(types.ClientConfig.__annotations__),
        [field.name for field in dataclasses.fields(SystemSettings)],
    ],
    "scopes": [scope.value for scope in Scope],
}))
"""


@pytest.fixture(scope="module")
def installed() -> dict[str, list]:
    """What the installed clients say of themselves; in a process of its own, as they change the loop."""
    found = subprocess.run(
        [sys.executable, "-c", INSPECT],
        env={**os.environ, "AEROSPIKE_NO_UVLOOP": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return typing.cast(dict[str, list], json.loads(found.stdout))


def test_the_installed_clients_know_no_policy_field_that_a_file_cannot_say(installed):
    known = {name for fields in installed["policies"] for name in fields}

    assert known - OBJECTS - {"base_policy"} <= PolicyFields.model_fields.keys()


def test_the_installed_clients_know_no_connection_setting_that_a_file_cannot_say(installed):
    known = {name for fields in installed["connections"] for name in fields}
    said = {field.alias or name for name, field in ConnectionSection.model_fields.items()}

    assert known - IDENTITY - ELSEWHERE <= said


def test_scopes_are_those_of_the_sdk(installed):
    assert set(installed["scopes"]) == Scopes.model_fields.keys()


@pytest.mark.parametrize("family", FIELDS)
def test_the_c_clients_own_table_is_this_one(family):
    assert FIELDS[family] == {*POLICIES["aerospike", family].split()}


def test_the_c_client_takes_every_read_field_of_the_table_and_no_other(connect, healthy):
    """``validate_keys`` has the client itself refuse a field it does not know."""
    strict = connect(healthy, validate_keys=True)
    key = ("test", "fields", 1)
    for name in {*POLICIES["aerospike", "read"].split()} - OBJECTS:
        strict.exists(key, {name: 1000 if "time" in name else 0})
    with pytest.raises(Exception, match="invalid policy dictionary key"):
        strict.exists(key, {"send_key": 1})


def test_one_thing_said_by_two_names_is_one_thing():
    """A child's word by the other name replaces its parent's."""
    parent, child = {"key": "send", "ttl": 5}, {"send_key": False, "expiration": "1h"}
    layer = Layer(
        [
            PolicySource("a.yaml", {"policy": {"all": parent}}),
            PolicySource("b.yaml", {"policy": {"all": child}}),
        ]
    )

    found = Profile("made", "", {}, (layer,)).flat()

    assert found == {"policy.all.key": "digest", "policy.all.ttl": "1h"}


def test_a_bare_number_keeps_the_unit_of_the_name_it_stands_under():
    """``max_socket_idle`` is documented in seconds, and is so for every client that has the name."""
    for given in ({"max_socket_idle": 55}, {"idle_timeout": "55s"}, {"idle_timeout": "55000ms"}):
        assert loads({"connection": given}).connection.max_socket_idle_s == 55


@pytest.mark.parametrize("name", ["idle_timeout", "max_socket_idle_time"])
@pytest.mark.parametrize("given", [55, 55_000, 0.5])
def test_a_bare_number_is_refused_where_the_clients_disagree_on_its_unit(name, given):
    with pytest.raises(PolicyFileError, match=rf"{name}: {given}s or {given}ms\?"):
        loads({"connection": {name: given}})


@pytest.mark.parametrize("name", ["idle_timeout", "max_socket_idle_time"])
def test_none_at_all_is_the_same_in_every_unit(name):
    assert loads({"connection": {name: 0}}).connection.max_socket_idle_s == 0


def test_the_same_said_twice_in_one_place_is_refused():
    with pytest.raises(
        PolicyFileError, match=r"policy\.all\.send_key: 'key' and 'send_key' say the same"
    ):
        loads({"policy": {"all": {"key": "send", "send_key": True}}})


def test_transactions_are_left_alone_by_all_and_have_scopes_of_their_own():
    verify = Operation("commit", Kind.TXN, Shape.CLUSTER, "txn_verify")
    said = loads({"policy": {"system_txn_verify": {"total_timeout": "20s"}}})

    assert loads({}).settings(verify, retryable=True) == {}
    found = said.settings(verify, retryable=True)
    assert {name: one.value for name, one in found.items()} == {"total_timeout": 20_000}


@pytest.mark.parametrize(
    ("text", "bytes_"), [(4096, 4096), ("64KiB", 65_536), ("1.5 MB", 1_500_000), ("7B", 7)]
)
def test_sizes_have_units(text, bytes_):
    found = loads({"policy": {"writes": {"compression_threshold": text}}})

    assert found._checked[-1].policy.writes.compression_threshold == bytes_


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("compression_threshold", "64K", "no size; write a number and one of B, kB, KiB"),
        ("compression_threshold", -1, "between 0 and 2GiB"),
        ("compression_threshold", True, "a size such as 4096"),
        ("ttl", "nevr", "did you mean 'never'"),
        ("ttl", -1, "between 0 and ten years"),
        ("ttl", True, "no time to live"),
        ("concurrency", "paralel", "did you mean 'parallel'"),
    ],
)
def test_a_wrong_size_time_to_live_or_name_says_what_would_be_right(field, value, message):
    with pytest.raises(PolicyFileError, match=message):
        loads({"policy": {"all": {field: value}}})


def test_names_of_times_to_live_are_the_clients_numbers():
    adapter = adapter_named("aerospike")
    sent = {
        name: adapter.fields(adapter.operations["put"], {"ttl": name})["ttl"]
        for name in ("never", "dont_update", "client_default", "namespace_default")
    }

    assert sent == {
        "never": 0xFFFFFFFF,
        "dont_update": 0xFFFFFFFE,
        "client_default": 0xFFFFFFFD,
        "namespace_default": 0,
    }


def test_values_of_the_sections_cannot_be_changed():
    with pytest.raises(Exception, match="frozen"):
        loads({}).connection.max_conns_per_node = 5
