"""How nodes keep records: as answers have them, in little memory."""

import tracemalloc

from aerospike_resilience.testing.server.records import Record
from aerospike_resilience.testing.server.wire import INTEGER, STRING

BINS = {b"value": (STRING, b"x" * 100), b"n": (INTEGER, (7).to_bytes(8)), b"none": (STRING, b"")}


def made(number, bins):
    set_name = bytes(bytearray(b"orders"))  # as a request has it: an object of its own
    return Record(number.to_bytes(20), set_name, None, bins, 1, 0, 1_000_000 + number)


def test_what_is_kept_is_what_was_given():
    record = made(1, BINS)

    for each in (record, Record.unpack(record.pack())):
        assert each.bins == BINS
        assert each.bin_count == 3
        assert each.set_name == b"orders"
        # 39 for the record, 7 for each bin, and their names and values.
        assert each.size == 39 + 3 * 7 + len("valuennone") + 108 + len("orders")


def test_a_change_of_the_bins_that_were_read_does_not_change_the_record():
    record = made(1, BINS)
    record.bins.clear()

    assert record.bins == BINS


def test_a_copy_of_100_bytes_takes_less_than_400():
    """A million records are two million copies: 1.5 GB would be 750 each, all around them included."""
    tracemalloc.start()
    records = [made(number, {b"value": (STRING, b"x" * 100)}) for number in range(1000)]
    received = [Record.unpack(record.pack()) for record in records]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len({id(record.set_name) for record in (*records, *received)}) == 1
    assert taken / 2000 < 400
