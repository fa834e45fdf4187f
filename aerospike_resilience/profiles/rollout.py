"""Rollout: a file's values hold in a share of the processes; the others stay with what was before.

A process finds its place between 0 and 1 by a hash of the profile's name and of its own identity, such as
the host's name. A file is in force where the place is below its share. So a process keeps its place over
restarts, whoever has the values at 10 % has them at 50 % too, and for another profile other hosts are
first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .source import PolicySource
from .units import share_of

Group: TypeAlias = Literal["new", "previous"]

VARIABLE: Final = "env:"
"""How a ``by`` begins that names an environment variable."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a file is rolled out, and whether this process has it.

    Attributes:
        profile: the file's name.
        share: the share of the processes that have its values, between 0 and 1.
        by: what distinguishes a process: ``hostname``, or ``env:NAME``.
        instead: the profile that the others stay with.
        origin: file and line.
        identity: this process's own; None if it has none, as the variable is not set.
        group: ``new`` if this process has the values, ``previous`` if it stays with the others.
    """

    profile: str
    share: float
    by: str
    instead: str
    origin: str
    identity: str | None
    group: Group

    def report(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "group": self.group,
            "share": self.share,
            "by": self.by,
            "identity": self.identity,
            "instead": self.instead,
            "origin": self.origin,
        }


def rollout_of(source: PolicySource, profile: str, *, everywhere: bool = False) -> Rollout | None:
    """Return a checked file's rollout; None if it has none.

    Args:
        source: the file.
        profile: its name.
        everywhere: whether its values are wanted wherever this is, as by a command that shows files.
    """
    said = source.data.get("rollout")
    if not isinstance(said, Mapping):
        return None
    share, by = share_of(said.get("share", 1.0)), str(said.get("by", "hostname"))
    identity = identity_by(by)
    new = everywhere or has_it(profile, identity, share)
    return Rollout(
        profile,
        share,
        by,
        str(said.get("previous") or source.data.get("extends") or ""),
        source.origin(("rollout", "share")),
        identity,
        "new" if new else "previous",
    )


def identity_by(by: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return what distinguishes this process; None if the variable is not set."""
    if by.startswith(VARIABLE):
        return environment.get(by.removeprefix(VARIABLE)) or None
    import socket  # needed only for files that have a rollout

    return socket.gethostname()


def has_it(profile: str, identity: str | None, share: float) -> bool:
    """Return whether a process has the values of a profile's file. One without an identity has not."""
    if share >= 1:
        return True
    return identity is not None and place(profile, identity) < share


def place(profile: str, identity: str) -> float:
    """Return a process's place for a profile, from 0 to below 1: the same on every machine and Python."""
    digest = hashlib.sha256(f"{profile}\0{identity}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
