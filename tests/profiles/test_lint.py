"""Settings that are valid and will go wrong are found, each by its id."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest

from aerospike_resilience.clients import ADAPTERS, adapter_named, every_operation
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.fields import ConnectionSection, PolicyFields, Scopes
from aerospike_resilience.profiles.lint import RULES, examine
from aerospike_resilience.profiles.synonyms import FIELD_SYNONYMS

TRAPS = {
    "AR001": {"policy": {"reads": {"socket_timeout": 250}}},
    "AR002": {"backpressure": {"max_concurrent_operations": 301}},
    "AR003": {"policy": {"all": {"timeout_delay": 3000}}},
    "AR004": {"policy": {"writes_non_retryable": {"max_retries": 1, "socket_timeout": 100}}},
    "AR005": {"policy": {"reads_point": {"max_retries": 1}}},
    "AR006": {"adaptive_timeout": {"min": "50ms"}},
    "AR007": {"policy": {"reads_point": {"total_timeout": 0}}},
    "AR008": {"breaker": {"silence": "20ms"}},
    "AR009": {"retry": {"max_sleep": "1s"}},
    "AR010": {"backpressure": {"operation_queue_timeout": "250ms"}},
    "AR011": {
        "breaker": {"on_replica_open": "commit_master"},
        "policy": {"all": {"commit_level": "all"}},
    },
    "AR012": {"breaker": {"max_open_share": 1}},
    "AR013": {"operations": {"ping": {"total_timeout": 5}}},
    "AR014": {"policy": {"reads_query": {"max_concurrent_nodes": 2}}},
    "AR015": {"policy": {"reads": {"commit_level": "master"}}},
    "AR016": {"connection": {"conn_pools_per_node": 4}},
    "AR017": {"policy": {"all": {"timeout_delay": 2999}}},
    "AR018": {"policy": {"all": {"timeout_delay": None}}},
    "AR019": {"connection": {"max_error_rate": 9_999}},
    "AR020": {"connection": {"error_rate_window": 1}},
    "AR022": {"connection": {"max_socket_idle": 60}},
    "AR039": {"breaker": {"isolate": ["A1"], "mode": "off"}},
    "AR023": {"connection": {"min_conns_per_node": 301}},
    "AR024": {"connection": {"tend_interval": 249}},
    "AR025": {"policy": {"writes_retryable": {"sleep_between_retries": 250}}},
    "AR026": {"policy": {"reads_point": {"replica": "master"}}},
    "AR027": {"policy": {"writes_query": {"replica": "random"}}},
    "AR028": {"policy": {"reads_batch": {"replica": "prefer_rack"}}},
    "AR029": {"policy": {"writes_point": {"exists": "create_only"}}},
    "AR030": {"breaker": {"slow_call_rate": 0.5, "slow_call_duration": "40ms"}},
    "AR031": {"breaker": {"failure_rate": 0.5, "minimum_calls": 41}},
    "AR032": {"backpressure": {"limit": "adaptive", "ceiling": 301}},
    "AR033": {"backpressure": {"limit": "adaptive", "ceiling": 255}},
    "AR034": {"backpressure": {"max_per_node": 256}},
    "AR035": {"backpressure": {"queue": "lifo", "operation_queue_timeout": 0}},
    "AR041": {"policy": {"reads_point": {"socket_timeout": 9}}},
}

RIGHT = {
    "AR001": {"policy": {"reads_point": {"socket_timeout": 62}}},
    "AR002": {"backpressure": {"max_concurrent_operations": 300}},
    "AR003": {"policy": {"all": {"timeout_delay": 0}}},
    "AR004": {"policy": {"writes_non_retryable": {"max_retries": 0}}},
    "AR005": {"policy": {"reads_point": {"max_retries": 2}}},
    "AR006": {"adaptive_timeout": {"min": "40ms"}},
    "AR007": {"policy": {"reads_query": {"total_timeout": 0}}},
    "AR008": {"breaker": {"silence": "100ms"}},
    "AR009": {"retry": {"max_sleep": "249ms"}},
    "AR010": {"backpressure": {"operation_queue_timeout": "249ms"}},
    "AR011": {"breaker": {"on_replica_open": "commit_master"}},
    "AR012": {"breaker": {"max_open_share": 0.9}},
    "AR013": {"operations": {"get": {"total_timeout": 250}, "scan": {"max_records": 5}}},
    "AR014": {"policy": {"reads_query": {"max_concurrent_nodes": None}}},
    "AR015": {"policy": {"writes": {"commit_level": "master"}}},
    "AR016": {"connection": {"thread_pool_size": 4}},
    "AR017": {"policy": {"all": {"timeout_delay": 0}}},
    "AR018": {"policy": {"all": {"timeout_delay": "0ms"}}},
    "AR019": {"connection": {"max_error_rate": 10_000}, "breaker": {"mode": "enforce"}},
    "AR020": {"connection": {"max_error_rate": 10_000, "error_rate_window": 100}},
    "AR039": {"breaker": {"isolate": ["A1"], "mode": "shadow"}},
    "AR022": {"connection": {"max_socket_idle": 59}},
    "AR023": {"connection": {"min_conns_per_node": 300}},
    "AR024": {"connection": {"tend_interval": 250}},
    "AR025": {"policy": {"writes_retryable": {"sleep_between_retries": 100}}},
    "AR026": {"policy": {"reads_point": {"replica": "any"}}},
    "AR027": {"policy": {"reads_point": {"replica": "random"}}},
    "AR028": {
        "policy": {"reads_batch": {"replica": "prefer_rack"}},
        "connection": {"rack_ids": [1]},
    },
    "AR029": {"policy": {"writes_non_retryable": {"exists": "create_only"}}},
    "AR030": {"breaker": {"slow_call_rate": 0.5, "slow_call_duration": "39ms"}},
    "AR031": {"breaker": {"failure_rate": 0.5, "minimum_calls": 40}},
    "AR032": {"backpressure": {"limit": "adaptive", "ceiling": 300}},
    "AR033": {"backpressure": {"limit": "adaptive", "ceiling": 256}},
    "AR034": {"backpressure": {"max_per_node": 255}},
    "AR035": {"backpressure": {"queue": "lifo", "operation_queue_timeout": "1ms"}},
    "AR041": {"policy": {"reads_point": {"socket_timeout": 10}}},
}
"""As near to each trap as one may go."""

ADAPTER = adapter_named("aerospike")


def findings(overrides: dict, environment: dict[str, str] | None = None) -> list:
    profile = PolicyLibrary().load("latency").with_overrides(overrides)
    return examine(profile, ADAPTER, environment or {})


ELSEWHERE = {"AR021", "AR036", "AR037", "AR038", "AR042", "AR043"}
"""Rules that look at more than overrides: the environment, the client, files and their parents."""


def test_every_rule_has_a_trap_here():
    assert {*TRAPS, *ELSEWHERE} == {*RIGHT, *ELSEWHERE} == set(RULES)


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_found_by_its_id_and_no_other(name):
    found = findings(TRAPS[name])

    assert {one.id for one in found} == {name}
    assert all(one.origin == "overrides=" or ":" in one.origin for one in found)
    assert all(one.message and one.fix for one in found)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_just_right_is_no_finding(name):
    assert findings(RIGHT[name]) == []


@pytest.mark.parametrize("name", TRAPS)
def test_a_finding_that_is_meant_to_be_so_is_left_out(name):
    assert findings({**TRAPS[name], "lint": {"ignore": {name: "measured for a month"}}}) == []


def test_a_hasty_timeout_closes_no_connection_where_a_delay_keeps_it():
    hasty = {"socket_timeout": 9, "timeout_delay": 3000}

    assert [one.id for one in findings({"policy": {"reads_point": hasty}})] == ["AR003"]


def of_the_gate(**words) -> list[str]:
    return [one.id for one in findings({"backpressure": words})]


def test_an_adaptive_limit_may_not_outgrow_the_pool_by_default_either():
    assert of_the_gate(limit="adaptive") == ["AR032"]
    assert "1000" in findings({"backpressure": {"limit": "adaptive"}})[0].message


def test_a_gate_wider_than_the_pool_is_right_where_no_node_may_have_so_much_of_it():
    assert of_the_gate(max_concurrent_operations=800, max_per_node=300) == []
    assert of_the_gate(max_concurrent_operations=800, max_per_node=0.5) == ["AR002"]


def test_a_floor_above_the_start_is_found():
    assert of_the_gate(limit="adaptive", ceiling=300, floor=257) == ["AR033"]
    assert of_the_gate(limit="adaptive", ceiling=300, floor=256) == []


def test_a_floor_above_its_ceiling_is_found_whatever_the_start():
    bounds = {"limit": "adaptive", "floor": 100, "ceiling": 50}
    for start in (10, 75, 200):
        assert "AR033" in of_the_gate(**bounds, max_concurrent_operations=start)


def test_default_bounds_that_the_start_widens_are_no_finding():
    assert of_the_gate(limit="adaptive", ceiling=300, max_concurrent_operations=4) == []


def test_bounds_of_a_limit_that_is_fixed_are_no_finding():
    assert of_the_gate(floor=500, ceiling=20) == []


def test_a_batch_that_may_take_more_permits_than_there_are_is_found():
    few = {"max_concurrent_operations": 4, "batch_weight": "nodes"}

    assert of_the_gate(**few, batch_weight_cap=5) == ["AR034"]
    assert of_the_gate(**few, batch_weight_cap=4) == []
    assert of_the_gate(**few) == []  # the default cap is nobody's wish


def test_an_adaptive_limit_is_measured_by_its_ceiling():
    adaptive = {"limit": "adaptive", "ceiling": 300}

    assert of_the_gate(**adaptive, max_per_node=299) == []
    assert of_the_gate(**adaptive, max_per_node=300) == ["AR034"]


def test_nothing_is_said_of_a_gate_that_is_off():
    words = {"limit": "adaptive", "floor": 9, "ceiling": 5, "queue": "lifo", "max_per_node": 7}

    assert of_the_gate(max_concurrent_operations=0, operation_queue_timeout=0, **words) == []


@pytest.mark.parametrize("client", ["aerospike-py", "aerospike-py-async"])
@pytest.mark.parametrize(
    ("limit", "says"), [(64, "the profile's gate is in force"), (0, "the profile has no gate")]
)
def test_it_is_said_which_gate_is_in_force_where_the_client_has_its_own(client, limit, says):
    gate = {"backpressure": {"max_concurrent_operations": limit}}
    profile = PolicyLibrary().load("latency").with_overrides(gate)
    (found,) = examine(profile, adapter_named(client), {})

    assert (found.id, found.severity) == ("AR036", "note")
    assert says in found.message
    assert "no queries, UDFs or info" in found.message
    assert examine(profile, ADAPTER, {}) == []


def test_a_native_configuration_file_is_found_by_its_variable():
    environment = {"AEROSPIKE_CLIENT_CONFIG_URL": "/etc/aerospike.yaml"}

    assert [one.id for one in findings({}, environment)] == ["AR021"]
    assert "/etc/aerospike.yaml" in findings({}, environment)[0].message
    assert findings({}, {"AEROSPIKE_SDK_CONFIG_URL": "/etc/sdk.yaml"}) == []
    ignored = {"lint": {"ignore": {"AR021": "its policies are empty"}}}
    assert findings(ignored, environment) == []


def test_a_scope_that_a_client_cannot_do_is_found_where_it_stands(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nextends: latency\npolicy:\n  system_txn_roll:\n    total_timeout: 20s\n"
        "sets:\n  test.s:\n    system_txn_verify: {total_timeout: 20s}\n"
    )
    found = examine(PolicyLibrary([tmp_path]).load("mine"), ADAPTER, {})

    assert {one.id for one in found} == {"AR014"}
    assert [one.origin.rpartition(":")[2] for one in found] == ["4", "8"]
    assert "policies.txn_roll" in found[0].message


SAMPLES = {
    "replica": "sequence",
    "read_mode_ap": "one",
    "read_mode_sc": "session",
    "key": "send",
    "gen": "eq",
    "exists": "create_only",
    "commit_level": "all",
    "expected_duration": "long",
    "concurrent": True,
}


@pytest.mark.parametrize("client", [adapter.name for adapter in ADAPTERS])
def test_every_field_reaches_the_client_or_is_known_not_to(client):
    """What neither an operation takes nor `cannot` names would have no effect, and nobody would know."""
    adapter = adapter_named(client)
    unheard = {
        name
        for name in PolicyFields.model_fields
        if name not in FIELD_SYNONYMS
        and name not in adapter.cannot
        and not any(
            adapter.fields(operation, {name: SAMPLES.get(name, 1)})
            for operation in every_operation(adapter).values()
        )
    }

    # The SDK takes it from the behavior, not with a call.
    assert unheard <= ({"allow_scans_with_where"} if client == "aerospike-sdk" else set())


@pytest.mark.parametrize("client", [adapter.name for adapter in ADAPTERS])
def test_every_name_of_a_constant_reaches_the_client_or_is_known_not_to(client):
    adapter = adapter_named(client)
    unheard = {
        f"{name}: {value}"
        for name, sample in SAMPLES.items()
        if name not in adapter.cannot and isinstance(sample, str)
        for part in typing.get_args(PolicyFields.model_fields[name].annotation)
        for value in typing.get_args(part)
        if not any(
            adapter.fields(operation, {name: value})
            for operation in every_operation(adapter).values()
        )
    }

    assert unheard <= adapter.cannot.keys()


def test_a_value_that_a_client_does_not_know_is_found():
    any_ = {"policy": {"reads": {"replica": "any"}}}
    found = examine(
        PolicyLibrary().load("latency").with_overrides(any_), adapter_named("aerospike-py"), {}
    )

    assert [one.id for one in found] == ["AR014"]
    assert "replica: any has no effect as written with aerospike-py" in found[0].message


@pytest.mark.parametrize("client", [adapter.name for adapter in ADAPTERS])
def test_what_a_client_cannot_do_is_a_word_of_policy_files(client):
    settings = {
        f"connection.{f.alias or name}" for name, f in ConnectionSection.model_fields.items()
    }
    words = {*PolicyFields.model_fields, *Scopes.model_fields, *settings}

    assert {word.partition(":")[0] for word in adapter_named(client).cannot} <= words


@pytest.mark.parametrize(
    ("client", "ours", "theirs"),
    [
        ("aerospike", "never", 0xFFFFFFFF),
        ("aerospike-py", "never", -1),
        ("aerospike-py", 600, 600),
    ],
)
def test_times_to_live_are_the_clients_own(client, ours, theirs):
    adapter = adapter_named(client)

    assert adapter.fields(adapter.operations["put"], {"ttl": ours}) == {"ttl": theirs}


def test_aerospike_py_has_its_own_word_for_concurrent_batches():
    adapter = adapter_named("aerospike-py")
    batch = adapter.operations["batch_read"]

    assert adapter.fields(batch, {"concurrent": False}) == {"concurrency": 0}
    assert adapter.fields(batch, {"concurrent": True}) == {"concurrency": 1}


def test_the_docs_have_every_rule_with_its_severity():
    table = (Path(__file__).parents[2] / "docs" / "lint" / "index.md").read_text()
    for name, (severity, rule) in RULES.items():
        said = rule.__doc__.rstrip(".").replace("``", "`")
        assert f"| [{name}]({name}.md) | {severity} | {said} |" in table


@pytest.mark.parametrize("client", [adapter.name for adapter in ADAPTERS])
@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_shipped_profiles_are_lint_clean_for_every_client(name, client):
    assert examine(PolicyLibrary().load(name), adapter_named(client), {}) == []


def test_a_file_answers_for_its_own_lines_and_its_parents_and_not_for_its_childrens(tmp_path):
    (tmp_path / "parent.yaml").write_text(
        "version: 1\nextends: latency\nbreaker: {silence: 20ms}\n"
        "operations: {ping: {timeout: 5ms}}\nlint: {ignore: {AR013: of another client}}\n"
    )
    (tmp_path / "child.yaml").write_text(
        "version: 1\nextends: parent\noperations: {batch_write_numpy: {timeout: 5ms}}\n"
        "lint: {ignore: {AR008: measured for a month}}\n"
    )

    found = examine(PolicyLibrary([tmp_path]).load("child"), ADAPTER, {})

    assert [(one.id, one.origin) for one in found] == [("AR013", f"{tmp_path}/child.yaml:3")]
