"""What a server takes time for, where a test asks for it."""

import contextlib

import pytest
from aerospike import exception as errors
from aerospike import predicates

from aerospike_resilience.testing import LocalCluster

from .support import connect, eventually

CREATE = "sindex-create:namespace=test;set=slow;indexname=by_n;bin=n;type=numeric"


@pytest.fixture(scope="module")
def slow():
    with LocalCluster(nodes=2, index_build="1h", truncate_delay="1h") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(slow):
    with contextlib.closing(connect(slow)) as connected:
        yield connected


def told(client, line):
    return [text for _, text in client.info_all(line).values()]


def test_an_index_that_is_being_built_cannot_be_queried(slow, client):
    client.put(("test", "slow", 1), {"n": 1})
    told(client, CREATE)
    query = client.query("test", "slow")
    query.where(predicates.equals("n", 1))
    eventually(lambda: all("state=WO" in text for text in told(client, "sindex-list:")))
    with pytest.raises(errors.IndexNotReadable):
        query.results({"max_retries": 0})
    slow.advance_clock("30m")
    shown = told(client, "sindex-stat:namespace=test;indexname=by_n")
    assert all(";load_pct=50;" in text for text in shown)
    slow.advance_clock("31m")
    assert [record[2] for record in query.results()] == [{"n": 1}]
    assert all("state=RW" in text for text in told(client, "sindex-list:"))


def test_a_truncation_takes_effect_later(slow, client):
    key = ("test", "cut", 1)
    client.put(key, {"n": 1})
    client.info_random_node("truncate:namespace=test;set=cut")
    client.put(("test", "cut", 2), {"n": 2})
    assert client.get(key)[2] == {"n": 1}
    slow.advance_clock("61m")
    eventually(lambda: client.exists(key)[1] is None)
    # What was written after the answer stays.
    assert client.get(("test", "cut", 2))[2] == {"n": 2}
