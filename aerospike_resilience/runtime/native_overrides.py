"""Native overrides: find the fields in which a client's own dynamic configuration overrides the profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from ..clients import Adapter, every_operation
from ..model.identity import ClientIdentity
from ..model.operation import Kind, Operation, Shape
from ..profiles import Profile
from ..profiles.spelling import field_text

_Case: TypeAlias = tuple[str, Kind, Shape, bool]

_NAMED: Final = 8
"""The most fields that a log line names."""


class Override(NamedTuple):
    """A policy field whose value in force differs from the profile's.

    Attributes:
        family: the client's policy kind (``read``, ``write`` …).
        field: the policy field.
        native: the value in force, as a policy file writes it.
        profile: the profile's value; the first where it gives several by scope.
        behavior: the behavior whose sessions alone it affects; empty where it affects every call.
    """

    family: str
    field: str
    native: Any
    profile: Any
    behavior: str = ""


class NativeOverrides:
    """Compares a client's dynamic configuration with the profile.

    Args:
        adapter: the client's adapter.
        client: the client.
        identity: its name and profile, for log lines.

    Attributes:
        found: the fields in which the profile is overridden.
    """

    def __init__(self, adapter: Adapter, client: Any, identity: ClientIdentity) -> None:
        self._log = identity.log("aerospike_resilience.profiles")
        self.found: tuple[Override, ...] = ()
        self._adapter = adapter
        self._config = adapter.native_config(client)
        self._compared: tuple[Any, ...] | None = None
        self._overrides: Mapping[str, Mapping[str, Any]] = {}

    def look(self, profile: Profile) -> None:
        """Compare again if either changed, and log new differences. No I/O.

        The tend thread and a manual reload may both run this: at worst a line is logged twice.
        """
        overrides, said = self._config.overrides(), self._fields_of_behaviors()
        now = (overrides, said, profile.fingerprint)
        if self._compared == now:
            return
        first = self._compared is None
        self._compared, self._overrides = now, overrides
        before, everywhere = self.found, tuple(self._contradicted(overrides, profile))
        behaviors = self._behaviors(said, profile)
        self.found = (*everywhere, *behaviors)
        if everywhere and everywhere != tuple(one for one in before if not one.behavior):
            self._log.warning(
                "the client's own dynamic configuration overrides profile %r, and every call's own "
                "policy, in %d fields: %s%s",
                *(profile.name, len(everywhere), _named(everywhere), self._remedy()),
            )
        if behaviors and behaviors != tuple(one for one in before if one.behavior):
            self._log.warning(
                "sessions that are created with a behavior of the client's own configuration file go by "
                "that and not by profile %r, in %d fields: %s; create them without one, or move its "
                "policies into a profile (aerospike-resilience policy import)",
                *(profile.name, len(behaviors), _named(behaviors)),
            )
        if before and not self.found:
            self._log.info("the client's own dynamic configuration overrides the profile no more")
        if first and (unclear := tuple(self._contradicted(self._config.unclear(), profile))):
            self._log.info(
                "the client was configured otherwise than profile %r: %s; what `policies` of its "
                "configuration gave, the profile overrides; what a config_provider's file gave, it "
                "cannot, and the client does not say which it was",
                *(profile.name, _named(unclear)),
            )

    def of(self, operation: Operation) -> Mapping[str, Any]:
        """Return the fields that the dynamic configuration decides for an operation."""
        return self._overrides.get(self._adapter.own_family(operation), {})

    def elsewhere(self, operation: Operation) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields that the client's behaviors decide for an operation, by behavior."""
        retryable = operation.kind is not Kind.WRITE or operation.idempotent({})
        found = {
            name: self._config.of_behavior(name, operation, retryable=retryable)
            for name in self._config.behaviors()
        }
        return {name: fields for name, fields in found.items() if fields}

    def report(self) -> dict[str, Any]:
        """Return the overrides as plain values: by family and field, the value in force and the profile's.

        An override of a behavior's sessions alone is under ``behavior <name>: <family>``.
        """
        by_family: dict[str, dict[str, Any]] = {}
        for one in self.found:
            where = f"behavior {one.behavior}: {one.family}" if one.behavior else one.family
            fields = by_family.setdefault(where, {})
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

    def _fields_of_behaviors(self) -> Mapping[_Case, Mapping[str, Any]]:
        """Return the behaviors' fields, by behavior, kind, shape and repeatability."""
        found: dict[_Case, Mapping[str, Any]] = {}
        for name in self._config.behaviors():
            for operation, retryable in self._cases:
                case = (name, operation.kind, operation.shape, retryable)
                if case not in found:
                    found[case] = self._config.of_behavior(name, operation, retryable=retryable)
        return found

    def _behaviors(
        self, by_case: Mapping[_Case, Mapping[str, Any]], profile: Profile
    ) -> tuple[Override, ...]:
        """Return the fields in which the client's behaviors differ from the profile, each once."""
        found: dict[tuple[str, str, str], Override] = {}
        for (name, kind, shape, repeatable), said in by_case.items():
            family = f"{'reads' if kind is Kind.READ else 'writes'}_{shape}"
            for operation, retryable in self._cases:
                if (operation.kind, operation.shape, retryable) != (kind, shape, repeatable):
                    continue
                settings = profile.settings(operation, retryable=retryable) if said else {}
                for field in said.keys() & settings.keys():
                    native, value = said[field], settings[field].value
                    if native != value:
                        override = Override(family, field, native, value, name)
                        found.setdefault((name, family, field), override)
        return tuple(found[index] for index in sorted(found))

    @property
    def _cases(self) -> Iterator[tuple[Operation, bool]]:
        """Yield every read, and every write twice: as repeatable and as not repeatable."""
        for operation in every_operation(self._adapter).values():
            if operation.kind in (Kind.READ, Kind.WRITE):
                yield operation, True
                if operation.writes:
                    yield operation, False

    def _remedy(self) -> str:
        variables = ", ".join(self._adapter.config_variables)
        return (
            "; move its policies into the profile (aerospike-resilience policy import) and unset "
            f"{variables}, or take config_provider out of the client's configuration"
        )


def _named(found: tuple[Override, ...]) -> str:
    named = [
        f"{f'{one.behavior}: ' if one.behavior else ''}{one.family}.{one.field} is "
        f"{field_text(one.field, one.native)} (profile: {field_text(one.field, one.profile)})"
        for one in found[:_NAMED]
    ]
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return ", ".join([*named, *more])
