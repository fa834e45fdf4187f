"""The profiles that `using()` blocks switch to: compiled once each, and watched like the client's own.

A call never reads a file. A profile is loaded when a block first names it; from then on the last good
one is at hand, and the tend thread looks at its files.
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
from .compiled import Runtime

MAX_SWITCHED: Final = 64
"""How many runtimes are kept compiled."""

Index: TypeAlias = tuple[str, str]
"""A profile's name, empty for the client's own, and the block's overrides as text."""


class ProfilesInUse:
    """One client's runtimes of `using()`. `find` takes no lock.

    Args:
        library: where profiles come from.
        compiled: makes a runtime of a profile.
        over: puts the application's own settings over a profile.
        on_profile: told of every profile that is loaded for a block, and loaded again.
        on_error: told of a profile whose files are bad, by name, and that they are good again (None).
        identity: the wrapped client's name and profile, for log lines.
        changes: the client's changes, of which this makes some.
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
    ) -> None:
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
            using: what the block said.
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
        """Return the runtimes that the blocks need once the client's own profile is another.

        Nothing is in force until `adopt`. A block whose overrides do not fit any more keeps what it has.
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
        """Have every runtime compiled anew when a block needs it."""
        self._runtimes.clear()
        self._usings.clear()

    def poll(self) -> None:
        """Reload what changed; build a chain anew where somebody configured an SDK since."""
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
        """Load every profile again now; return what there is to tell, by name."""
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
            )
            found = self._watchers.setdefault(name, found)
            self._on_profile(found.profile)
        return found

    def _ready(self, name: str, profile: Profile) -> Callable[[], None]:
        """Make a profile that was loaded again ready, for every block that names it."""
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
        self._changes.notices.note(
            self._log.error, "profile %r of using() stays as it was: %s", name, error
        )


def _with(base: Profile, using: Using) -> Profile:
    if using.overrides is None:
        return base
    return base.with_overrides(using.overrides, origin="using()")


def _index(using: Using) -> Index:
    return (using.profile or "", repr(using.overrides) if using.overrides is not None else "")
