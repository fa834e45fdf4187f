"""What is written on an error for the reader's sake never takes its place, whatever the error takes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.model.annotations import add_note, read, set_attribute
from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.runtime.chain import end_operation
from tests import fakes
from tests.conformance.surfaces import aerospike, native

DOUBT = Failure(FailureKind.TIMEOUT, in_doubt=True, fault=Fault.NODE)


@dataclasses.dataclass(frozen=True)
class FrozenDataclassError(Exception):
    reason: str = "the application's own"


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlotsError(Exception):
    reason: str = "the application's own"


class NothingCanBeSetError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set")


class SettingRaisesAnythingError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise ZeroDivisionError(name)


class ReadOnlyPropertiesError(Exception):
    attempts = property(lambda self: "mine")
    in_doubt = property(lambda self: True)


class PropertiesThatRaiseError(Exception):
    @property
    def in_doubt(self) -> bool:
        raise ZeroDivisionError

    @property
    def __notes__(self) -> list[str]:
        raise ZeroDivisionError


class NotesOfItsOwnError(Exception):
    __notes__ = ("a note",)


class OddNotesError(Exception):
    def __init__(self) -> None:
        self.__notes__ = [object(), 7]


class NoSubclassesError(Exception):
    __slots__ = ()
    in_doubt = property(lambda self: True)

    def __init_subclass__(cls, **_kwargs: Any) -> None:
        raise TypeError("this class is final")


class NoNotesError(Exception):
    def add_note(self, note: str) -> None:
        raise NotImplementedError


def group() -> Exception:
    """A group whose members cannot be written on, and which cannot itself."""

    class Frozen(ExceptionGroup):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    return Frozen("several", [FrozenDataclassError(), NothingCanBeSetError()])


ERRORS = {
    "frozen dataclass": FrozenDataclassError,
    "frozen dataclass with slots": FrozenSlotsError,
    "nothing can be set": NothingCanBeSetError,
    "setting raises anything": SettingRaisesAnythingError,
    "read-only properties": ReadOnlyPropertiesError,
    "properties that raise": PropertiesThatRaiseError,
    "notes that are no list": NotesOfItsOwnError,
    "notes that are no text": OddNotesError,
    "a final class": NoSubclassesError,
    "no notes": NoNotesError,
    "a group": group,
    "an OSError": lambda: OSError(5, "text"),
    "a builtin": lambda: KeyError("k"),
    "native": lambda: native.exceptions.ServerError("m", native.ResultCode.TIMEOUT),
}


def ended_with(error: Exception, attempts: int = 1) -> None:
    """What an operation does whose every attempt ended with that error, in doubt."""
    call = fakes.call(fakes.plan(fakes.PUT))
    for number in range(1, attempts + 1):
        call.failure, call.raised = DOUBT, error
        call.attempts += (Attempt(number, 0.0, failure=DOUBT),)
    call.error, call.gave_up = error, "tries"
    end_operation(call, error)


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("attempts", [1, 2])
def test_what_an_error_does_not_take_is_left_out(make, attempts):
    error = make()
    cls, args, is_native = type(error), error.args, isinstance(error, native.exceptions.ServerError)

    ended_with(error, attempts)

    assert error.args == args
    assert type(error) is cls or is_native


def test_an_error_that_takes_it_has_attempts_doubt_and_the_story():
    error = OSError(5, "text")

    ended_with(error, 2)

    assert (len(error.attempts), error.in_doubt) == (2, True)
    assert any("max_retries is used up" in note for note in error.__notes__)


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_the_caller_of_a_real_client_gets_that_very_exception(make, healthy, connect):
    """A client that raises it: a stand-in in its place, as no server brings a client to it."""
    error = make()

    class Raising(aerospike.Client):
        def put(self, *_args: Any, **_kwargs: Any) -> None:
            raise error

    wrapped = resilient(Raising({"hosts": healthy.hosts}), "latency")
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whichever it is
        wrapped.put(("test", "demo", 1), {"n": 1})

    assert caught.value is error
    wrapped.close()


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_an_interceptors_exception_reaches_the_caller_of_a_real_client(make, healthy, connect):
    error = make()

    class Raising:
        def around(self, _call: Any, _proceed: Any) -> None:
            raise error

        async def around_async(self, call: Any, proceed: Any) -> Any:
            return await proceed(call)

    wrapped = resilient(
        connect(healthy), "latency", arrange=lambda chain: [*chain[:-1], Raising(), chain[-1]]
    )
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whichever it is
        wrapped.put(("test", "demo", 1), {"n": 1})

    assert caught.value is error
    wrapped.resilience.close()


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_writing_on_an_exception_and_reading_from_it_never_raises(make):
    error = make()

    taken = set_attribute(error, "seen", 1)
    add_note(error, "a note")

    assert taken == (read(error, "seen") == 1)
    assert read(error, "absent", "default") == "default"
    read(error, "in_doubt")


NATIVE = {
    "ServerError": lambda: native.exceptions.ServerError("m", native.ResultCode.TIMEOUT),
    "TimeoutError": lambda: native.exceptions.TimeoutError("m"),
    "ConnectionError": lambda: native.exceptions.ConnectionError("m"),
}


def survives(way: Any, error: Exception) -> bool:
    try:
        way(error)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", NATIVE)
def test_an_error_that_says_doubt_in_the_place_of_its_slot_is_copied_as_the_clients_is(name):
    error = NATIVE[name]()
    ended_with(error)
    assert error.in_doubt is True

    for way in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        if survives(way, NATIVE[name]()):  # no pickle takes the client's result codes
            again = way(error)
            assert (type(again), again.args, again.in_doubt) == (type(error), error.args, True)
            assert again.attempts == error.attempts
