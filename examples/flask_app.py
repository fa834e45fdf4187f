"""Flask under gunicorn: each worker connects for itself, even if preloaded; 503 with Retry-After.

AEROSPIKE_HOSTS=127.0.0.1:3000 gunicorn --preload --workers 2 flask_app:app
"""

from __future__ import annotations

import math
import os
from typing import Any

import aerospike
from flask import Flask

from aerospike_resilience import BackpressureError, CircuitOpenError, connect_per_process

app = Flask(__name__)
client = connect_per_process(profile="latency", name="visits")  # connects at a worker's first use


@app.errorhandler(CircuitOpenError)
@app.errorhandler(BackpressureError)
def refused(error: Exception) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Nothing was sent: the caller may ask again, but not at once."""
    wait_s = getattr(error, "retry_after_s", None) or 1
    return {"error": "the database is busy"}, 503, {"Retry-After": str(math.ceil(wait_s))}


@app.errorhandler(aerospike.exception.AerospikeError)
def failed(error: Exception) -> tuple[dict[str, Any], int]:
    return {"error": type(error).__name__}, 502


@app.post("/visits/<user>")
def visit(user: str) -> dict[str, Any]:
    key = ("test", "visits", user)
    client.increment(key, "count", 1)
    _, _, bins = client.get(key)
    return {"user": user, "count": bins["count"], "worker": os.getpid()}
