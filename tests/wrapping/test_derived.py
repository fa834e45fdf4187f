"""A class that an application derived from a client's: what its methods call of the client is protected."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import time

import aerospike
import aerospike_py
import pytest

from aerospike_resilience import CircuitOpenError, resilient
from tests.conformance.surfaces import native
from tests.patience import NEVER_LATE
from tests.waiting import PATIENCE_S, until

SET = "derived"


def key(n=1):
    return ("test", SET, n)


class Loading:
    """A mixin: of no client's class itself."""

    def load(self, n):
        return self.get(key(n))[2]


class Repository(Loading, aerospike.Client):
    table = "of the class"

    def __init__(self, config, name="named"):
        super().__init__(config)
        self.name = name

    def save(self, n):
        return self.put(key(n), {"n": n})

    def save_by_super(self, n):
        return super().put(key(n), {"n": n})

    def there(self, n):
        return super().exists(key(n))[1] is not None and super().is_connected()

    @property
    def first(self):
        return self.load(1)

    @functools.cached_property
    def cached(self):
        return self.load(1)

    @staticmethod
    def static(n):
        return n + 1

    @classmethod
    def of_class(cls):
        return cls.table

    def __call__(self, n):
        return self.load(n)

    def itself(self):
        return self

    def closure(self, n):
        return [self.load(one) for one in range(1, n + 1)]

    def through_a_scan(self):
        return self.query("test", SET).results()

    def remove(self, key, force=False):
        """Take no policy, and so stand above the chain."""
        return super().remove(key) if force else "kept"

    def exists(self, key, policy=None):
        """Take the policy, and so stand below the chain."""
        self.policy = policy
        return super().exists(key, policy=policy)


class ByName(aerospike.Client):
    def save(self, n):
        return aerospike.Client.put(self, key(n), {"n": n})


@pytest.fixture
def cluster(unhurried_cluster):
    return unhurried_cluster


@pytest.fixture
def repository(cluster):
    bare = Repository({"hosts": cluster.hosts})
    for n in (1, 2):
        bare.save(n)
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    yield bare, client
    client.close()


CALLS = {
    "save": lambda c: c.save(1),
    "save_by_super": lambda c: c.save_by_super(1),
    "there": lambda c: c.there(1),
    "load": lambda c: c.load(1),
    "first": lambda c: c.first,
    "cached": lambda c: c.cached,
    "call": lambda c: c(1),
    "closure": lambda c: c.closure(2),
    "remove": lambda c: c.remove(key(), force=True),
    "exists": lambda c: c.exists(key())[1] is not None,
}


@pytest.mark.parametrize("name", CALLS)
def test_what_its_methods_call_of_the_client_is_refused_as_the_call_itself_is(
    repository, cluster, name
):
    _bare, client = repository
    for node in cluster.nodes:
        client.resilience.isolate(node.name)
    before = cluster.requests()

    with pytest.raises(CircuitOpenError):
        CALLS[name](client)
    assert cluster.requests() == before


@pytest.mark.parametrize("name", CALLS)
def test_its_methods_return_what_they_return_bare(repository, name):
    bare, client = repository
    by_bare = CALLS[name](bare)
    bare.save(1)
    bare.__dict__.pop("cached", None)

    assert CALLS[name](client) == by_bare


def test_what_touches_no_record_is_as_bare(repository):
    bare, client = repository
    assert client.remove(key()) == "kept"
    assert (client.name, client.table, client.static(1), client.of_class()) == (
        "named",
        "of the class",
        2,
        "of the class",
    )
    assert client.itself() is client
    assert isinstance(client, Repository)
    assert issubclass(client.__class__, Repository)
    client.name = "other"
    assert bare.name == "other"
    assert inspect.signature(client.save) == inspect.signature(bare.save)
    assert len(client.through_a_scan()) == len(bare.through_a_scan())


def test_an_override_that_takes_the_policy_is_sent_the_profiles(repository):
    bare, client = repository
    client.exists(key())
    assert bare.policy["total_timeout"] == 60_000


