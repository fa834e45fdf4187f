"""A real Prometheus that scrapes this process."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server

from tests.telemetry.prometheus import reader_into
from tests.waiting import until

PROMETHEUS = shutil.which("prometheus")

needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None, reason="prometheus is not installed (Debian package: prometheus)"
)


class Prometheus:
    """The server, and the provider whose metrics it scrapes.

    Attributes:
        url: where it serves.
        provider: for `resilient(meter_provider=…)`.
    """

    def __init__(self, url: str, provider: MeterProvider) -> None:
        self.url = url
        self.provider = provider

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an instant query finds: labels as ``metric``, and ``value``."""
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def ready(self) -> bool:
        """Whether it serves."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False


def free_port() -> int:
    """Return a port at which nothing listens."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def prometheus(folder: Path, rules: dict[str, Any], scrape: str = "1s") -> Iterator[Prometheus]:
    """Scrape this process with a real Prometheus.

    Args:
        folder: for its files.
        rules: as `aerospike_resilience.telemetry.rules.rules` returns them.
        scrape: how often, such as ``1s``.
    """
    metrics = CollectorRegistry()
    provider = MeterProvider([reader_into(metrics)])
    exporter, _thread = start_http_server(0, addr="127.0.0.1", registry=metrics)
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": scrape, "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [
                    {
                        "job_name": "shop",
                        "static_configs": [
                            {"targets": [f"127.0.0.1:{exporter.server_address[1]}"]}
                        ],
                    }
                ],
            }
        )
    )
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [
                str(PROMETHEUS),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    server = Prometheus(f"http://{address}", provider)
    try:
        until(server.ready)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        exporter.shutdown()
        exporter.server_close()
        provider.shutdown()


def wait(seconds: float) -> None:
    """Let Prometheus scrape and evaluate, by its own clock."""
    time.sleep(seconds)
