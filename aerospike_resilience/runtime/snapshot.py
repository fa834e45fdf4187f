"""Snapshot: the state of everything about one wrapped client, as plain values."""

from __future__ import annotations

from typing import Any

from ..model.durations import s_to_shown_ms
from ..nodes import report, transitions
from .engine import Engine


def snapshot(engine: Engine) -> dict[str, Any]:
    """Return what ``client.resilience.snapshot()`` does."""
    shared, profile = engine.shared, engine.runtime.profile
    health = shared.health
    patience_s = health.patience_s
    return {
        "name": engine.identity.name,
        "client": shared.adapter.name,
        "profile": {
            **engine.profile_state.report(),
            "files": [str(path) for path in profile.files],
            "reload_error": engine.reloads.error,
            "native_overrides": engine.native.report(),
        },
        "calm": health.calm,
        "verdict": health.verdict or None,
        "nodes": report(health),
        "transitions": transitions(health),
        "isolate_unknown": engine.misnamed.names(),
        "storage": None if engine.sharing is None else engine.sharing.report(),
        "gate": shared.gates.report(),
        "retry": {
            "retries": shared.retries.retries,
            "suppressed": dict(shared.retries.suppressed),
            "budget": round(shared.budget.balance(shared.clock()), 1)
            if profile.retry.budget is not None
            else None,
        },
        "would_have": shared.would_have.report(profile.telemetry.would_have)
        if profile.telemetry.would_have
        else None,
        "fallback_calls": shared.fallback.calls if shared.fallback is not None else None,
        "adaptive_timeout_ms": s_to_shown_ms(patience_s),
        "changes": engine.trail.report(),
    }
