"""Policies that only say what the profile says: the SDK's sessions pass one in every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ...clients import Adapter
from ...model.operation import Operation

Matches: TypeAlias = Callable[[Operation, Mapping[str, Any], bool], bool]
"""Whether the keywords of a call say nothing that the profile does not say. It is also given whether all
namespaces are known to be eventually consistent."""


def matches_profile(adapter: Adapter) -> Matches | None:
    """Return how to tell that a call's keywords say nothing new; None for clients that pass none.

    The policy for strongly consistent namespaces differs from the other one by itself. It counts only where
    there may be such a namespace.
    """
    found = adapter.keywords_match_profile
    if found is None:
        return None

    def matches(operation: Operation, named: Mapping[str, Any], eventual: bool) -> bool:
        strong = named.get("policy_sc")
        if strong is not None and eventual:
            policy = named.get(operation.policy)
            if type(policy) is type(strong) and len(named) == 2:
                return found(operation, {operation.policy: policy})
        return found(operation, named)

    return matches
