"""Layers: policy files of one rank merged, and the settings in them, each with its origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from .source import KeyPath, PolicySource
from .synonyms import canonical

HEAD: Final = ("version", "description", "extends", "rollout")
"""Keys that are about the file, and are no settings."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value in force.

    Attributes:
        value: milliseconds for durations, names for constants, else as in the file.
        origin: where it is set: ``policies/latency.yaml:9``, ``overrides=``.
        key: the path of its keys: ``policy.reads.total_timeout``.
    """

    value: Any
    origin: str
    key: str = ""


class Layer:
    """Merged sources of one rank: a file with its parents, or settings that code put over them."""

    __slots__ = ("data", "origins")

    def __init__(self, sources: Sequence[PolicySource]) -> None:
        self.data: dict[str, Any] = {}
        self.origins: dict[KeyPath, str] = {}
        for source in sources:  # parents first
            self._merge(self.data, source.data, (), source)

    def _merge(
        self, into: dict[str, Any], data: Mapping[str, Any], path: KeyPath, source: PolicySource
    ) -> None:
        for key, value in data.items():
            here = (*path, str(key))
            if not path and key in HEAD:
                continue
            if isinstance(value, Mapping):
                inner = into.get(key)
                into[key] = inner if isinstance(inner, dict) else {}
                self.origins[here] = source.origin(here)
                self._merge(into[key], value, here, source)
            else:
                name, plain = canonical(here, value)
                into[name] = deepcopy(plain)
                self.origins[*path, name] = source.origin(here)


def flatten(data: Mapping[str, Any], path: KeyPath, found: dict[KeyPath, Any]) -> None:
    """Put every value into a mapping by its path of keys."""
    for key, value in data.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            flatten(value, here, found)
        else:
            found[here] = value
