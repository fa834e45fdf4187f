"""Celery's prefork pool: each child process connects for itself at its first task.

AEROSPIKE_HOSTS=127.0.0.1:3000 celery -A celery_app worker --concurrency 2
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery

from aerospike_resilience import CircuitOpenError, connect_per_process

# Folders stand in for a broker, so that nothing needs to be installed. Use Redis or RabbitMQ.
folder = Path(os.environ.get("CELERY_FOLDER", "/tmp/celery-visits"))
folder.mkdir(parents=True, exist_ok=True)

app = Celery("visits", broker="filesystem://", backend=f"file://{folder}")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
}
client = connect_per_process(profile="durable", name="visits")


@app.task(autoretry_for=(CircuitOpenError,), retry_backoff=True)  # type: ignore[untyped-decorator, unused-ignore]
def visit(user: str) -> dict[str, Any]:
    key = ("test", "visits", user)
    client.increment(key, "count", 1)
    _, _, bins = client.get(key)
    return {"user": user, "count": bins["count"], "worker": os.getpid()}
