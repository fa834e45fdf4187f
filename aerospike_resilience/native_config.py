"""Where a client's own dynamic configuration overrides the profile, and says nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from .clients import Adapter, every_operation
from .operation import Kind, Operation
from .profiles import Profile

_log = logging.getLogger("aerospike_resilience.profiles")

_NAMED: Final = 8
"""How many fields a log line names."""


class Override(NamedTuple):
    """A field that has another value than the profile gives it.

    Attributes:
        family: the client's policy kind (``read``, ``write`` …).
        field: the policy field.
        native: the value in force, in a policy file's words.
        profile: the profile's value; the first where it gives several by scope.
    """

    family: str
    field: str
    native: Any
    profile: Any


class NativeOverrides:
    """Compares what a client's dynamic configuration says with what the profile says.

    Args:
        adapter: the client's adapter.
        client: the client.

    Attributes:
        found: the fields in which the profile is overridden.
    """

    def __init__(self, adapter: Adapter, client: Any) -> None:
        self.found: tuple[Override, ...] = ()
        self._adapter = adapter
        self._config = adapter.native_config(client)
        self._compared: tuple[Mapping[str, Mapping[str, Any]], str] | None = None

    def look(self, profile: Profile) -> None:
        """Compare again if either changed, and tell the log what is new. Asks no node.

        The tend thread and whoever reloads by hand may both be here: at worst a line is told twice.
        """
        overrides = self._config.overrides()
        if self._compared == (overrides, profile.fingerprint):
            return
        first = self._compared is None
        self._compared = (overrides, profile.fingerprint)
        before, self.found = self.found, tuple(self._contradicted(overrides, profile))
        if self.found and self.found != before:
            _log.warning(
                "the client's own dynamic configuration overrides profile %r, and every call's own "
                "policy, in %d fields: %s%s",
                *(profile.name, len(self.found), _named(self.found), self._remedy()),
            )
        elif before and not self.found:
            _log.info("the client's own dynamic configuration overrides the profile no more")
        if first and (unclear := tuple(self._contradicted(self._config.unclear(), profile))):
            _log.info(
                "the client was configured otherwise than profile %r: %s; what `policies` of its "
                "configuration gave, the profile overrides; what a config_provider's file gave, it "
                "cannot, and the client does not say which it was",
                *(profile.name, _named(unclear)),
            )

    def of(self, operation: Operation) -> Mapping[str, Any]:
        """Return the fields that the dynamic configuration decides for an operation."""
        overrides = self._compared[0] if self._compared is not None else {}
        return overrides.get(self._adapter.own_family(operation), {})

    def report(self) -> dict[str, Any]:
        """Return it as plain values: by family and field, the value in force and the profile's."""
        by_family: dict[str, dict[str, Any]] = {}
        for one in self.found:
            fields = by_family.setdefault(one.family, {})
            fields[one.field] = {"native": one.native, "profile": one.profile}
        return by_family

    def _contradicted(
        self, overrides: Mapping[str, Mapping[str, Any]], profile: Profile
    ) -> Iterator[Override]:
        if not overrides:
            return
        said: dict[tuple[str, str], list[Any]] = {}
        for operation in every_operation(self._adapter).values():
            family = self._adapter.own_family(operation)
            for retryable in (True, False) if operation.kind is Kind.WRITE else (True,):
                settings = profile.settings(operation, retryable=retryable)
                for field in overrides.get(family, {}).keys() & settings.keys():
                    said.setdefault((family, field), []).append(settings[field].value)
        for (family, field), values in sorted(said.items()):
            native = overrides[family][field]
            if other := [value for value in values if value != native]:
                yield Override(family, field, native, other[0])

    def _remedy(self) -> str:
        variables = ", ".join(self._adapter.config_variables)
        return (
            "; move its policies into the profile (aerospike-resilience policy import) and unset "
            f"{variables}, or take config_provider out of the client's configuration"
        )


def _named(found: tuple[Override, ...]) -> str:
    told = [
        f"{one.family}.{one.field} is {one.native} (profile: {one.profile})"
        for one in found[:_NAMED]
    ]
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return ", ".join([*told, *more])
