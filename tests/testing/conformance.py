"""Recorded requests sent to LocalCluster, and its answers compared with the recorded ones.

`python -m tests.testing.conformance [FILE...]` shows every exchange that differs.
"""

import contextlib
import gzip
import importlib.util
import json
import math
import re
import socket
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import aerospike

from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.server.errors import ERR_SCAN_ABORT
from aerospike_resilience.testing.server.wire import (
    INFO1_BATCH,
    INFO3_LAST,
    MESSAGE_HEADER,
    parse_fields,
    parse_ops,
)

from .differences import DEPARTURES

RECORDINGS = Path(__file__).parent / "recordings"
ANSWER_WITHIN_S = 3.0

LUA = importlib.util.find_spec("lupa") is not None


@dataclass(frozen=True)
class Exchange:
    """A request, and what the server answered."""

    file: str
    number: int
    label: str
    conn: str
    kind: str
    request: bytes
    answers: tuple[bytes, ...]
    closed: bool
    answered: int
    """The number of the entry that ended the answer; others may have been sent before."""


@dataclass(frozen=True)
class Difference:
    """An answer that is not equivalent."""

    exchange: Exchange
    expected: str
    got: str

    def __str__(self):
        e = self.exchange
        return (
            f"{e.file}:{e.number} {e.label} {e.request[8:80].hex()}\n"
            f"   real:  {self.expected[:400]}\n   local: {self.got[:400]}"
        )


def exchanges(path):
    """Read a recording: every request with the frames that answered it."""
    with gzip.open(path, "rt") as lines:
        entries = [json.loads(line) for line in lines]
    open_requests = {}
    found = []
    for number, entry in enumerate(entries):
        conn = entry["conn"]
        if entry["dir"] == "c2s" and "hex" in entry:
            request = [number, entry, [], False, number]
            open_requests[conn] = request
            found.append(request)
        elif conn in open_requests:
            if "hex" in entry:
                open_requests[conn][2].append(bytes.fromhex(entry["hex"]))
                open_requests[conn][4] = number
            elif entry.get("event") in ("fin", "reset"):
                open_requests[conn][3] = True
    name = path.name.removesuffix(".jsonl.gz")
    return [
        Exchange(
            name,
            number,
            entry["label"],
            conn_of(entry),
            entry["type"],
            bytes.fromhex(entry["hex"]),
            tuple(answers),
            closed,
            answered,
        )
        for number, entry, answers, closed, answered in found
    ]


def conn_of(entry):
    return entry["conn"]


def messages(frames):
    """Take data frames apart."""
    found = []
    for frame in frames:
        body = frame[8:]
        pos = 0
        while pos < len(body):
            head = body[pos : pos + MESSAGE_HEADER]
            field_count, op_count = int.from_bytes(head[18:20]), int.from_bytes(head[20:22])
            fields, after = parse_fields(body, pos + MESSAGE_HEADER, len(body), field_count)
            ops, pos = parse_ops(body, after, len(body), op_count)
            found.append((head, fields, ops))
    return found


def comparable(frames):
    """Bring the messages of an answer into a form in which equivalent ones are equal."""
    rows = []
    for head, fields, ops in messages(frames):
        void_time = "expires" if any(head[10:14]) else "stays"
        fields = {kind: data for kind, data in fields.items() if kind != 15}
        # The server writes the cells of a point, which only mean something to itself.
        ops = [(op, p, name, _without_cells(p, value)) for op, p, name, value in ops]
        rows.append(
            f"flags={head[1]:02x}/{head[2]:02x}/{head[3]:02x} rc={head[5]} "
            f"gen={int.from_bytes(head[6:10])} {void_time} row={int.from_bytes(head[14:18])} "
            f"fields={sorted(fields.items())} ops={ops}"
        )
    # Rows come in the order of the server's threads; the end mark comes last in any case.
    last = rows[-1:] if len(rows) > 1 else []
    if last and head[5] == ERR_SCAN_ABORT:
        return last  # How many rows an aborted query had sent is up to the time it had.
    return sorted(rows[: len(rows) - len(last)]) + last


