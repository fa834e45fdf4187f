"""Shared parts of the import and export of the clients' own configuration files.

Such a file has fewer settings than a profile in some places and more in others. A setting that cannot be
converted is never dropped silently: it becomes a `Left`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from ..model.operation import Kind, Operation
from .layers import Setting
from .profile import Profile

OURS: Final = "is this library's own, and has no equivalent in that file format"

_OWN_SECTIONS: Final = (
    *("retry", "adaptive_timeout", "breaker", "backpressure", "telemetry", "lint"),
)


_OF_COMMANDS: Final = ("timeout", "send_as_is", "check_bounds")
"""The fields that info and admin commands take."""


class Left(NamedTuple):
    """A setting that could not be converted.

    Attributes:
        key: its path of keys in the file that was read.
        why: the reason, and where possible what to do.
    """

    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


@dataclass(frozen=True, slots=True)
class Exported:
    """A client's own configuration file, made of a profile.

    Attributes:
        data: the file's contents, as plain values.
        left: settings that it cannot express.
    """

    data: dict[str, Any]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Policy files, made of a client's own configuration file.

    Attributes:
        files: the contents of each, by profile name.
        left: settings that they cannot express.
    """

    files: dict[str, dict[str, Any]]
    left: tuple[Left, ...]


class Word(NamedTuple):
    """A key of a client's file, and the policy file's key for the same setting.

    Attributes:
        theirs: the client's.
        ours: a policy file's.
        export: turns our resolved value into theirs.
        take: turns their value into ours, as a policy file writes it.
    """

    theirs: str
    ours: str
    export: Callable[[Any], Any] = lambda value: value
    take: Callable[[Any], Any] = lambda value: value


Fields: TypeAlias = Mapping[str, Any]

Case: TypeAlias = tuple[Operation, bool, bool]
"""An operation, whether it may be sent again, whether its namespace is strongly consistent."""


def settings(profile: Profile, case: Case) -> Mapping[str, Setting]:
    """Return the values in force in a case."""
    operation, retryable, strong = case
    return profile.settings(operation, retryable=retryable, strong=strong)


def left_of_policy(
    profile: Profile, cases: Iterable[tuple[Case, Fields]], why: Callable[[Case, str], str]
) -> Iterator[Left]:
    """Yield the values in which a file differs from the profile.

    Args:
        profile: the profile.
        cases: every case that operations may be in, with the file's values there, under our names.
        why: returns the reason why the file cannot express a field in a case.
    """
    told: dict[str, str] = {}
    for case, said in cases:
        found = settings(profile, case)
        for name, one in found.items():
            if case[0].kind in (Kind.INFO, Kind.ADMIN) and name not in _OF_COMMANDS:
                continue  # what `all` says of records
            if name not in said or said[name] != one.value:
                told.setdefault(one.key, why(case, name))
        for name in said.keys() - found.keys():
            told.setdefault(f"{case[0].name}.{name}", why(case, name))
    for path, value in profile.leaves().items():
        if path[0] == "sets" and value is not None:
            told[".".join(path)] = "that file knows no namespaces and sets"
    yield from (Left(key, reason) for key, reason in told.items())


def left_of_sections(profile: Profile) -> Iterator[Left]:
    """Yield every value of the sections that no client's file has."""
    for path, value in profile.leaves().items():
        if path[0] in _OWN_SECTIONS and value is not None:
            yield Left(".".join(path), OURS)


def inside(data: Mapping[str, Any], key: str, path: str, left: list[Left]) -> Mapping[str, Any]:
    """Return a mapping inside a mapping, or an empty one if there is none.

    Args:
        data: the outer one.
        key: its key there.
        path: the path of keys to the outer one; empty for the whole file.
        left: gets an entry if the value is not a mapping.
    """
    found = data.get(key)
    if isinstance(found, Mapping):
        return found
    if found is not None:
        left.append(Left(f"{path}.{key}".lstrip("."), f"a mapping is needed here, not {found!r}"))
    return {}


def strange(data: Mapping[str, Any], known: Collection[str], path: str) -> Iterator[Left]:
    """Yield the keys of a mapping that are not known."""
    for key in data:
        if key not in known:
            yield Left(f"{path}.{key}".lstrip("."), "a policy file has nothing like it")


def sent_key(value: Any) -> Any:
    """Turn the clients' ``send_key`` into our ``key``; keep what is not a flag, to be refused later."""
    return ("send" if value else "digest") if isinstance(value, bool) else value


def upper(value: Any) -> Any:
    """Turn our name of a constant into the clients'."""
    return "MASTER_PROLES" if value == "any" else str(value).upper()


def lower(value: Any) -> Any:
    """Turn the clients' name of a constant into ours; keep what is not one, to be refused later."""
    return "any" if value == "MASTER_PROLES" else value.lower() if isinstance(value, str) else value


def words(names: str) -> tuple[Word, ...]:
    """Return entries for keys that have the same name on both sides."""
    return tuple(Word(name, name) for name in names.split())
