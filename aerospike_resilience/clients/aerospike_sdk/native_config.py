"""The SDK's configuration file: behaviors that decide for the sessions that are created with them.

The file does not affect calls of sessions that use the profile's behavior. But a session that the
application creates with a behavior of the file passes that behavior's policies with every call. They count
as a caller's own policies, which are stronger than the profile. The SDK keeps the last contents of the
file in a private attribute; in a version that does not, nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...model.durations import s_to_whole_ms
from ...model.operation import Kind, Operation
from ..aerospike_native import policies
from ..contract import NoNativeConfig
from .behavior import DURATIONS, SETTINGS

_OURS: Final[Mapping[str, str]] = {
    **{theirs: ours for ours, theirs in DURATIONS.items()},
    **{theirs: ours for ours, theirs in SETTINGS.items()},
}


class SdkNativeConfig(NoNativeConfig):
    """The behaviors of the SDK's configuration file."""

    def behaviors(self) -> tuple[str, ...]:
        """Return the names of the behaviors in the file."""
        return tuple(_behaviors_in_file())

    def of_behavior(self, name: str, operation: Operation, *, retryable: bool) -> dict[str, Any]:
        """Return the fields that a behavior decides for an operation, by the names of a policy file."""
        from aerospike_sdk.policy.behavior_registry import get_behavior
        from aerospike_sdk.policy.behavior_settings import OpKind, OpShape

        specs, behavior = _behaviors_in_file(), get_behavior(name)
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
                    s_to_whole_ms(value.total_seconds())
                    if ours in DURATIONS
                    else policies.word_for(ours, value)
                )
        return found


def _behaviors_in_file() -> Mapping[str, Any]:
    """Return the behaviors of the file as it was read last, by name."""
    from aerospike_sdk.policy import sdk_config_loader

    found: Mapping[str, Any] = getattr(sdk_config_loader, "_last_applied_behaviors", {})
    return dict(found)


def _fields(specs: Mapping[str, Any], name: str) -> list[str]:
    """Return the settings that the file has for a behavior or for one of its parents."""
    found: dict[str, None] = {}
    visited: set[str] = set()
    while name in specs and name not in visited:
        visited.add(name)
        spec = specs[name]
        for patch in spec.patches.values():
            found.update(dict.fromkeys(one for one in _OURS if getattr(patch, one) is not None))
        name = spec.parent or "DEFAULT"
    return sorted(found)
