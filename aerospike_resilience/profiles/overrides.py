"""Settings that code gives: copied, so that what becomes of the application's mapping changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import PolicyFileError, Problem
from .source import MAX_DEPTH

_SECTIONS: Final = (
    "breaker",
    "retry",
    "backpressure",
    "adaptive_timeout",
    "connection",
    "telemetry",
)
"""Where a setting is looked for by its bare name, in this order."""


def copied(given: Any, origin: str = "overrides=") -> Any:
    """Return settings in the shape of a policy file as plain dicts and lists that nobody else holds.

    Args:
        given: the settings; what is no mapping is returned as it is, for the check to refuse.
        origin: how messages name them.

    Raises:
        PolicyFileError: they are nested too deep, as those that hold themselves are.
    """
    return _copied(given, origin, MAX_DEPTH)


def _copied(given: Any, origin: str, depth: int) -> Any:
    if not isinstance(given, Mapping | list | tuple | set | frozenset):
        return given
    if depth <= 0:
        message = f"is nested deeper than {MAX_DEPTH} levels; no policy file is"
        raise PolicyFileError([Problem(origin, 0, 0, "", message)])
    if isinstance(given, Mapping):
        return {key: _copied(value, origin, depth - 1) for key, value in given.items()}
    return [_copied(value, origin, depth - 1) for value in given]


def path_of(name: str) -> tuple[str, ...] | None:
    """Return where a setting stands in a policy file; None if none is called so.

    A policy field stands under ``policy.all``, a key of a section in that section.
    """
    from .fields import PolicyFields
    from .schema import Settings, known_keys

    if name in PolicyFields.model_fields:
        return ("policy", "all", name)
    sections = known_keys((), Settings)
    if name in sections:
        return (name,)
    return next(
        ((section, name) for section in _SECTIONS if name in known_keys((section,), Settings)), None
    )
