"""Plan keys: what a plan depends on besides its operation and the profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from ..model.operation import Kind, Operation
from ..profiles import Profile

NamespaceSet: TypeAlias = tuple[str, str]
"""A record's namespace and set."""


class PlanKey(NamedTuple):
    """What a plan depends on besides operation and profile.

    Attributes:
        kind: read or write, where the arguments decide it.
        idempotent: whether it may be sent again.
        declared_idempotent: what the application declared about that; None where it declared nothing.
        handed_over: whether the caller asked the client itself to send failed rows again.
        strong: whether the record's namespace is strongly consistent, where the profile treats those
            differently.
        single: whether the record's namespace has one copy of each record.
        place: the record's namespace and set, as far as the profile has options for them. Other names are
            left out, so that there are no more plans than such options.
    """

    kind: Kind
    idempotent: bool
    declared_idempotent: bool | None
    handed_over: bool
    strong: bool
    single: bool
    place: NamespaceSet | None


class PlanKeys:
    """Tells the plan key of a call under one profile.

    Args:
        profile: the profile.
        strong: whether a namespace is known to be strongly consistent.
        single: whether a namespace is known to have one copy of each record, so that there is no replica.
    """

    __slots__ = ("_profile", "_single", "_strong")

    def __init__(
        self, profile: Profile, strong: Callable[[str], bool], single: Callable[[str], bool]
    ) -> None:
        self._profile = profile
        self._strong = strong
        self._single = single

    def of(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        declared_idempotent: bool | None,
        place: NamespaceSet | None,
    ) -> PlanKey:
        """Return the plan's key: read or write, and repeatable or not, by the arguments."""
        only_reads = operation.read_only is not None and operation.read_only(arguments)
        kind = Kind.READ if only_reads else operation.kind
        if declared_idempotent is None or only_reads:
            idempotent = kind is not Kind.WRITE or operation.idempotent(arguments)
        else:
            idempotent = declared_idempotent
        handed_over = operation.retries_itself is not None and operation.retries_itself(arguments)
        strong = place is not None and self._profile.has_consistency and self._strong(place[0])
        return PlanKey(
            kind,
            idempotent,
            None if kind is Kind.READ else declared_idempotent,
            handed_over,
            strong,
            place is not None and kind is Kind.READ and self._single(place[0]),
            self._profile.place_of_sets(*place) if place is not None else None,
        )
