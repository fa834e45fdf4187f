"""The surfaces as fixtures: one over a healthy cluster, one over a cluster to harm."""

from __future__ import annotations

import pytest

from tests.conformance.surfaces import SURFACES
from tests.patience import NEVER_LATE


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
    return opened(overrides=NEVER_LATE)


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


@pytest.fixture(params=SURFACES, ids=lambda surface: surface.name)
def harmed(request, cluster):
    """A surface over a cluster whose nodes the test may harm."""
    surface = request.param(cluster)
    surface.open()
    yield surface
    surface.close()
