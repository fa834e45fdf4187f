"""The SDK's configuration file: behaviors that decide for the sessions that are created with them.

It does not reach calls of sessions that carry the profile. A session that the application creates with
a behavior of the file brings that behavior's policies to every call, as a caller's own, so the profile's
words count for nothing there. The SDK keeps what the file gave last; where it is kept no more, nothing is
known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...model.operation import Kind, Operation
from ..aerospike_native import policies
from ..base import NoNativeConfig
from .behavior import DURATIONS, SETTINGS

_OURS: Final[Mapping[str, str]] = {
    **{theirs: ours for ours, theirs in DURATIONS.items()},
    **{theirs: ours for ours, theirs in SETTINGS.items()},
}


class SdkNativeConfig(NoNativeConfig):
    """What the behaviors of the SDK's file say."""

    def behaviors(self) -> tuple[str, ...]:
        """Return the names of the behaviors that the file gave."""
        return tuple(_given())

    def of_behavior(self, name: str, operation: Operation, *, retryable: bool) -> dict[str, Any]:
        """Return the fields that a behavior decides for an operation, in a policy file's words."""
        from aerospike_sdk.policy.behavior_registry import get_behavior
        from aerospike_sdk.policy.behavior_settings import OpKind, OpShape

        specs, behavior = _given(), get_behavior(name)
        if behavior is None or operation.kind not in (Kind.READ, Kind.WRITE):
            return {}
        kind = OpKind.READ
        if operation.writes:
            kind = OpKind.WRITE_RETRYABLE if retryable else OpKind.WRITE_NON_RETRYABLE
        settings = behavior.get_settings(kind, OpShape(str(operation.shape)))
        found = {}
        for theirs in _fields(specs, name):
            ours, value = _OURS[theirs], getattr(settings, theirs)
            if value is not None:
                found[ours] = (
                    round(value.total_seconds() * 1000)
                    if ours in DURATIONS
                    else policies.worded(ours, value)
                )
        return found


def _given() -> Mapping[str, Any]:
    """Return what the file gave last, by the behavior's name."""
    from aerospike_sdk.policy import sdk_config_loader

    found: Mapping[str, Any] = getattr(sdk_config_loader, "_last_applied_behaviors", {})
    return dict(found)


def _fields(specs: Mapping[str, Any], name: str) -> list[str]:
    """Return the settings that the file gives a behavior, itself or by way of its parents."""
    found: dict[str, None] = {}
    visited: set[str] = set()
    while name in specs and name not in visited:
        visited.add(name)
        spec = specs[name]
        for patch in spec.patches.values():
            found.update(dict.fromkeys(one for one in _OURS if getattr(patch, one) is not None))
        name = spec.parent or "DEFAULT"
    return sorted(found)
