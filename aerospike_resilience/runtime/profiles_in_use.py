"""Profiles in use: compiles and watches the profiles that `using()` blocks switch to.

A call never reads a file. A profile is loaded when a block first names it. From then on the tend thread
checks its files, and blocks use the last good version.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from ..ambient import Using
from ..concurrency.changes import Changes
from ..concurrency.weakly import weakly
from ..model.identity import ClientIdentity
from ..profiles import PolicyFileError, PolicyLibrary, Profile, Reload, Watcher
from ..profiles.audit import AuditTrail
from .compiled import Runtime

MAX_SWITCHED: Final = 64
"""The most compiled runtimes that are kept."""

Index: TypeAlias = tuple[str, str]
"""A profile's name, empty for the client's own, and the block's overrides as text."""


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
        self._runtimes: dict[Index, Runtime] = {}
        self._usings: dict[Index, Using] = {}
        self._watchers: dict[str, Watcher] = {}

    @property
    def runtimes(self) -> Iterable[Runtime]:
        """Every runtime that is compiled."""
        return list(self._runtimes.values())

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names of the profiles that blocks have switched to so far."""
        return tuple(self._watchers)

    def find(self, using: Using) -> Runtime | None:
        """Return the runtime of a block; None if it is yet to be compiled."""
        return self._runtimes.get(_index(using))

    def compile(self, using: Using, own: Callable[[], Profile]) -> Runtime:
        """Return the runtime of a block, compiled now if it must be.

        Args:
            using: the block's settings.
            own: returns the client's own profile.

        Raises:
            UnknownProfileError: there is no such profile. Also a `LookupError`.
            PolicyFileError: its file, or the block's overrides, is broken. Also a `ValueError`.
        """
        index = _index(using)

        def ready() -> Callable[[], Runtime]:
            found = self._runtimes.get(index)
            made = found or self._compiled(self._profile(using, own()))
            return lambda: self._put(index, using, made)

        return self._changes.make(ready)

    def _put(self, index: Index, using: Using, runtime: Runtime) -> Runtime:
        while index not in self._runtimes and len(self._runtimes) >= MAX_SWITCHED:
            oldest = next(iter(self._runtimes))
            del self._runtimes[oldest], self._usings[oldest]
        self._usings[index] = using
        self._runtimes[index] = runtime
        return runtime

    def made_for(
        self, own: Profile, compiled: Callable[[Profile], Runtime]
    ) -> Mapping[Index, Runtime]:
        """Return the runtimes that the blocks need once the client's own profile has changed.

        `adopt` puts them in force. A block whose overrides no longer fit keeps its runtime.
        """
        found = {}
        for index, using in list(self._usings.items()):
            try:
                profile = self._profile(using, own)
            except PolicyFileError as error:
                self._log.warning(
                    "what a using() block says over the profile stays as it was: %s", error
                )
                continue
            found[index] = compiled(profile)
        return found

    def adopt(self, runtimes: Mapping[Index, Runtime]) -> None:
        """Put runtimes in force."""
        self._runtimes.update(runtimes)

    def forget(self) -> None:
        """Drop every runtime, so that each is compiled anew when a block needs it."""
        self._runtimes.clear()
        self._usings.clear()

    def poll(self) -> None:
        """Reload changed profiles; rebuild chains where an SDK was configured since."""
        for watcher in list(self._watchers.values()):
            watcher.poll()
        if any(runtime.telemetry_is_stale for runtime in self.runtimes):
            self._changes.make(self._ready_again)

    def _ready_again(self) -> Callable[[], None]:
        remade = {
            index: self._compiled(runtime.profile)
            for index, runtime in list(self._runtimes.items())
            if runtime.telemetry_is_stale
        }
        return lambda: self.adopt(remade)

    def reload(self) -> dict[str, Reload]:
        """Load every profile again now; return what changed, by name."""
        found = {name: watcher.reload() for name, watcher in list(self._watchers.items())}
        return {name: one for name, one in found.items() if one.changed or one.error is not None}

    def _profile(self, using: Using, own: Profile) -> Profile:
        base = own if using.profile is None else self._over(self._watched(using.profile).profile)
        return _with(base, using)

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
        remade = {
            index: self._compiled(_with(base, using))
            for index, using in list(self._usings.items())
            if using.profile == name
        }
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


def _index(using: Using) -> Index:
    return (using.profile or "", repr(using.overrides) if using.overrides is not None else "")
