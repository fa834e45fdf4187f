"""Sessions of the SDK, wrapped alone: what their own behavior says stays; and windows of many keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk.policy import Behavior, Settings
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike_native import policies
from tests.clients.wrong_calls import told
from tests.conformance.surfaces import native

USERS = DataSet.of("test", "sdk-sessions")


@pytest.fixture
def cluster(healthy):
    connected = SyncClusterDefinition(*healthy.hosts[0]).connect()
    yield connected
    connected.close()


def own(name, **scopes):
    return Behavior.DEFAULT.derive_with_changes(name, **scopes)


def planned(session, name, **kwargs):
    """Return the attributes in force for a call that a session makes with its behavior."""
    engine = session.resilience._engine
    operation = engine.shared.adapter.operations[name]
    arguments = (native.Key("test", "sdk-sessions", 1), *([{"n": 1}] if "put" in name else []))
    return engine.runtime.planner.prepare(operation, arguments, kwargs).plan


READ_FIELDS = {
    "read_touch_ttl_percent": (80, "read_touch_ttl", 80),
    "total_timeout": (timedelta(seconds=7), "total_timeout", 7000),
    "socket_timeout": (timedelta(milliseconds=33), "socket_timeout", 33),
    "max_retries": (4, "max_retries", 4),
    "retry_delay": (timedelta(milliseconds=9), "sleep_between_retries", 9),
    "timeout_delay": (timedelta(milliseconds=5), "timeout_delay", 5),
    "replica": (native.Replica.MASTER, "replica", native.Replica.MASTER),
    "read_mode_sc": (native.ReadModeSC.LINEARIZE, "read_mode_sc", native.ReadModeSC.LINEARIZE),
    "use_compression": (True, "use_compression", True),
}
WRITE_FIELDS = {
    "total_timeout": (timedelta(seconds=7), "total_timeout", 7000),
    "durable_delete": (True, "durable_delete", True),
    "send_key": (False, "send_key", False),
    "commit_level": (
        native.CommitLevel.COMMIT_MASTER,
        "commit_level",
        native.CommitLevel.COMMIT_MASTER,
    ),
}


@pytest.mark.parametrize("field", READ_FIELDS)
def test_what_a_sessions_own_behavior_says_of_reads_wins_and_the_rest_is_the_profiles(
    cluster, field
):
    value, attribute, sent = READ_FIELDS[field]
    session = cluster.create_session(own(f"own-read-{field}", reads=Settings(**{field: value})))
    wrapped = resilient(session, "latency")

    plan = planned(wrapped, "get_blocking", policy=wrapped._cached_read_policy)
    assert plan.fields[attribute] == sent
    plain = planned(resilient(cluster.create_session(), "latency"), "get_blocking")
    others = set(plain.fields) - {attribute, "compression_threshold"}
    assert {name: plan.fields[name] for name in others} == {
        name: plain.fields[name] for name in others
    }
    wrapped.put(USERS.id(1), {"n": 1})
    assert wrapped.get(USERS.id(1)).bins == {"n": 1}
    wrapped.resilience.close()


@pytest.mark.parametrize("field", WRITE_FIELDS)
def test_what_a_sessions_own_behavior_says_of_writes_wins(cluster, field):
    value, attribute, sent = WRITE_FIELDS[field]
    session = cluster.create_session(own(f"own-write-{field}", writes=Settings(**{field: value})))
    wrapped = resilient(session, "latency")

    plan = planned(wrapped, "put_blocking", policy=wrapped._cached_write_policy)
    if sent == policies.defaults("write")[attribute]:
        assert plan.fields.get(attribute, sent) == sent
    else:
        assert plan.fields[attribute] == sent
    wrapped.resilience.close()


def test_a_session_without_words_of_its_own_goes_by_the_profile(cluster):
    wrapped = resilient(cluster.create_session(own("wordless")), "latency")

    plan = planned(wrapped, "get_blocking", policy=wrapped._cached_read_policy)
    assert plan.fields["total_timeout"] == 250
    wrapped.resilience.close()


def test_a_session_follows_a_reload_but_for_its_own_words(cluster, tmp_path):
    file = tmp_path / "mine.yaml"
    reads = "{{total_timeout: {0}ms, socket_timeout: 5{0}ms}}"
    text = f"version: 1\nextends: latency\npolicy: {{{{reads: {reads}}}}}\n"
    file.write_text(text.format(30))
    behavior = own("reloaded", reads=Settings(socket_timeout=timedelta(milliseconds=33)))
    wrapped = resilient(cluster.create_session(behavior), "mine", policies=tmp_path)
    file.write_text(text.format(60))
    wrapped.resilience.reload()

    policy = wrapped._cached_read_policy
    assert (policy.total_timeout, policy.socket_timeout) == (60, 33)
    wrapped.resilience.close()


def test_a_sessions_class_and_attributes_stay(cluster):
    session = cluster.create_session()

    class Derived(type(session)):
        def save(self, n):
            return self.put(USERS.id(n), {"n": n})

    session.__class__ = Derived
    session.flag = "the application's"
    wrapped = resilient(session, "latency")

    assert isinstance(wrapped, Derived)
    assert wrapped.flag == "the application's"
    wrapped.save(1)
    assert session._pnc_client is not wrapped._pnc_client
    wrapped.resilience.close()


def test_behaviors_do_not_outlive_the_session(cluster):
    behavior = own("childless", reads=Settings(max_retries=3))
    wrapped = resilient(cluster.create_session(behavior), "latency")
    assert len(behavior.children) == 1
    wrapped.resilience.close()
    assert not behavior.children


KEYS = [USERS.id(1), USERS.id(2)]
WRONG_KEYS = [5, None, "ab", ["x"], [USERS.id(1), "x"], [[]], {"n": 1}, [None]]
WRONG_BINS = [[{"n": 1}], [{"n": 1}] * 3, 5, None, "text", {"n": object()}, {5: 1}, ()]
MANY = [
    *(("get_many", (keys,)) for keys in [*WRONG_KEYS, []]),
    *(("get_many", (KEYS, bins)) for bins in (5, "text", {"n": 1}, [5], [None])),
    *(("put_many", (keys, {"n": 1})) for keys in WRONG_KEYS),
    *(("put_many", (KEYS, bins)) for bins in WRONG_BINS),
    *(("get", (key,)) for key in (5, None, "text", ("test", "s", 1))),
    *(("put", (key, {"n": 1})) for key in (5, None, "text")),
    *(("put", (KEYS[0], bins)) for bins in WRONG_BINS),
    *((name, (1, 2, 3, 4)) for name in ("get", "put", "get_many", "put_many")),
    *((name, ()) for name in ("get", "put", "get_many", "put_many")),
]


async def ended(session, name, args):
    await asyncio.sleep(0)  # calls of one tick cross together, and an error's context tells of that
    try:
        return "returned", repr(await getattr(session, name)(*args))
    except Exception as error:
        return told(error)


def test_a_window_called_wrongly_ends_as_it_does_bare(healthy):
    async def main():
        cluster = await ClusterDefinition(*healthy.hosts[0]).connect()
        bare = cluster.create_session()
        wrapped = resilient(cluster.create_session(), "default")
        await bare.put_many(KEYS, {"n": 1})
        for name, args in MANY:
            theirs, ours = await ended(bare, name, args), await ended(wrapped, name, args)
            if theirs[0] == "returned":
                assert ours[0] == "returned", (name, args)
            else:
                assert ours == theirs, (name, args)
        wrapped.resilience.close()
        await cluster.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "args"), [("get_many", (KEYS, [5])), ("put_many", (KEYS, {5: 1}))]
)
def test_a_window_that_waited_for_permits_ends_as_it_does_bare(healthy, name, args):
    """Calls that had to wait are sent alone; what the client raises then still ends the window."""
    gate = {"backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "20s"}}
    patient = {"policy": {"all": {"total_timeout": "20s", "socket_timeout": "20s"}}}

    async def main():
        cluster = await ClusterDefinition(*healthy.hosts[0]).connect()
        bare = cluster.create_session()
        wrapped = resilient(cluster.create_session(), "default", overrides={**gate, **patient})
        permits = wrapped.resilience._engine.shared.gates.main
        await bare.put_many(KEYS, {"n": 1})
        with healthy.inject(op="get", latency="300ms"):
            holds = asyncio.ensure_future(wrapped.get(KEYS[0]))
            while not permits.in_flight:
                await asyncio.sleep(0)
            ours = await ended(wrapped, name, args)
            await holds
        assert ours == await ended(bare, name, args)
        wrapped.resilience.close()
        await cluster.close()

    asyncio.run(main())


def test_one_callers_wrong_value_is_no_other_callers_error(healthy):
    """Writes of one tick cross together; bare, one that cannot be sent fails by itself."""

    async def main():
        cluster = await ClusterDefinition(*healthy.hosts[0]).connect()
        bare = cluster.create_session()
        wrapped = resilient(cluster.create_session(), "default")
        for session in (bare, wrapped):
            values = [1, 2, object(), 3, 4]
            ends = await asyncio.gather(
                *(session.put(USERS.id(n), {"n": value}) for n, value in enumerate(values)),
                return_exceptions=True,
            )
            assert [type(end) for end in ends] == [
                type(None) if isinstance(value, int) else TypeError for value in values
            ]
        wrapped.resilience.close()
        await cluster.close()

    asyncio.run(main())
