"""``client.resilience``: everything of ours on a wrapped client, behind one attribute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from . import ambient
from .ambient import Using
from .call import Operation, Send
from .interceptors import RetryBudget
from .nodes import TENDER, Tended
from .profiles import Explanation, PolicyLibrary, Profile, Reload, Watcher
from .runtime import Runtime, Shared, node_options

_log = logging.getLogger("aerospike_resilience")


class Resilience:
    """The handle of one wrapped client.

    Attributes:
        runtime: what calls run under now; swapped by a reload.
    """

    def __init__(
        self,
        shared: Shared,
        library: PolicyLibrary,
        profile: Profile,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        self._shared = shared
        self._library = library
        self._overrides = overrides
        self._switched: dict[tuple[str, str], Runtime] = {}
        self._reload_error: str | None = None
        self.runtime = Runtime(shared, profile)
        self._watcher = Watcher(library, profile.name, self._swap, self._keep)
        self._tended = Tended(shared.health, on_patience=self._pace, on_tend=self._tend)
        TENDER.add(self._tended)

    # ----- to look at

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self.runtime.profile

    @property
    def nodes(self) -> dict[str, Any]:
        """Every node's state by name: see ``snapshot()["nodes"]``."""
        return self._shared.health.snapshot()

    def explain(self, operation: str, *, set: str | None = None) -> Explanation:  # noqa: A002 - Aerospike's word
        """Say which value each policy field has for an operation, and where it comes from.

        Args:
            operation: a method of the client.
            set: ``namespace.set`` or ``namespace``, where the profile has words on sets.

        Raises:
            ValueError: the client has no such operation.
        """
        known = self._shared.adapter.operations
        if operation not in known:
            raise ValueError(
                f"{operation!r} is no operation of this client; there are {', '.join(known)}"
            )
        namespace, _, set_name = (set or "").partition(".")
        return self.profile.explain(
            known[operation], namespace=namespace or None, set_name=set_name or None
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state of everything as plain values, ready for JSON."""
        shared, runtime = self._shared, self.runtime
        gate, now = shared.gate, shared.clock()
        budget = runtime.retry.budget
        return {
            "client": shared.adapter.name,
            "profile": {
                "name": runtime.profile.name,
                "files": [str(path) for path in runtime.profile.files],
                "fingerprint": runtime.profile.fingerprint,
                "reload_error": self._reload_error,
            },
            "calm": shared.health.calm,
            "verdict": shared.health.verdict or None,
            "nodes": shared.health.snapshot(),
            "gate": {
                "limit": gate.limit,
                "in_flight": gate.in_flight,
                "waiting": len(gate.waiters),
                "waited": gate.waited,
                "wait_s_total": gate.wait_s_total,
                "rejected": dict(gate.rejected),
            },
            "retry": {
                "retries": runtime.retry.retries,
                "suppressed": dict(runtime.retry.suppressed),
                "budget": None if budget is None else round(budget.balance(now), 1),
            },
            "adaptive_timeout_ms": None
            if shared.health.patience_s is None
            else round(shared.health.patience_s * 1000, 3),
        }

    # ----- to act

    def isolate(self, node: str) -> None:
        """Keep every call away from a node until `release`.

        Raises:
            UnknownNodeError: the client knows no node of that name.
        """
        self._shared.health.isolate(node)

    def release(self, node: str) -> None:
        """Let calls go to an isolated node again.

        Raises:
            UnknownNodeError: the client knows no node of that name.
        """
        self._shared.health.release(node)

    def reload(self) -> Reload:
        """Read the profile's files again now, and return what changed."""
        return self._watcher.reload()

    def using(
        self,
        profile: str | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        idempotent: bool | None = None,
    ) -> AbstractContextManager[None]:
        """Switch what holds for this client inside a ``with`` block, for this thread or task.

        Args:
            profile: another profile's name.
            overrides: settings over it, in the shape of a policy file.
            idempotent: whether writes may be sent again after they may have been applied.

        Raises:
            UnknownProfileError: there is no such profile.
            PolicyFileError: its file is broken.
        """
        using = Using(profile, overrides, idempotent)
        if profile is not None or overrides is not None:
            self.runtime_for(using)  # a mistake shows here, not at the first call
        return ambient.switched(id(self), using)

    def close(self) -> None:
        """Stop tending and end every wait; the client itself stays open and usable, unprotected."""
        self._shared.closing.set()
        self._shared.gate.close()
        TENDER.discard(self._tended)

    # ----- for the call path

    def runtime_for(self, using: Using) -> Runtime:
        """Return the runtime that `using()` asks for; compiled once for each profile."""
        if using.profile is None and using.overrides is None:
            return self.runtime
        index = (using.profile or "", repr(using.overrides))
        found = self._switched.get(index)
        if found is None:
            profile = self.profile
            if using.profile is not None:
                profile = self._library.load(using.profile)
                if self._overrides:
                    profile = profile.with_overrides(self._overrides)
            if using.overrides is not None:
                profile = profile.with_overrides(using.overrides, origin="using()")
            found = self._switched[index] = Runtime(self._shared, profile)
        return found

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call behind a method of a lazy object."""
        return self._shared.adapter.sender(method, operation)

    # ----- for the tend thread

    def _pace(self, patience_s: float) -> None:
        for runtime in (self.runtime, *self._switched.values()):
            runtime.pace(patience_s)

    def _tend(self) -> None:
        self._watcher.poll()
        if self.runtime.telemetry_is_stale:
            # Somebody configured an SDK after the client was wrapped.
            self.runtime = Runtime(self._shared, self.profile)

    def _swap(self, profile: Profile) -> None:
        if self._overrides:
            profile = profile.with_overrides(self._overrides)
        shared = self._shared
        gate = profile.backpressure
        shared.gate.resize(gate.max_concurrent_operations, gate.operation_queue_timeout_s)
        shared.health.reconfigure(node_options(profile))
        apply_budget(shared.budget, profile)
        self.runtime = Runtime(shared, profile)
        self._switched.clear()
        self._reload_error = None

    def _keep(self, error: Exception) -> None:
        self._reload_error = str(error)
        _log.error("profile %r stays as it was: %s", self.profile.name, error)


def apply_budget(budget: RetryBudget, profile: Profile) -> None:
    """Give a budget the profile's bounds."""
    if profile.retry.budget is not None:
        budget.ratio = profile.retry.budget.ratio
        budget.min_per_second = profile.retry.budget.min_per_second
