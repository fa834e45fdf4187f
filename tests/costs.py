"""What the tests cost: `make test ARGS=--costs` prints a table of processor seconds for each file.

Each test's set-up, call and tear-down are charged with the processor time of the test process and of the
children that ended meanwhile. Clusters are children of the fork server, which outlives all tests, so what
their nodes burn is charged to no test.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

KEY = "aerospike_resilience_costs"
"""Under which a test's report carries its costs from a worker of xdist to the process that prints."""


def spent() -> tuple[float, float, float]:
    """Return seconds so far: by the wall clock, of this process, of its children that ended."""
    times = os.times()
    return time.monotonic(), times.user + times.system, times.children_user + times.children_system


class Costs:
    """Gathers costs, and prints them at the end of the session."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.rows: list[tuple[str, str, float, float, float]] = []
        self._began = spent()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Put what the phase that just ended cost into its report."""
        now = spent()
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined]
        report.user_properties = [
            *(entry for entry in report.user_properties if entry[0] != KEY),
            (KEY, [after - before for after, before in zip(now, self._began, strict=True)]),
        ]
        self._began = spent()

    def pytest_collection_finish(self) -> None:
        """Begin anew: what collection cost belongs to no test."""
        self._began = spent()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the costs from a report, of this process or of a worker."""
        for name, value in report.user_properties:
            if name == KEY:
                self.rows.append((report.nodeid, report.when, *value))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each file, the dearest first."""
        files: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0])
        for nodeid, when, wall, own, children in self.rows:
            row = files[nodeid.split("::")[0]]
            row[0] += wall
            row[1] += own
            row[2] += children
            row[3] += when == "call"
        if not files:
            return
        terminalreporter.section("costs, in seconds")
        terminalreporter.write_line(f"{'wall':>8}{'own':>8}{'children':>10}{'tests':>7}")
        for name, row in sorted(files.items(), key=lambda item: -item[1][1] - item[1][2]):
            terminalreporter.write_line(
                f"{row[0]:8.1f}{row[1]:8.1f}{row[2]:10.1f}{row[3]:7.0f}  {name}"
            )
        if self.file:
            with self.file.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in self.rows)
