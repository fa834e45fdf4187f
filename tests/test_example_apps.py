"""The applications in examples/, each run with its real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from aerospike_resilience import resilience, resilient
from aerospike_resilience.telemetry.dashboard import dashboard
from aerospike_resilience.telemetry.prometheus import series
from aerospike_resilience.telemetry.rules import rules
from tests.waiting import until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
COMPOSE = EXAMPLES / "compose"


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


def get(address: str, path: str) -> str:
    with urllib.request.urlopen(f"{address}{path}", timeout=60) as answer:
        return answer.read().decode()


FASTAPI = ("uvicorn", "fastapi_app:app", "--port", "0", "--host", "127.0.0.1")


def test_fastapi_under_uvicorn_with_its_metrics(healthy, tmp_path):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    with served(healthy, tmp_path / "log", *FASTAPI) as address:
        assert rising(counts(address, "fastapi"))
        assert len(json.loads(get(address, "/health"))["nodes"]) == 3
        shown = get(address, "/metrics/")

    for name in ("db.client.operation.duration", "aerospike.resilience.node.state"):
        assert f"\n{series(name)}" in shown
    assert 'db_operation_name="' in shown


def test_compose_shows_the_dashboard_and_the_rules_of_the_package():
    shown = json.loads((COMPOSE / "grafana" / "dashboards" / "aerospike.json").read_text())
    assert shown == dashboard()
    assert yaml.safe_load((COMPOSE / "aerospike-rules.yaml").read_text()) == rules()


GUNICORN = ("gunicorn", "--bind", "127.0.0.1:0", "--graceful-timeout", "3")


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("fastapi", FASTAPI),
        ("flask", (*GUNICORN, "flask_app:app")),
        ("django", (*GUNICORN, "django_app:application")),
    ],
)
def test_an_application_answers_503_and_when_to_come_back_while_a_node_is_down(
    cluster, tmp_path, package, command
):
    pytest.importorskip(package)
    pytest.importorskip(command[0])

    def refused() -> str | None:
        try:
            post(address, "/visits/ann")
        except urllib.error.HTTPError as error:
            with error:
                return error.headers["Retry-After"] if error.code == 503 else None
        return None

    with served(cluster, tmp_path / "log", *command) as address:
        post(address, "/visits/ann")  # connects
        cluster.stall(cluster.master("test", "visits", "ann"))
        retry_after = until(refused, pause_s=0.01)
        cluster.resume(cluster.master("test", "visits", "ann"))

    assert int(retry_after) >= 1


@pytest.mark.parametrize(
    ("package", "app", "more"),
    [
        ("flask", "flask_app:app", ["--preload"]),
        ("flask", "flask_app:app", []),
        ("django", "django_app:application", []),
    ],
)
def test_wsgi_applications_under_gunicorn(healthy, tmp_path, package, app, more):
    pytest.importorskip(package)
    pytest.importorskip("gunicorn")
    command = (*GUNICORN, app, *more, "--workers", "2")
    with served(healthy, tmp_path / "log", *command) as address:
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


def run(cluster: Any, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=EXAMPLES,
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_fan_out(healthy):
    done = run(healthy, "fan_out.py")

    assert done.returncode == 0, done.stderr
    assert "of 500 articles" in done.stdout


def test_the_batch_job_goes_on_where_it_stopped_and_says_when_to_try_again(spare, bare, connect):
    client = connect(spare)

    assert run(spare, "batch_job.py", "150").stdout == "150 users\n"
    assert run(spare, "batch_job.py", "250").stdout == "100 users\n"
    assert client.get(("test", "points", 249))[2] == {"points": 10}
    with spare.inject(op="put", code="DEVICE_OVERLOAD"):
        assert run(spare, "batch_job.py", "300").returncode == os.EX_TEMPFAIL


def test_a_config_map_is_taken_over_when_the_kubelet_swaps_its_link(bare, tmp_path):
    """The kubelet writes a new folder, and moves the link ``..data`` onto it."""
    data = yaml.safe_load((EXAMPLES / "kubernetes" / "policies.yaml").read_text())["data"]

    def publish(version: str, change: tuple[str, str]) -> None:
        (tmp_path / version).mkdir()
        for name, text in data.items():
            (tmp_path / version / name).write_text(text.replace(*change))
        (tmp_path / "..new").symlink_to(version)
        (tmp_path / "..new").rename(tmp_path / "..data")

    publish("..1", ("", ""))
    for name in data:
        (tmp_path / name).symlink_to(f"..data/{name}")
    client = resilient(bare, "visits", policies=[tmp_path])

    def total_ms() -> Any:
        return resilience(client).explain("put").sent["total_timeout"]

    assert total_ms() == 400
    publish("..2", ("total_timeout: 400ms", "total_timeout: 450ms"))
    until(lambda: total_ms() == 450)
    resilience(client).close()


def test_the_deployment_mounts_the_config_map_where_the_service_looks():
    pod = yaml.safe_load((EXAMPLES / "kubernetes" / "deployment.yaml").read_text())
    spec = pod["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (mount,) = container["volumeMounts"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    policies = yaml.safe_load((EXAMPLES / "kubernetes" / "policies.yaml").read_text())

    assert variables["AEROSPIKE_RESILIENCE_POLICIES"] == mount["mountPath"]
    assert "subPath" not in mount
    assert spec["volumes"][0]["configMap"]["name"] == policies["metadata"]["name"]
    assert f"{variables['AEROSPIKE_PROFILE']}.yaml" in policies["data"]


def test_the_files_of_docker_compose_fit_together():
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    mounted = [
        COMPOSE / volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
    ]
    scraped = yaml.safe_load((COMPOSE / "prometheus.yaml").read_text())["scrape_configs"][0]
    (datasource,) = yaml.safe_load(
        (COMPOSE / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    dockerfile = (COMPOSE / "Dockerfile").read_text()

    assert [path for path in mounted if not path.exists()] == []
    assert all(
        one in services for service in services.values() for one in service.get("depends_on", [])
    )
    assert scraped["static_configs"][0]["targets"] == ["visits:8000"]
    assert datasource["url"] == "http://prometheus:9090"
    assert [
        one for one in re.findall(r"COPY (\S+)", dockerfile) if not (EXAMPLES / one).exists()
    ] == []
    profile = services["visits"]["environment"]["AEROSPIKE_PROFILE"]
    assert (COMPOSE / "policies" / f"{profile}.yaml").exists()


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="needs promtool, which comes with prometheus"
)
def test_prometheus_takes_its_configuration():
    command = ["promtool", "check", "config", str(COMPOSE / "prometheus.yaml")]

    assert "SUCCESS" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
