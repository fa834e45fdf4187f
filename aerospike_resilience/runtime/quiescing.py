"""Quiescing: no thread of this library uses the client while it is closed or connected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from .engine import Engine


@contextmanager
def client_closing(engine: Engine) -> Iterator[None]:
    """Close the client inside the block; the protection ends only if that succeeds."""
    engine.pause()
    engine.shared.health.source.pause()
    with _ending_unless_it_fails(engine):
        yield


@asynccontextmanager
async def client_closing_async(engine: Engine) -> AsyncIterator[None]:
    """Do as `client_closing` does, without blocking the event loop."""
    engine.pause()
    await engine.shared.health.source.pause_async()
    with _ending_unless_it_fails(engine):
        yield


@contextmanager
def client_connecting(engine: Engine) -> Iterator[None]:
    """Connect the client inside the block, and protect it from then on.

    Until then no thread uses the client: some clients cannot be connected while another thread uses
    them.
    """
    engine.pause()
    engine.shared.health.source.pause()
    with _protecting_unless_it_fails(engine):
        yield


@asynccontextmanager
async def client_connecting_async(engine: Engine) -> AsyncIterator[None]:
    """Do as `client_connecting` does, without blocking the event loop."""
    engine.pause()
    await engine.shared.health.source.pause_async()
    with _protecting_unless_it_fails(engine):
        yield


@contextmanager
def _ending_unless_it_fails(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if engine.shared.adapter.is_closed(engine.shared.client):
            engine.end_with_client()
        else:
            engine.resume()
        raise
    engine.end_with_client()


@contextmanager
def _protecting_unless_it_fails(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.resume()
        raise
    engine.reopen()
