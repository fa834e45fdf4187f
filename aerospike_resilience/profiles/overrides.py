"""Copies settings that code gives, so a later change of the application's mapping has no effect."""

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
"""The sections in which a setting is searched by its bare name, in this order."""


def copied(given: Any, origin: str = "overrides=") -> Any:
    """Return a copy of settings in the shape of a policy file, as plain dicts and lists.

    Args:
        given: the settings; a value that is not a mapping is returned unchanged, to be refused later.
        origin: how messages name them.

    Raises:
        PolicyFileError: they are nested too deep, or contain themselves.
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
    """Return a setting's path in a policy file; None if there is no setting of that name.

    The path of a policy field is under ``policy.all``, that of a section's key in the section.
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
