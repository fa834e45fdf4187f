"""Instrumenting: wraps every client that a process creates, without a change where it is created.

By a call, ``instrument(profile="latency")``, or by the environment: with
``AEROSPIKE_RESILIENCE_PROFILE=latency`` at startup the file ``aerospike_resilience.pth`` beside the
installed package makes Python keep that profile, and call `from_startup` before the first client package
is imported (``_aerospike_resilience_startup.py``).

A client package that is not imported yet is instrumented when it is imported. Instrumenting imports none.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from .clients import ADAPTERS, Creation
from .concurrency import forking
from .interceptors import TenacityRules
from .model.identity import ClientIdentity
from .model.wording import shown
from .profiles import PolicyLibrary
from .profiles.overrides import copied
from .profiles.starting import start
from .runtime.chain import check_placed
from .wrapping.being_connected import CREATING, SEED
from .wrapping.mistakes import refuse_unknown
from .wrapping.options import RetryRules, SeparateOptions
from .wrapping.options import options as resolved
from .wrapping.resilience import Resilience
from .wrapping.wrap import KEYWORDS, resilient

PROFILE: Final = "AEROSPIKE_RESILIENCE_PROFILE"
"""The profile to instrument with when Python starts."""

SKIP: Final = "AEROSPIKE_RESILIENCE_SKIP"
"""Hosts whose clients stay bare, separated by commas: ``host``, ``host:port``, with ``*`` and ``?``."""


class _Instrumentation:
    """The options for `resilient()` in force, and the replaced originals.

    Args:
        skip: hosts whose clients stay bare.
        options: arguments of `resilient()`, by keyword.
        problem: why clients stay bare although instrumenting was asked for; empty if they are wrapped.
    """

    def __init__(
        self, skip: tuple[str, ...], options: Mapping[str, Any], problem: str = ""
    ) -> None:
        self.skip = skip
        self.options = dict(options)
        self.problem = problem
        self.warned = False
        self.replaced: list[tuple[Any, str, Any]] = []

    def wrap(self, client: Any, hosts: list[str]) -> Any:
        """Wrap a client that was just created; return it bare if it cannot be wrapped."""
        if CREATING.get() or isinstance(getattr(client, "resilience", None), Resilience):
            return client
        if self._skips(hosts):
            return client
        if self.problem:
            if not self.warned:
                self.warned = True
                ClientIdentity("", "").log("aerospike_resilience").warning(
                    "a client was created and stays bare, as all will: %s", self.problem
                )
            return client
        token = SEED.set(hosts[0] if hosts else "")
        try:
            return resilient(client, **self.options)
        except Exception:  # noqa: BLE001 - the service must start whatever this raises
            given = (str(self.options.get(option) or "") for option in ("name", "profile"))
            who = ClientIdentity(*given)
            who.log("aerospike_resilience").exception(
                "a client was created and could not be wrapped; it stays bare"
            )
            return client
        finally:
            SEED.reset(token)

    def _skips(self, hosts: list[str]) -> bool:
        return any(
            fnmatch.fnmatchcase(name, pattern)
            for pattern in self.skip
            for host in hosts
            for name in (host, host.rpartition(":")[0])
        )

    def replace(self, owner: Any, name: str, new: Any) -> None:
        """Replace a name's object, and keep the original."""
        self.replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, new)

    def has_replaced(self, owner: Any, name: str) -> bool:
        """Return whether a name's object was replaced already."""
        return any(known is owner and named == name for known, named, _old in self.replaced)

    def original(self, name: str) -> Any:
        """Return a name's original object, wherever it was replaced."""
        return next((old for _, known, old in self.replaced if known == name), None)


class _Guard:
    """The lock for instrumenting. Reentrant, as a signal handler may instrument too."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        forking.register(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self.lock = threading.RLock()


_guard = _Guard()
_current: _Instrumentation | None = None
_decided = False  # whether the application has called instrument() or uninstrument()
_hooked: set[str] = set()


def instrument(profile: str = "default", *, skip: str | Iterable[str] = (), **options: Any) -> None:
    """Wrap every client that the process creates from now on, of every client package.

    A second call replaces the first, for clients created from then on.

    Args:
        profile: the name of a policy file.
        skip: hosts whose clients stay bare: ``host`` or ``host:port``, with ``*`` and ``?``. A single
            text is one pattern.
        options: further arguments of `resilient`, by keyword. They are copied: later changes of them have
            no effect, nor has another working directory.

    Raises:
        TypeError: `resilient` has no such argument, or a pattern of `skip` is no text.
        UnknownProfileError: there is no such profile. Also a `LookupError`.
        PolicyFileError: its file is broken. Also a `ValueError`.
    """
    # A mistake must raise here, as an error when a client is created only leaves the client bare.
    _put_in_force(_Instrumentation(_patterns(skip), _taken(profile, options)))


def _patterns(skip: str | Iterable[str]) -> tuple[str, ...]:
    if isinstance(skip, str):
        return (skip,)
    if isinstance(skip, bytes) or not isinstance(skip, Iterable):
        raise TypeError(
            f'skip= takes a pattern such as "cache-*", or a list of them, not {shown(skip)}'
        )
    patterns = tuple(skip)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(
                f'skip= takes patterns as text, such as "cache-*", not {shown(pattern)}'
            )
    return patterns


def _taken(profile: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that every client is wrapped with, checked and copied."""
    known = (*KEYWORDS, *SeparateOptions.__annotations__)
    if unknown := {name: value for name, value in options.items() if name not in known}:
        refuse_unknown("instrument", unknown, ("skip", *known))
    library = PolicyLibrary.of(options.get("policies"))
    loaded = start(library, profile, options.get("broken_profile", "raise")).profile
    overrides = copied(options.get("overrides"))
    if overrides is not None:
        loaded.with_overrides(overrides)
    separate = {name: value for name, value in options.items() if name not in KEYWORDS}
    retry, fallback = options.get("retry"), options.get("fallback")
    breaker, telemetry = options.get("breaker"), options.get("telemetry")
    given = resolved(retry, fallback, breaker, telemetry, cast(SeparateOptions, separate))
    if given.rules != RetryRules():
        TenacityRules(given.rules.wait, given.rules.retry, given.rules.stop)
    listeners = {"listeners": given.breaker.listeners} if "listeners" in options else {}
    return {
        "profile": profile,
        **options,
        "policies": library,
        "overrides": overrides,
        **listeners,
        "interceptors": check_placed(options.get("interceptors", ())),
    }


