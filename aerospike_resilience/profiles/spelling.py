"""Values as text for people: with units, as in a policy file, and without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from ..model.duration_text import duration_text, milliseconds
from ..model.wording import redacted, shown
from .source import KeyPath
from .units import Unit, share_of, share_text, size, size_text, time_to_live, time_to_live_text

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

NOT_SET: Final = "not set"
"""Shown for a value that is not set, so that the client's own is in force."""

_SECRETS: Final = frozenset({("breaker", "storage")})


def is_secret(path: KeyPath) -> bool:
    """Return whether a key's value may hold a user or a password."""
    return tuple(path) in _SECRETS


def public(path: KeyPath, value: Any) -> Any:
    """Return a value that may be shown: a URL without user, password and query."""
    return redacted(value) if is_secret(path) and isinstance(value, str) else value


def written(path: KeyPath, value: Any) -> str:
    """Return a value of a policy file with its unit: a bare ``250`` is ``250ms``.

    Args:
        path: the path of its keys.
        value: as in the file.
    """
    return _text(_unit(path), public(path, value), as_written=True)


def typed(path: KeyPath, value: Any) -> str:
    """Return a validated value with its unit.

    Args:
        path: the path of its keys.
        value: in the unit of the schema: milliseconds for Aerospike's fields, else seconds.
    """
    return _text(_unit(path), public(path, value), as_written=False)


def field_text(name: str, value: Any) -> str:
    """Return the value of one of Aerospike's policy fields, with its unit."""
    return typed(("policy", "all", name), value)


def _text(unit: Unit | None, value: Any, *, as_written: bool) -> str:
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(unit, one, as_written=as_written) for one in value)}]"
    if isinstance(value, Mapping):
        inner = (f"{key}: {_text(None, one, as_written=as_written)}" for key, one in value.items())
        return f"{{{', '.join(inner)}}}"
    try:
        return _with_unit(unit, value, as_written=as_written)
    except ValueError:
        return shown(value)


def _with_unit(unit: Unit | None, value: Any, *, as_written: bool) -> str:
    match unit:
        case Unit.MILLISECONDS:
            return duration_text(milliseconds(value))
        case Unit.OURS:
            return duration_text(milliseconds(value) if as_written else value * 1000)
        case Unit.IDLE:
            return duration_text(milliseconds(value, 1000.0))
        case Unit.BYTES:
            return size_text(size(value))
        case Unit.SHARE:
            return share_text(share_of(value))
        case Unit.TTL:
            return time_to_live_text(time_to_live(value))
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


def _unit(path: KeyPath) -> Unit | None:
    """Return the unit of a key's values; None if they have none."""
    from .schema import Settings, field_at

    field = field_at(path, Settings)
    return None if field is None else unit_of(field)


def unit_of(field: FieldInfo) -> Unit | None:
    """Return the unit of a field of the schema; None if its values have none."""
    return next(_units((*field.metadata, field.annotation)), None)


def _units(parts: Iterable[Any]) -> Iterator[Unit]:
    for part in parts:
        if isinstance(part, Unit):
            yield part
        else:
            yield from _units((*getattr(part, "__metadata__", ()), *get_args(part)))
