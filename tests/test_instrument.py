"""Zero code: clients that a program creates are wrapped, whichever package they are of."""

from __future__ import annotations

import asyncio
import copy
import functools
import importlib
import inspect
import operator
import os
import pickle
import subprocess
import sys

import pytest

import aerospike_resilience
from aerospike_resilience import Resilience, instrument, uninstrument
from tests.conformance.surfaces import (
    ClusterDefinition,
    SyncClusterDefinition,
    aerospike,
    aerospike_py,
    native,
)


@pytest.fixture
def instrumented():
    instrument(profile="latency")
    yield
    uninstrument()


def is_wrapped(client) -> bool:
    return isinstance(getattr(client, "resilience", None), Resilience)


@pytest.mark.parametrize("package", ["tenacity", "pybreaker"])
def test_instrumenting_needs_no_package_that_is_not_asked_for(healthy, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed

    instrument(profile="latency")
    try:
        client = aerospike.client({"hosts": healthy.hosts})
    finally:
        uninstrument()
    assert is_wrapped(client)
    client.close()


def test_clients_of_every_package_are_wrapped(healthy, instrumented):
    host, port = healthy.hosts[0]
    config = {"hosts": healthy.hosts}
    made = [
        aerospike.client(config),
        aerospike.Client(config),
        aerospike_py.client(config).connect(),
        aerospike_py.Client(config).connect(),
    ]
    blocking = native.new_client_blocking(native.ClientPolicy(), healthy.seeds)
    cluster = SyncClusterDefinition(host, port).connect()

    async def awaited():
        found = [
            await aerospike_py.AsyncClient(config).connect(),
            await native.new_client(native.ClientPolicy(), healthy.seeds),
            await ClusterDefinition(host, port).connect(),
        ]
        wrapped = [is_wrapped(client) for client in found]
        for client in found:
            await client.close()
        return wrapped

    assert asyncio.run(awaited()) == [True, True, True]
    assert [is_wrapped(client) for client in (*made, blocking, cluster)] == [True] * 6
    assert isinstance(made[0], aerospike.Client)
    assert isinstance(made[2], aerospike_py.Client)
    for client in (*made, cluster):
        client.close()
    blocking.close_blocking()


def test_afterwards_everything_is_as_it_was(healthy):
    before = (aerospike.client, aerospike.Client, aerospike_py.Client, native.new_client)

    instrument(profile="latency")
    uninstrument()

    assert (aerospike.client, aerospike.Client, aerospike_py.Client, native.new_client) == before
    client = aerospike.client({"hosts": healthy.hosts})
    assert not is_wrapped(client)
    client.close()


def test_a_class_derived_from_a_client_is_wrapped_too(healthy, instrumented):
    class Mine(aerospike.Client):
        def answer(self) -> int:
            return 42

    client = Mine({"hosts": healthy.hosts})

    assert is_wrapped(client)
    assert isinstance(client, Mine)
    assert client.answer() == 42
    client.close()


BareClient = aerospike.Client


def profiles_by_captured_name(healthy, captured) -> list[str | None]:
    """Create a client with each of the names; return the profiles they are under."""
    config = {"hosts": healthy.hosts}
    client, cls, py_cls, new_blocking = captured
    made = [client(config), cls(config), py_cls(config).connect()]
    made.append(new_blocking(native.ClientPolicy(), healthy.seeds))
    assert isinstance(made[0], cls)
    assert isinstance(made[1], cls)
    assert isinstance(made[1], aerospike.Client)
    assert isinstance(made[2], py_cls)
    assert is_wrapped(made[1]) or type(made[1]) is BareClient
    found = [one.resilience.profile.name if is_wrapped(one) else None for one in made]
    for one in made[:-1]:
        one.close()
    made[-1].close_blocking()
    return found


def test_names_captured_meanwhile_do_what_is_in_force(healthy):
    """As ``from aerospike import client, Client`` in a module that is imported while instrumented."""
    instrument(profile="latency")
    try:
        captured = (
            *(aerospike.client, aerospike.Client, aerospike_py.Client),
            native.new_client_blocking,
        )
        assert profiles_by_captured_name(healthy, captured) == ["latency"] * 4

        uninstrument()
        assert profiles_by_captured_name(healthy, captured) == [None] * 4

        instrument(profile="batch")
        assert profiles_by_captured_name(healthy, captured) == ["batch"] * 4
        instrument(profile="batch", skip=["127.0.0.*"])
        assert profiles_by_captured_name(healthy, captured) == [None] * 4
    finally:
        uninstrument()


def test_awaited_names_captured_meanwhile_do_what_is_in_force(healthy):
    async def is_wrapped_by(new_client, cls) -> list[bool]:
        made = [
            await new_client(native.ClientPolicy(), healthy.seeds),
            await cls({"hosts": healthy.hosts}).connect(),
        ]
        for one in made:
            await one.close()
        return [is_wrapped(one) for one in made]

    instrument(profile="latency")
    try:
        captured = native.new_client, aerospike_py.AsyncClient
        assert asyncio.run(is_wrapped_by(*captured)) == [True, True]
    finally:
        uninstrument()
    assert asyncio.run(is_wrapped_by(*captured)) == [False, False]


def test_a_class_derived_meanwhile_makes_bare_instances_afterwards(healthy):
    instrument(profile="latency")
    try:

        class Mine(aerospike.Client):
            pass

    finally:
        uninstrument()
    client = Mine({"hosts": healthy.hosts})

    assert not is_wrapped(client)
    assert isinstance(client, Mine)
    client.close()


def test_skipped_hosts_stay_bare(healthy):
    instrument(profile="latency", skip=["127.0.0.*"])
    try:
        client = aerospike.client({"hosts": healthy.hosts})
    finally:
        uninstrument()

    assert not is_wrapped(client)
    client.close()


def test_a_missing_profile_is_said_at_once():
    with pytest.raises(aerospike_resilience.UnknownProfileError):
        instrument(profile="latncy")


PROGRAM = """
import aerospike, sys
client = aerospike.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]})
print(hasattr(client, "resilience") and client.resilience.profile.name)
client.close()
"""


def run(program: str, port: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(port)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )


def started(program: str) -> str:
    """What the installed ``.pth`` file does when Python starts, before the program."""
    line = (aerospike_resilience_root() / "aerospike_resilience.pth").read_text()
    return f"exec({line!r})\n{program}"


def aerospike_resilience_root():
    from pathlib import Path

    return Path(aerospike_resilience.__file__).parent.parent


def test_the_environment_is_enough(healthy):
    port = healthy.hosts[0][1]

    named = run(started(PROGRAM), port, AEROSPIKE_RESILIENCE_PROFILE="batch")
    skipped = run(
        started(PROGRAM),
        port,
        AEROSPIKE_RESILIENCE_PROFILE="batch",
        AEROSPIKE_RESILIENCE_SKIP=f"127.0.0.1:{port}",
    )
    unnamed = run(started(PROGRAM), port)

    assert [named.stdout.strip(), skipped.stdout.strip(), unnamed.stdout.strip()] == [
        *("batch", "False", "False")
    ]


def test_a_mistake_in_the_environment_does_not_stop_the_program(healthy):
    found = run(started(PROGRAM), healthy.hosts[0][1], AEROSPIKE_RESILIENCE_PROFILE="latncy")

    assert (
        found.stdout.strip() == "observe"
    )  # it changes no call, and its snapshot says what is wrong
    assert "latncy" in found.stderr
    assert "did you mean 'latency'" in found.stderr


def test_no_client_is_imported_for_it():
    program = (
        "import sys, aerospike_resilience; aerospike_resilience.instrument('latency');"
        "print([n for n in sys.modules if n.split('.')[0] in "
        "('aerospike', 'aerospike_py', 'aerospike_native', 'aerospike_sdk', 'uvloop')])"
    )

    assert run(program, 0).stdout.strip() == "[]"


# ----- a class that replaces a client's


CLASSES = [("aerospike", "Client"), ("aerospike_py", "Client"), ("aerospike_py", "AsyncClient")]


def named(module, name):
    return getattr(importlib.import_module(module), name)


@pytest.fixture(params=CLASSES, ids=".".join)
def class_and_stand_in(request):
    bare = named(*request.param)
    instrument("latency")
    yield bare, named(*request.param), request.param
    uninstrument()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("pickler", [pickle.dumps, pickle._dumps], ids=["C", "Python"])
def test_the_class_is_pickled_by_its_name(class_and_stand_in, pickler, protocol):
    bare, stand_in, place = class_and_stand_in
    stored = pickler({"class": stand_in, "of": [stand_in]}, protocol)

    assert b"aerospike_resilience" not in stored
    assert pickle.loads(stored)["class"] is stand_in
    uninstrument()
    assert pickle.loads(stored)["class"] is named(*place) is bare
    assert pickle.loads(pickler(stand_in, protocol)) is bare  # kept by ``from … import Client``


def test_the_class_is_found_where_it_says_it_is(class_and_stand_in):
    _bare, stand_in, _place = class_and_stand_in
    assert getattr(sys.modules[stand_in.__module__], stand_in.__qualname__) is stand_in


def test_the_class_has_the_place_signature_and_words_of_the_clients(class_and_stand_in):
    bare, stand_in, _place = class_and_stand_in
    for about in ("__module__", "__name__", "__qualname__", "__doc__"):
        assert getattr(stand_in, about) == getattr(bare, about)

    def signature(cls):
        try:
            return inspect.signature(cls)
        except ValueError as error:
            return type(error)

    assert signature(stand_in) == signature(bare)


def test_the_class_is_equal_to_the_clients_and_a_key_of_the_same_place(class_and_stand_in):
    bare, stand_in, _place = class_and_stand_in
    assert operator.eq(stand_in, bare)
    assert operator.eq(bare, stand_in)
    assert {bare: "found"}[stand_in] == {stand_in: "found"}[bare] == "found"
    assert len({bare, stand_in}) == 1
    assert operator.ne(stand_in, object)

    @functools.singledispatch
    def kind(_value):
        return "something else"

    kind.register(stand_in, lambda _value: "a client")
    assert kind.dispatch(bare)(None) == "a client"


def test_a_class_derived_from_it_has_a_signature_and_a_name_of_its_own(class_and_stand_in):
    _bare, stand_in, _place = class_and_stand_in

    class Derived(stand_in):
        def __init__(self, config, name="n"):
            super().__init__(config)
            self.name = name

    assert str(inspect.signature(Derived)) == "(config, name='n')"
    assert Derived != stand_in
    assert len({Derived, stand_in}) == 2
    assert copy.copy(stand_in) is copy.deepcopy(stand_in) is stand_in


DERIVED_PROGRAM = """
import pickle
import sys
import aerospike_py
from aerospike_resilience import instrument
instrument("latency")
class Derived(aerospike_py.Client):
    pass
print(pickle.loads(pickle.dumps(Derived)) is Derived)
"""


def test_a_class_derived_from_it_is_pickled_by_its_name():
    assert run(DERIVED_PROGRAM, 0).stdout.strip() == "True"
