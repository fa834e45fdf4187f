"""Queries and scans called wrongly, or with a callback that raises: they end wrapped as they do bare."""

from __future__ import annotations

import aerospike
import aerospike_py
import pytest

from aerospike_resilience import resilient
from tests.clients.wrong_calls import WrongCall, nothing, outcome, outcome_async
from tests.conformance.surfaces import Loop

SET = "wrong-queries"


class OwnError(Exception):
    pass


def value_error(*_record):
    raise ValueError("the callback's own")


def own_error(*_record):
    raise OwnError("the callback's own")


def with_cause(*_record):
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        raise OwnError("the callback's own") from error


def client_error(*_record):
    raise aerospike.exception.TimeoutError(9, "Server timeout")


def stops(*_record):
    return False


def takes_two(_one, _two):
    return None


def takes_none():
    return None


CALLBACKS = {
    **{one.__name__: one for one in (value_error, own_error, with_cause, client_error)},
    **{one.__name__: one for one in (stops, takes_two, takes_none, nothing)},
    **{repr(one): one for one in (5, None, "text", object, [])},
}
FORMS = {
    "by position": lambda one: ((one,), {}),
    "by keyword": lambda one: ((), {"callback": one}),
    "with a policy": lambda one: ((one, {"total_timeout": 9000}), {}),
    "with a policy by keyword": lambda one: ((one,), {"policy": {"total_timeout": 9000}}),
    "surplus arguments": lambda one: ((one, {}, {}, "x", "y"), {}),
    "many surplus arguments": lambda one: ((one, 1, 2, 3, 4, 5, 6), {}),
    "callback twice": lambda one: ((one,), {"callback": one}),
    "policy twice": lambda one: ((one, {}), {"policy": {}}),
    "none at all": lambda _one: ((), {}),
    "unknown keyword": lambda one: ((one,), {"nonsense": 1}),
    "a policy that is none": lambda one: ((one, 5), {}),
    "a timeout in words": lambda one: ((one,), {"policy": {"total_timeout": "soon"}}),
}
METHODS = ("foreach", "results", "execute_background")


@pytest.fixture(scope="module")
def ways(healthy):
    loop = Loop()

    def py():
        return aerospike_py.Client({"hosts": healthy.hosts}).connect()

    def py_async():
        return loop.run(aerospike_py.AsyncClient({"hosts": healthy.hosts}).connect())

    opened = {
        "aerospike": [aerospike.client({"hosts": healthy.hosts}) for _ in range(2)],
        "aerospike-py": [py(), py()],
        "aerospike-py-async": [py_async(), py_async()],
    }
    for n in range(8):
        opened["aerospike"][0].put(("test", SET, n), {"n": n})
    yield (
        loop,
        {name: (bare, resilient(other, "default")) for name, (bare, other) in opened.items()},
    )
    loop.stop()


LAZY = [
    *(("aerospike", kind, method) for kind in ("query", "scan") for method in METHODS),
    *(("aerospike-py", "query", method) for method in METHODS[:2]),
    *(("aerospike-py-async", "query", method) for method in METHODS[:2]),
]


@pytest.mark.parametrize("callback", CALLBACKS.values(), ids=CALLBACKS)
@pytest.mark.parametrize(("name", "kind", "method"), LAZY)
def test_it_ends_as_it_does_bare(ways, name, kind, method, callback):
    loop, opened = ways
    differ = []
    for form, make in FORMS.items():
        call = WrongCall(form, *make(callback))
        ends = []
        for client in opened[name]:
            asked = getattr(getattr(client, kind)("test", SET), method)
            if name.endswith("async"):
                ends.append(loop.run(outcome_async(asked, call)))
            else:
                ends.append(outcome(asked, call))
        if ends[0] != ends[1]:
            differ.append((form, *ends))
    assert not differ


@pytest.mark.parametrize("kind", ["query", "scan"])
@pytest.mark.parametrize("callback", [value_error, own_error, with_cause, client_error])
def test_a_callbacks_error_is_the_applications_whatever_the_client_makes_of_it(
    healthy, connect, kind, callback
):
    """It charges no node and is no attempt's failure; the callback sees no record twice."""
    calls = []

    def counted(record):
        calls.append(record)
        return callback(record)

    bare = connect(healthy)
    bare.put(("test", SET, 1), {"n": 1})
    client = resilient(bare, "default", overrides={"telemetry": {"last_call": True}})
    before = client.resilience.snapshot()["nodes"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - what it is, is compared above
        getattr(client, kind)("test", SET).foreach(counted)
    with pytest.raises(Exception) as own:  # noqa: PT011
        callback(None)

    story = client.resilience.last_call()
    assert (story.kind, story.error, story.cause) == ("failed", own.type.__name__, "caller")
    assert (story.attempts, story.retries) == ((), 0)
    assert len({bytes(record[0][3]) for record in calls}) == len(calls)
    after = client.resilience.snapshot()["nodes"]
    assert {n: one["state"] for n, one in after.items()} == {
        n: one["state"] for n, one in before.items()
    }
    client.resilience.close()


@pytest.mark.parametrize("name", ["aerospike", "aerospike-py"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_callback_ends_as_it_does_bare(ways, name, error):
    _loop, opened = ways

    def interrupted(*_record):
        raise error("now")

    ends = []
    for client in opened[name]:
        try:
            client.query("test", SET).foreach(interrupted)
        except BaseException as raised:
            ends.append((type(raised), str(raised), type(raised.__context__)))
    assert ends[0] == ends[1]
