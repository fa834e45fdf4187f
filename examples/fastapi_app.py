"""FastAPI: one awaited client for the application's life.

AEROSPIKE_HOSTS=127.0.0.1:3000 uvicorn fastapi_app:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aerospike_py
from fastapi import FastAPI, HTTPException, Request

from aerospike_resilience import BackpressureError, CircuitOpenError, connect


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    client = await connect(
        client="aerospike_py.async", profile="latency", wait="30s", name="visits"
    )
    app.state.client = client
    try:
        yield
    finally:
        await client.close(drain="5s")


app = FastAPI(lifespan=lifespan)


@app.post("/visits/{user}")
async def visit(user: str, request: Request) -> dict[str, Any]:
    client, key = request.app.state.client, ("test", "visits", user)
    try:
        await client.increment(key, "count", 1)
        record = await client.get(key)
    except (CircuitOpenError, BackpressureError) as error:
        raise HTTPException(503, "the database is busy", {"Retry-After": "1"}) from error
    except aerospike_py.AerospikeError as error:
        raise HTTPException(502, type(error).__name__) from error
    return {"user": user, "count": record.bins["count"]}


@app.get("/health")
async def health(request: Request) -> dict[str, Any]:
    found = request.app.state.client.resilience.snapshot()
    return {
        "calm": found["calm"],
        "nodes": {name: one["state"] for name, one in found["nodes"].items()},
    }
