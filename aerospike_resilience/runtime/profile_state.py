"""Which profile a client runs, and why, for its snapshot and the metric ``profile.info``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..profiles import Profile
from ..profiles.rollout import Rollout
from ..telemetry import registry

State: TypeAlias = Literal["current", "stale", "parent"]


@dataclass(frozen=True, slots=True)
class ProfileState:
    """Which profile a client runs.

    Attributes:
        name: the profile that was asked for.
        in_force: the profile whose settings hold: another one if the client started on a parent, or if a
            rollout leaves out this process.
        fingerprint: a digest of the settings in force.
        state: ``current``: what the file says. ``stale``: the file is broken, and its last good version
            holds. ``parent``: the file was broken or missing at the start, and another profile holds.
        rollout: how far its file is rolled out, and whether this process has it; None if it holds
            everywhere.
    """

    name: str
    in_force: str
    fingerprint: str
    state: State
    rollout: Rollout | None = None

    @classmethod
    def of(cls, name: str, own: Profile, rollout: Rollout | None, *, broken: bool) -> ProfileState:
        """Return the state of a client.

        Args:
            name: the profile that was asked for.
            own: the settings in force.
            rollout: that of the file.
            broken: whether the file cannot be used as it is now.
        """
        state: State = "current"
        if broken:
            state = "stale" if own.name == name else "parent"
        left_out = rollout is not None and rollout.group == "previous"
        in_force = rollout.instead if rollout is not None and left_out else own.name
        return cls(name, in_force, own.fingerprint, state, rollout)

    def report(self) -> dict[str, Any]:
        """Return it as plain values."""
        rollout = self.rollout
        return {
            "name": self.name,
            "in_force": self.in_force,
            "fingerprint": self.fingerprint,
            "state": self.state,
            "rollout": rollout.report() if rollout is not None else None,
        }

    def attributes(self) -> dict[str, str]:
        """Return the attributes of the metric ``aerospike.resilience.profile.info``."""
        return {
            registry.PROFILE: self.name,
            registry.IN_FORCE: self.in_force,
            registry.FINGERPRINT: self.fingerprint,
            registry.PROFILE_STATE: self.state,
            registry.ROLLOUT_GROUP: self.rollout.group if self.rollout else "none",
        }
