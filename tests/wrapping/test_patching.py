"""A wrapped client's attributes are set and deleted as on any object; the bare one is left alone."""

from __future__ import annotations

from unittest import mock

import aerospike
import aerospike_py
import pytest

from aerospike_resilience import resilient
from tests.conformance.surfaces import native
from tests.patience import NEVER_LATE

KEY = ("test", "patching", 1)


class Derived(aerospike.Client):
    """As applications have them: its instances have attributes of their own."""


class Slotted(aerospike.Client):
    __slots__ = ("slot",)


def opened(kind, cluster):
    if kind == "aerospike-py":
        return aerospike_py.Client({"hosts": cluster.hosts}).connect()
    if kind == "aerospike-native":
        return native.new_client_blocking(native.ClientPolicy(), cluster.seeds)
    classes = {"aerospike": aerospike.Client, "derived": Derived, "slotted": Slotted}
    return classes[kind]({"hosts": cluster.hosts})


KINDS = ["aerospike", "derived", "slotted", "aerospike-py", "aerospike-native"]


@pytest.fixture(params=KINDS)
def pair(request, healthy):
    bare = opened(request.param, healthy)
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    yield bare, client
    client.resilience.close()
    getattr(bare, "close_blocking", bare.close)()


def own(client):
    return dict(getattr(client, "__dict__", {}))


def methods(client):
    return [
        name
        for name in dir(client)
        if not name.startswith("_")
        and name != "resilience"
        and callable(getattr(client, name, None))
    ]


def test_every_method_is_replaced_for_a_block_and_given_back(pair):
    bare, client = pair
    before = own(bare)
    for name in methods(client):
        was = getattr(client, name)
        with mock.patch.object(client, name, return_value="the mock"):
            assert getattr(client, name)() == "the mock", name
        assert getattr(client, name) == was, name
    assert own(bare) == before


def test_every_method_is_replaced_by_monkeypatch_and_given_back(pair):
    _bare, client = pair
    before = {name: getattr(client, name) for name in methods(client)}
    with pytest.MonkeyPatch.context() as patch:
        for name in before:
            patch.setattr(client, name, lambda: "patched")
            assert getattr(client, name)() == "patched"
    assert {name: getattr(client, name) for name in before} == before


def test_a_replaced_method_is_deleted_and_the_protected_one_is_back(pair):
    _bare, client = pair
    for name in ("get", "put", "info_all"):
        if not hasattr(client, name):
            continue
        was = getattr(client, name)
        setattr(client, name, "the test's")
        assert getattr(client, name) == "the test's"
        delattr(client, name)
        assert getattr(client, name) is was


def test_a_method_that_was_not_replaced_is_not_deleted(pair):
    bare, client = pair
    with pytest.raises(AttributeError):
        del bare.get
    with pytest.raises(AttributeError):
        del client.get
    assert callable(client.get)


def test_an_attribute_is_set_read_and_deleted_where_the_bare_client_allows_it(pair):
    bare, client = pair
    if not hasattr(bare, "__dict__"):
        with pytest.raises(AttributeError) as theirs:
            bare.flag = 1
        with pytest.raises(AttributeError) as ours:
            client.flag = 1
        assert str(ours.value) == str(theirs.value)
        return
    client.flag = 2
    assert (bare.flag, client.flag) == (2, 2)
    del client.flag
    assert not hasattr(bare, "flag")
    with pytest.raises(AttributeError):
        del client.flag


def test_a_slot_of_a_subclass_is_the_bare_clients(healthy):
    bare = Slotted({"hosts": healthy.hosts})
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    client.slot = 3
    assert bare.slot == 3
    del client.slot
    assert not hasattr(bare, "slot")
    client.close()


def test_names_that_ours_might_have_taken_are_the_applications(healthy):
    bare = Derived({"hosts": healthy.hosts})
    bare._client = "the application's"
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    assert client._client == "the application's"
    client._lazy = 1
    assert bare._lazy == 1
    client.close()


def test_replaced_while_patched_the_client_is_closed_and_shown_all_the_same(pair):
    _bare, client = pair
    with mock.patch.object(client, "resilience"):
        assert "latency" in repr(client)


@pytest.mark.parametrize("name", ["results", "foreach", "select", "where", "paginate"])
@pytest.mark.parametrize("kind", ["query", "scan"])
def test_methods_of_a_query_are_replaced_and_given_back(healthy, kind, name):
    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE)
    lazy = getattr(client, kind)("test", "patching")
    if not hasattr(lazy, name):
        client.close()
        return
    with mock.patch.object(lazy, name, return_value="the mock"):
        assert getattr(lazy, name)() == "the mock"
    assert callable(getattr(lazy, name))
    assert getattr(lazy, name) != "the mock"
    client.close()
