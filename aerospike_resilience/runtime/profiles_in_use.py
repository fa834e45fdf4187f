"""Profiles in use: compiles and watches the profiles that `using()` blocks switch to.

A call never reads a file. A profile is loaded when a block first names it. From then on the tend thread
checks its files, and blocks use the last good version.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from ..ambient import Using
from ..concurrency.changes import Changes
from ..concurrency.weakly import weakly
from ..model.identity import ClientIdentity
from ..profiles import PolicyFileError, PolicyLibrary, Profile, Reload, Watcher
from ..profiles.audit import AuditTrail
from .compiled import Runtime
from .fast.table import BoundedTable

MAX_SWITCHED: Final = 512
"""The most compiled runtimes that are kept. The half used last is never forgotten."""


class _Switched:
    """What blocks switch to, and its runtime.

    A reload changes the runtime here. So it does not matter which table holds it meanwhile.
    """

    __slots__ = ("runtime", "using")

    def __init__(self, using: Using, runtime: Runtime) -> None:
        self.using = using
        self.runtime = runtime


Remade: TypeAlias = list[tuple[_Switched, Runtime]]
"""What blocks switch to, with the runtimes that are to take over."""


class ProfilesInUse:
    """One client's runtimes of `using()`. `find` takes no lock.

    Args:
        library: where profiles come from.
        compiled: compiles a profile into a runtime.
        over: applies the application's own settings to a profile.
        on_profile: called with every profile that is loaded or reloaded for a block.
        on_error: called with a profile's name and the error in its files; with None once they are good
            again.
        identity: the wrapped client's name and profile, for log lines.
        changes: makes the client's changes, such as reloads, one at a time.
        trail: keeps what changed.
    """

    def __init__(
        self,
        library: PolicyLibrary,
        compiled: Callable[[Profile], Runtime],
        over: Callable[[Profile], Profile],
        on_profile: Callable[[Profile], None],
        on_error: Callable[[str, Exception | None], None],
        identity: ClientIdentity,
        changes: Changes,
        trail: AuditTrail,
    ) -> None:
        self._trail = trail
        self._identity = identity
        self._log = identity.log("aerospike_resilience")
        self._changes = changes
        self._library = library
        self._compiled = compiled
        self._over = over
        self._on_profile = on_profile
        self._on_error = on_error
        self._switched = BoundedTable(MAX_SWITCHED // 2)
        self._watchers: dict[str, Watcher] = {}

    @property
    def runtimes(self) -> Iterable[Runtime]:
        """Every runtime that is compiled."""
        return [switched.runtime for switched in self._all()]

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names of the profiles that blocks have switched to so far."""
        return tuple(self._watchers)

    def find(self, using: Using) -> Runtime | None:
        """Return the runtime of a block; None if it is yet to be compiled."""
        switched: _Switched | None = self._switched.get(using.index)
        return None if switched is None else switched.runtime

    def compile(self, using: Using, own: Callable[[], Profile]) -> Runtime:
        """Return the runtime of a block, compiled now if it must be.

        Args:
            using: the block's settings.
            own: returns the client's own profile.

        Raises:
            UnknownProfileError: there is no such profile. Also a `LookupError`.
            PolicyFileError: its file, or the block's overrides, is broken. Also a `ValueError`.
        """
        made: Runtime | None = None
        base: Profile | None = None

        def ready() -> Callable[[], Runtime]:
            nonlocal made, base
            found, before, base = self.find(using), base, self._base(using, own())
            if found is not None:
                return lambda: found
            if made is None or base is not before:  # else another block took effect in between
                made = self._compiled(_with(self._over_own(using, base), using))
            runtime = made
            return lambda: self._put(using, runtime)

        return self._changes.make(ready)

    def _put(self, using: Using, runtime: Runtime) -> Runtime:
        self._switched.put(using.index, _Switched(using, runtime))
        return runtime

    def _all(self) -> list[_Switched]:
        return self._switched.values()

    def made_for(self, own: Profile, compiled: Callable[[Profile], Runtime]) -> Remade:
        """Return the runtimes that the blocks need once the client's own profile has changed.

        `adopt` puts them in force. A block whose overrides no longer fit keeps its runtime.
        """
        found = []
        for switched in self._all():
            using = switched.using
            try:
                profile = _with(self._over_own(using, self._base(using, own)), using)
            except PolicyFileError as error:
                self._log.warning(
                    "what a using() block says over the profile stays as it was: %s", error
                )
                continue
            found.append((switched, compiled(profile)))
        return found

    def adopt(self, remade: Remade) -> None:
        """Put runtimes in force."""
        for switched, runtime in remade:
            switched.runtime = runtime

    def forget(self) -> None:
        """Drop every runtime, so that each is compiled anew when a block needs it."""
        self._switched = BoundedTable(MAX_SWITCHED // 2)

    def poll(self) -> None:
        """Reload changed profiles; rebuild chains where another provider was set since."""
        for watcher in list(self._watchers.values()):
            watcher.poll()
        self.listen()

    def listen(self) -> None:
        """Rebuild the chains whose provider is another now."""
        if self._stale():
            self._changes.make(self._ready_again)

    def _ready_again(self) -> Callable[[], None]:
        remade = [
            (switched, self._compiled(switched.runtime.profile)) for switched in self._stale()
        ]
        return lambda: self.adopt(remade)

    def _stale(self) -> list[_Switched]:
        """Return what was compiled before an SDK was configured. Those that want the same ask once."""
        told: dict[Any, bool] = {}
        found = []
        for switched in self._all():
            runtime = switched.runtime
            wants = runtime.profile.telemetry
            alike = (wants.spans, wants.metrics, runtime.telemetry.listeners)
            if alike not in told:
                told[alike] = runtime.telemetry_is_stale
            if told[alike]:
                found.append(switched)
        return found

    def reload(self) -> dict[str, Reload]:
        """Load every profile again now; return what changed, by name."""
        found = {name: watcher.reload() for name, watcher in list(self._watchers.items())}
        return {name: one for name, one in found.items() if one.changed or one.error is not None}

    def _base(self, using: Using, own: Profile) -> Profile:
        """Return the profile that a block names, as it is in its files; else the client's own."""
        return own if using.profile is None else self._watched(using.profile).profile

    def _over_own(self, using: Using, base: Profile) -> Profile:
        """Return it with the application's own settings, which the client's own profile has already."""
        return base if using.profile is None else self._over(base)

    def _watched(self, name: str) -> Watcher:
        found = self._watchers.get(name)
        if found is None:
            found = Watcher(
                self._library,
                name,
                functools.partial(weakly(self._ready), name),
                functools.partial(weakly(self._keep), name),
                self._identity,
                self._changes,
                self._trail,
            )
            found = self._watchers.setdefault(name, found)
            self._on_profile(found.profile)
        return found

    def _ready(self, name: str, profile: Profile) -> Callable[[], None]:
        """Prepare a reloaded profile for every block that names it."""
        base = self._over(profile)
        remade = [
            (switched, self._compiled(_with(base, switched.using)))
            for switched in self._all()
            if switched.using.profile == name
        ]
        self._on_profile(profile)

        def effect() -> None:
            self.adopt(remade)
            self._on_error(name, None)

        return effect

    def _keep(self, name: str, error: Exception) -> None:
        self._on_error(name, error)
        self._trail.refused(name, error, self._watchers[name].profile, block=True)


def _with(base: Profile, using: Using) -> Profile:
    if using.overrides is None:
        return base
    return base.with_overrides(using.overrides, origin="using()")
