"""Rules on values in a file that its parents override."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...model.operation import Kind, Operation, Shape
from ..layers import Setting
from ..places import place_of
from ..spelling import field_text
from .subject import Found, Subject

NAMED = 3
"""How many operations a message names."""


class _Beaten(NamedTuple):
    """A value without effect, and the parent's value that is in force."""

    key: str
    origin: str
    value: object
    by_key: str
    by_origin: str
    by_value: object


def beaten(subject: Subject) -> Found:
    """A scope that a parent's more specific one overrides, so that it has no effect there."""
    return _findings(subject, queries=False)


def beaten_queries(subject: Subject) -> Found:
    """The same for queries and scans, for which `default` has scopes of their own."""
    return _findings(subject, queries=True)


def _findings(subject: Subject, *, queries: bool) -> Found:
    found: dict[_Beaten, dict[str, None]] = {}
    by_name = subject.profile.operation_names()
    alike: dict[tuple[str, str, str], list[tuple[str, _Beaten]]] = {}
    for operation in subject.operations:
        if operation.kind not in (Kind.READ, Kind.WRITE):
            continue
        if (operation.shape is Shape.QUERY) is queries:
            # The values of an operation depend on its kind and shape, and on its name if a file names it.
            index = (
                operation.kind,
                operation.shape,
                operation.name if operation.name in by_name else "",
            )
            if index not in alike:
                alike[index] = list(_without_effect(subject, operation))
            for place, one in alike[index]:
                names = found.setdefault(one, {})
                names[operation.name + (f" in {place}" if place else "")] = None
    for one, operations in found.items():
        more = len(operations) - NAMED
        told = ", ".join([*operations][:NAMED]) + (f" and {more} more" if more > 0 else "")
        field = one.key.rpartition(".")[2]
        scope = one.by_key.rpartition(".")[0]
        yield (
            one.origin,
            f"{one.key}: {field_text(field, one.value)} has no effect on {told}: {one.by_origin} says "
            f"{field_text(field, one.by_value)} in {scope}, and the more specific one wins",
            f"{field} under {scope} too, or not in {one.key.rpartition('.')[0]}",
        )


def _without_effect(subject: Subject, operation: Operation) -> Iterator[tuple[str, _Beaten]]:
    """Yield each value without effect for an operation, and its set; empty for all sets."""
    profile = subject.profile
    for retryable in (True, False) if operation.kind is Kind.WRITE else (True,):
        for strong in (False, True) if profile.has_consistency else (False,):
            for place in ("", *profile.set_names()):
                namespace, set_name = place_of(place) or ("", "")
                said = profile.said(
                    operation,
                    retryable=retryable,
                    strong=strong,
                    namespace=namespace or None,
                    set_name=set_name or None,
                )
                yield from ((place, one) for one in _beaten(subject, list(said)))


def _beaten(subject: Subject, said: list[Setting]) -> Iterator[_Beaten]:
    """Yield a file's values without effect: a parent's other value of the same field is in force."""
    ranks = {where: rank for rank, where in enumerate(subject.profile.named)}

    def rank(one: Setting) -> int | None:
        """Rank the file's own values first, then its parents'; None for values of no file."""
        return ranks.get(one.origin.rpartition(":")[0])

    in_force = {one.key.rpartition(".")[2]: one for one in said}
    for one in said:
        strongest = in_force[one.key.rpartition(".")[2]]
        if one is strongest or one.value == strongest.value:
            continue
        own, other = rank(one), rank(strongest)
        if own is not None and other is not None and own < other:
            yield _Beaten(
                *(one.key, one.origin, one.value),
                *(strongest.key, strongest.origin, strongest.value),
            )
