"""What a call told: its span, its sample and its outcome, beside what the application saw and the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from aerospike_resilience import TelemetryProviders
from aerospike_resilience.errors import ResilienceError
from tests.conformance.surfaces import SdkAsync, SdkBlocking
from tests.interceptors.test_telemetry import Collected
from tests.patience import NEVER_LATE

SDK = (SdkAsync, SdkBlocking)
DURATION = "db.client.operation.duration"

CALM = {
    **NEVER_LATE,
    "breaker": {"mode": "off"},
    "adaptive_timeout": None,
    "retry": {"budget": None},
    "telemetry": {"last_call": True, "returned_rows": True},
}
"""No node is suspected and no pulse is sent, so that every request on the wire is a call's."""


class Listener(Collected):
    """Collects what the calls of one wrapped client tell."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[Any] = []
        self._before: dict[Any, tuple[int, float]] = {}

    @property
    def providers(self) -> TelemetryProviders:
        """What `resilient()` takes."""
        return TelemetryProviders(
            tracer_provider=self.tracers,
            meter_provider=self.meters,
            response_hook=lambda _span, _call, outcome: self.outcomes.append(outcome),
        )

    def _samples(self) -> dict[Any, tuple[int, float]]:
        return {
            tuple(sorted(point.attributes.items())): (point.count, point.sum)
            for point in self.points(DURATION)
        }

    def begin(self) -> None:
        """Forget what was told so far."""
        self.exporter.clear()
        self.outcomes.clear()
        self._before = self._samples()

    def counted(self) -> int:
        """Return how many samples were recorded since `begin`."""
        now, before = self._samples(), self._before
        return sum(count - before.get(name, (0, 0.0))[0] for name, (count, _total) in now.items())

    def told(self) -> Told:
        """Return what one operation told since `begin`: one span, one sample and one outcome."""
        moved = []
        for attributes, (count, total) in self._samples().items():
            count_before, total_before = self._before.get(attributes, (0, 0.0))
            if count != count_before:
                moved.append((dict(attributes), count - count_before, total - total_before))
        ((attributes, count, duration_s),) = moved
        assert count == 1
        (span,) = self.spans
        (outcome,) = self.outcomes
        return Told(span, attributes, duration_s, outcome)


class Told:
    """One operation's span, sample and outcome, which were compared with each other."""

    def __init__(self, span: Any, sample: dict[str, Any], duration_s: float, outcome: Any) -> None:
        self.span, self.sample, self.outcome = span, sample, outcome
        self.attributes = dict(span.attributes)
        shared = {name: self.attributes.get(name) for name in sample}
        assert shared == sample
        seconds = (span.end_time - span.start_time) / 1e9
        assert seconds == pytest.approx(duration_s, abs=1e-6)
        assert seconds == pytest.approx(outcome.duration_s, abs=1e-6)
        of_error = ("error.type", "aerospike.resilience.failure")
        failed = outcome.kind in ("failed", "partial", "refused")
        assert [name in self.attributes for name in of_error] == [failed] * 2
        assert [name in sample for name in of_error] == [failed] * 2
        assert (span.status.status_code is StatusCode.ERROR) is failed
        assert self.attributes.get("error.type", "") == (outcome.error_type if failed else "")
        assert self.attributes.get("aerospike.resilience.outcome", "ok") == outcome.kind
        assert self.attributes.get("aerospike.resilience.retries", 0) == outcome.retries

    @property
    def requests(self) -> int:
        """How many requests on the wire it tells of."""
        return 1 + self.outcome.retries + self.outcome.native_retries


def seen(action: Callable[[], Any]) -> Any:
    """Return what an application sees of a call: its result, or the error that it raises."""
    try:
        return action()
    except Exception as error:
        return error


def name_of(error: BaseException) -> str:
    """Return the documented name of an error's class: of this library's own, that of the public class."""
    if isinstance(error, ResilienceError):
        classes = type(error).__mro__
        return next(
            one.__name__ for one in classes if one.__module__ == "aerospike_resilience.errors"
        )
    return type(error).__name__


def carrier(error: BaseException) -> Any:
    """Return the error that has the attempts: the SDK raises one of its own from it."""
    return error if hasattr(error, "attempts") else error.__cause__


class Watched:
    """A surface whose calls are compared with what they tell."""

    def __init__(self, surface: Any, listener: Listener) -> None:
        self.surface = surface
        self.listener = listener

    def told(self, action: Any, told_as: str = "") -> tuple[Any, Told]:
        """Make one call; return what the application saw, and what was told.

        `told_as` is the name of the error that ended the call, where the application does not see it.
        """
        self.listener.begin()
        result = seen(action)
        told = self.listener.told()
        if told_as:
            assert told.outcome.error == told_as
        elif isinstance(result, list) and isinstance(self.surface, SDK):
            pass  # it returns what its client raised as rows, where the application wants that
        elif isinstance(result, Exception):
            assert told.outcome.error == name_of(result)
            found = getattr(carrier(result), "attempts", told.outcome.attempts)
            assert found == told.outcome.attempts
        else:
            assert told.outcome.error == ""
        return result, told
