"""Compares two profiles in what they do: by operation, and then by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..clients import Adapter, every_operation
from ..model.operation import Kind, Operation
from ..profiles import Profile, Setting
from ..profiles.places import place_of
from ..profiles.spelling import NOT_SET, field_text, is_secret, typed

EVERY: Final = "all operations"
"""Where a difference holds that is not about single operations."""


class Row(NamedTuple):
    """One difference.

    Attributes:
        operations: the operations that it is about; `EVERY` alone for all.
        field: the field's name, or the path of a section's key, as in a policy file.
        before: the first profile's value, with its unit.
        after: the second one's.
        origin: file and line of the second value; of the first one if the second is not set.
    """

    operations: tuple[str, ...]
    field: str
    before: str
    after: str
    origin: str


class _Case(NamedTuple):
    """A kind of call for which a profile may have other values than for the plain one."""

    told: str = ""
    strong: bool = False
    repeatable: bool | None = None
    namespace: str | None = None
    set_name: str | None = None


_PLAIN: Final = _Case()


def compare(before: Profile, after: Profile, adapter: Adapter) -> list[Row]:
    """Return what differs for a client: its operations' fields first, then the sections' keys."""
    grouped: dict[tuple[str, str, str, str], dict[str, None]] = {}
    for operation in every_operation(adapter).values():
        for told, found in _by_operation(before, after, operation, adapter):
            grouped.setdefault(found, {})[told] = None
    rows = [Row(tuple(names), *found) for found, names in grouped.items()]
    places: dict[str, int] = {}
    for row in rows:
        for name in row.operations:
            places.setdefault(name, len(places))
    rows.sort(key=lambda row: (places[row.operations[0]], row.field))
    return rows + list(_sections(before, after))


def _by_operation(
    before: Profile, after: Profile, operation: Operation, adapter: Adapter
) -> Iterator[tuple[str, tuple[str, str, str, str]]]:
    """Yield the differences of an operation, and of its special cases where they differ otherwise."""
    plain: list[tuple[str, str, str, str]] = []
    for case in _cases(before, after, operation):
        old, new = (_effective(one, operation, case, adapter) for one in (before, after))
        for field in sorted(old.keys() | new.keys()):
            was, now = (
                field_text(field, one[field].value) if field in one else NOT_SET
                for one in (old, new)
            )
            found = (field, was, now, (new.get(field) or old[field]).origin)
            if was == now or (case is not _PLAIN and found in plain):
                continue
            if case is _PLAIN:
                plain.append(found)
            yield f"{operation.name}{case.told}", found


def _cases(before: Profile, after: Profile, operation: Operation) -> Iterator[_Case]:
    yield _PLAIN
    if operation.kind not in (Kind.READ, Kind.WRITE):
        return
    if operation.kind is Kind.WRITE and operation.idempotent({}):
        yield _Case(" (not repeatable)", repeatable=False)
    if operation.shape != "point":
        return
    if before.has_consistency or after.has_consistency:
        yield _Case(" (strong consistency)", strong=True)
    for name in dict.fromkeys((*before.set_names(), *after.set_names())):
        place = place_of(name)
        if place is not None:
            yield _Case(f" ({name})", namespace=place[0], set_name=place[1] or None)


def _effective(
    profile: Profile, operation: Operation, case: _Case, adapter: Adapter
) -> Mapping[str, Setting]:
    """Return the fields that the client takes for an operation."""
    repeatable = operation.kind is not Kind.WRITE or operation.idempotent({})
    settings = profile.settings(
        operation,
        retryable=repeatable if case.repeatable is None else case.repeatable,
        strong=case.strong,
        namespace=case.namespace,
        set_name=case.set_name,
    )
    return {
        field: one
        for field, one in settings.items()
        if next(iter(adapter.fields(operation, {field: one.value}).values()), None) is not None
    }


def _sections(before: Profile, after: Profile) -> Iterator[Row]:
    old, new = _said(before), _said(after)
    for path in sorted(old.keys() | new.keys()):
        was, now = (one.get(path) for one in (old, new))
        if was == now:
            continue
        told = [typed(path, value) for value in (was, now)]
        if is_secret(path) and told[0] == told[1]:
            told[1] += " (with other credentials)"
        if told[0] != told[1]:
            origin = (after if now is not None else before).origin(path)
            yield Row((EVERY,), ".".join(path), told[0], told[1], origin)


def _said(profile: Profile) -> dict[tuple[str, ...], Any]:
    """Return the values of the sections by the path of their keys, defaults included."""
    found: dict[tuple[str, ...], Any] = {("forked_client",): profile.forked_client}
    for name in _SECTIONS:
        section = getattr(profile, name)
        data = section.model_dump(by_alias=True) if section is not None else {}
        found |= _leaves(data, (name,))
    found["breaker", "storage"] = profile.breaker.storage  # a dump leaves out its credentials
    return found


def _leaves(
    data: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


_SECTIONS: Final = (
    "connection",
    "retry",
    "adaptive_timeout",
    "breaker",
    "backpressure",
    "telemetry",
)
