"""Plans of plain calls that may take the lane, by an operation's name."""

from __future__ import annotations

from collections.abc import Mapping

from ...model.plan import Plan


def taken(plans: Mapping[str, Plan], *, plain: bool) -> Mapping[str, Plan | None]:
    """Return the plan of each operation; None for those whose plain calls may not take the lane.

    Args:
        plans: every operation's plan. What is no dict is asked only for what is needed.
        plain: whether the plans hold for every namespace and set.
    """
    found = _Taken(plans, plain=plain)
    return {name: found[name] for name in plans} if isinstance(plans, dict) else found


class _Taken(dict[str, Plan | None]):
    """Looks up what it does not have yet."""

    def __init__(self, plans: Mapping[str, Plan], *, plain: bool) -> None:
        self._plans = plans
        self._plain = plain

    def __missing__(self, name: str) -> Plan | None:
        plan = self._plans[name]
        found = self[name] = plan if self._plain and plan.operation.read_only is None else None
        return found
