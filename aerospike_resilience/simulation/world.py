"""Virtual time: a clock that stands still while code runs, and jumps to the next event.

SimPy keeps the events. Its processes are coroutines here: the library's own awaited calls run in virtual
time as they are, and wait for SimPy's events.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol

from simpy import Environment, Event, Timeout
from simpy.events import Process

from ..interceptors import Closing
from ..interceptors.gate.loop_queue import WaitsOn
from ..interceptors.gate.patience import Patience
from ..interceptors.gate.queue import Waiter

BEGINS_S: Final = 1000.0
"""The clock's time at the beginning, in seconds: in a call, 0 stands for a time that is not known yet."""


class Until:
    """Awaited: waits for an event, and returns its value."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self._event)


class GivesUp(Protocol):
    """What has timeouts."""

    def timed_out(self, attempt: int) -> None:
        """The time of an attempt is over."""
        ...


class World:
    """The clock, the events and the random source of one simulation.

    Args:
        seed: of the random source; the same seed gives the same simulation.

    Attributes:
        environment: SimPy's environment.
        chance: the random source.
    """

    def __init__(self, seed: int) -> None:
        self.environment = Environment(initial_time=BEGINS_S)
        self.chance = random.Random(seed)
        self._timeouts: dict[int, list[tuple[GivesUp, int]]] = {}

    def clock(self) -> float:
        """Return the time, in seconds."""
        return self.environment.now

    def later(self, delay_s: float, act: Callable[[Any], None]) -> None:
        """Call a function after so many seconds."""
        timeout = Timeout(self.environment, delay_s)
        timeout.callbacks.append(act)

    def give_up_at(self, at_s: float, what: GivesUp, attempt: int) -> None:
        """Have something time out at a time, rounded down to whole milliseconds as clients do it.

        All timeouts of a millisecond share one event: nearly all of them come to nothing.
        """
        now = self.environment.now
        due = max(int(at_s * 1000), int(now * 1000) + 1)
        waiting = self._timeouts.get(due)
        if waiting is None:
            waiting = self._timeouts[due] = []
            self.later(max(due / 1000 - now, 0.0), lambda _event: self._give_up(due))
        waiting.append((what, attempt))

    def _give_up(self, due: int) -> None:
        for what, attempt in self._timeouts.pop(due):
            what.timed_out(attempt)

    def event(self) -> Event:
        """Return an event that has not happened yet."""
        return Event(self.environment)

    def happen_later(self, event: Event, delay_s: float) -> None:
        """Have an event happen after so many seconds. Nobody may trigger it meanwhile."""
        event._ok, event._value = True, None  # noqa: SLF001 - as SimPy's own Timeout does it
        self.environment.schedule(event, delay=delay_s)

    def sleep(self, seconds: float) -> Until:
        """Return what is awaited for so many seconds to pass."""
        return Until(Timeout(self.environment, seconds))

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Have a coroutine run from now on."""
        Process(self.environment, coroutine)  # type: ignore[arg-type] # it has what a generator has

    def run_until(self, at_s: float) -> None:
        """Let events happen until a time, in seconds."""
        self.environment.run(until=at_s)


class NoLag:
    """The lag of virtual time: there is none, as the clock stands still while code runs."""

    late_after = float("inf")

    def begin(self) -> float:
        """Return what `since` takes."""
        return 0.0

    def end(self) -> None:
        """Do nothing."""

    def since(self, total_s: float) -> float:  # noqa: ARG002 - the protocol's
        """Return no lag."""
        return 0.0


NO_LAG: Final = NoLag()


class VirtualClosing(Closing):
    """`Closing` whose sleeps pass in virtual time. Nobody closes a simulated client.

    Args:
        world: the clock.
    """

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def sleep_async(self, seconds: float) -> bool:
        """Sleep; return that the client was not closed."""
        await self._world.sleep(seconds)
        return False


class VirtualQueue:
    """The waiters of one gate in virtual time.

    Args:
        world: the clock.
        waits_on: decides about a waiter whose time has passed.
    """

    def __init__(self, world: World, waits_on: WaitsOn) -> None:
        self._world = world
        self._waits_on = waits_on

    def here(self) -> VirtualQueue:
        """Return this queue: there is one world."""
        return self

    def signal(self, waiter: Waiter) -> Event:
        """Return an event that happens when the waiter is woken."""
        signal = self._world.event()

        def wake() -> bool:
            if not signal.triggered:
                signal.succeed()
            return True

        waiter.wake = wake
        return signal

    async def wait(self, waiter: Waiter, patience: Patience, signal: Event) -> None:
        """Wait until the waiter is woken, or does not go on waiting."""
        world = self._world
        while not signal.triggered:
            turn = world.event()

            def go_on(_event: Event, turn: Event = turn) -> None:
                if not turn.triggered:
                    turn.succeed()

            signal.callbacks.append(go_on)
            world.later(max(patience.next_look - world.clock(), 0.0), go_on)
            await Until(turn)
            if not signal.triggered and not self._waits_on(waiter, patience):
                return
