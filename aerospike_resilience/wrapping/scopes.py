"""A profile by the scopes of the SDK's behaviors, for clients that take policies by scope."""

from __future__ import annotations

from typing import Any

from ..model.operation import Kind, Operation, Shape
from ..profiles import Profile


def by_scope(profile: Profile) -> dict[str, dict[str, Any]]:
    """Return Aerospike's policy fields in force, by ``reads_point``, ``writes_batch`` and so on.

    Writes are given as those that may not be sent again: it is how the SDK resolves every write.
    """
    found = {}
    for kind, side in ((Kind.READ, "reads"), (Kind.WRITE, "writes")):
        for shape in (Shape.POINT, Shape.BATCH, Shape.QUERY):
            settings = profile.settings(Operation("", kind, shape), retryable=False)
            found[f"{side}_{shape}"] = {name: one.value for name, one in settings.items()}
    for phase in ("txn_verify", "txn_roll"):
        settings = profile.settings(Operation("", Kind.TXN, Shape.CLUSTER, phase), retryable=False)
        if settings:
            found[f"system_{phase}"] = {name: one.value for name, one in settings.items()}
    return found
