"""The applications in examples/, each run with its real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def environment(cluster: Any, **more: str) -> dict[str, str]:
    path = os.pathsep.join((str(ROOT), str(EXAMPLES), os.environ.get("PYTHONPATH", "")))
    own = {
        "AEROSPIKE_HOSTS": cluster.seeds,
        "AEROSPIKE_CLUSTER_NAME": "local",
        "AEROSPIKE_TIMEOUT": "20s",
        "PYTHONPATH": path,
    }
    return {**os.environ, **own, "AEROSPIKE_NO_UVLOOP": "1", **more}


@contextmanager
def served(cluster: Any, log: Path, *command: str, **more: str) -> Iterator[str]:
    """Run a server; yield the address it says in its log."""
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=EXAMPLES,
            env=environment(cluster, **more),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        pattern = re.compile(r"(?:Listening at:|running on) (http://[\w.:]+)")
        found = until(
            lambda: pattern.search(log.read_text()) or server.poll() is not None, pause_s=0.05
        )
        assert isinstance(found, re.Match), log.read_text()
        yield found[1]
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            raise
    assert "Traceback" not in log.read_text(), log.read_text()
    assert "before the process forked" not in log.read_text()


def post(address: str, path: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{address}{path}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def counts(address: str, user: str) -> list[int]:
    return [post(address, f"/visits/{user}")["count"] for _ in range(6)]


def rising(found: list[int]) -> bool:
    return found == list(range(found[0], found[0] + len(found)))


def test_the_script(healthy):
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=EXAMPLES,
        env=environment(healthy),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "AEROSPIKE_CLUSTER_NAME" in done.stdout
    assert "visits: 1" in done.stdout


def test_the_script_says_why_there_is_no_cluster(healthy):
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=EXAMPLES,
        env=environment(healthy, AEROSPIKE_CLUSTER_NAME="other"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "not of 'other'" in done.stderr
    assert "Traceback" not in done.stderr


def test_fastapi_under_uvicorn(healthy, tmp_path):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    command = ("uvicorn", "fastapi_app:app", "--port", "0", "--host", "127.0.0.1")
    with served(healthy, tmp_path / "log", *command) as address:
        assert rising(counts(address, "fastapi"))
        with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
            assert len(json.load(answer)["nodes"]) == 3


@pytest.mark.parametrize(
    ("package", "app", "more"),
    [("flask", "flask_app:app", ["--preload"]), ("django", "django_app:application", [])],
)
def test_wsgi_applications_under_gunicorn(healthy, tmp_path, package, app, more):
    pytest.importorskip(package)
    pytest.importorskip("gunicorn")
    command = ("gunicorn", app, *more, "--workers", "2", "--bind", "127.0.0.1:0")
    with served(healthy, tmp_path / "log", *command, "--graceful-timeout", "3") as address:
        assert rising(counts(address, package))


def test_celerys_prefork_pool(healthy, tmp_path):
    pytest.importorskip("celery")
    folder = str(tmp_path / "queue")
    log = tmp_path / "log"
    command = ("celery", "-A", "celery_app", "worker", "--concurrency", "2", "--pool", "prefork")
    with log.open("w") as file:
        worker = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=EXAMPLES,
            env=environment(healthy, CELERY_FOLDER=folder),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from celery_app import visit; "
                "print([visit.delay('celery').get(timeout=90)['count'] for _ in range(3)])",
            ],
            cwd=EXAMPLES,
            env=environment(healthy, CELERY_FOLDER=folder),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    finally:
        worker.terminate()
        worker.wait(60)
    assert done.returncode == 0, done.stderr + log.read_text()
    assert rising(json.loads(done.stdout))
    assert "Traceback" not in log.read_text(), log.read_text()