def test_an_override_over_an_attribute_of_the_instance_does_not_win(cluster):
    bare = Repository({"hosts": cluster.hosts})
    bare.save = lambda n: ("the instance's", n)
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    assert client.save(1) == ("the instance's", 1)
    client.close()


def test_a_method_that_calls_the_class_by_name_goes_on_working_and_is_named_in_a_warning(
    cluster, caplog
):
    bare = ByName({"hosts": cluster.hosts})
    with caplog.at_level(logging.WARNING, "aerospike_resilience"):
        client = resilient(bare, "latency", overrides=NEVER_LATE)
    assert "ByName.save" in caplog.text
    assert client.save(1) == 0
    client.close()


def test_a_class_that_no_other_can_be_derived_from_is_named_in_a_warning(cluster, caplog):
    class Final(aerospike.Client):
        def __init_subclass__(cls):
            raise TypeError("final")

        def save(self, n):
            return super().put(key(n), {"n": n})

        def helper(self, n):
            return self.put(key(n), {"n": n})

    with caplog.at_level(logging.WARNING, "aerospike_resilience"):
        client = resilient(Final({"hosts": cluster.hosts}), "latency", overrides=NEVER_LATE)
    assert "save" in caplog.text
    assert "helper" not in caplog.text
    assert client.save(1) == 0
    client.resilience.isolate(cluster.nodes[0].name)
    client.resilience.isolate(cluster.nodes[1].name)
    client.resilience.isolate(cluster.nodes[2].name)
    with pytest.raises(CircuitOpenError):
        client.helper(1)
    client.close()


def test_a_client_of_the_class_itself_says_it_is_of_that_class(cluster):
    client = resilient(aerospike.Client({"hosts": cluster.hosts}), "latency")
    assert client.__class__ is aerospike.Client
    client.close()


class PyRepository(aerospike_py.Client):
    def save(self, n):
        return self.put(key(n), {"n": n})

    def save_by_super(self, n):
        return super().put(key(n), {"n": n})


class AsyncRepository(aerospike_py.AsyncClient):
    async def save(self, n):
        return await self.put(key(n), {"n": n})

    async def save_by_super(self, n):
        return await super().put(key(n), {"n": n})


def isolate_all(client, cluster):
    for node in cluster.nodes:
        client.resilience.isolate(node.name)


@pytest.mark.parametrize("method", ["save", "save_by_super"])
def test_methods_derived_from_the_blocking_client_of_aerospike_py_are_protected(cluster, method):
    bare = PyRepository({"hosts": cluster.hosts}).connect()
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    getattr(client, method)(1)
    isolate_all(client, cluster)
    with pytest.raises(CircuitOpenError):
        getattr(client, method)(1)
    client.close()


@pytest.mark.parametrize("method", ["save", "save_by_super"])
def test_methods_derived_from_the_awaited_client_of_aerospike_py_are_protected(cluster, method):
    async def main():
        bare = AsyncRepository({"hosts": cluster.hosts})
        client = await resilient(bare, "latency", overrides=NEVER_LATE).connect()
        await getattr(client, method)(1)
        until(lambda: len(client.resilience.nodes) == 3)
        isolate_all(client, cluster)

        async def refused():
            with contextlib.suppress(CircuitOpenError):
                await client.put(key(), {"n": 1})
                return False
            return True

        ends = time.monotonic() + PATIENCE_S
        while not await refused() and time.monotonic() < ends:  # until the map is known
            await asyncio.sleep(0.05)
        with pytest.raises(CircuitOpenError):
            await getattr(client, method)(1)
        await client.close()

    asyncio.run(main())


def test_a_native_client_is_of_the_class_itself_as_the_package_makes_no_other():
    """Nothing but ``new_client`` makes one, and it makes none of a derived class."""

    class Derived(native.Client):
        pass

    with pytest.raises(Exception, match="Use new_client"):
        Derived()
