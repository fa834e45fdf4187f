"""Precedence: where a profile may have settings for an operation, weakest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model.operation import Kind, Operation
from .layers import Layer, Setting
from .places import keys_for
from .source import KeyPath

if TYPE_CHECKING:
    from . import fields as aerospike_fields
    from . import schema


def scopes_of(operation: Operation, *, retryable: bool, strong: bool) -> Iterator[str]:
    """Yield the scopes of an operation, weakest first, in the order of the SDK's behaviours.

    ``all`` does not apply to transactions, because giving up in the middle of a commit costs more than
    waiting.
    """
    if operation.kind is Kind.TXN:
        if operation.family in ("txn_verify", "txn_roll"):
            yield f"system_{operation.family}"
        return
    yield "all"
    if operation.kind not in (Kind.READ, Kind.WRITE):
        return
    side = "reads" if operation.kind is Kind.READ else "writes"
    yield side
    yield f"{side}_{'sc' if strong else 'ap'}"
    if operation.kind is Kind.WRITE:
        yield "writes_retryable" if retryable else "writes_non_retryable"
    yield f"{side}_{operation.shape}"


def paths_of(
    checked: schema.Settings,
    operation: Operation,
    scopes: tuple[str, ...],
    namespace: str | None,
    set_name: str | None,
) -> Iterator[KeyPath]:
    """Yield where a layer may have settings for an operation, weakest first."""
    for scope in scopes:
        yield "policy", scope
    for place in keys_for(namespace, set_name):
        if place in checked.sets:
            for scope in scopes:
                yield "sets", place, scope
    if operation.name in checked.operations:
        yield "operations", operation.name


def settings_at(layer: Layer, checked: schema.Settings, path: KeyPath) -> Iterator[Setting]:
    """Yield what a layer sets at a path of keys."""
    fields = _fields_at(checked, path)
    for name in fields.model_fields_set if fields is not None else ():
        here = (*path, name)
        yield Setting(getattr(fields, name), layer.origins.get(here, ""), ".".join(here))


def _fields_at(checked: schema.Settings, path: KeyPath) -> aerospike_fields.PolicyFields | None:
    """Return the fields at a path of keys; None where the layer sets none."""
    if path[0] == "operations":
        return checked.operations[path[1]]
    scopes = checked.policy if path[0] == "policy" else checked.sets[path[1]]
    found: aerospike_fields.PolicyFields | None = getattr(scopes, path[-1])
    return found
