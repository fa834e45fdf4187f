"""The real Prometheus beside a test: what it scrapes of this process, and what its rules make of that."""

from __future__ import annotations

import inspect
import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import until

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs the program prometheus"
)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs the program promtool"
)

OWN_REGISTRY: Final = "registry" in inspect.signature(PrometheusMetricReader).parameters
"""Whether this exporter can be given a registry. Before 0.63b0 it cannot, and it says HELP twice."""


def reader_into(registry: CollectorRegistry) -> PrometheusMetricReader:
    """Return a reader whose metrics are in a registry of the test's own."""
    if OWN_REGISTRY:
        return PrometheusMetricReader(registry=registry)
    reader = PrometheusMetricReader()  # it knows the process's registry only
    registry.register(reader._collector)
    return reader


class Exporter:
    """A meter provider with the Prometheus exporter."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.provider = MeterProvider([reader_into(self.registry)], shutdown_on_exit=False)

    def text(self) -> str:
        """Return one scrape."""
        return generate_latest(self.registry).decode()

    def series(self) -> dict[str, float]:
        """Return the value of every series of one scrape, by name and labels as PromQL writes them."""
        return {
            f"{sample.name}{{{','.join(f'{k}={json.dumps(v)}' for k, v in sample.labels.items())}}}": (
                sample.value
            )
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


def faults_of(
    folder: Path,
    scrapes: list[dict[str, float]],
    right: Mapping[str, float],
    intervals_s: Iterable[int],
) -> str:
    """Return what ``promtool`` says is wrong with the values of expressions after some scrapes.

    Args:
        folder: where it may write.
        scrapes: the series of each scrape.
        right: the value of each expression.
        intervals_s: the seconds between two scrapes; each is tried.
    """
    names = {name for scrape in scrapes for name in scrape}
    series = [
        {
            "series": name,
            "values": " ".join(str(scrape.get(name, "_")) for scrape in scrapes),
        }
        for name in sorted(names)
    ]
    tests = [
        {
            "interval": f"{interval_s}s",
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": expression,
                    "eval_time": f"{interval_s * (len(scrapes) - 1)}s",
                    "exp_samples": [{"labels": "{}", "value": value}],
                }
                for expression, value in right.items()
            ],
        }
        for interval_s in intervals_s
    ]
    file = folder / "scrapes.yml"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1s", "tests": tests}))
    ended = subprocess.run(
        ["promtool", "test", "rules", str(file)], check=False, capture_output=True, text=True
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


class Prometheus:
    """A running Prometheus that scrapes this process each second."""

    def __init__(self, folder: Path, exporter: Exporter) -> None:
        server, _thread = start_http_server(0, addr="127.0.0.1", registry=exporter.registry)
        self._server = server
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        config = folder / "prometheus.yml"
        target = f"127.0.0.1:{server.server_address[1]}"
        job = {"job_name": "us", "static_configs": [{"targets": [target]}]}
        config.write_text(
            json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})
        )
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self._answers())

    def values(self, expression: str) -> list[float]:
        """Return the values of an expression now."""
        query = urllib.parse.urlencode({"query": expression})
        found = self._ask(f"/api/v1/query?{query}")["data"]["result"]
        return [float(one["value"][1]) for one in found]

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _answers(self) -> bool:
        try:
            return bool(self.values("up == 1"))
        except OSError:
            return False

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}") as answer:
            return json.load(answer)
