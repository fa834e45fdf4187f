"""What is special about ``aerospike-sdk``: the seam, behaviors, sessions."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aerospike_sdk import Behavior
from aerospike_sdk.policy import Settings
from aerospike_sdk.sync.client import SyncClient

from aerospike_resilience import (
    AlreadyWrappedError,
    ClientClosedError,
    NotAClientError,
    resilient,
)
from aerospike_resilience.clients.aerospike_sdk.behavior import MARK
from tests.conformance.surfaces import DataSet, SyncClusterDefinition, native
from tests.patience import NEVER_LATE
from tests.waiting import until

USERS = DataSet.of("test", "sdk")


@pytest.fixture
def connected(healthy):
    opened = []

    def connect():
        host, port = healthy.hosts[0]
        opened.append(SyncClusterDefinition(host, port).connect())
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def test_a_cluster_stays_the_same_object(connected):
    cluster = connected()

    assert resilient(cluster, "latency") is cluster
    assert cluster.resilience.profile.name == "latency"


def test_a_session_is_wrapped_alone(connected):
    cluster = connected()
    given = cluster.create_session()

    wrapped = resilient(given, "batch", overrides=NEVER_LATE)
    wrapped.put(USERS.id(1), {"n": 1})

    assert type(wrapped) is type(given)
    assert wrapped.get(USERS.id(1)).bins == given.get(USERS.id(1)).bins == {"n": 1}
    assert not hasattr(given, "resilience")
    assert not hasattr(cluster, "resilience")
    wrapped.resilience.close()


def test_nothing_is_wrapped_twice(connected):
    cluster = resilient(connected(), "latency")

    with pytest.raises(AlreadyWrappedError):
        resilient(cluster, "latency")
    with pytest.raises(AlreadyWrappedError):
        resilient(cluster.create_session(), "latency")


def test_a_closed_cluster_cannot_be_wrapped(connected):
    cluster = connected()
    cluster.close()

    with pytest.raises(ClientClosedError):
        resilient(cluster, "latency")


def test_behaviors_are_made_once_and_do_not_outlive_the_cluster(connected):
    before = len(Behavior.DEFAULT.children)
    cluster = resilient(connected(), "latency", overrides=NEVER_LATE)
    for n in range(50):
        cluster.create_session().put(USERS.id(n), {"n": n})

    assert len(Behavior.DEFAULT.children) == before + 1
    cluster.close()
    assert len(Behavior.DEFAULT.children) == before


def test_open_sessions_follow_a_reload(tmp_path, connected):
    file = tmp_path / "mine.yaml"
    text = "version: 1\nextends: latency\npolicy: {{reads: {{total_timeout: {}ms}}}}\n"
    file.write_text(text.format(111))
    session = resilient(connected(), "mine", policies=tmp_path).create_session()

    def total_ms() -> float:
        return session._cached_read_policy.total_timeout

    assert total_ms() == 111
    file.write_text(text.format(222))
    until(lambda: total_ms() == 222)
    assert session._cached_read_policy.compression_threshold == MARK


def test_no_mark_reaches_the_client(connected, monkeypatch):
    cluster = resilient(connected(), "latency", overrides=NEVER_LATE)
    session = cluster.create_session()
    session.put(USERS.id(1), {"n": 1})
    plans = cluster.resilience._engine.runtime.planner.plans

    policies = [plan.policy for plan in plans if plan.operation.family in ("read", "write")]
    assert policies
    assert MARK not in {policy.compression_threshold for policy in policies}


def test_a_behavior_of_the_applications_own_wins(healthy, connected):
    from datetime import timedelta

    patient = Behavior.DEFAULT.derive_with_changes(
        "patient-test",
        reads=Settings(total_timeout=timedelta(seconds=60), socket_timeout=timedelta(seconds=20)),
    )
    writes = {"policy": {"writes": NEVER_LATE["policy"]["all"]}}
    session = resilient(connected(), "latency", overrides=writes).create_session(patient)
    session.put(USERS.id(1), {"n": 1})

    with healthy.inject(op="get", latency="400ms", count=1):  # latency would have failed at 250 ms
        assert session.get(USERS.id(1)).bins == {"n": 1}


def test_a_version_that_has_moved_the_seam_is_refused(connected):
    cluster = connected()
    held = cluster._sdk_client
    del cluster._sdk_client
    try:
        with pytest.raises(NotAClientError, match="does not hold its native client where"):
            resilient(cluster, "latency")
    finally:
        cluster._sdk_client = held


def test_a_client_for_each_thread_cannot_be_protected(connected, healthy):
    cluster = connected()
    held = cluster._sdk_client
    cluster._sdk_client = SyncClient(healthy.seeds, current_thread_runtime=True)
    cluster._sdk_client.connect()
    try:
        with pytest.raises(NotAClientError, match="current_thread_runtime"):
            resilient(cluster, "latency")
    finally:
        cluster._sdk_client = held


def test_uvloop_is_nobodys_but_the_applications():
    """Asking the command line about a native client imports its package, and no event loop with it."""
    program = (
        "import asyncio, os\n"
        "os.environ.pop('AEROSPIKE_NO_UVLOOP', None)\n"
        "from click.testing import CliRunner\n"
        "from aerospike_resilience.cli.policy import policy\n"
        "words = 'explain latency get --client aerospike-native'.split()\n"
        "found = CliRunner().invoke(policy, words)\n"
        "assert found.exit_code == 0, found.output\n"
        "print(type(asyncio.new_event_loop()).__module__.partition('.')[0])\n"
        "print('AEROSPIKE_NO_UVLOOP' in os.environ)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert found.stdout.split() == ["asyncio", "False"], found.stderr
    assert native.Key("test", "s", 1).partition_id >= 0
