"""Flask under gunicorn: each worker connects for itself, even though the application is preloaded.

AEROSPIKE_HOSTS=127.0.0.1:3000 gunicorn --preload --workers 2 flask_app:app
"""

from __future__ import annotations

import os
from typing import Any

import aerospike
from flask import Flask

from aerospike_resilience import BackpressureError, CircuitOpenError, connect_per_process

app = Flask(__name__)
client = connect_per_process(profile="latency", name="visits")  # connects at a worker's first use


@app.post("/visits/<user>")
def visit(user: str) -> tuple[dict[str, Any], int]:
    key = ("test", "visits", user)
    try:
        client.increment(key, "count", 1)
        _, _, bins = client.get(key)
    except (CircuitOpenError, BackpressureError):
        return {"error": "the database is busy"}, 503
    except aerospike.exception.AerospikeError as error:
        return {"error": type(error).__name__}, 502
    return {"user": user, "count": bins["count"], "worker": os.getpid()}, 200
