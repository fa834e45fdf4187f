"""Lint: settings that are valid, and will go wrong in production."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..model.identity import ClientIdentity
from .profile import Profile
from .rules import RULES, Client, Severity, Subject

BROKEN: Final = "AR000"
"""The id of a problem that no rule finds: a broken file."""

_LEVELS: Final[Mapping[Severity, int]] = {
    "error": logging.WARNING,
    "warning": logging.WARNING,
    "note": logging.INFO,
}


KEPT: Final = 32
"""Of how many profiles the findings are kept."""

REMEMBERED: Final = 256
"""How many logged findings of a client are remembered: a file may change again and again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A setting that will go wrong.

    Attributes:
        id: what a file names to ignore the finding.
        severity: ``error`` contradicts itself or loses data; ``warning`` will hurt; ``note`` surprises.
        profile: the profile's name.
        origin: file and line of the value, ``policies/mine.yaml:12``.
        message: what will happen in production.
        fix: what to do.
        file: the file of the value; the profile's own if no file sets it.
        line: the line in that file; 1 if no file sets it.
    """

    id: str
    severity: Severity
    profile: str
    origin: str
    message: str
    fix: str
    file: str = ""
    line: int = 1

    @property
    def page(self) -> str:
        """The page of the docs about it: what happens in production, the fix, an example."""
        return "docs/policies.md#mistakes" if self.id == BROKEN else f"docs/lint/{self.id}.md"


def examine(
    profile: Profile, client: Client, environment: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Return the findings for a profile, without those that its files ignore with a reason.

    Args:
        profile: the profile.
        client: the adapter of the client that uses it.
        environment: environment variables.
    """
    told = tuple(
        (name, environment[name]) for name in client.config_variables if name in environment
    )
    return list(_findings(profile, client, told))  # type: ignore[arg-type]  # objects have a hash


@functools.lru_cache(KEPT)  # each wrapped client asks for its profile, and that rarely changes
def _findings(
    profile: Profile, client: Client, environment: tuple[tuple[str, str], ...]
) -> tuple[Finding, ...]:
    subject = Subject(profile, client, dict(environment))
    findings = [
        Finding(name, severity, profile.name, origin, message, fix, *_place(profile.named, origin))
        for name, (severity, rule) in RULES.items()
        for origin, message, fix in rule(subject)
        if not _meant(profile, name, origin)
    ]
    return tuple(dict.fromkeys(findings))


def _place(files: Mapping[str, Path], origin: str) -> tuple[str, int]:
    """Return the file that an origin names, and the line; the profile's own for any other origin."""
    where, _, line = origin.rpartition(":")
    if where in files and line.isdigit():
        return str(files[where]), int(line)
    return str(next(iter(files.values()), "")), 1


def _meant(profile: Profile, name: str, origin: str) -> bool:
    """Return whether a file ignores a finding: a file can do so for its own lines and its parents'.

    It cannot for those of files that extend it.
    """
    if name not in profile.ignored:
        return False
    ranks = {where: rank for rank, where in enumerate(profile.named)}

    def rank(place: str) -> int:
        """Rank values set in code first, then the own file's, then the parents', then unset ones."""
        given_in_code = place in ("overrides=", "using()")
        return ranks.get(place.rpartition(":")[0], -1 if given_in_code else len(ranks))

    return rank(origin) >= rank(profile.origin(("lint", "ignore", name)))


class FindingsLog:
    """Logs a client's findings, each of them once. Of very many the oldest are forgotten.

    Args:
        client: the client's adapter.
        identity: the wrapped client's name and profile.
    """

    def __init__(self, client: Client, identity: ClientIdentity) -> None:
        self._client = client
        self._log = identity.log("aerospike_resilience.profiles")
        self._told: dict[Finding, None] = {}

    def tell(self, profile: Profile) -> None:
        """Log new findings: a note as information, all others as warnings."""
        for one in examine(profile, self._client):
            if one not in self._told:
                self._told[one] = None
                if len(self._told) > REMEMBERED:
                    del self._told[next(iter(self._told))]
                self._log.log(
                    _LEVELS[one.severity],
                    "%s: %s %s in profile %r: %s; fix: %s",
                    *(one.origin, one.severity, one.id, one.profile, one.message, one.fix),
                )
