"""Observes a wrapped client's calls for some seconds, for `Resilience.traffic`."""

from __future__ import annotations

import time
from typing import Final

from ..model.duration_text import milliseconds
from ..model.traffic import Traffic
from ..model.wording import shown
from ..nodes import TEND_THREAD
from ..runtime.engine import Engine

_LOOK_S: Final = 0.05
"""How often it is checked whether the client was closed, in seconds."""


def observed(engine: Engine, seconds: float | str) -> Traffic:
    """Return the shape of the calls of the next seconds; see `Resilience.traffic`."""
    from ..runtime.observing import TrafficObserver  # needed by few clients

    lasts_s = _seconds(seconds)
    if not TEND_THREAD.may_wait():
        raise RuntimeError(
            "traffic() blocks for as long as it observes, and this thread runs an event loop; use "
            "await asyncio.to_thread(client.resilience.traffic)"
        )
    if engine.closed:
        raise RuntimeError(f"the protection of client {engine.identity.name!r} has ended")
    shared = engine.shared
    observer = TrafficObserver(shared.adapter, shared.health.maps.owners, shared.clock)
    with engine.observing(observer):
        ends = time.monotonic() + lasts_s
        while not engine.closed and (left_s := ends - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))
        return observer.traffic(shared.adapter.name, engine.runtime.profile.name)


def _seconds(given: object) -> float:
    found: float = -1.0
    if isinstance(given, str):
        found = milliseconds(given) / 1000
    elif isinstance(given, int | float) and not isinstance(given, bool):
        found = float(given)
    if not 0 < found < 86_400:
        raise ValueError(
            f'traffic() takes seconds (5) or text with a unit ("500ms"), up to a day, not {shown(given)}'
        )
    return found
