"""The engine of one wrapped client: chooses a call's runtime, reloads profiles, and tends nodes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from ..ambient import Using
from ..concurrency import forking
from ..concurrency.changes import Changes
from ..concurrency.weakly import weakly
from ..errors import ForkedClientError
from ..interceptors import Interceptor
from ..model.stream import tell_dropped
from ..nodes import TEND_THREAD, MisnamedNodes, SharedStates, TendedCluster
from ..profiles import PolicyLibrary, Profile, Reload, Watcher
from ..profiles.audit import AuditTrail
from ..profiles.lint import FindingsLog
from ..profiles.starting import Start
from ..telemetry import board, provider_hooks
from ..telemetry.board import Reading
from .chain import Placed
from .client_statistics import CumulativeStatistics
from .closing import ClosingRuntime
from .compiled import Runtime
from .detours import DirectRuntime, ForkedRuntime, connected_by_parent
from .native_overrides import NativeOverrides
from .options import gate_options, node_options
from .profile_state import ProfileState
from .profiles_in_use import ProfilesInUse
from .readings import read
from .reloads import Reloads
from .shared import Shared
from .state_sharing import StateSharing


class Endable(Protocol):
    """Something that ends with the protection."""

    def end(self) -> None:
        """End. Never waits, and takes no lock but reentrant ones."""
        ...


class Engine:
    """Runs the operations of a proxy and serves its `Resilience`.

    Args:
        shared: what outlives a reload.
        library: where profiles come from.
        start: the profile that was asked for, and the one to begin with.
        profile: the one to begin with, overrides included.
        overrides: the application's settings over every profile, in the shape of a policy file.

    Attributes:
        runtime: the runtime of calls; swapped by a reload, and at the end of the protection.
        native: the fields that the client's own dynamic configuration overrides.
        identity: the wrapped client's name and profile.
        trail: the last changes of what is in force.
        misnamed: nodes that the profile isolates although the cluster has no such nodes.
        closed: whether the protection has ended, so that calls go straight to the client.
        reloads: how many reloads changed the profile, how many failed, and why.
        statistics: what the client tells of itself.
        endables: what ends with the protection; held weakly.
    """

    shared: Shared
    native: NativeOverrides

    def __init__(
        self,
        shared: Shared,
        library: PolicyLibrary,
        start: Start,
        profile: Profile,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        self.shared = shared
        self._name = name = start.name
        self.identity = identity = shared.health.identity
        self._log = identity.log("aerospike_resilience")
        self.closed = False
        self.reloads = Reloads()
        self.statistics = CumulativeStatistics(shared.health)
        self.endables: weakref.WeakSet[Endable] = weakref.WeakSet()
        self._observers: tuple[Placed, ...] = ()
        self._own = Runtime(shared, profile)
        self.runtime: Runtime = self._own
        self._overrides = overrides
        self._changes = Changes(shared.health.notices)
        self.trail = AuditTrail(identity, self._changes.notices, weakly(self._with_overrides))
        if start.error is not None:
            self.reloads.note("", start.error)
            self.trail.started_on(name, start.error, profile)
        self._on_profile: Callable[[Profile], None] = lambda _profile: None
        self._on_close: Callable[[], None] = lambda: None
        self._findings = FindingsLog(shared.adapter, identity)
        self._findings.tell(profile)
        self.native = NativeOverrides(shared.adapter, shared.client, identity)
        self.native.look(profile)
        self._switched = ProfilesInUse(
            library,
            weakly(self._compiled_for_block),
            weakly(self._with_overrides),
            self._findings.tell,
            self.reloads.note,
            identity,
            self._changes,
            self.trail,
        )
        self._watcher = Watcher(
            *(library, name, weakly(self._ready), weakly(self._keep)),
            *(identity, self._changes, self.trail),
            start=start if start.error is not None else None,
        )
        self._tended = TendedCluster(
            shared.health,
            on_patience=weakly(self._pace),
            on_tend=weakly(self._tend),
            on_end=weakly(self._end_with_process),
        )
        self.misnamed = MisnamedNodes(shared.health)
        self._sharing = StateSharing(shared.storage, shared.health, self._changes.notices)
        self._sharing.adopt(self._sharing.wanted(profile))
        if self._with_overrides(self._watcher.profile).fingerprint != profile.fingerprint:
            # The file changed since it was loaded.
            self._changes.make(lambda: self._ready(self._watcher.profile))
        forking.register(self)
        self._listen()
        provider_hooks.follow(self)
        TEND_THREAD.add(self._tended)

    def follow(self, on_profile: Callable[[Profile], None], on_close: Callable[[], None]) -> None:
        """Call `on_profile` after every reload and `on_close` at the end of the protection."""
        self._on_profile, self._on_close = on_profile, on_close

    # ----- for calls

    def runtime_for(self, using: Using) -> Runtime:
        """Return the runtime that `using()` asks for; compiled once for each profile."""
        if self.runtime is not self._own and isinstance(self.runtime, ForkedRuntime):
            self._first_use()
        if self.closed or isinstance(self.runtime, ClosingRuntime):
            return self.runtime
        if using.profile is None and using.overrides is None:
            return self.runtime
        return self._switched.find(using) or self._switched.compile(
            using, lambda: self._own.profile
        )

    # ----- for the application

    def reload(self) -> Reload:
        """Read the profile's files again now, and those of the profiles that blocks switched to."""
        result = replace(self._watcher.reload(), using=self._switched.reload())
        self.native.look(self._own.profile)
        self.misnamed.look(self._own.profile.name)
        return result

    @contextmanager
    def observing(self, observer: Interceptor) -> Iterator[None]:
        """Have every call that begins inside the block pass one more interceptor, outermost."""
        placed: Placed = ("before", "telemetry", observer)
        self._observers = (*self._observers, placed)
        self._place((*self.shared.interceptors, placed))
        try:
            yield
        finally:
            self._observers = tuple(one for one in self._observers if one is not placed)
            self._place(tuple(one for one in self.shared.interceptors if one is not placed))

    def _place(self, interceptors: tuple[Placed, ...]) -> None:
        self.shared.interceptors = interceptors
        self._changes.make(self._ready_again)
        self._switched.forget()

    @property
    def sharing(self) -> SharedStates | None:
        """Shares nodes' states with other workers; None where the profile has no storage."""
        return self._sharing.in_force

    @property
    def profile_state(self) -> ProfileState:
        """Which profile is in force, and why."""
        rollout, broken = self._watcher.profile.rollout, self.reloads.is_broken
        return ProfileState.of(self._name, self._own.profile, rollout, broken=broken)

    def close(self) -> None:
        """End the protection: new calls and waiting calls go straight to the client.

        It waits for questions to nodes that are under way, but never in an event loop's thread.
        """
        self._end()
        self.shared.gates.open()
        if TEND_THREAD.may_wait():
            self.shared.health.source.pause()
        self._on_close()

    def refuse_calls(self) -> None:
        """Refuse every new call, as the client is about to be closed. Calls under way go on."""
        self.runtime = ClosingRuntime(self._own, self.identity)
        self.shared.gates.close()

    def pause(self) -> None:
        """Start no more questions to nodes. Calls go on."""
        TEND_THREAD.discard(self._tended)
        self.shared.health.source.stop()

    def resume(self) -> None:
        """Undo `pause`."""
        if not self.closed:
            self.shared.health.source.resume()
            TEND_THREAD.add(self._tended)

    def _end(self) -> None:
        """End the protection. Never waits, and takes no lock but reentrant ones."""
        self.identity.closed = self.closed = True
        self._put()
        self.pause()
        shared = self.shared
        shared.health.close()
        shared.closing.set()
        self._sharing.stop()
        for one in list(self.endables):
            one.end()
        board.hide(self)
        tell_dropped()

    def end_with_client(self) -> None:
        """End the protection, as the client was closed: calls that wait are refused."""
        self._end()
        self.shared.gates.close()
        self._on_close()

    def _end_with_process(self) -> None:
        """Let calls pass while the process ends, as the tend thread no longer runs."""
        self.closed = True
        self._put()
        self.shared.health.close()
        self.shared.gates.open()

    def reopen(self) -> None:
        """Protect again after `close`: the client was connected again."""
        shared = self.shared
        self.identity.closed = self.closed = shared.forked = False
        if isinstance(self.runtime, ForkedRuntime | ClosingRuntime):
            self.runtime = self._own
        shared.closing.clear()
        shared.gates.reopen()
        shared.health.reopen()
        shared.health.source.resume()
        self._put()
        self._sharing.start()
        self._listen()
        TEND_THREAD.add(self._tended)

    def _put(self) -> None:
        """Set the runtime of calls to the one that holds now."""
        if self.closed:
            self.runtime = DirectRuntime(self._own)
        elif not isinstance(self.runtime, ForkedRuntime | ClosingRuntime):
            self.runtime = self._own

    def after_fork(self) -> None:
        """Reset in a forked child: counters are zero, and the client's first use is checked."""
        shared = self.shared
        shared.retries.after_fork()
        self.reloads.after_fork()
        self.statistics.after_fork()
        if shared.fallback is not None:
            shared.fallback.calls = 0
        # Whoever observes is a thread of the parent.
        shared.interceptors = tuple(
            one for one in shared.interceptors if one not in self._observers
        )
        self._observers = ()
        if not self.closed:
            self.runtime = ForkedRuntime(self._own, weakly(self._first_use))

    def _first_use(self) -> Runtime:
        """Handle the first use of a client that the parent process connected; return the calls' runtime."""
        shared, profile = self.shared, self._own.profile
        if shared.adapter.is_closed(shared.client):  # not connected yet in this process
            self.runtime = self._own
            return self._own
        text = connected_by_parent(shared.adapter, profile)
        if profile.forked_client == "error":
            raise self.identity.error(ForkedClientError, text)
        self.statistics.read()  # what the parent did is not ours
        first, shared.forked = not shared.forked, True
        self._switched.forget()  # from here on calls do without the parent's threads
        self._own = Runtime(shared, profile)
        self.runtime = self._own
        if first and profile.forked_client == "warn":
            self._log.warning("%s", text)
        return self._own

    @property
    def own_profile(self) -> Profile:
        """The client's own profile, whatever becomes of its calls now."""
        return self._own.profile

    def read(self) -> Mapping[str, Reading]:
        """Return the current values of every metric that is not a histogram; none once closed."""
        return {} if self.identity.closed else read(self)

    # ----- for the tend thread

    def _tend(self) -> None:
        if self.closed:
            return
        self._watcher.poll()
        self._switched.poll()
        if self._own.telemetry_is_stale or self._own.configuration_is_stale:
            # A provider was set without our hook, or the client's own file changed.
            self._changes.make(self._ready_again)
        self._sharing.start()  # it does not come along into a forked child
        tell_dropped()
        for one in (self._own, *self._switched.runtimes):
            one.telemetry.look()
        self.shared.under_way.tend()
        self.shared.gates.tend()
        runtime = self._own
        self.native.look(runtime.profile)
        self.misnamed.look(runtime.profile.name)
        self._listen()

    def providers_changed(self) -> None:
        """Rebuild the chains whose provider is another now, so that the next call uses it."""
        if self.closed:
            return
        if self._own.telemetry_is_stale:
            self._changes.make(self._ready_again)
        self._switched.listen()
        self._listen()

    def _listen(self) -> None:
        """Show the client's state on the instruments of the provider that is set now, or nowhere."""
        if self.closed:
            return
        wants, name = self._own.profile.telemetry, self.identity.name
        shown = None
        if wants.metrics:
            self.shared.sets.want(wants.sets)
            shown = board.show(self, self.shared.meter_provider)
        else:
            board.hide(self)
        self.shared.gates.listen(None if shown is None else shown.wait_recorder(name))

    def _pace(self, patience_s: float) -> None:
        for runtime in (self._own, *self._switched.runtimes):
            runtime.pace(patience_s)

    def _compiled_for_block(self, profile: Profile) -> Runtime:
        return Runtime(self.shared, profile, lazy=True)

    def _ready_again(self) -> Callable[[], None]:
        runtime = Runtime(self.shared, self._own.profile)
        return lambda: self._take(runtime)

    def _take(self, runtime: Runtime) -> None:
        self._own = runtime
        self._put()
        self._changes.notices.note(self._listen)  # a new board runs the SDK's code

    def _ready(self, profile: Profile) -> Callable[[], None]:
        """Do all of a reload that can fail; return a function that puts the profile in force."""
        profile = self._with_overrides(profile)
        before, shared, retry = self._own.profile, self.shared, profile.retry
        draft, nodes = shared.gates.draft(gate_options(profile)), node_options(profile)

        def compiled(one: Profile) -> Runtime:
            return Runtime(shared, one, draft, lazy=True)

        runtime = Runtime(shared, profile, draft)
        switched = self._switched.made_for(profile, compiled)
        sharing = self._sharing.wanted(profile)
        self._findings.tell(profile)
        try:
            self._on_profile(profile)
        except Exception:
            with suppress(Exception):  # undo its partial changes, as far as possible
                self._on_profile(before)
            raise

        def effect() -> None:
            shared.gates.adopt(draft)
            shared.health.reconfigure(nodes)
            self._sharing.adopt(sharing)
            if retry.budget is not None:
                shared.budget.ratio = retry.budget.ratio
                shared.budget.min_per_second = retry.budget.min_per_second
            self._take(runtime)
            self._switched.adopt(switched)
            self.reloads.changed()

        return effect

    def _keep(self, error: Exception) -> None:
        self.reloads.note("", error)
        self.trail.refused(self._name, error, self._watcher.profile, block=False)

    def _with_overrides(self, profile: Profile) -> Profile:
        return profile.with_overrides(self._overrides) if self._overrides else profile
