"""Scopes of strongly consistent namespaces hold for records of those, and for no others."""

from __future__ import annotations

import contextlib

import aerospike
import aerospike_py
import pytest
from aerospike import exception as errors

from aerospike_resilience import resilient
from aerospike_resilience.clients.registry import adapter_named
from aerospike_resilience.testing import LocalCluster
from tests.conformance.surfaces import DataSet, SyncClusterDefinition, native
from tests.conftest import UNHURRIED
from tests.patience import never_late
from tests.waiting import until

PROFILE = {
    "policy": {
        "reads": {"total_timeout": "2s"},
        "reads_batch": {"total_timeout": "220ms", "read_mode_sc": "linearize"},
        "reads_sc": {"total_timeout": "220ms", "read_mode_sc": "linearize"},
        "writes_sc": {"durable_delete": True},
    },
    "adaptive_timeout": {"min": "1s", "max": "1s"},
}
MARKED = {"policy": PROFILE["policy"]}
# aerospike-py has no read modes, which lint says; the scopes hold for it all the same.
WITHOUT_MODES = {
    "policy": {"reads_sc": {"total_timeout": "220ms"}, "writes_sc": {"durable_delete": True}}
}


@pytest.fixture(scope="module")
def strong(request):
    """Two nodes: every record of `bank` is strongly consistent, those of `test` are not."""
    if request.config.getoption("--aerospike"):
        pytest.skip("needs a strongly consistent namespace, and harms nodes")
    with LocalCluster(
        nodes=2, namespaces=("test", "bank"), strong=("bank",), heartbeat_timeout=UNHURRIED
    ) as cluster:
        yield cluster


@contextlib.contextmanager
def wrapped(bare, overrides=PROFILE):
    """Wrap a client; enter once the library has found the strong namespace by itself."""
    client = resilient(bare, "latency", overrides=overrides)
    health = client.resilience._engine.shared.health
    until(lambda: health.maps.strong == {"bank"})
    yield client
    client.resilience.close()


@pytest.fixture
def bare(strong, connect):
    return connect(strong, tend_interval=250)


@pytest.fixture
def client(bare):
    with wrapped(bare, MARKED) as client:
        yield client


def plan_of(client, namespace: str, name: str = "get"):
    runtime = client.resilience._engine.runtime
    operation = runtime.planner._adapter.operations[name]
    key = (namespace, "s", 1)
    args = (key, {"n": 1}) if name == "put" else (key,)
    return runtime.planner.prepare(operation, args, {}).plan


def test_a_record_of_a_strong_namespace_takes_its_scopes(client):
    strong, other = plan_of(client, "bank"), plan_of(client, "test")

    assert (strong.total_timeout_s, other.total_timeout_s) == (0.22, 2.0)
    assert strong.fields["read_mode_sc"] == aerospike.POLICY_READ_MODE_SC_LINEARIZE
    assert not strong.failover  # a linearized read is the master's alone
    assert strong.native_retries == 0
    assert plan_of(client, "bank", "put").fields["durable_delete"] is True
    assert "durable_delete" not in plan_of(client, "test", "put").fields


def test_a_namespace_is_asked_about_again_where_no_answer_came(bare, monkeypatch):
    source = type(adapter_named("aerospike").source(bare))
    answers, kept_back = source.answers, []

    def once_silent(self, nodes, command, timeout_s):
        if command.startswith("namespace/") and command not in kept_back:
            kept_back.append(command)
            return {}
        return answers(self, nodes, command, timeout_s)

    monkeypatch.setattr(source, "answers", once_silent)
    with wrapped(bare, MARKED) as client:  # by then the strong one is known
        assert set(kept_back) == {"namespace/test", "namespace/bank"}
        assert plan_of(client, "bank").total_timeout_s == 0.22


def test_explain_knows_the_namespace(client):
    explain = client.resilience.explain
    assert explain("get", set="bank").value("total_timeout") == 220
    assert explain("get", set="test").value("total_timeout") == 2000


