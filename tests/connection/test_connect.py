"""`connect()`: every client, connected and wrapped, and what it was given."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import aerospike
import pytest

from aerospike_resilience import (
    ClusterDefinition,
    Connecting,
    SystemSettings,
    UnsupportedSettingError,
    connect,
    explain_connection,
    instrument,
    resilient,
    uninstrument,
)
from aerospike_resilience.clients.connectors import connector
from tests.connection.conftest import defined, put_and_get, used
from tests.patience import NEVER_LATE
from tests.waiting import until


def test_every_client_is_connected_wrapped_and_a_context_manager(kind, healthy):
    seen = []

    def use(client):
        seen.append(client.resilience)
        return put_and_get(kind)(client)

    definition = defined(healthy).validate_cluster_name_is("local")
    assert used(definition, kind, use, name="carts") == {"n": 1}
    assert seen[0].profile.name == "latency"
    assert seen[0].name.startswith("carts")
    assert seen[0]._engine.closed


def test_the_four_ways_to_describe_a_cluster_connect_alike(healthy, monkeypatch):
    host, port = healthy.hosts[0]
    monkeypatch.setenv("AEROSPIKE_HOSTS", f"{host}:{port}")
    for description in (
        ClusterDefinition(host, port),
        {"hosts": [(host, port)]},
        f"aerospike://{host}:{port}/?cluster_name=local&profile=durable",
        None,
    ):
        with connect(description) as client:
            assert len(client.get_nodes()) == 3
            expected = "durable" if isinstance(description, str) else "latency"
            assert client.resilience.profile.name == expected


def test_an_awaited_client_is_awaited_or_entered(healthy):
    async def both():
        connecting = defined(healthy).connect("aerospike_py.async", overrides=NEVER_LATE)
        assert isinstance(connecting, Connecting)
        client = await connecting
        await client.put(("test", "connect", 2), {"n": 2})
        await client.close()
        async with defined(healthy).connect("aerospike_py.async", overrides=NEVER_LATE) as again:
            return (await again.get(("test", "connect", 2))).bins

    assert asyncio.run(both()) == {"n": 2}


def test_the_profile_and_its_policies_are_in_the_c_clients_own_configuration(healthy):
    with connect(defined(healthy)) as client:
        own = client.get_policies()
        explained = client.resilience.explain_connection()
        config = explained.arguments

    assert own["read"]["socket_timeout"] == 40
    assert own["read"]["total_timeout"] == own["write"]["total_timeout"] == 250
    assert own["batch"]["concurrent"] is True
    assert (config["max_conns_per_node"], config["min_conns_per_node"]) == (300, 10)
    assert (config["max_error_rate"], config["error_rate_window"]) == (10_000, 100)
    origins = {value.setting: value.origin for value in explained.values}
    assert origins["max_conns_per_node"].endswith("latency.yaml:9")
    assert origins["tend_interval"].endswith("latency.yaml:10")
    assert config["tend_interval"] == 250


def test_what_the_c_client_is_given_holds_no_key_that_it_does_not_know(healthy):
    definition = (
        defined(healthy)
        .app_id("shop")
        .preferring_racks(1)
        .with_system_settings(
            SystemSettings(
                wait_for_connection_to_complete=timedelta(seconds=1),
                login_timeout=timedelta(seconds=3),
                max_socket_idle_time=timedelta(seconds=55),
            )
        )
    )
    with connect(definition, overrides={"connection": {"validate_keys": True}}) as client:
        client.get_policies()
        given = client.resilience.explain_connection().arguments
    assert given["validate_keys"] is True
    assert (given["rack_aware"], given["rack_ids"]) == (True, [1])
    assert given["max_socket_idle"] == 55
    assert given["policies"]["login_timeout_ms"] == 3000
    assert given["policies"]["write"]["connect_timeout"] == 1000


def test_the_native_breaker_is_wide_even_under_a_profile_that_does_not_say(tmp_path):
    (tmp_path / "own.yaml").write_text("version: 1\n")
    for kind, path in (
        ("aerospike", ("max_error_rate",)),
        ("aerospike_native", ("policy", "max_error_rate")),
        ("aerospike_sdk", ("settings", "max_errors_in_error_window")),
    ):
        found = explain_connection("aerospike://db/", kind, "own", policies=tmp_path)
        given = found.arguments
        for key in path:
            given = given[key]
        assert given == 10_000
        assert "wide" in str(found)


def test_a_breaker_of_the_definitions_own_is_kept_whole():
    settings = SystemSettings(max_errors_in_error_window=50)
    definition = ClusterDefinition("db", 3000).with_system_settings(settings)
    given = explain_connection(definition).arguments
    assert given["max_error_rate"] == 50
    assert "error_rate_window" not in given  # the profile's 100 would mean half an error a tend

    unlimited = SystemSettings(max_errors_in_error_window=0)
    given = explain_connection(
        ClusterDefinition("db", 3000).with_system_settings(unlimited)
    ).arguments
    assert (given["max_error_rate"], given["error_rate_window"]) == (10_000, 100)

    narrow = SystemSettings(max_errors_in_error_window=5, num_tend_intervals_in_error_window=10)
    with pytest.raises(UnsupportedSettingError, match="silently goes back to 100 in 1"):
        explain_connection(ClusterDefinition("db", 3000).with_system_settings(narrow))


def test_a_setting_beyond_the_client_is_refused_by_name_or_left_out_with_a_warning():
    definition = ClusterDefinition("db", 3000).with_ip_map({"a": "b"}).preferring_racks(1)

    with pytest.raises(UnsupportedSettingError) as caught:
        connect(definition, "aerospike_py")
    error = caught.value
    assert (error.client, sorted(error.settings)) == ("aerospike_py", ["ip_map", "rack_ids"])
    for part in ("with_ip_map()", "client='aerospike_py'", "alternate-access-address"):
        assert part in str(error)

    with pytest.warns(UserWarning, match="left out: ") as warned:
        given = explain_connection(definition, "aerospike_py", allow_unsupported=True)
    assert len(warned) == 2
    assert given.arguments["config"]["hosts"] == [("db", 3000)]


def test_racks_turn_reads_towards_them(healthy):
    with connect(defined(healthy).preferring_racks(2, 1)) as client:
        explained = client.resilience.explain("get")
    assert {row[0]: row[1] for row in explained.rows}["replica"] == "prefer_rack"
    assert explained.sent["replica"] == aerospike.POLICY_REPLICA_PREFER_RACK


def test_the_guides_gate_is_ours_for_every_client(kind):
    config = {
        "hosts": [("db", 3000)],
        "max_concurrent_operations": 7,
        "operation_queue_timeout_ms": 90,
    }
    text = str(explain_connection(config, kind))
    assert "done by the gate" in text
    assert "max_concurrent_operations = 7" not in text


def test_the_guides_gate_limits(healthy):
    config = {"hosts": healthy.hosts, "max_concurrent_operations": 7}
    with connect(config) as client:
        assert client.resilience.snapshot()["gate"]["limit"] == 7
        assert client.resilience.profile.backpressure.max_concurrent_operations == 7


def test_the_tend_interval_of_the_definition_is_ours_too(healthy):
    settings = SystemSettings(tend_interval=timedelta(milliseconds=400))
    with connect(defined(healthy).with_system_settings(settings)) as client:
        assert client.resilience.profile.tend_interval_s == 0.4
        assert client.resilience.explain_connection().arguments["tend_interval"] == 400


def test_a_connected_client_of_ones_own_cannot_be_explained(bare):
    wrapped = resilient(bare)
    with pytest.raises(RuntimeError, match="not by connect"):
        wrapped.resilience.explain_connection()
    wrapped.resilience.close()


def test_instrumenting_leaves_connect_alone(healthy):
    instrument("durable")
    try:
        with connect(defined(healthy)) as client:
            assert client.resilience.profile.name == "latency"
            assert not hasattr(client.resilience._engine.shared.client, "resilience")
        with connect(defined(healthy), "aerospike_sdk.sync") as cluster:
            assert cluster.resilience.profile.name == "latency"
    finally:
        uninstrument()


def test_an_argument_of_resilient_that_fails_closes_the_client(healthy):
    before = threading.active_count()
    with pytest.raises(ValueError, match="cannot stand in log lines"):
        connect(defined(healthy), name="no name")
    until(lambda: threading.active_count() <= before)


def test_close_is_idempotent_and_works_without_with(kind, healthy):
    async def awaited():
        client = await connect(defined(healthy), kind)
        await client.close()
        await client.close()
        return client.resilience if "sdk" not in kind else None

    if connector(kind).awaited:
        found = asyncio.run(awaited())
    else:
        client = connect(defined(healthy), kind)
        client.close()
        client.close()
        if kind == "aerospike_native":
            client.close_blocking()
        found = client.resilience if "sdk" not in kind else None
    assert found is None or found._engine.closed


def test_a_timeout_delay_that_the_configuration_does_not_take_goes_with_each_call(healthy):
    overrides = {"policy": {"all": {"timeout_delay": "100ms"}}}
    with connect(defined(healthy), overrides=overrides) as client:
        given = client.resilience.explain_connection().arguments["policies"]["read"]
        assert "timeout_delay" not in given
        assert client.get_policies()["read"]["timeout_delay"] == 3000
        assert client.resilience.explain("get").sent["timeout_delay"] == 100


def test_commits_get_the_profiles_policies_which_no_call_can_pass(healthy):
    overrides = {"policy": {"system_txn_verify": {"total_timeout": "7s", "replica": "master"}}}
    with connect(defined(healthy), overrides=overrides) as client:
        own = client.get_policies()["txn_verify"]
    assert (own["total_timeout"], own["replica"]) == (7000, aerospike.POLICY_REPLICA_MASTER)


def test_an_ipv6_seed_reaches_each_client_as_it_reads_it(kind):
    """The clients disagree on brackets; what each is given here, each connects to."""
    given = explain_connection("aerospike://[::1]:3001/", kind).arguments
    expected = {
        "aerospike": ("hosts", [("::1", 3001)]),
        "aerospike_py": ("config", [("[::1]", 3001)]),
        "aerospike_native": ("seeds", "[::1]:3001"),
        "aerospike_sdk": ("hosts", [("[::1]", 3001, None)]),
    }
    key, hosts = expected[kind.partition(".")[0]]
    found = given[key]["hosts"] if key == "config" else given[key]
    assert found == hosts


def test_the_guides_advice_is_found():
    config = {
        "hosts": [("db", 3000)],
        "idle_timeout": 60,
        "conn_pools_per_node": 900,
        "max_conns_per_node": 1000,
        "max_concurrent_operations": 2000,
    }
    found = explain_connection(config, "aerospike_py").findings
    assert [text.split(" of ")[0] for text in found] == [
        "idle_timeout",
        "conn_pools_per_node",
        "max_concurrent_operations",
    ]
    good = {"hosts": [("db", 3000)], "idle_timeout": 55, "max_concurrent_operations": 200}
    assert explain_connection(good).findings == ()


def test_a_setting_of_the_profile_that_the_client_has_not_is_left_out_and_shown():
    found = explain_connection("aerospike://db/", "aerospike_py", "latency")
    left_out = {value.setting for value in found.values if value.given.startswith("left out")}
    assert left_out == {"max_error_rate", "error_rate_window"}
    assert "max_error_rate" not in found.arguments["config"]
