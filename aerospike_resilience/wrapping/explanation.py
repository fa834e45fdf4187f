"""Explanation of an operation: the values in force, where they come from, and what is sent."""

from __future__ import annotations

from ..clients import every_operation
from ..model.wording import redacted, shown, suggestion
from ..profiles import Explanation
from ..profiles.places import not_a_set, place_of
from ..runtime.engine import Engine


def explanation(engine: Engine, operation: str, target: str | None) -> Explanation:
    """Return what ``client.resilience.explain()`` does.

    Args:
        engine: the wrapped client's engine.
        operation: a method of the client, ``query`` or ``scan``.
        target: ``namespace.set`` or ``namespace``; None for none.

    Raises:
        ValueError: the client has no such operation, or the cluster no such namespace.
    """
    known = every_operation(engine.shared.adapter)
    if operation not in known:
        raise ValueError(
            f"{shown(operation)} is no operation of client {engine.identity.name!r}"
            f"{suggestion(operation, known)}"
        )
    namespace, set_name = _place(engine, target)
    explained = engine.runtime.profile.explain(
        known[operation],
        namespace=namespace or None,
        set_name=set_name or None,
        strong=namespace in engine.shared.health.maps.strong,
    )
    place = (namespace, set_name) if namespace else None
    sent = engine.runtime.planner.explained(known[operation], place)
    native = engine.native
    return (
        explained.overridden(native.of(known[operation]))
        .with_behaviors(native.elsewhere(known[operation]))
        .with_sent({**sent.rest, **sent.by_field})
    )


def _place(engine: Engine, target: str | None) -> tuple[str, str]:
    """Return the namespace and set of ``set=``; both empty for none."""
    if target is None:
        return "", ""
    place = place_of(target) if isinstance(target, str) else None
    if place is None:
        raise ValueError(f"set=: {not_a_set(target)}")
    health = engine.shared.health
    mapped = health.maps.newest.namespaces
    known = tuple(dict.fromkeys((*mapped, *health.maps.strong))) if mapped else ()
    if known and place[0] not in known:
        there = [
            *known,
            *(name for name in engine.runtime.profile.set_names() if name not in known),
        ]
        ends = f".{target}"
        near = next((name for name in there if name.endswith(ends)), None)
        right = f'; did you mean "{near}"? Known: {", ".join(there)}' if near else None
        raise ValueError(
            f'set= is "namespace.set"; there is no namespace "{redacted(place[0])}" in this cluster'
            f"{right or suggestion(place[0], there)}"
        )
    return place