def test_deletes_are_durable_where_the_server_demands_it(strong, client, bare):
    for namespace in ("bank", "test"):
        client.put((namespace, "gone", 1), {"n": 1})
        client.remove((namespace, "gone", 1))
    client.put(("bank", "gone", 1), {"n": 1})
    with pytest.raises(errors.ForbiddenError):
        bare.remove(("bank", "gone", 1))

    with (
        aerospike_py.client({"hosts": strong.hosts}).connect() as plain,
        wrapped(plain, WITHOUT_MODES) as py,
    ):
        py.remove(("bank", "gone", 1))

    plain = native.new_client_blocking(native.ClientPolicy(), strong.seeds)
    with wrapped(plain) as client_:
        client_.put_blocking(native.Key("bank", "gone", 2), {"n": 1})
        client_.delete_blocking(native.Key("bank", "gone", 2))
    plain.close_blocking()
    assert bare.exists(("bank", "gone", 2))[1] is None


@contextlib.contextmanager
def c_reader(cluster):
    bare = aerospike.client({"hosts": cluster.hosts})
    with wrapped(bare) as client:
        yield lambda key: client.get(key)[2], lambda key: bare.get(key)[2]
    bare.close()


@contextlib.contextmanager
def native_reader(cluster):
    """Batches, as the package says the mode in those alone (see below)."""
    bare = native.new_client_blocking(native.ClientPolicy(), cluster.seeds)

    def reads(client):
        def read(key):
            # A batch of one is a read of one record to it.
            row, _ = client.batch_read_blocking([native.Key(*key)] * 2)
            if row.result_code == native.ResultCode.TIMEOUT:
                raise TimeoutError("the server's timeout")  # it may come before the client's
            assert row.result_code == native.ResultCode.OK
            return row.record.bins

        return read

    with wrapped(bare) as client:
        yield reads(client), reads(bare)
    bare.close_blocking()


@pytest.fixture
def keys(strong, bare):
    """A record in each namespace that A1 is master of."""
    found = {}
    for namespace in ("bank", "test"):
        candidates = ((namespace, "lin", n) for n in range(40))
        found[namespace] = next(k for k in candidates if strong.master(*k).name == "A1")
        bare.put(found[namespace], {"n": 1})
    return found


@pytest.mark.parametrize("reader", [c_reader, native_reader], ids=["aerospike", "native"])
def test_a_linearized_read_waits_for_the_replica_and_others_do_not(strong, keys, reader):
    """The profile's mode reaches the server: only it makes a read need the stalled node."""
    with reader(strong) as (read, read_bare):
        assert read(keys["bank"]) == {"n": 1}
        strong.stall("A2")
        try:
            assert read_bare(keys["bank"]) == {"n": 1}  # a session's read
            assert read(keys["test"]) == {"n": 1}
            with pytest.raises(Exception, match=r"(?i)time|deadline"):
                read(keys["bank"])
        finally:
            strong.resume("A2")


def test_lint_says_that_a_native_read_of_one_record_does_not_say_its_mode(strong, keys):
    """If this fails, `aerospike_native` has learned it, and the adapter's `cannot` is wrong."""
    bare = native.new_client_blocking(native.ClientPolicy(), strong.seeds)
    policy = native.ReadPolicy()
    policy.read_mode_sc = native.ReadModeSC.LINEARIZE
    strong.stall("A2")
    try:
        key = native.Key(*keys["bank"])
        assert bare.get_blocking(key, policy=policy, policy_sc=policy).bins == {"n": 1}
    finally:
        strong.resume("A2")
    bare.close_blocking()
    assert "batches" in adapter_named("aerospike-native").cannot["read_mode_sc"]
    assert "batches" in adapter_named("aerospike-sdk").cannot["read_mode_sc"]


def test_the_sdk_deletes_durably_as_it_does_bare(strong, bare):
    """The SDK's own behavior does so where a namespace is strong; a profile that is silent leaves it."""
    host, port = strong.hosts[0]
    records = DataSet.of("bank", "sdk")
    with SyncClusterDefinition(host, port).connect() as connected:
        session = connected.create_session()
        with wrapped(session, {}) as session_:
            for number, one in enumerate((session, session_)):
                one.put(records.id(number), {"n": 1})
                one.delete(records.id(number)).execute()
    assert bare.exists(("bank", "sdk", 0))[1] is None
    assert bare.exists(("bank", "sdk", 1))[1] is None


def test_nothing_is_strong_where_no_namespace_is(healthy, connect):
    client = resilient(connect(healthy), "latency", overrides=never_late(MARKED))
    health = client.resilience._engine.shared.health
    until(lambda: health.maps.newest.namespaces and health.eventual)
    client.put(("test", "consistency", 1), {"n": 1})

    assert client.get(("test", "consistency", 1))[2] == {"n": 1}
    assert health.maps.strong == frozenset()
    client.resilience.close()
