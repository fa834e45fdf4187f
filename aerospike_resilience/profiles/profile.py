"""A profile: a chain of policy files merged, every value with its origin. Immutable."""

from __future__ import annotations

import functools
import hashlib
import json
import marshal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ..errors import PolicyFileError, Problem
from ..model.operation import Kind, Operation
from .explain import Explanation
from .layers import Layer, Setting, flatten
from .overrides import copied
from .precedence import paths_of, scopes_of, settings_at
from .rollout import Rollout
from .source import KeyPath, PolicySource
from .spelling import public
from .validate import check_settings

if TYPE_CHECKING:
    from . import schema
    from .fields import ConnectionSection


KEPT: Final = 32
"""How many profiles with overrides are kept: each client and each reload asks for its own again."""

_WITHOUT_REFERENCES: Final = 2
"""The version of `marshal` in which equal values are equal bytes."""

_BY_OPERATION: Final = frozenset(("policy", "operations", "sets"))
"""Sections whose keys do not depend on each other, so that layers which are right by themselves are right
together. Overrides of a block mostly say nothing else."""


class Profile:
    """All settings of a wrapped client.

    Attributes:
        name: the file's name without ``.yaml``.
        description: the file's ``description``.
        files: its own file and then its parents'.
        named: the same files by the names that messages and origins use.
        rollouts: those of its files, its own first; empty for files that hold everywhere.
        connection, retry, breaker, backpressure, telemetry: its sections.
        adaptive_timeout: that section; None if it has none.
        forked_client: what a forked child's first call on its parent's client does: ``warn``, ``error``
            or ``allow``.
        ignored: ids of ignored lint findings, with the reason.
        has_sets: whether it has settings for single sets.
        has_consistency: whether it has other settings for strongly consistent namespaces.
    """

    connection: ConnectionSection
    retry: schema.RetrySection
    adaptive_timeout: schema.AdaptiveTimeoutSection | None
    breaker: schema.BreakerSection
    backpressure: schema.BackpressureSection
    telemetry: schema.TelemetrySection
    ignored: Mapping[str, str]

    def __init__(
        self,
        name: str,
        description: str,
        named: Mapping[str, Path],
        layers: tuple[Layer, ...],
        rollouts: tuple[Rollout, ...] = (),
        over: Profile | None = None,  # the profile of all layers but the last
    ) -> None:
        self.rollouts = rollouts
        self.name = name
        self.description = description
        self.named = named
        self.files = tuple(named.values())
        self._layers = layers
        self._by_path: dict[tuple[int, KeyPath], tuple[Setting, ...]] = {}
        self._by_kind: dict[tuple[object, ...], Mapping[str, Setting]] = {}
        if over is not None and layers[-1].data.keys() <= _BY_OPERATION:
            whole = over._whole  # noqa: SLF001 - of the same class; its sections stay as they are
        else:
            whole = self._check_whole()
        self._whole: schema.Settings = whole
        self._checked: list[schema.Settings] = (
            [whole]
            if len(layers) == 1
            else [
                *(before := over._checked if over is not None else []),  # noqa: SLF001
                *(
                    check_settings(PolicySource("merged", layer.data))
                    for layer in layers[len(before) :]
                ),
            ]
        )
        self.connection = whole.connection
        self.retry = whole.retry
        self.adaptive_timeout = whole.adaptive_timeout
        self.breaker = whole.breaker
        self.backpressure = whole.backpressure
        self.telemetry = whole.telemetry
        self.forked_client = whole.forked_client
        self.ignored = whole.lint.ignore
        self._sets = frozenset(self.set_names())
        self.has_sets = bool(self._sets)
        self._named_operations = frozenset(self.operation_names())
        self.has_consistency = any(
            getattr(scopes, scope) is not None
            for checked in self._checked
            for scopes in (checked.policy, *checked.sets.values())
            for scope in ("reads_ap", "reads_sc", "writes_ap", "writes_sc")
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of all settings; equal for equal settings."""
        data = [self.name, *(layer.data for layer in self._layers)]
        text = json.dumps(data, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def place_of_sets(self, namespace: str, set_name: str) -> tuple[str, str] | None:
        """Return the part of a record's place that this profile has options for; None if there is none.

        The number of results is that of the options, however many sets there are.
        """
        if f"{namespace}.{set_name}" in self._sets:
            return namespace, set_name
        return (namespace, "") if namespace in self._sets else None

    @property
    def rollout(self) -> Rollout | None:
        """The rollout of its own file, or of the nearest parent that has one; None if none has."""
        return self.rollouts[0] if self.rollouts else None

    def __repr__(self) -> str:
        return f"<Profile {self.name!r} {self.fingerprint}>"

    @property
    def tend_interval_s(self) -> float:
        """The seconds between two tends."""
        return self.connection.tend_interval_s

    def with_overrides(self, overrides: Mapping[str, Any], origin: str = "overrides=") -> Profile:
        """Return this profile with settings over it, in the shape of a policy file.

        Raises:
            PolicyFileError: they are not of that shape.
        """
        data = copied(overrides, origin)
        try:
            content = marshal.dumps(data, _WITHOUT_REFERENCES)
        except ValueError:  # values of other classes than a file's, which may be refused
            return self._overridden(data, origin)
        return _overridden(self, content, origin)

    def _overridden(self, data: Any, origin: str) -> Profile:
        source = PolicySource(origin, data)
        check_settings(source)
        layers = (*self._layers, Layer([source]))
        return Profile(self.name, self.description, self.named, layers, self.rollouts, over=self)

    def origin(self, key: str | KeyPath) -> str:
        """Return where a key's value is set: ``origin("breaker.max_error_rate")``."""
        path = tuple(key.split(".")) if isinstance(key, str) else key
        for layer in reversed(self._layers):
            if path in layer.origins:
                return layer.origins[path]
        return "library default"

    def flat(self) -> dict[str, Any]:
        """Return every value as in the file, by its path of keys; later layers override earlier ones.

        User and password of a URL are left out.
        """
        return {".".join(path): public(path, value) for path, value in self.leaves().items()}

    def leaves(self) -> dict[KeyPath, Any]:
        """Return the same by paths as tuples, because a set's name may have a dot; with secrets."""
        found: dict[KeyPath, Any] = {}
        for layer in self._layers:
            flatten(layer.data, (), found)
        return found

    def settings(
        self,
        operation: Operation,
        *,
        retryable: bool,
        strong: bool = False,
        namespace: str | None = None,
        set_name: str | None = None,
    ) -> Mapping[str, Setting]:
        """Return Aerospike's policy fields for an operation, each with its origin.

        Precedence, weakest first: the chain of files by scope, sets, operations; then the same of
        ``overrides=``, then of ``using()``.

        Args:
            operation: the method.
            retryable: whether it is safe to send twice; it matters for writes.
            strong: whether the namespace is strongly consistent.
            namespace: the record's namespace, where the operation has a single record.
            set_name: the record's set.
        """
        if namespace is not None:  # a process may have any number of sets
            return self._settings_of(operation, retryable, strong, namespace, set_name)
        own = operation.name if operation.name in self._named_operations else ""
        kind = (operation.kind, operation.shape, operation.family, own, retryable, strong)
        kept = self._by_kind.get(kind)
        if kept is None:
            kept = self._by_kind[kind] = MappingProxyType(
                self._settings_of(operation, retryable, strong, None, None)
            )
        return kept

    def _settings_of(
        self,
        operation: Operation,
        retryable: bool,
        strong: bool,
        namespace: str | None,
        set_name: str | None,
    ) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        for said in self.said(
            operation, retryable=retryable, strong=strong, namespace=namespace, set_name=set_name
        ):
            name = said.key.rpartition(".")[2]
            if said.value is None:
                found.pop(name, None)  # null in the file: keep the client's own value
            else:
                found[name] = said
        return found

    def said(
        self,
        operation: Operation,
        *,
        retryable: bool,
        strong: bool = False,
        namespace: str | None = None,
        set_name: str | None = None,
    ) -> Iterator[Setting]:
        """Yield all settings of the profile for an operation, weakest first; see `settings`.

        Of two settings of one field the later one is in force. None means the client's own value.
        """
        scopes = tuple(scopes_of(operation, retryable=retryable, strong=strong))
        for number, checked in enumerate(self._checked):
            for path in paths_of(checked, operation, scopes, namespace, set_name):
                yield from self._settings_at(number, path)

    def _settings_at(self, number: int, path: KeyPath) -> tuple[Setting, ...]:
        """Return what a layer sets at a path. Most operations share theirs, so each is made once."""
        kept = self._by_path.get((number, path))
        if kept is None:
            kept = self._by_path[number, path] = tuple(
                settings_at(self._layers[number], self._checked[number], path)
            )
        return kept

    def set_names(self) -> tuple[str, ...]:
        """Return the namespaces and sets that the profile has settings for."""
        return tuple({name: None for checked in self._checked for name in checked.sets})

    def operation_names(self) -> tuple[str, ...]:
        """Return the methods that the profile has settings for by name."""
        return tuple({name: None for checked in self._checked for name in checked.operations})

    def explain(
        self,
        operation: Operation,
        namespace: str | None = None,
        set_name: str | None = None,
        *,
        strong: bool = False,
    ) -> Explanation:
        """Return the value of each policy field for an operation, and where it is set."""
        retryable = operation.kind is not Kind.WRITE or operation.idempotent({})
        settings = self.settings(
            operation,
            retryable=retryable,
            strong=strong,
            namespace=namespace,
            set_name=set_name,
        )
        target = ".".join(part for part in (namespace, set_name) if part)
        rows = tuple((name, one.value, one.origin) for name, one in sorted(settings.items()))
        return Explanation(self.name, operation.name, target, rows)

    def _check_whole(self) -> schema.Settings:
        """Check all layers together, because a key may need another one that is in another file."""
        merged = Layer([PolicySource("", layer.data) for layer in self._layers]).data
        try:
            whole: schema.Settings = check_settings(PolicySource("merged", merged), whole=True)
        except PolicyFileError as error:
            raise PolicyFileError([self._placed(problem) for problem in error.problems]) from None
        return whole

    def _placed(self, problem: Problem) -> Problem:
        """Return a problem of the merged settings, at the line that sets the key."""
        origin = self.origin(problem.key)
        where, _, line = origin.rpartition(":")
        if not line.isdigit():
            return Problem(origin, 0, 0, problem.key, problem.message)
        return Problem(where, int(line), 1, problem.key, problem.message)


@functools.lru_cache(KEPT)
def _overridden(profile: Profile, content: bytes, origin: str) -> Profile:
    """Return a profile with settings over it, given as `marshal` writes them."""
    return profile._overridden(marshal.loads(content), origin)  # noqa: SLF001 - a part of it