def uninstrument() -> None:
    """Leave clients bare that are created from now on. Wrapped clients stay wrapped."""
    _put_in_force(None)


def from_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Instrument as the environment variables say, if they are set.

    If the profile is broken or missing, clients start on its parent, or on ``observe``
    (``broken_profile="parent"``). A mistake is written to standard error, as logging may not be configured
    yet, and logged again when a client is created.
    """
    profile = environ.get(PROFILE)
    if not profile:
        return
    skip = tuple(host.strip() for host in environ.get(SKIP, "").split(",") if host.strip())
    try:
        begun = start(PolicyLibrary(), profile, "parent")
        instrument(profile, skip=skip, broken_profile="parent")
    except Exception as error:  # noqa: BLE001 - the application must start whatever this raises
        problem = f"{PROFILE}={profile} changes nothing: {error}"
        _put_in_force(_Instrumentation(skip, {}, problem))
        _write(problem)
        return
    if begun.error is not None:
        _write(f"{PROFILE}={profile}: {begun.profile.name!r} is in force instead: {begun.error}")


def _write(problem: str) -> None:
    with contextlib.suppress(Exception):  # standard error may be missing or closed
        sys.stderr.write(f"aerospike-resilience: {problem}\n")


def from_startup(environ: Mapping[str, str]) -> None:
    """Instrument as the environment said at startup, unless the application has decided since."""
    if not _decided:
        from_environment(environ)


def _put_in_force(instrumentation: _Instrumentation | None) -> None:
    global _current, _decided
    with _guard.lock:
        _decided = True
        _restore_locked()
        _current = instrumentation
        if instrumentation is None:
            return
        for adapter in ADAPTERS:
            for creation in adapter.creations:
                _hook_locked(creation)


def _hook_locked(creation: Creation) -> None:
    if creation.module in sys.modules:
        _apply(creation, sys.modules[creation.module])
        return
    name = f"{creation.module}:{creation.attribute}"
    if name not in _hooked:
        import wrapt  # it imports asyncio, which a process that instruments nothing may not need

        _hooked.add(name)
        wrapt.register_post_import_hook(functools.partial(_apply, creation), creation.module)


def _restore_locked() -> None:
    if _current is not None:
        for owner, name, old in reversed(_current.replaced):
            setattr(owner, name, old)
        _current.replaced.clear()


def _apply(creation: Creation, module: Any) -> None:
    """Replace the function or class that creates clients by a wrapping stand-in."""
    current = _current
    if current is None:
        return
    owner, name = module, creation.attribute
    if creation.how == "init":
        class_name, _, name = creation.attribute.partition(".")
        owner = getattr(module, class_name)
    if current.has_replaced(owner, name):
        return
    if creation.how == "bare":
        if (original := current.original(name)) is not None:
            current.replace(owner, name, original)
        return
    make = {"class": _class, "function": _function, "awaitable": _awaitable, "init": _init}
    bare = getattr(owner, name)
    stand_in = make[creation.how](bare, creation)
    current.replace(owner, name, stand_in)
    home = sys.modules.get(bare.__module__)
    if creation.how == "class" and home is not owner and getattr(home, name, None) is bare:
        current.replace(home, name, stand_in)  # the class names that module as its own


def _wrapped(client: Any, hosts: list[str]) -> Any:
    """Wrap a client that was just created, if instrumenting is in force now.

    A stand-in calls this for every client and keeps no options itself, as ``from aerospike import
    client`` keeps the stand-in beyond `uninstrument` and the next `instrument`.
    """
    current = _current
    return client if current is None else current.wrap(client, hosts)


def _function(create: Any, creation: Creation) -> Callable[..., Any]:
    @functools.wraps(create)
    def created(*args: Any, **kwargs: Any) -> Any:
        return _wrapped(create(*args, **kwargs), creation.hosts(args, kwargs))

    return created


def _awaitable(create: Any, creation: Creation) -> Callable[..., Any]:
    @functools.wraps(create)
    async def created(*args: Any, **kwargs: Any) -> Any:
        return _wrapped(await create(*args, **kwargs), creation.hosts(args, kwargs))

    return created


def _init(init: Any, creation: Creation) -> Callable[..., Any]:
    @functools.wraps(init)
    def initialized(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        _wrapped(self, creation.hosts(args, kwargs))

    return initialized


def _class(cls: Any, creation: Creation) -> Any:
    """Return a class that creates wrapped instances and passes for the class itself."""

    def wrap(made: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return _wrapped(made, creation.hosts(args, kwargs))

    from .wrapping.creating import creating  # needed only for clients created by a class

    return creating(cls, f"{creation.module}:{creation.attribute}", wrap)
