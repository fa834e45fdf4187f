"""A process that is short of threads connects all the same, and says why where it cannot."""

from __future__ import annotations

import pytest

from aerospike_resilience import ClusterDefinition, ConnectError, connect
from tests.connection.conftest import defined
from tests.patience import NEVER_LATE
from tests.scarce_threads import ScarceThreads


@pytest.fixture
def scarce(monkeypatch):
    found = ScarceThreads(monkeypatch)
    found.short = True
    return found


def test_a_client_connects_in_the_callers_thread(scarce, healthy):
    with connect(defined(healthy), "aerospike", overrides=NEVER_LATE) as client:
        client.put(("test", "demo", "threads"), {"n": 1})
        assert client.get(("test", "demo", "threads"))[2] == {"n": 1}
    assert "aerospike-resilience-connect" in scarce.refused


def test_the_error_still_says_what_each_seed_said(scarce, nobody):
    with pytest.raises(ConnectError) as caught:
        connect(ClusterDefinition(*nobody), "aerospike")
    assert "aerospike-resilience-probe" in scarce.refused
    (said,) = caught.value.said.values()
    assert said == "refused the connection: nothing listens on that port"


def test_a_client_that_cannot_connect_in_the_background_says_so(scarce, nobody, caplog):
    definition = ClusterDefinition(*nobody).fail_if_not_connected(False)
    with connect(definition, "aerospike_py"):
        pass
    assert "call client.connect() yourself" in caplog.text