def _without_cells(particle, value):
    if particle != 23:
        return value
    return value[3 + 8 * int.from_bytes(value[1:3]) :]


def info_lines(frame):
    return [line.split("\t", 1) for line in frame[8:].decode("latin-1").split("\n")[:-1]]


def shape(name, value):
    """Leave out of an info value what depends on time and place."""
    if name.startswith("query-show"):
        jobs = re.sub(r"=[\d.+]+(?=[:;]|$)", "=#", value)
        return re.sub(r"status=(active|done)", "status=#", jobs)
    return value


def may_differ(name):
    return any(each.info and re.fullmatch(each.info, name) for each in DEPARTURES)


class Replay:
    """Connections to a LocalCluster, one for each recorded one."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._sockets = {}

    def close(self):
        for sock in self._sockets.values():
            sock.close()

    def _socket(self, conn):
        if conn not in self._sockets:
            place = re.match(r"[a-z]*(\d)", conn)
            number = min(int(place[1]) if place else 1, len(self._cluster.nodes)) - 1
            sock = socket.create_connection(self._cluster.hosts[number], ANSWER_WITHIN_S)
            self._sockets[conn] = sock
        return self._sockets[conn]

    def send(self, exchange):
        """Send a request."""
        # A node that closed meanwhile is seen when the answer is read.
        with contextlib.suppress(ConnectionError):
            self._socket(exchange.conn).sendall(exchange.request)

    def receive(self, exchange):
        """Return the frames of an answer and whether the node closed."""
        sock = self._socket(exchange.conn)
        try:
            if not exchange.answers and not exchange.closed:
                # The client did not wait for the answer, so nothing is to be compared.
                self._sockets.pop(exchange.conn).close()
                return [], False
            frames = []
            while True:
                frames.append(self._frame(sock))
                if self._complete(exchange, frames):
                    return frames, False
        except (ConnectionError, EOFError):
            self._sockets.pop(exchange.conn).close()
            return [], True

    def _frame(self, sock):
        head = self._exactly(sock, 8)
        return head + self._exactly(sock, int.from_bytes(head[2:8]))

    @staticmethod
    def _exactly(sock, size):
        data = b""
        while len(data) < size:
            part = sock.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    @staticmethod
    def _complete(exchange, frames):
        if exchange.kind != "msg" or exchange.request[1] != 3 or frames[-1][1] != 3:
            return len(frames) >= len(exchange.answers) or exchange.request[1] != 3
        if not any(head[3] & INFO3_LAST for head, _, _ in messages(exchange.answers)):
            return True
        heads = [head for head, _, _ in messages(frames[-1:])]
        batch = exchange.request[9] & INFO1_BATCH
        refused = (
            not batch and len(heads) == 1 and len(frames) == 1 and heads[0][5] and not heads[0][3]
        )
        return bool(refused or heads[-1][3] & INFO3_LAST)


def compare(exchange, frames, closed):
    """Return the difference between an answer and the recorded one, or None."""
    if exchange.closed and not exchange.answers:
        return None if closed else Difference(exchange, "closes", repr(frames)[:200])
    if closed:
        return Difference(exchange, "answers", "closes")
    if not exchange.answers:
        return None
    kind = exchange.answers[0][1]
    if frames[0][1] != kind:
        return Difference(exchange, f"frame of type {kind}", f"frame of type {frames[0][1]}")
    if kind == 1:
        for (name, real), (_, local) in zip(
            info_lines(exchange.answers[0]), info_lines(frames[0]), strict=False
        ):
            if shape(name, real) != shape(name, local) and not may_differ(name):
                return Difference(exchange, f"{name} -> {real}", local)
        if len(info_lines(exchange.answers[0])) != len(info_lines(frames[0])):
            return Difference(exchange, "other number of lines", repr(frames[0][:200]))
        return None
    if kind == 2:
        same = exchange.answers[0] == frames[0]
        return None if same else Difference(exchange, exchange.answers[0].hex(), frames[0].hex())
    real, local = comparable(exchange.answers), comparable(frames)
    if real == local:
        return None
    return Difference(
        exchange,
        " | ".join(row for row in real if row not in local) or "only order or number",
        " | ".join(row for row in local if row not in real)
        or f"{len(local)} rows, not {len(real)}",
    )


def reason(exchange):
    """Return why an exchange may differ, or None."""
    name = f"{exchange.file}:{exchange.label}"
    return next(
        (
            each.why
            for each in DEPARTURES
            if each.exchanges
            and not (LUA and each.without_lua)
            and re.fullmatch(each.exchanges, name)
        ),
        None,
    )


def cluster_for(file):
    """Make a cluster like the one of a recording."""
    if file.startswith(("cluster3", "raw_cluster")):
        return LocalCluster(
            3,
            namespaces=("test", "bar"),
            cluster_name="trio",
            node_names=("C1", "C2", "C3"),
            heartbeat_timeout=400,  # no node is missed, however busy the machine is
        )
    return LocalCluster(
        1,
        namespaces=("test", "bar"),
        cluster_name="solo",
        node_names=("A1",),
        max_record_size=16 * 1024,
        # The server had 30,000 records to index and to remove, which took it a while.
        index_build="5s" if file == "raw_extra" else 0,
        truncate_delay="5s" if file == "raw_extra" else 0,
    )


def prepare(file, cluster):
    """Write the records that a recording finds, as recordings before it left them."""
    if file != "raw_extra":
        return
    with contextlib.closing(aerospike.client({"hosts": cluster.hosts})) as client:
        raw = ("test", "raw", None, bytearray.fromhex("1cd058cf40a0359d884cefd34acdf06acc6fe3f1"))
        for _ in range(4):
            client.put(raw, {"z": 5})
        many = bytearray.fromhex("32c5f91bb37f52c9c58cd413f8521317b2bbb4d9")
        client.put(("test", "many", None, many), {"n": 3})
        for n in range(300):  # enough for a query to be aborted that sends 100 a second
            client.put(("test", "many", n), {"n": -n})


def pause(exchange, cluster):
    """Wait as long as the recording did where that made a difference."""
    if (exchange.file, exchange.number) == ("raw_extra", 6):
        cluster.advance_clock("6s")  # the index is built by now


def replay(path):
    """Replay a recording; return how many exchanges there were and those that differ."""
    name = path.name.removesuffix(".jsonl.gz")
    found = exchanges(path)
    differences = []
    with cluster_for(name) as cluster:
        cluster.wait_until_stable()
        prepare(name, cluster)
        connections = Replay(cluster)
        waiting = []

        def receive(before):
            for exchange in [each for each in waiting if each.answered < before]:
                waiting.remove(exchange)
                try:
                    frames, closed = connections.receive(exchange)
                    difference = compare(exchange, frames, closed)
                except TimeoutError:
                    difference = Difference(exchange, "answers", "does not answer")
                    connections._sockets.pop(exchange.conn).close()
                if difference is not None:
                    differences.append(difference)

        for exchange in found:
            receive(exchange.number)
            pause(exchange, cluster)
            connections.send(exchange)
            waiting.append(exchange)
        receive(math.inf)
        connections.close()
    return len(found), differences


def main():
    wanted = sys.argv[1:]
    total, differing = 0, defaultdict(list)
    for path in sorted(RECORDINGS.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        if wanted and name not in wanted:
            continue
        count, differences = replay(path)
        total += count
        differing[name] = differences
        print(f"{name}: {count} exchanges, {len(differences)} differ")
        for difference in differences:
            print(" ", reason(difference.exchange) or "UNEXPECTED", difference)
    print(f"{total} exchanges, {sum(map(len, differing.values()))} differ")


if __name__ == "__main__":
    main()
