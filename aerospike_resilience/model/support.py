"""What a client can do with a connection setting: take it, leave it to us, or not have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Native:
    """The client has it.

    Attributes:
        name: the client's own name; dots separate the keys of nested dicts.
        convert: turns a value (durations in milliseconds, constants as names) into the client's.
        unit: the unit of the client's value, where it has one.
        note: what a reader should know.
        refuses: returns why the client cannot take a value; empty if it can.
    """

    name: str
    convert: Callable[[Any], Any] = _same
    unit: str = ""
    note: str = ""
    refuses: Callable[[Any], str] = lambda _value: ""


@dataclass(frozen=True, slots=True)
class ByUs:
    """The client does not have it, and this library does it.

    Attributes:
        how: what is done.
    """

    how: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Neither the client nor this library can do it.

    Attributes:
        why: the reason.
        instead: what would work.
    """

    why: str
    instead: str


Support: TypeAlias = Native | ByUs | Refused
