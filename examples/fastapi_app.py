"""FastAPI: one awaited client for the application's life, 503 with Retry-After, and metrics.

AEROSPIKE_HOSTS=127.0.0.1:3000 uvicorn fastapi_app:app
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aerospike_py
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import make_asgi_app

from aerospike_resilience import BackpressureError, CircuitOpenError, connect

metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    profile = os.environ.get("AEROSPIKE_PROFILE", "latency")
    client = await connect(client="aerospike_py.async", profile=profile, wait="30s", name="visits")
    app.state.client = client
    try:
        yield
    finally:
        await client.close(drain="5s")


app = FastAPI(lifespan=lifespan)
app.mount("/metrics", make_asgi_app())


@app.exception_handler(CircuitOpenError)
@app.exception_handler(BackpressureError)
async def refused(_request: Request, error: Exception) -> JSONResponse:
    """Nothing was sent: the caller may ask again, but not at once."""
    wait_s = getattr(error, "retry_after_s", None) or 1
    return JSONResponse(
        {"error": "the database is busy"}, 503, {"Retry-After": str(math.ceil(wait_s))}
    )


@app.exception_handler(aerospike_py.AerospikeError)
async def failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": type(error).__name__}, 502)


@app.post("/visits/{user}")
async def visit(user: str, request: Request) -> dict[str, Any]:
    client, key = request.app.state.client, ("test", "visits", user)
    await client.increment(key, "count", 1)
    record = await client.get(key)
    return {"user": user, "count": record.bins["count"]}


@app.get("/health")
async def health(request: Request) -> dict[str, Any]:
    found = request.app.state.client.resilience.snapshot()
    return {
        "calm": found["calm"],
        "nodes": {name: one["state"] for name, one in found["nodes"].items()},
    }
