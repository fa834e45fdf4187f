"""GeoJSON: points and regions, and which point is in which region.

Which shapes there are, and what is wrong with one, is as in `geojson.cc` in the server's public source.
Edges are arcs of great circles, and a circle's radius is measured on a sphere of 6,371,000 m, as in the
server's geometry, which also covers regions with cells; here are none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from .errors import ERR_GEO_INVALID, OpError

_EARTH_M: Final = 6_371_000
_HEAD: Final = 3
_CELL: Final = 8

Vector = tuple[float, float, float]
Contains = Callable[[Vector], bool]


class Shape(NamedTuple):
    """A point or a region.

    Attributes:
        point: The point, on the unit sphere; None for a region.
        contains: Whether a region contains a point; None for a point.
    """

    point: Vector | None
    contains: Contains | None


def text_of(particle: bytes) -> bytes:
    """Return the JSON text of a bin's bytes: flags, number of cells, cells, text."""
    return particle[_HEAD + _CELL * int.from_bytes(particle[1:_HEAD]) :]


@lru_cache(maxsize=1024)
def parse(text: bytes) -> Shape:
    """Read a shape.

    Raises:
        OpError: It is no GeoJSON that the server knows; code 160.
    """
    try:
        return _shape(json.loads(text))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise OpError(ERR_GEO_INVALID, "no such GeoJSON") from error


def matches(one: bytes, other: bytes) -> bool:
    """Tell whether one of two texts is a region and contains the other, a point.

    Raises:
        OpError: One is no GeoJSON; code 160.
    """
    shapes = parse(one), parse(other)
    for region, inside in (shapes, shapes[::-1]):
        if region.contains is not None and inside.point is not None:
            return region.contains(inside.point)
    return False


def _shape(value: Any) -> Shape:
    if value["type"] == "Feature":
        value = value["geometry"]
    kind, coordinates = value["type"], value["coordinates"]
    if kind == "Point":
        return Shape(_vector(coordinates), None)
    if kind == "AeroCircle":
        return Shape(None, _circle(coordinates))
    if kind == "Polygon":
        return Shape(None, _polygon(coordinates))
    if kind == "MultiPolygon":
        polygons = [_polygon(each) for each in coordinates]
        return Shape(None, lambda point: any(polygon(point) for polygon in polygons))
    raise ValueError(kind)


def _vector(coordinates: Any) -> Vector:
    longitude, latitude = (math.radians(_number(each)) for each in coordinates)
    if abs(latitude) > math.pi / 2 or abs(longitude) > math.pi:
        raise ValueError(coordinates)
    across = math.cos(latitude)
    return across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _circle(coordinates: Any) -> Contains:
    place, radius_m = coordinates
    centre, angle = _vector(place), _number(radius_m) / _EARTH_M
    return lambda point: _angle(centre, point) <= angle


def _angle(one: Vector, other: Vector) -> float:
    return 2 * math.asin(min(1.0, math.dist(one, other) / 2))


def _polygon(loops: Any) -> Contains:
    if not isinstance(loops, list):
        raise TypeError(loops)
    rings = [_ring(loop) for loop in loops]
    # A loop inside another one is a hole.
    return lambda point: sum(_encloses(ring, point) for ring in rings) % 2 == 1


def _ring(vertices: Any) -> list[Vector]:
    ring: list[Vector] = []
    for vertex in map(_vector, vertices):
        if not ring or vertex != ring[-1]:
            ring.append(vertex)
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ValueError(vertices)
    return ring


def _encloses(ring: list[Vector], point: Vector) -> bool:
    """Tell whether the directions from a point to the vertices turn around once."""
    x, y, z = point
    # East and north of the point.
    level = math.hypot(x, y)
    east = (-y / level, x / level, 0.0) if level else (0.0, 1.0, 0.0)
    north = (y * east[2] - z * east[1], z * east[0] - x * east[2], x * east[1] - y * east[0])
    turned = 0.0
    before: float | None = None
    for vertex in ring:
        ahead, aside = _dot(vertex, north), _dot(vertex, east)
        direction = math.atan2(aside, ahead)
        if before is not None:
            turned += (direction - before + math.pi) % (2 * math.pi) - math.pi
        before = direction
    return abs(turned) > math.pi


def _dot(one: Vector, other: Vector) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
