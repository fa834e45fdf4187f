"""What introspection tells of a wrapped client's methods is what it tells of the bare client's."""

from __future__ import annotations

import asyncio
import inspect

import aerospike
import aerospike_py
import pytest

from aerospike_resilience import resilient
from tests.conformance.surfaces import Loop, native
from tests.patience import NEVER_LATE

ASKED = {
    "inspect.iscoroutinefunction": inspect.iscoroutinefunction,
    "asyncio.iscoroutinefunction": asyncio.iscoroutinefunction,
    "inspect.isasyncgenfunction": inspect.isasyncgenfunction,
    "inspect.isgeneratorfunction": inspect.isgeneratorfunction,
    "callable": callable,
    "name": lambda method: getattr(method, "__name__", None),
    "qualified name": lambda method: getattr(method, "__qualname__", None),
    "documentation": lambda method: getattr(method, "__doc__", None),
    "signature": lambda method: str(inspect.signature(method)),
}


def told(ask, method):
    try:
        return ask(method)
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.fixture(scope="module")
def loop():
    opened = Loop()
    yield opened
    opened.stop()


@pytest.fixture(
    scope="module", params=["aerospike", "aerospike-py", "aerospike-py-async", "native"]
)
def pair(request, healthy, loop):
    bare = {
        "aerospike": lambda: aerospike.client({"hosts": healthy.hosts}),
        "aerospike-py": lambda: aerospike_py.Client({"hosts": healthy.hosts}).connect(),
        "aerospike-py-async": lambda: loop.run(
            aerospike_py.AsyncClient({"hosts": healthy.hosts}).connect()
        ),
        "native": lambda: native.new_client_blocking(native.ClientPolicy(), healthy.seeds),
    }[request.param]()
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    yield bare, client
    client.resilience.close()
    if request.param == "aerospike-py-async":
        loop.run(bare.close())
    else:
        getattr(bare, "close_blocking", bare.close)()


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_every_method_of_a_client_answers_as_bare(pair, ask):
    bare, client = pair
    names = [name for name in dir(bare) if not name.startswith("_")]
    differ = {
        name: (told(ask, getattr(client, name)), told(ask, getattr(bare, name)))
        for name in names
        if told(ask, getattr(client, name)) != told(ask, getattr(bare, name))
    }
    assert not differ


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("kind", ["query", "scan"])
def test_every_method_of_a_query_answers_as_bare(pair, ask, kind):
    bare, client = pair
    if isinstance(bare, native.Client) or not hasattr(bare, kind):
        return  # its queries are no objects that execute later
    theirs, ours = (getattr(one, kind)("test", "introspection") for one in (bare, client))
    for name in dir(theirs):
        if not name.startswith("_"):
            assert told(ask, getattr(ours, name)) == told(ask, getattr(theirs, name)), name


def test_a_wrapped_client_has_every_attribute_and_one_more(pair):
    bare, client = pair
    assert set(dir(client)) == {*dir(bare), "resilience"}


def test_pickling_and_copying_are_refused_as_bare(pair):
    import copy
    import pickle

    bare, client = pair
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        try:
            make(bare)
        except Exception:
            with pytest.raises(TypeError):
                make(client)
