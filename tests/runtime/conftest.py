"""What every test of the runtime has: the clock of deadlines is the machine's again when it ends."""

from __future__ import annotations

import pytest

from aerospike_resilience import ambient


@pytest.fixture(autouse=True)
def clock_of_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the clock of deadlines, which the two sides of a comparison replace by their own."""
    monkeypatch.setattr(ambient._Monotonic, "now", staticmethod(ambient._Monotonic.now))
