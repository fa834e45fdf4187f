"""Every recorded exchange with lists, maps, bits, sketches and expressions, against the modules.

The recordings are replayed record by record, in order: what was put is kept in a dictionary of bins,
every operation is applied to it, and its answer must have the bytes of the recorded one.
"""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from aerospike_resilience.testing.server import bits, cdt, expressions, hll
from aerospike_resilience.testing.server.errors import ERR_INCOMPATIBLE_TYPE, ERR_PARAMETER, OpError
from aerospike_resilience.testing.server.wire import (
    BLOB,
    FIELD_DIGEST,
    FIELD_FILTER,
    FIELD_SET,
    GEOJSON,
    HLL,
    INTEGER,
    LIST,
    MAP,
    MESSAGE_HEADER,
    parse_fields,
    parse_ops,
)

RECORDINGS = Path(__file__).parent / "recordings"

READ, WRITE, INCREMENT, APPEND, PREPEND, DELETE, STRING_MODIFY = 1, 2, 5, 9, 10, 14, 18
READERS = {3: cdt.read, 12: bits.read, 15: hll.read}
MODIFIERS = {4: cdt.modify, 13: bits.modify, 16: hll.modify}
EXP_READ, EXP_MODIFY = 7, 8
OURS = {*READERS, *MODIFIERS, EXP_READ, EXP_MODIFY}
COMPARED = {READ, *OURS}

# Nothing may differ. An entry here would be (file, label): why.
MAY_DIFFER = {}


class View:
    """A replayed record as expressions see it."""

    def __init__(self, digest, set_name, bins):
        self.digest, self.set_name, self.bins = digest, set_name, bins
        self.key = None
        self.generation = self.void_time = self.last_update_ms = self.now_ms = self.size = 0


def message(frame):
    """Take the first message of a frame apart: header, fields, operations."""
    body = frame[8:]
    head = body[:MESSAGE_HEADER]
    if len(head) < MESSAGE_HEADER:
        return None
    field_count, op_count = int.from_bytes(head[18:20]), int.from_bytes(head[20:22])
    fields, pos = parse_fields(body, MESSAGE_HEADER, len(body), field_count)
    ops, _ = parse_ops(body, pos, len(body), op_count)
    return head, fields, ops


def single_record_exchanges(path):
    """Read a recording: label, request and answer of each command on one record."""
    waiting = {}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry.get("type") != "msg" or "hex" not in entry or entry.get("malformed"):
                continue
            found = message(bytes.fromhex(entry["hex"]))
            if entry["dir"] == "c2s":
                waiting[entry["conn"]] = (entry["label"], found)
            elif entry["conn"] in waiting:
                label, request = waiting.pop(entry["conn"])
                if request and found and FIELD_DIGEST in request[1]:
                    yield label, request, found


