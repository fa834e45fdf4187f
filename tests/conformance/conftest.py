"""The surfaces as fixtures: one over a healthy cluster, one over a cluster to harm."""

from __future__ import annotations

import pytest

from tests.patience import PATIENT, SECOND_A_TRY

from .surfaces import SURFACES
from .telling import CALM, Listener, Watched


@pytest.fixture(params=SURFACES, ids=lambda surface: surface.name)
def opened(request, healthy):
    """Open surfaces with options of the test's own, over a cluster that stays well."""
    open_surfaces = []

    def open_(**options):
        surface = request.param(healthy)
        surface.open(**options)
        open_surfaces.append(surface)
        return surface

    yield open_
    healthy.clear_faults()
    for surface in open_surfaces:
        surface.close()


@pytest.fixture
def surface(opened):
    """A surface under the profile ``latency``, with time enough for a busy machine."""
    return opened(overrides=SECOND_A_TRY)


@pytest.fixture(params=SURFACES, ids=lambda surface: surface.name)
def opened_over(request):
    """Open a surface over a cluster of the test's own, with options of its own."""
    open_surfaces = []

    def open_(cluster, **options):
        surface = request.param(cluster)
        surface.open(**options)
        open_surfaces.append(surface)
        return surface

    yield open_
    for surface in open_surfaces:
        surface.close()


BRIEF = {"total_timeout": "2s"}
"""How long the test waits for each write to a node that stands still."""


@pytest.fixture(params=SURFACES, ids=lambda surface: surface.name)
def harmed(request, unhurried_cluster):
    """A surface over a cluster whose nodes the test may harm."""
    surface = request.param(unhurried_cluster)
    surface.open(overrides={**PATIENT, "policy": {**PATIENT["policy"], "writes": BRIEF}})
    yield surface
    surface.close()


@pytest.fixture
def watched(opened):
    """Open surfaces that are watched, under options of the test's own."""

    def watch(**overrides):
        listener = Listener()
        surface = opened(overrides={**CALM, **overrides}, telemetry=listener.providers)
        surface.put("there", {"n": 1})
        return Watched(surface, listener)

    return watch
