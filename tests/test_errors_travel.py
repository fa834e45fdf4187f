"""Errors travel: every class of ours survives being pickled, copied and sent from another process."""

from __future__ import annotations

import copy
import importlib
import logging.handlers
import multiprocessing
import pickle
import pkgutil
import queue
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import aerospike_resilience
from aerospike_resilience.errors import (
    ClientConfigError,
    ConnectError,
    PolicyFileError,
    Problem,
    RefusedError,
    UnknownProfileError,
    UnsupportedSettingError,
)
from aerospike_resilience.interceptors.gate.semaphore import GateFullError
from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.testing.server.errors import OpError

FACTS = {
    "node": "A1",
    "role": "master",
    "state": "open",
    "open_for_s": 0.5,
    "retry_after_s": None,
    "reason": "timeout",
    "limit": 8,
    "waited_s": 0.1,
    "deadline_s": 0.2,
}
ATTEMPTS = (
    Attempt(
        1,
        0.05,
        failure=Failure(FailureKind.TIMEOUT, in_doubt=True, fault=Fault.NODE, node="A1"),
        nodes=("A1", "A2"),
    ),
)


COMMON = {"CodedError", "NativeError", "SdkError"}
"""What the refusals of one client have in common; no error is of such a class alone."""


def all_classes() -> list[type[Exception]]:
    """Return every exception class that is defined anywhere in the package."""
    found: set[type[Exception]] = set()
    for module in pkgutil.walk_packages(
        aerospike_resilience.__path__, f"{aerospike_resilience.__name__}."
    ):
        if module.name.endswith("__main__"):
            continue
        for one in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(one, type)
                and issubclass(one, Exception)
                and one.__module__ == module.name
                and not (issubclass(one, RefusedError) and one.__name__.lstrip("_") in COMMON)
            ):
                found.add(one)
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


CLASSES = all_classes()
IDS = [cls.__name__ for cls in CLASSES]


def made(cls: Any) -> Exception:
    """Return an error as it is raised, with what is written on it afterwards."""
    error: Exception
    if issubclass(cls, RefusedError):
        known = {name for one in cls.__mro__ for name in getattr(one, "__annotations__", ())}
        facts = {name: value for name, value in FACTS.items() if name in known}
        error = cls("put was not sent", operation="put", profile="latency", **facts)
        error.in_doubt = True
    elif issubclass(cls, PolicyFileError):
        error = cls([Problem("policies/a.yaml", 3, 1, "retry", "is no mapping")])
    elif issubclass(cls, ClientConfigError):
        error = cls([Problem("ClientConfig", 0, 0, "hosts", "are none")])
    elif issubclass(cls, UnsupportedSettingError):
        error = cls("tls: it has none", settings=["tls"], client="aerospike_py")
    elif issubclass(cls, ConnectError):
        error = cls("unreachable", client="aerospike", said={"db:3000": "refused"}, waited_s=0.2)
    elif issubclass(cls, UnknownProfileError):
        error = cls("no profile is called 'a'", name="a", known=["b"])
    elif issubclass(cls, GateFullError):
        error = cls("timeout", 0.1)
    elif issubclass(cls, OpError):
        error = cls(4, "bad parameter")
    elif cls.__name__ == "_RefusedError":
        error = cls(4)
    else:
        error = cls("what went wrong")
    error.attempts = ATTEMPTS
    error.add_note("the story")
    return error


def told_by(error: Any) -> dict[str, Any]:
    """Return everything that an error says."""
    names = {*vars(error), *(n for cls in type(error).__mro__ for n in vars(cls))}
    told = {
        name: getattr(error, name)
        for name in names
        if hasattr(error, name) and (not name.startswith("__") or name == "__notes__")
    }
    told = {name: value for name, value in told.items() if not callable(value)}
    return {
        **told,
        "class": type(error),
        "text": str(error),
        "repr": repr(error),
        "args": error.args,
    }


def test_every_class_that_there_is_is_tried():
    names = {cls.__name__ for cls in CLASSES}

    assert names >= {
        *(name for name in aerospike_resilience.__all__ if name.endswith("Error")),
        *(f"Aerospike{case}Error" for case in ("CircuitOpen", "Backpressure", "DeadlineExceeded")),
        *(f"AerospikePy{case}Error" for case in ("CircuitOpen", "Backpressure")),
        *(f"Native{case}Error" for case in ("CircuitOpen", "Backpressure", "DeadlineExceeded")),
        *(f"Sdk{case}Error" for case in ("CircuitOpen", "Backpressure", "DeadlineExceeded")),
        *("ClusterError", "OpError", "NotAskedError"),
    }
    assert all(made(cls) for cls in CLASSES)


@pytest.mark.parametrize(
    "cls", [one for one in CLASSES if issubclass(one, RefusedError)], ids=lambda cls: cls.__name__
)
def test_an_error_made_of_its_facts_is_the_constructors(cls):
    known = {name for one in cls.__mro__ for name in getattr(one, "__annotations__", ())}
    facts = {name: value for name, value in FACTS.items() if name in known}
    facts |= {"operation": "put", "profile": "latency"}

    assert told_by(cls.with_facts("put was not sent", dict(facts))) == told_by(
        cls("put was not sent", **facts)
    )


WAYS = {
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(
            pickle.dumps(error, protocol)
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "a copy of a pickle of a copy": lambda error: copy.copy(
        pickle.loads(pickle.dumps(copy.copy(error)))
    ),
}


@pytest.mark.parametrize("cls", CLASSES, ids=IDS)
@pytest.mark.parametrize("way", WAYS)
def test_what_arrives_says_what_was_sent(way, cls):
    error = made(cls)
    before = told_by(error)

    again = WAYS[way](error)

    assert told_by(again) == before
    assert told_by(error) == before


def test_what_a_class_derived_by_an_application_adds_arrives_too():
    assert told_by(pickle.loads(pickle.dumps(made(Mine)))) == told_by(made(Mine))


class Mine(aerospike_resilience.CircuitOpenError):
    """An application's own."""

    def __init__(self, message: str, *, operation: str, profile: str, **facts: Any) -> None:
        super().__init__(message, operation=operation, profile=profile, **facts)
        self.of_mine = (operation, message)


# ----- from another process


def raise_it(name: str) -> None:
    raise made(next(cls for cls in CLASSES if cls.__name__ == name))


def arrived(job: Any) -> dict[str, dict[str, Any]]:
    found = {}
    for name in IDS:
        try:
            job(name)
        except Exception as error:
            found[name] = told_by(error)
    return found


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    return {cls.__name__: told_by(made(cls)) for cls in CLASSES}


def test_every_error_leaves_a_process_pool_and_the_pool_goes_on(expected):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = arrived(lambda name: pool.submit(raise_it, name).result(60))
        following = pool.submit(int, "1").result(60)

    assert found == expected
    assert following == 1


def test_every_error_leaves_a_pool_of_multiprocessing(expected):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = arrived(lambda name: pool.apply_async(raise_it, (name,)).get(60))
        following = pool.apply_async(int, ("1",)).get(60)

    assert found == expected
    assert following == 1


@pytest.mark.parametrize("cls", CLASSES, ids=IDS)
def test_a_log_record_with_the_error_goes_through_a_queue(cls):
    sent: queue.SimpleQueue[Any] = queue.SimpleQueue()
    record = logging.makeLogRecord({"msg": "%s failed", "args": ("put",), "error": made(cls)})

    logging.handlers.QueueHandler(sent).handle(record)

    arrived_ = pickle.loads(pickle.dumps(sent.get(timeout=60)))
    assert told_by(arrived_.error) == told_by(made(cls))
