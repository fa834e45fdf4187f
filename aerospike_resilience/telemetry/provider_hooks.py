"""Provider hooks: tells wrapped clients when the application sets OpenTelemetry's global providers.

So the first call after ``set_tracer_provider()`` has its span, and no call asks for the provider. The API
offers no such notice, so its setters are wrapped; both public setters and the environment's providers pass
through them. Where an API lacks them, the tend thread notices the provider a moment later.
"""

from __future__ import annotations

import functools
import importlib
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

from ..concurrency.notices import safely

_SETTERS: Final = (
    ("opentelemetry.trace", "_set_tracer_provider"),
    ("opentelemetry.metrics._internal", "_set_meter_provider"),
)


class Follower(Protocol):
    """Something that depends on the global providers."""

    def providers_changed(self) -> None:
        """Look at the global providers again."""
        ...


_followers: Final[weakref.WeakSet[Follower]] = weakref.WeakSet()


def follow(one: Follower) -> None:
    """Call an object's `providers_changed` whenever a global provider is set, for as long as it lives."""
    _install()
    _followers.add(one)


@functools.cache
def _install() -> None:
    for module_name, name in _SETTERS:
        module = importlib.import_module(module_name)
        setter = getattr(module, name, None)
        if callable(setter):
            setattr(module, name, _telling(setter))


def _telling(setter: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(setter)
    def set_provider(*args: Any, **kwargs: Any) -> Any:
        result = setter(*args, **kwargs)
        for one in list(_followers):
            safely(one.providers_changed)
        return result

    return set_provider
