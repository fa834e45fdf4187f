"""The dialect's bytes, as the clients write and the server answers them."""

import pytest

from aerospike_resilience.testing.server import msgpack
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.wire import BLOB, BOOL, FLOAT, GEOJSON, INTEGER, STRING

from .dialect import pack


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (256, "cd0100"),
        (99_999, "ce0001869f"),
        (1 << 40, "cf0000010000000000"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-129, "d1ff7f"),
        (-(1 << 31), "d280000000"),
        (-(1 << 63), "d38000000000000000"),
        (2.5, "cb4004000000000000"),
        (None, "c0"),
        (True, "c3"),
        ("a", "a20361"),
        (b"z", "a2047a"),
        ([1, 3], "920103"),
        ({"z": 1}, "81a2037a01"),
    ],
)
def test_a_value_takes_its_shortest_form(value, written):
    assert pack(value).hex() == written


@pytest.mark.parametrize(("length", "head"), [(30, "bf"), (31, "d920"), (255, "da0100")])
def test_the_type_byte_counts_in_a_texts_length(length, head):
    assert pack("x" * length).hex().startswith(head + "03")


@pytest.mark.parametrize(("count", "head"), [(15, "9f"), (16, "dc0010"), (70_000, "dd00011170")])
def test_a_list_says_how_many_elements_it_has(count, head):
    data = pack([1] * count)
    assert data.hex().startswith(head)
    assert len(msgpack.elements(data)[1]) == count


@pytest.mark.parametrize(
    ("written", "flags", "parts"),
    [
        ("93c700010103", 1, ["01", "03"]),
        ("83c70001c0a20361 02a2037a01", 1, ["a20361", "02", "a2037a", "01"]),
        ("81c70003c0", 3, []),
        ("82c70008c0a2036104", 8, ["a20361", "04"]),
        ("91d4ff01", 0, ["d4ff01"]),
        ("90", 0, []),
    ],
)
def test_a_marker_is_no_element(written, flags, parts):
    found, items = msgpack.elements(bytes.fromhex(written))
    assert (found, [item.hex() for item in items]) == (flags, parts)


@pytest.mark.parametrize(
    ("written", "particle", "raw"),
    [
        ("05", INTEGER, bytes(7) + b"\x05"),
        ("ff", INTEGER, b"\xff" * 8),
        ("c3", BOOL, b"\x01"),
        ("cb4004000000000000", FLOAT, bytes.fromhex("4004000000000000")),
        ("a20361", STRING, b"a"),
        ("a2047a", BLOB, b"z"),
        ("a3177b7d", GEOJSON, b"\x00\x00\x00{}"),
    ],
)
def test_an_element_becomes_a_bin_and_again_an_element(written, particle, raw):
    assert msgpack.to_bin(bytes.fromhex(written)) == (particle, raw)
    assert msgpack.from_bin(particle, raw).hex() == written


def test_a_geojson_bin_loses_its_cells_inside_a_collection():
    raw = b"\x00\x00\x01" + bytes(8) + b"{}"
    assert msgpack.from_bin(GEOJSON, raw) == bytes.fromhex("a3177b7d")


@pytest.mark.parametrize("written", ["", "91", "a203", "c1", "dd00000001", "c7", "9102 03", "cd01"])
def test_what_is_cut_short_or_too_long_is_refused_with_4(written):
    with pytest.raises(OpError) as error:
        msgpack.check(bytes.fromhex(written))
    assert error.value.code == 4
