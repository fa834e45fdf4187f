"""What is common to carrying policies to and from the clients' own configuration files.

Such a file knows less than a profile in some places and more in others. What cannot be carried over is
never dropped in silence: it is `Left`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from ..model.operation import Kind, Operation
from .profile import Profile, Setting

OURS: Final = "is this library's own, and has no equivalent in that file format"

_OWN_SECTIONS: Final = (
    *("retry", "adaptive_timeout", "breaker", "backpressure", "telemetry", "lint"),
)


_OF_COMMANDS: Final = ("timeout", "send_as_is", "check_bounds")
"""The fields that info and admin commands take."""


class Left(NamedTuple):
    """Something that could not be carried over.

    Attributes:
        key: the path of keys where it stands in what was read.
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
        data: what the file says, as plain values.
        left: what it cannot say.
    """

    data: dict[str, Any]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Policy files, made of a client's own configuration file.

    Attributes:
        files: what each of them says, by profile name.
        left: what they cannot say.
    """

    files: dict[str, dict[str, Any]]
    left: tuple[Left, ...]


class Word(NamedTuple):
    """A key of a client's file, and a policy file's for the same.

    Attributes:
        theirs: the client's.
        ours: a policy file's.
        export: turns our resolved value into theirs.
        take: turns their value into ours, as written.
    """

    theirs: str
    ours: str
    export: Callable[[Any], Any] = lambda value: value
    take: Callable[[Any], Any] = lambda value: value


Fields: TypeAlias = Mapping[str, Any]

Case: TypeAlias = tuple[Operation, bool, bool]
"""An operation, whether it may be sent again, whether its namespace is strongly consistent."""


def settings(profile: Profile, case: Case) -> Mapping[str, Setting]:
    """Return what holds in a case."""
    operation, retryable, strong = case
    return profile.settings(operation, retryable=retryable, strong=strong)


def left_of_policy(
    profile: Profile, cases: Iterable[tuple[Case, Fields]], why: Callable[[Case, str], str]
) -> Iterator[Left]:
    """Yield what a file does not say as the profile does.

    Args:
        profile: the profile.
        cases: every case that operations may be in, with what the file comes to there in our words.
        why: the reason why a field cannot be said in a case.
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
    """Yield every value of the sections that no client's file knows."""
    for path, value in profile.leaves().items():
        if path[0] in _OWN_SECTIONS and value is not None:
            yield Left(".".join(path), OURS)


def inside(data: Mapping[str, Any], key: str, path: str, left: list[Left]) -> Mapping[str, Any]:
    """Return a mapping inside a mapping, an empty one where there is none.

    Args:
        data: the outer one.
        key: where it stands there.
        path: the path of keys to the outer one; empty for the whole file.
        left: gets a word on what stands there and is no mapping.
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
    """Turn the clients' ``send_key`` into our ``key``; what is no flag stays, and is refused later."""
    return ("send" if value else "digest") if isinstance(value, bool) else value


def upper(value: Any) -> Any:
    """Turn our name of a constant into the clients'."""
    return "MASTER_PROLES" if value == "any" else str(value).upper()


def lower(value: Any) -> Any:
    """Turn the clients' name of a constant into ours; what is none stays, and is refused later."""
    return "any" if value == "MASTER_PROLES" else value.lower() if isinstance(value, str) else value


def words(names: str) -> tuple[Word, ...]:
    """Return words that are the same on both sides."""
    return tuple(Word(name, name) for name in names.split())
