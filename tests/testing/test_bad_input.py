"""Malformed frames, half-open connections, crowds: the node copes and the others do not notice."""

import contextlib
import resource
import socket
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerospike_resilience.model.digest import digest_of, ripemd160
from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.server.batch import parse_rows
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.wire import encode_request, parse_request
from tests.stopwatch import quickest_s
from tests.waiting import PATIENCE_S

from .support import connect, eventually

GET = bytes.fromhex(
    "02030000000000411603000000000000000000000000000003e8000300000000000500746573740000000501"
    "64656d6f000000150496aebe037ca81aef1406e6f7f1ad7f08e1133d98"
)


@pytest.fixture(scope="module")
def node():
    with LocalCluster(nodes=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def bystander(node):
    with contextlib.closing(connect(node)) as client:
        client.put(("test", "bystander", 1), {"n": 1})
        yield client


def served(bystander):
    return bystander.get(("test", "bystander", 1))[2] == {"n": 1}


def exchange(node, data, within=PATIENCE_S):
    """Send bytes and return all that is answered until the node closes; a node that hangs fails."""
    with socket.create_connection(node.hosts[0], within) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := sock.recv(65536):
                answer += part
        return answer


@pytest.mark.parametrize(
    "frame",
    [
        b"\x03" + GET[1:],
        b"\x02\x00" + GET[2:],
        b"\x02\x09" + GET[2:],
        b"\x02\x03" + (200 << 20).to_bytes(6) + b"x" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["version", "type-0", "type-9", "200-MB", "http"],
)
def test_what_is_no_frame_closes_that_connection_and_no_other(node, bystander, frame):
    with socket.create_connection(node.hosts[0], PATIENCE_S) as sock:
        sock.sendall(frame)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(100) == b""
    assert served(bystander)


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 30, len(GET) - 9])
def test_a_message_that_is_cut_short_is_a_parameter_error(node, cut):
    body = GET[8 : 8 + cut]
    with socket.create_connection(node.hosts[0], PATIENCE_S) as sock:
        sock.sendall(b"\x02\x03" + len(body).to_bytes(6) + body)
        answer = sock.recv(1000)
    assert answer[13] == 4


def test_requests_may_arrive_byte_by_byte_and_together(node):
    with socket.create_connection(node.hosts[0], PATIENCE_S) as sock:
        for byte in GET:
            sock.sendall(bytes((byte,)))
        assert sock.recv(30)[13] == 2
        sock.sendall(GET * 50)
        answer = b""
        while len(answer) < 50 * 30:
            answer += sock.recv(4096)
        assert len(answer) == 50 * 30


def test_a_thousand_idle_connections_hurt_nobody(node, bystander):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1000):
                stack.enter_context(socket.create_connection(node.hosts[0], PATIENCE_S))
            eventually(lambda: node.counters("A1").connections_open >= 1000)
            assert quickest_s(lambda: [served(bystander) for _ in range(200)], 1.0) < 1.0
        eventually(lambda: node.counters("A1").connections_open < 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_fabric_port_ignores_who_does_not_know_the_token(node, bystander):
    with socket.create_connection(("127.0.0.1", node.nodes[0].fabric_port), PATIENCE_S) as sock:
        sock.sendall(b"\0" * 100)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(10) == b""
    assert served(bystander)


MANGLED = st.tuples(
    st.integers(0, len(GET) - 9), st.binary(min_size=1, max_size=8), st.integers(0, 40)
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(MANGLED, max_size=4), kind=st.sampled_from([1, 2, 3, 3, 3, 4, 5]))
def test_mangled_requests_are_answered_or_closed_but_never_hang(node, bystander, changes, kind):
    body = bytearray(GET[8:])
    for at, data, cut in changes:
        body[at : at + len(data)] = data
        del body[len(body) - cut :]
    exchange(node, bytes((2, kind)) + len(body).to_bytes(6) + bytes(body))
    assert served(bystander)


def test_mangled_requests_do_not_make_the_node_grow(node):
    rows = struct.pack(">IB", 0xFFFFFFFF, 13) + b"x" * 40
    huge = bytes.fromhex("1608000000000000000000000000000003e800010000")
    body = huge + (len(rows) + 1).to_bytes(4) + b"\x29" + rows
    frame = b"\x02\x03" + len(body).to_bytes(6) + body
    exchange(node, frame * 20)
    before = _memory_kb(node.nodes[0].pid)
    for _ in range(20):
        exchange(node, frame * 100)
    assert _memory_kb(node.nodes[0].pid) - before < 4000


def _memory_kb(pid):
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_the_parsers_only_ever_refuse(data):
    for parse in (parse_request, lambda raw: parse_rows(raw, None, 0, 5000)):
        with contextlib.suppress(OpError):
            parse(data)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.integers(0, 255)] * 4),
    st.dictionaries(st.integers(0, 255), st.binary(max_size=20), max_size=6),
    st.lists(
        st.tuples(
            st.integers(0, 255), st.integers(0, 255), st.binary(max_size=15), st.binary(max_size=30)
        ),
        max_size=5,
    ),
)
def test_what_is_written_is_read_back(flags, fields, ops):
    request = parse_request(GET[8:])
    request.info1, request.info2, request.info3, request.info4 = flags
    request.fields, request.ops = fields, ops
    again = parse_request(encode_request(request))
    assert (again.info1, again.info2, again.info3, again.info4) == flags
    assert again.fields == fields
    assert again.ops == ops


def test_digests_are_those_of_the_client():
    import aerospike

    for key in (1, -5, 2**40, "text", b"blob", "ü" * 50):
        expected = aerospike.calc_digest(
            "test", "demo", bytearray(key) if isinstance(key, bytes) else key
        )
        assert digest_of("demo", key) == bytes(expected)
    assert ripemd160(b"").hex() == "9c1185a5c5e9fc54612808977ee8f548b2258d31"


@pytest.mark.parametrize("key", [1.5, None, True])
def test_other_keys_are_refused(key):
    with pytest.raises(TypeError, match="a user key is an int, str or bytes"):
        digest_of("demo", key)