class Replay:
    """The records of one recording."""

    def __init__(self):
        self.records = {}
        self.compared = Counter()
        self.differing = []

    def step(self, label, request, answer):
        """Apply one request; the answer's differences from the recorded one come back as text."""
        head, fields, ops = request
        code, answered = answer[0][5], answer[2]
        digest = fields[FIELD_DIGEST]
        bins = dict(self.records.get(digest, {}))
        wants_all = bool(head[2] & 0x80)
        got, error = self.apply(digest, fields, ops, bins, wants_all)
        if code == 0 and not self.follow(head, ops, bins, answered, digest):
            return None
        if not OURS & {op[0] for op in ops} and FIELD_FILTER not in fields:
            return None
        if digest not in self.records and error is None and code:
            return None
        self.compared.update(op[0] for op in ops)
        if error is not None or code:
            return None if error == code else f"{label}: code {error}, recorded {code}"
        expected = [(op, particle, name, value) for op, particle, name, value in answered]
        if FIELD_FILTER in fields and not ops:
            return None
        ours = [each for each in got if each[0] in COMPARED and each[1] != GEOJSON]
        theirs = [each for each in expected if each[0] in COMPARED and each[1] != GEOJSON]
        return None if ours == theirs else f"{label}: {ours}, recorded {theirs}"

    def follow(self, head, ops, bins, answered, digest):
        """Keep the record's bins up to date, from the answer where it shows them."""
        if head[2] & 0x02:
            self.records.pop(digest, None)
            return True
        if head[1] & 0x02 and not ops:
            self.compare_record(digest, {name: (kind, value) for _, kind, name, value in answered})
            return False
        if head[2] & 0x01:
            self.records[digest] = bins
        return True

    def compare_record(self, digest, answered):
        """Compare the whole record with the one that was read, and go on with that one."""
        known = self.records.get(digest, answered)
        self.compared["records"] += digest in self.records
        self.differing += [
            (name, known.get(name), value)
            for name, value in answered.items()
            if value[0] in (BLOB, HLL, LIST, MAP) and known.get(name, value) != value
        ]
        self.records[digest] = answered

    def apply(self, digest, fields, ops, bins, wants_all):
        """Apply the operations to the bins; returns the answering operations or the error."""
        got = []
        view = View(digest, fields.get(FIELD_SET, b""), bins)
        try:
            if FIELD_FILTER in fields:
                passes = expressions.compile(fields[FIELD_FILTER])(view)
                if passes is not True:
                    return [], 27
            for op, particle, name, payload in ops:
                value = None
                if op == WRITE:
                    bins[name] = (particle, canonical(particle, payload))
                    if not particle:
                        del bins[name]
                elif op == READ and name:
                    value = bins.get(name)
                elif op in READERS:
                    kind, raw = bins.get(name, (None, None))
                    value = None if kind is None else READERS[op](kind, raw, payload)
                elif op in MODIFIERS:
                    changed, value = MODIFIERS[op](*bins.get(name, (None, None)), payload)
                    bins.pop(name, None)
                    if changed is not None:
                        bins[name] = changed
                elif op == EXP_READ:
                    value = expressions.read(payload, view)
                elif op == EXP_MODIFY:
                    bins[name] = expressions.modify(payload, view, bins.get(name))
                else:
                    simple(bins, op, particle, name, payload)
                if value is not None or wants_all:
                    got.append((op, *(value or (0, b"")), name))
        except OpError as error:
            return [], error.code
        return [(op, kind, name, value) for op, kind, value, name in got], None


def simple(bins, op, particle, name, payload):
    """Apply an operation that is none of these modules' affair."""
    kind, raw = bins.get(name, (particle, b"" if particle != INTEGER else bytes(8)))
    if op == DELETE:
        bins.clear()
    elif op in (INCREMENT, APPEND, PREPEND) and kind != particle:
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    elif op == INCREMENT and kind == INTEGER:
        total = int.from_bytes(raw) + int.from_bytes(payload)
        bins[name] = (INTEGER, (total % 2**64).to_bytes(8))
    elif op in (APPEND, PREPEND):
        bins[name] = (kind, raw + payload if op == APPEND else payload + raw)
    elif op == STRING_MODIFY:
        raise OpError(ERR_PARAMETER)


def canonical(particle, payload):
    return cdt.canonical(payload) if particle in (LIST, MAP) else payload


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.gz")), ids=lambda path: path.stem)
def test_every_recorded_value_operation_answers_the_same_bytes(path):
    replay = Replay()
    differences = []
    for label, request, answer in single_record_exchanges(path):
        difference = replay.step(label, request, answer)
        if difference and (path.stem, label) not in MAY_DIFFER:
            differences.append(difference)
    assert differences == []
    assert replay.differing == []


def test_the_recordings_hold_what_this_is_about():
    replay = Replay()
    for name in ("c_ops", "py_ops", "pyasync_ops", "native_ops", "sdk_ops"):
        replay.records = {}
        for label, request, answer in single_record_exchanges(RECORDINGS / f"{name}.jsonl.gz"):
            replay.step(label, request, answer)
    assert replay.compared["records"] >= 20
    assert replay.compared[3] >= 70
    assert replay.compared[4] >= 100
    assert min(replay.compared[op] for op in (7, 8, 12, 13, 15, 16)) >= 2
