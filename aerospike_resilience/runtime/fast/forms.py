"""Forms: by which arguments an operation may be called, and which of them a fused function takes."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from ...clients import Adapter
from ...clients.shared.derived import client_class, native_method
from ...model.operation import Operation, Shape, always, never
from .marked import Matches, matches_profile


class _Absent:
    """The default of every parameter: the application did not give it."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of one operation that a fused function takes, and what depends on them.

    Attributes:
        operation: the operation.
        name: the method's name on the client.
        before: its positional parameters before the policy. The first is the record's key.
        names: `before` and the policy, in the function's order.
        by_name: whether they may be given by name. False where the method may have other names for its
            parameters than the operation table says.
        policy_by_position: whether the policy may be given by position, behind `before`.
        sent_as: the parameters under which the method is sent its policy.
        judged: the parameters by which the plan is chosen, besides the policy and the record's set: whether
            the call reads, and whether it may be sent again. Empty where one plan serves every call.
        matches: whether further keyword arguments only say what the profile says; None where none ever do.
    """

    operation: Operation
    name: str
    before: tuple[str, ...]
    names: tuple[str, ...]
    by_name: bool
    policy_by_position: bool
    sent_as: tuple[str, ...]
    judged: tuple[str, ...]
    matches: Matches | None = None

    def is_judged(self, values: tuple[Any, ...]) -> bool:
        """Return whether a call gives any of the arguments by which its plan is chosen."""
        return self.judged != ("meta",) or values[self.names.index("meta")] is not ABSENT

    def traits(self, values: tuple[Any, ...]) -> Hashable:
        """Return what of a call's arguments decides whether it reads and whether it may be sent again."""
        operation = self.operation
        if operation.decisive is not None:
            return operation.decisive(*values[:-1])
        arguments = dict(zip(self.before, values, strict=False))
        if operation.read_only is not None and operation.read_only(arguments):
            return True, True
        return False, operation.idempotent(arguments)


def given(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values up to the first that is absent."""
    for place, value in enumerate(values):
        if value is ABSENT:  # compared by identity: an application's value may compare to anything
            return values[:place]
    return values


def form_of(client: Any, operation: Operation, adapter: Adapter) -> Form | None:
    """Return the form of an operation's fused function; None if it always takes the general chain.

    Operations on one record have one. Batches, queries and commands to the cluster cost so much more than
    their chain that they have none.

    Args:
        client: the client.
        operation: the operation.
        adapter: the client's adapter.
    """
    sent_as = adapter.policy_keywords(operation)
    if operation.shape is not Shape.POINT or not operation.key or not sent_as:
        return None
    names = operation.parameters
    if names[:1] != (operation.key,) or operation.streams or operation.retries_itself is not None:
        return None
    by_position = operation.policy in names
    before = names[: names.index(operation.policy)] if by_position else names
    judged = _judged(operation, before)
    if judged is None:
        return None
    taken = (*before, operation.policy)
    own = client_class(type(client), adapter.recognises) is type(client)
    method = native_method(client, operation, adapter.recognises)
    return Form(
        operation=operation,
        name=operation.attribute,
        before=before,
        names=taken,
        by_name=own or _has_parameters(method, taken),
        policy_by_position=by_position,
        sent_as=sent_as,
        judged=judged,
        matches=matches_profile(adapter),
    )


def _has_parameters(method: Any, names: tuple[str, ...]) -> bool:
    """Return whether an application's own method has these parameters, in this order."""
    try:
        return tuple(inspect.signature(method).parameters)[: len(names)] == names
    except (TypeError, ValueError):  # it does not tell
        return False


def _judged(operation: Operation, before: tuple[str, ...]) -> tuple[str, ...] | None:
    if operation.read_only is not None:
        return before
    if operation.idempotent in (always, never):
        return ()
    return ("meta",) if "meta" in before else None
