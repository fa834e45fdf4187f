"""The engine of one wrapped client: which runtime a call takes, and what the tend thread does for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ..ambient import Using
from ..model.operation import Operation
from ..model.plan import Send
from ..nodes import TEND_THREAD, MisnamedNodes, SharedStates, TendedCluster
from ..profiles import PolicyLibrary, Profile, Reload, Watcher
from ..profiles.lint import FindingsLog
from ..telemetry import gauges
from ..telemetry.gauges import Readings
from .compiled import Runtime, Shared, gate_options, node_options
from .native_overrides import NativeOverrides
from .profiles_in_use import ProfilesInUse

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
        native: what the client's own dynamic configuration overrides.
        identity: the wrapped client's name and profile.
        misnamed: nodes that the profile isolates and the cluster does not have.
    """

    def __init__(
        self,
        shared: Shared,
        library: PolicyLibrary,
        profile: Profile,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        self.shared = shared
        self.identity = identity = shared.health.identity
        self._log = identity.log("aerospike_resilience")
        self.runtime = Runtime(shared, profile)
        self._overrides = overrides
        self._errors: dict[
            str, str
        ] = {}  # by the name of a block's profile; "" for the client's own
        self._changing = threading.RLock()  # held by whoever reloads, compiles or swaps a runtime
        self._on_profile: Callable[[Profile], None] = lambda _profile: None
        self._on_close: Callable[[], None] = lambda: None
        self._findings = FindingsLog(shared.adapter, identity)
        self._findings.tell(profile)
        self.native = NativeOverrides(shared.adapter, shared.client, identity)
        self.native.look(profile)
        self._switched = ProfilesInUse(
            library,
            self._compiled,
            self._with_overrides,
            self._findings.tell,
            self._note,
            identity,
        )
        self._watcher = Watcher(library, profile.name, self._swap, self._keep, identity)
        self._tended = TendedCluster(
            shared.health,
            on_patience=self._pace,
            on_tend=self._tend,
            on_fork=self.after_fork,
        )
        self.misnamed = MisnamedNodes(shared.health)
        self._sharing: SharedStates | None = None
        self._share(self._sharing_for(profile))
        if self._with_overrides(self._watcher.profile).fingerprint != profile.fingerprint:
            self._swap(self._watcher.profile)  # the file changed since it was loaded
        TEND_THREAD.add(self._tended)

    def follow(self, on_profile: Callable[[Profile], None], on_close: Callable[[], None]) -> None:
        """Have somebody told of every reload and of the end."""
        self._on_profile, self._on_close = on_profile, on_close

    # ----- for calls

    def runtime_for(self, using: Using) -> Runtime:
        """Return the runtime that `using()` asks for; compiled once for each profile."""
        if using.profile is None and using.overrides is None:
            return self.runtime
        found = self._switched.find(using)
        if found is None:
            with self._changing:
                found = self._switched.compile(using, self.runtime.profile)
        return found

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call behind a method of a lazy object."""
        return self.shared.adapter.sender(method, operation)

    # ----- for the application

    def reload(self) -> Reload:
        """Read the profile's files again now, and those of the profiles that blocks switched to."""
        with self._changing:
            result = replace(self._watcher.reload(), using=self._switched.reload())
        self.native.look(self.runtime.profile)
        self.misnamed.look(self.runtime.profile.name)
        return result

    @property
    def reload_error(self) -> str | None:
        """Why the last reload changed nothing; None while the files are good."""
        found = [
            f"using({name!r}): {error}" if name else error for name, error in self._errors.items()
        ]
        return "\n".join(found) or None

    def close(self) -> None:
        """Stop tending, end every sleep and turn waiters away."""
        self.identity.closed = True
        self.shared.closing.set()
        self.shared.gates.close()
        TEND_THREAD.discard(self._tended)
        if self._sharing is not None:
            self._sharing.stop()
        self.shared.health.source.pause()
        self._on_close()

    def reopen(self) -> None:
        """Protect again after `close`: the client was connected again."""
        self.identity.closed = False
        self.shared.closing.clear()
        self.shared.gates.reopen()
        self.shared.health.source.resume()
        if self._sharing is not None:
            self._sharing.start()
        TEND_THREAD.add(self._tended)

    def after_fork(self) -> None:
        """Start anew in a forked child: no thread of the parent comes along, and locks they held stay held.

        All that has a lock or a thread is named here.
        """
        self._changing = threading.RLock()
        shared = self.shared
        shared.health.after_fork()
        shared.gates.after_fork()
        shared.budget.after_fork()
        shared.closing.after_fork()
        if self._sharing is not None:
            self._sharing.after_fork()

    def readings(self, instrument: str) -> Readings:
        """Return what one of `gauges.INSTRUMENTS` shows now; nothing once the client is closed."""
        shared = self.shared
        if self.identity.closed:
            return []
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
                    for (name, state), count in list(shared.health.registry.transitions.items())
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
        with self._changing:
            self._watcher.poll()
            self._switched.poll()
            if self.runtime.telemetry_is_stale:
                # Somebody configured an SDK after the client was wrapped.
                self.runtime = self._compiled(self.runtime.profile)
        if self._sharing is not None:
            self._sharing.start()  # it does not come along into a forked child
        self.shared.gates.tend()
        runtime = self.runtime
        self.native.look(runtime.profile)
        self.misnamed.look(runtime.profile.name)
        on_wait = None
        if runtime.profile.telemetry.metrics:
            from opentelemetry import metrics

            provider = self.shared.meter_provider or metrics.get_meter_provider()
            on_wait = gauges.show(self, self.identity.name, provider)
        self.shared.gates.listen(on_wait)

    def _pace(self, patience_s: float) -> None:
        for runtime in (self.runtime, *self._switched.runtimes):
            runtime.pace(patience_s)

    def _compiled(self, profile: Profile) -> Runtime:
        return Runtime(self.shared, profile)

    def _swap(self, profile: Profile) -> None:
        """Put a reloaded profile in force: first everything that can fail, and only then the rest."""
        profile = self._with_overrides(profile)
        shared, retry = self.shared, profile.retry
        draft, nodes = shared.gates.draft(gate_options(profile)), node_options(profile)

        def compiled(one: Profile) -> Runtime:
            return Runtime(shared, one, draft)

        runtime, switched = compiled(profile), self._switched.made_for(profile, compiled)
        sharing = self._sharing_for(profile)
        self._findings.tell(profile)
        self._on_profile(profile)
        # From here on nothing fails.
        shared.gates.adopt(draft)
        shared.health.reconfigure(nodes)
        self._share(sharing)
        if retry.budget is not None:
            shared.budget.ratio = retry.budget.ratio
            shared.budget.min_per_second = retry.budget.min_per_second
        self.runtime = runtime
        self._switched.adopt(switched)
        self._note("", None)

    @property
    def sharing(self) -> SharedStates | None:
        """This worker's part in sharing nodes' states; None where the profile has no storage."""
        return self._sharing

    def _sharing_for(self, profile: Profile) -> SharedStates | None:
        """Return what shares nodes' states: by the application's storage, or the one the profile names."""
        origin, now = self.shared.storage or profile.breaker.storage, self._sharing
        if origin is None or (now is not None and origin == now.origin):
            return None if origin is None else now
        return SharedStates(origin, self.shared.health, profile.tend_interval_s)

    def _share(self, sharing: SharedStates | None) -> None:
        """Share nodes' states so from now on."""
        before = self._sharing
        if sharing is before:
            return
        if before is not None:
            before.stop()
        self._sharing = sharing
        registry = self.shared.health.registry
        registry.on_transition = lambda _node, _old, _new: None
        if sharing is not None:
            registry.on_transition = sharing.tell
            sharing.start()

    def _keep(self, error: Exception) -> None:
        self._note("", error)
        self._log.error("profile %r stays as it was: %s", self.runtime.profile.name, error)

    def _note(self, name: str, error: Exception | None) -> None:
        """Remember why a profile stays as it was; swapped whole, as metrics are read at any time."""
        others = {other: said for other, said in self._errors.items() if other != name}
        self._errors = others if error is None else {**others, name: str(error)}

    def _with_overrides(self, profile: Profile) -> Profile:
        return profile.with_overrides(self._overrides) if self._overrides else profile
