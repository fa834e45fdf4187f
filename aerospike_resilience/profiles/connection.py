"""Compares a profile's connection settings with those of a client that is already connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.durations import s_to_whole_ms
from ..model.identity import ClientIdentity
from .profile import Profile
from .spelling import typed


def compare(profile: Profile, own: Mapping[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return name, profile's value and client's value of each setting in which the two differ.

    Args:
        profile: the profile.
        own: the client's settings, by the names of ``connection``; durations in milliseconds, but
            ``max_socket_idle`` in seconds.
    """
    said = profile.connection.model_dump(by_alias=True)
    if "tend_interval" in said:
        said["tend_interval"] = s_to_whole_ms(said["tend_interval"])
    given = {path[1] for path, value in profile.leaves().items() if path[0] == "connection"}
    return tuple(
        (name, said[name], own[name])
        for name in sorted(given & own.keys())
        if said[name] is not None and said[name] != own[name]
    )


def tell(profile: Profile, own: Mapping[str, Any], identity: ClientIdentity) -> None:
    """Log each setting in which a connected client differs; it can no longer be changed."""
    if found := compare(profile, own):
        named = ", ".join(
            f"{name} is {_text(name, has)} (profile: {_text(name, says)})"
            for name, says, has in found
        )
        identity.log("aerospike_resilience.profiles").warning(
            "the client is connected otherwise than profile %r says: %s; reconnect it with these, or "
            "have the profile say what it has",
            *(profile.name, named),
        )


def _text(name: str, value: Any) -> str:
    """Return a value as `compare` has it, with its unit."""
    return typed(("connection", name), value / 1000 if name == "tend_interval" else value)
