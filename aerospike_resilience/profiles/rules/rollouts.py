"""Rules on rollouts that cannot reach this process, or have reached every process."""

from __future__ import annotations

from ..rollout import VARIABLE
from .subject import Found, Subject


def without_identity(subject: Subject) -> Found:
    """A rollout ``by`` a variable that is not set, so that this process has the values only at 100 %."""
    for rollout in subject.profile.rollouts:
        if rollout.identity is None and rollout.group == "previous":
            variable = rollout.by.removeprefix(VARIABLE)
            yield (
                rollout.origin,
                f"{variable} is not set in this process, so it stays with {rollout.instead!r} at every "
                "share below 100%",
                f"set {variable} to what tells the processes apart, or by: hostname",
            )


def complete(subject: Subject) -> Found:
    """A rollout to 100 %, which no longer has an effect."""
    for rollout in subject.profile.rollouts:
        if rollout.share >= 1:
            yield (
                rollout.origin,
                f"every process has these values, and {rollout.instead!r} is in force nowhere",
                "delete the line rollout: once they are to stay",
            )
