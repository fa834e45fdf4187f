"""Audit: who changed what and when, of everything that took effect or was refused."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from ..concurrency.notices import Notices
from ..errors import PolicyFileError
from ..model.identity import ClientIdentity
from .differences import Difference, differences
from .profile import Profile
from .rollout import Rollout
from .units import share_text

KEPT: Final = 50
"""The most changes that are kept."""

LOGGER: Final = "aerospike_resilience.profiles.audit"
"""The logger of changes and refusals."""

Outcome: TypeAlias = Literal["changed", "overridden", "reconnect", "mended", "refused"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what is in force, or one that was refused.

    Attributes:
        at: the time of day, in UTC, by ISO 8601.
        outcome: ``changed``: it is in force. ``overridden``: the application's own settings are stronger.
            ``reconnect``: a connected client cannot take it. ``mended``: a broken file is good again, and
            says what is in force. ``refused``: nothing changed.
        profile: the profile's name.
        key: the path of keys, ``policy.all.total_timeout``; empty if it is not about a key.
        before: the old value, with its unit.
        after: the new one.
        origin: who: file and line, ``policies/checkout.yaml:6``, or what was called.
        file: the file alone; empty if it was no file.
        line: the line in it; 0 if it has none.
        reason: why it was refused; empty if it was not.
        text: all of it in one line.
        fingerprint_before: the fingerprint of what was in force before.
        fingerprint: that of what is in force since.
    """

    at: str
    outcome: Outcome
    profile: str
    key: str = ""
    before: str = ""
    after: str = ""
    origin: str = ""
    file: str = ""
    line: int = 0
    reason: str = ""
    text: str = ""
    fingerprint_before: str = ""
    fingerprint: str = ""

    @property
    def fields(self) -> dict[str, object]:
        """The fields of its log record: ``aerospike_key``, ``aerospike_before``, ….

        The profile is ``aerospike_changed_profile``: it may be one of a ``using()`` block, and not the
        client's own.
        """
        found = asdict(self)
        changed = found.pop("profile")
        return {
            "aerospike_changed_profile": changed,
            **{f"aerospike_{name}": value for name, value in found.items()},
        }


