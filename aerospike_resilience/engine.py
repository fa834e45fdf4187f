"""The engine of one wrapped client: which runtime a call takes, and what the tend thread does for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import metrics

from . import gauges
from .ambient import Using
from .call import Send
from .gauges import Readings
from .native_config import NativeOverrides
from .nodes import TENDER, SharedStates, Tended
from .operation import Operation
from .profiles import PolicyLibrary, Profile, Reload, Watcher
from .profiles.lint import FindingsLog
from .runtime import Runtime, Shared, gate_options, node_options

_log = logging.getLogger("aerospike_resilience")

MAX_SWITCHED: Final = 64
"""How many runtimes of `using()` are kept compiled."""

_STATES: Final = {"closed": 0, "half-open": 1, "open": 2, "isolated": 3}


class Engine:
    """What stands behind a proxy and its `Resilience`.

    Args:
        shared: what outlives a reload.
        library: where profiles come from.
        profile: the profile to begin with, overrides included.
        overrides: the application's settings over every profile, in the shape of a policy file.

    Attributes:
        runtime: what calls run under now; swapped by a reload.
        reload_error: why the last reload changed nothing; None while the files are good.
        native: what the client's own dynamic configuration overrides.
    """

    def __init__(
        self,
        shared: Shared,
        library: PolicyLibrary,
        profile: Profile,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        self.shared = shared
        self.runtime = Runtime(shared, profile)
        self.reload_error: str | None = None
        self._library = library
        self._overrides = overrides
        self._switched: dict[tuple[str, str], Runtime] = {}
        self._on_profile: Callable[[Profile], None] = lambda _profile: None
        self._on_close: Callable[[], None] = lambda: None
        self._findings = FindingsLog(shared.adapter)
        self._findings.tell(profile)
        self.native = NativeOverrides(shared.adapter, shared.client)
        self.native.look(profile)
        self._watcher = Watcher(library, profile.name, self._swap, self._keep)
        self._tended = Tended(
            shared.health,
            on_patience=self._pace,
            on_tend=self._tend,
            on_fork=self.after_fork,
        )
        self._sharing: SharedStates | None = None
        self._share(profile)
        TENDER.add(self._tended)

    def follow(self, on_profile: Callable[[Profile], None], on_close: Callable[[], None]) -> None:
        """Have somebody told of every reload and of the end."""
        self._on_profile, self._on_close = on_profile, on_close

    # ----- for calls

    def runtime_for(self, using: Using) -> Runtime:
        """Return the runtime that `using()` asks for; compiled once for each profile."""
        if using.profile is None and using.overrides is None:
            return self.runtime
        index = (using.profile or "", repr(using.overrides))
        found = self._switched.get(index)
        if found is None:
            profile = self.runtime.profile
            if using.profile is not None:
                profile = self._with_overrides(self._library.load(using.profile))
            if using.overrides is not None:
                profile = profile.with_overrides(using.overrides, origin="using()")
            if len(self._switched) >= MAX_SWITCHED:
                self._switched.clear()
            found = self._switched[index] = Runtime(self.shared, profile)
        return found

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call behind a method of a lazy object."""
        return self.shared.adapter.sender(method, operation)

    # ----- for the application

    def reload(self) -> Reload:
        """Read the profile's files again now."""
        result = self._watcher.reload()
        self.native.look(self.runtime.profile)
        return result

    def close(self) -> None:
        """Stop tending, end every sleep and turn waiters away."""
        self.shared.closing.set()
        self.shared.gates.close()
        TENDER.discard(self._tended)
        if self._sharing is not None:
            self._sharing.stop()
        self.shared.health.source.rest()
        self._on_close()

    def reopen(self) -> None:
        """Protect again after `close`: the client was connected again."""
        self.shared.closing.clear()
        self.shared.gates.reopen()
        self.shared.health.source.resume()
        if self._sharing is not None:
            self._sharing.start()
        TENDER.add(self._tended)

    def after_fork(self) -> None:
        """Start anew in a forked child: no thread of the parent comes along, and locks they held stay held.

        All that has a lock or a thread is named here.
        """
        shared = self.shared
        shared.health.after_fork()
        shared.gates.after_fork()
        shared.budget.after_fork()
        shared.closing.after_fork()
        if self._sharing is not None:
            self._sharing.after_fork()

    def readings(self, instrument: str) -> Readings:
        """Return what one of `gauges.INSTRUMENTS` shows now."""
        shared = self.shared
        gate, retries = shared.gates.main, shared.retries
        match instrument:
            case "breaker.state":
                return [
                    (_STATES[node.breaker.state], {"aerospike.node.name": node.address.name})
                    for node in shared.health.nodes()
                ]
            case "breaker.transitions":
                return [
                    (count, {"aerospike.node.name": name, "state": state})
                    for (name, state), count in list(shared.health.roster.transitions.items())
                ]
            case "gate.rejections":
                rejected = shared.gates.rejected().items()
                return [(count, {"reason": reason}) for reason, count in rejected]
            case "gate.node.in_flight":
                return [
                    (node_gate.in_flight, {"aerospike.node.name": name})
                    for name, node_gate in list(shared.gates.nodes.by_name.items())
                ]
            case "retries.suppressed":
                suppressed = shared.retries.suppressed.items()
                return [(count, {"reason": reason}) for reason, count in suppressed]
        value = {
            "cluster.verdict": int(bool(shared.health.verdict)),
            "commit_master": shared.health.committed_alone,
            "gate.in_flight": gate.in_flight,
            "fallback.calls": shared.fallback.calls if shared.fallback is not None else 0,
            "storage.unreachable": int(self._sharing is not None and bool(self._sharing.problem)),
            "gate.limit": gate.limit,
            "gate.waiting": gate.waiting,
            "retries": retries.retries,
            "reload.failed": int(self.reload_error is not None),
            "native_config.overrides": len(self.native.found),
        }[instrument]
        return [(value, {})]

    # ----- for the tend thread

    def _tend(self) -> None:
        self._watcher.poll()
        if self._sharing is not None:
            self._sharing.start()  # it does not come along into a forked child
        self.shared.gates.tend()
        runtime = self.runtime
        self.native.look(runtime.profile)
        on_wait = None
        if runtime.profile.telemetry.metrics:
            provider = self.shared.meter_provider or metrics.get_meter_provider()
            on_wait = gauges.show(self, self.shared.adapter.name, provider)
        self.shared.gates.listen(on_wait)
        if runtime.telemetry_is_stale:
            # Somebody configured an SDK after the client was wrapped.
            self.runtime = Runtime(self.shared, runtime.profile)

    def _pace(self, patience_s: float) -> None:
        for runtime in (self.runtime, *self._switched.values()):
            runtime.pace(patience_s)

    def _swap(self, profile: Profile) -> None:
        profile = self._with_overrides(profile)
        shared, retry = self.shared, profile.retry
        shared.gates.reconfigure(gate_options(profile))
        shared.health.reconfigure(node_options(profile))
        self._share(profile)
        if retry.budget is not None:
            shared.budget.ratio = retry.budget.ratio
            shared.budget.min_per_second = retry.budget.min_per_second
        self.runtime = Runtime(shared, profile)
        self._switched.clear()
        self.reload_error = None
        self._on_profile(profile)
        self._findings.tell(profile)

    @property
    def sharing(self) -> SharedStates | None:
        """This worker's part in sharing nodes' states; None where the profile has no storage."""
        return self._sharing

    def _share(self, profile: Profile) -> None:
        """Share nodes' states through the application's storage, or the one that the profile names."""
        origin = self.shared.storage or profile.breaker.storage
        if origin == (self._sharing.origin if self._sharing is not None else None):
            return
        if self._sharing is not None:
            self._sharing.stop()
            self._sharing = None
        roster = self.shared.health.roster
        roster.on_transition = lambda _node, _old, _new: None
        if origin is not None:
            self._sharing = SharedStates(origin, self.shared.health, profile.tend_interval_s)
            roster.on_transition = self._sharing.tell
            self._sharing.start()

    def _keep(self, error: Exception) -> None:
        self.reload_error = str(error)
        _log.error("profile %r stays as it was: %s", self.runtime.profile.name, error)

    def _with_overrides(self, profile: Profile) -> Profile:
        return profile.with_overrides(self._overrides) if self._overrides else profile
