"""The instrumentor: with it ``opentelemetry-instrument python app.py`` wraps every client by itself.

OpenTelemetry finds it by its entry point ``aerospike``, which is also the name that
``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` takes. It needs the package ``opentelemetry-instrumentation``,
which whoever runs ``opentelemetry-instrument`` has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from .instrument import PROFILE, SKIP, instrument, uninstrument
from .wrapping.options import TelemetryProviders

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from .model.call import Call
    from .model.outcome import Outcome

DEFAULT: Final = "observe"
"""The profile where none is named: it changes nothing and measures everything."""


class AerospikeInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Wrap every client that the process creates from now on: `instrument`, as OpenTelemetry calls it.

    The profile is ``profile=``, else ``AEROSPIKE_RESILIENCE_PROFILE``, else ``observe``, which changes no
    call. Hosts that ``AEROSPIKE_RESILIENCE_SKIP`` names stay bare.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: a client package that is not installed is not wrapped."""
        return ()

    def _instrument(  # the name and the arguments that OpenTelemetry passes
        self,
        profile: str | None = None,
        *,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        request_hook: Callable[[Span, Call], None] | None = None,
        response_hook: Callable[[Span, Call, Outcome], None] | None = None,
        **options: Any,
    ) -> None:
        """Instrument.

        Args:
            profile: the name of a policy file.
            tracer_provider: where spans go; None for the global one.
            meter_provider: where metrics go; None for the global one.
            request_hook: see `TelemetryProviders`.
            response_hook: see `TelemetryProviders`.
            options: further arguments of `instrument`; those that OpenTelemetry adds are left out.
        """
        skip = os.environ.get(SKIP, "")
        telemetry = TelemetryProviders(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            request_hook=request_hook,
            response_hook=response_hook,
        )
        known = {name: value for name, value in options.items() if name not in _OPENTELEMETRYS}
        instrument(
            profile or os.environ.get(PROFILE) or DEFAULT,
            skip=known.pop("skip", [host.strip() for host in skip.split(",") if host.strip()]),
            telemetry=telemetry,
            **known,
        )

    def _uninstrument(self, **_options: Any) -> None:
        uninstrument()


_OPENTELEMETRYS: Final = frozenset(
    {"skip_dep_check", "raise_exception_on_conflict", "auto_instrumentation_version"}
)
"""Arguments that OpenTelemetry passes to every instrumentor."""