class AuditTrail:
    """One wrapped client's changes.

    Args:
        identity: the client's name and profile, for log lines.
        notices: says the lines once no lock is held.
        over: applies the application's own settings to a profile.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        identity: ClientIdentity | None = None,
        notices: Notices | None = None,
        over: Callable[[Profile], Profile] = lambda profile: profile,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log = (identity or ClientIdentity()).log(LOGGER)
        self._notices = notices or Notices()
        self._over = over
        self._now = now
        self._changes: deque[Change] = deque(maxlen=KEPT)

    def report(self) -> list[dict[str, Any]]:
        """Return the last changes, the latest one last."""
        return [asdict(change) for change in list(self._changes)]

    def took(self, name: str, before: Profile, after: Profile) -> None:
        """Keep and log what a reload of a profile changed, a line for each key."""
        old, new = self._over(before), self._over(after)
        in_force = {one.key for one in differences(old, new)}
        prints = {"fingerprint_before": old.fingerprint, "fingerprint": new.fingerprint}
        found = differences(before, after)
        told = [_told(profile.rollout) for profile in (before, after)]
        if told[0] != told[1]:
            rollout = after.rollout or before.rollout
            origin = rollout.origin if rollout is not None else ""
            change = Difference("rollout", None, None, told[0], told[1], origin)
            self._changed(name, change, "changed", prints)
        for one in found:
            outcome: Outcome = "changed" if one.key in in_force else "overridden"
            if outcome == "changed" and one.key.startswith(RECONNECT):
                outcome = "reconnect"
            self._changed(name, one, outcome, prints)
        if not found and told[0] == told[1]:
            mended = self._keep("mended", name, text=_MENDED, **_place(_own(after)), **prints)
            self._notices.note(
                self._log.info,
                "profile %r: the file is good again, and nothing changes",
                name,
                extra=mended.fields,
            )

    def refused(self, name: str, error: Exception, in_force: Profile, *, block: bool) -> None:
        """Keep and log a reload that was refused.

        Args:
            name: the profile's name.
            error: why.
            in_force: the profile that stays in force.
            block: whether it is a profile of ``using()`` blocks.
        """
        fingerprint = self._over(in_force).fingerprint
        change = self._refusal(name, error, fingerprint)
        if block:
            self._notices.note(
                self._log.error,
                "profile %r of using() stays as it was: %s",
                *(name, error),
                extra=change.fields,
            )
        else:
            self._notices.note(
                self._log.error,
                "profile %r stays as it was: %s",
                *(name, error),
                extra=change.fields,
            )

    def started_on(self, name: str, error: Exception, in_force: Profile) -> None:
        """Keep and log that a client began with another profile, as its own is broken or missing."""
        change = self._refusal(name, error, self._over(in_force).fingerprint)
        self._notices.note(
            self._log.error,
            "profile %r cannot be used, so %r is in force instead: %s",
            *(name, in_force.name, error),
            extra=change.fields,
        )

    def by_hand(self, name: str, in_force: Profile, key: str, before: str, after: str) -> None:
        """Keep a change that the application made by a call, such as ``isolate()``."""
        prints = dict.fromkeys(("fingerprint_before", "fingerprint"), in_force.fingerprint)
        text = f"{key}: {before} → {after} (by hand)"
        change = self._keep(
            "changed",
            name,
            key=key,
            before=before,
            after=after,
            origin="by hand",
            text=text,
            **prints,
        )
        self._notices.note(
            self._log.info, "%s: %s → %s (by hand)", key, before, after, extra=change.fields
        )

    def _changed(
        self, name: str, one: Difference, outcome: Outcome, prints: Mapping[str, Any]
    ) -> None:
        told = f"{one}{_BUT.get(outcome, '')}"
        change = self._keep(
            outcome,
            name,
            key=one.key,
            before=one.was,
            after=one.now,
            text=told,
            **_place(one.origin),
            **prints,
        )
        self._notices.note(
            self._log.info, "profile %r reloaded: %s", name, told, extra=change.fields
        )

    def _refusal(self, name: str, error: Exception, fingerprint: str) -> Change:
        problems = error.problems if isinstance(error, PolicyFileError) else ()
        first = problems[0] if problems else None
        return self._keep(
            "refused",
            name,
            key=first.key if first else "",
            reason=str(error),
            text=f"refused: {error}",
            **(
                _place(f"{first.where}:{first.line}" if first.line else first.where)
                if first
                else {}
            ),
            fingerprint_before=fingerprint,
            fingerprint=fingerprint,
        )

    def _keep(self, outcome: Outcome, name: str, **facts: Any) -> Change:
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        change = Change(at, outcome, name, **facts)
        self._changes.append(change)
        return change


RECONNECT: Final = "connection."
"""How the keys begin that a connected client cannot take over."""

_MENDED: Final = "the file is good again, and nothing changes"

_BUT: Final[Mapping[str, str]] = {
    "overridden": "; without effect, as the application's own settings are stronger",
    "reconnect": "; in force once the client is connected again",
}


def _place(origin: str) -> dict[str, Any]:
    """Return an origin with its file and line."""
    file, _, line = origin.rpartition(":")
    if not line.isdigit():
        return {"origin": origin, "file": origin}
    return {"origin": origin, "file": file, "line": int(line)}


def _told(rollout: Rollout | None) -> str:
    """Return a rollout as text: ``10%: previous (latency)``."""
    if rollout is None:
        return "none"
    instead = f" ({rollout.instead})" if rollout.group == "previous" else ""
    return f"{share_text(rollout.share)}: {rollout.group}{instead}"


def _own(profile: Profile) -> str:
    return next(iter(profile.named), "")
