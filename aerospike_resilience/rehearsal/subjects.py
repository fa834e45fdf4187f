"""The subjects of a rehearsal: profiles, each with a real client wrapped under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aerospike
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from .. import ClusterDefinition, TelemetryProviders, connect
from ..clients import adapter_named
from ..errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..model.failure import FailureKind
from ..profiles import Profile
from .experiment import Hosts, Ready, Variant

NO_LIMIT_S: Final = 60.0
"""Stands for a ``total_timeout`` of 0, in seconds, where a call's overrun is reported."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A profile to rehearse.

    Attributes:
        role: ``new`` or ``old``.
        label: what the command line named.
        profile: the profile.
        directories: where its file and its parents are found, in the order of search.
    """

    role: str
    label: str
    profile: Profile
    directories: tuple[Path, ...]

    @property
    def variant(self) -> Variant:
        """The subject as a way to use the client."""
        config = f"profile {self.profile.name} ({self.profile.fingerprint})"
        return Variant(self.role, f"{self.role}: {self.label}", config, self._build)

    def _build(self, hosts: Hosts) -> Ready:
        silent = TelemetryProviders(
            tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider()
        )
        # A rehearsal must not write nodes' states where the service's processes read them.
        alone = {"breaker": {"storage": None}} if self.profile.breaker.storage else None
        client: Any = connect(
            ClusterDefinition(hosts=hosts),
            client="aerospike",
            profile=self.profile.name,
            policies=self.directories,
            overrides=alone,
            telemetry=silent,
            name=f"rehearsal-{self.role}",
        )
        bare = aerospike.client({"hosts": hosts})
        explain = client.resilience.explain
        totals = [explain(name).value("total_timeout") for name in ("get", "put")]

        def close() -> None:
            client.close()
            bare.close()

        return Ready(
            client,
            bare,
            max((total / 1000 if total else NO_LIMIT_S) for total in totals),
            lambda: {name: node["state"] for name, node in client.resilience.nodes.items()},
            failure_kinds(),
            close,
        )


def failure_kinds() -> Callable[[Exception, str], str]:
    """Return what names a failure of the C client or of this library by its kind.

    Kinds are those of `FailureKind`, and of this library's refusals ``open_node``, ``queue`` and
    ``deadline``.
    """
    adapter = adapter_named("aerospike")

    def kind(error: Exception, operation: str) -> str:
        if isinstance(error, CircuitOpenError):
            return "open_node"
        if isinstance(error, BackpressureError):
            return "queue"
        if isinstance(error, DeadlineExceededError):
            return "deadline"
        found = adapter.classify(error, adapter.operations[operation]).kind
        return type(error).__name__ if found is FailureKind.OTHER else str(found)

    return kind
