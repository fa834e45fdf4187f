"""Queries and jobs that `query-abort` ends, as the recordings have it and as clients see it."""

import asyncio
import contextlib
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import aerospike
import aerospike_py
import pytest
from aerospike_helpers.operations import operations as op

from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.server.jobs import Jobs
from aerospike_resilience.testing.server.wire import (
    FIELD_NAMESPACE,
    FIELD_PARTITION_IDS,
    FIELD_RECORDS_PER_SECOND,
    FIELD_SET,
    FIELD_TASK_ID,
    INFO1_READ,
    INFO3_LAST,
    INFO3_PARTITION_DONE,
    TYPE_INFO,
    Request,
    encode_request,
    frame,
)

from .support import connect, eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike_native
from aerospike_sdk import DataSet, Host
from aerospike_sdk.sync import ClusterDefinition

ABORTED = 15
LONG = 3_000
PER_SECOND = 100
"""A query of all records takes half a minute with this limit; each is aborted in its first moments."""
WIDE = 800
"""Records of 20 kB: more than the buffers between a node and a client hold."""


@pytest.fixture(scope="module")
def node():
    with LocalCluster(nodes=1) as cluster:
        with contextlib.closing(connect(cluster)) as client:
            for n in range(LONG):
                client.put(("test", "long", n), {"n": n})
            for n in range(WIDE):
                client.put(("test", "wide", n), {"b": bytes(20_000)})
        yield cluster


def ask(cluster, *commands):
    """Send info commands as one request; return their values."""
    with contextlib.closing(socket.create_connection(cluster.hosts[0], 10)) as sock:
        sock.sendall(frame("".join(f"{each}\n" for each in commands).encode(), TYPE_INFO))
        body = read_frame(sock)
    return [line.split("\t", 1)[1] for line in body.decode().split("\n")[:-1]]


def read_frame(sock):
    return exactly(sock, int.from_bytes(exactly(sock, 8)[2:]))


def exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, "the node closed the connection"
        data += part
    return data


def answer_to(sock):
    """Read rows up to the end mark; return how many there were and the end mark's code."""
    rows = 0
    while True:
        body = read_frame(sock)
        if body[3] & INFO3_LAST:
            return rows, body[5]
        rows += 1


def jobs(cluster, **wanted):
    """Return the listed jobs that have these values, the newest last."""
    shown = [
        dict(part.partition("=")[::2] for part in line.split(":"))
        for line in ask(cluster, "query-show")[0].split(";")
        if line
    ]
    return [job for job in shown if wanted.items() <= job.items()]


def running(cluster, **wanted):
    return eventually(lambda: jobs(cluster, status="active(ok)", **wanted))[-1]


def scan(task, set_name, per_second=0):
    """Return the request of a scan of all partitions."""
    fields = {
        FIELD_NAMESPACE: b"test",
        FIELD_SET: set_name,
        FIELD_TASK_ID: task.to_bytes(8),
        FIELD_PARTITION_IDS: b"".join(pid.to_bytes(2, "little") for pid in range(4096)),
    }
    if per_second:
        fields[FIELD_RECORDS_PER_SECOND] = per_second.to_bytes(4)
    flags = (INFO1_READ, 0, INFO3_PARTITION_DONE, 0)
    return frame(encode_request(Request(flags, 0, 0, 0, fields, [], b"")))


@contextlib.contextmanager
def sent(cluster, request):
    """Send a request on a connection that reads little ahead."""
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(cluster.hosts[0])
        sock.sendall(request)
        yield sock


def test_an_aborted_scan_ends_with_its_code_and_is_listed_so(node):
    with sent(node, scan(4242, b"long", PER_SECOND)) as sock:
        job = running(node, trid="4242")
        assert (job["rps"], job["job-type"], job["n-pids-requested"]) == ("100", "basic", "4096")
        # One request, so that no step of the scan comes between.
        aborted, shown = ask(node, "query-abort:id=4242", "query-show:id=4242")
        assert (aborted, re.findall("status=([^:]+)", shown)) == ("ok", ["active(user-aborted)"])
        rows, code = answer_to(sock)
        assert (rows, code) == (1, ABORTED)  # one frame: it was not full
        [job] = jobs(node, trid="4242")
        assert job["status"] == "done(user-aborted)"
        assert 0 < float(job["job-progress"]) < 100
        # The connection serves the next request.
        sock.sendall(scan(4243, b"none"))
        assert answer_to(sock) == (0, 0)
    assert (
        ask(node, "query-abort:id=4242", "query-abort:trid=4242", "query-abort:id=7")
        == ["ERROR:2:id not active"] * 3
    )


def test_a_scan_whose_client_reads_slowly_can_be_aborted(node):
    with sent(node, scan(5000, b"wide")) as sock:
        read_frame(sock)
        job = running(node, trid="5000")
        assert int(job["recs-succeeded"]) < WIDE
        assert ask(node, "query-abort:trid=5000") == ["ok"]
        assert answer_to(sock)[1] == ABORTED


def test_all_scans_can_be_aborted_together(node):
    with (
        sent(node, scan(6001, b"long", PER_SECOND)) as one,
        sent(node, scan(6002, b"long", PER_SECOND)) as other,
    ):
        running(node, trid="6001")
        running(node, trid="6002")
        assert ask(node, "query-abort-all:") == ["number-of-queries-killed:2"]
        assert (answer_to(one)[1], answer_to(other)[1]) == (ABORTED, ABORTED)
    assert ask(node, "query-abort-all:") == ["number-of-queries-killed:0"]


def test_a_scan_that_ends_by_itself_is_listed_as_done(node):
    with sent(node, scan(7000, b"wide")) as sock:
        assert answer_to(sock)[1] == 0
    [job] = jobs(node, trid="7000")
    assert (job["status"], job["job-progress"]) == ("done(ok)", "100.00")
    assert (job["recs-succeeded"], job["recs-failed"]) == (str(WIDE), "0")


def test_a_scan_whose_client_left_goes_on_until_it_has_a_frame_to_send(node):
    with sent(node, scan(8000, b"long", PER_SECOND)):
        running(node, trid="8000")
    eventually(lambda: "client_connections=1;" in ask(node, "statistics")[0])
    assert jobs(node, trid="8000", status="active(ok)")
    assert ask(node, "query-abort:id=8000") == ["ok"]
    with sent(node, scan(8001, b"wide")) as sock:
        read_frame(sock)
    eventually(lambda: jobs(node, trid="8001", status="done(abandoned-response-error)"))


def test_the_last_hundred_jobs_are_listed():
    jobs_of_node = Jobs(lambda: 0.0)
    ended = SimpleNamespace(active=False, show=lambda number, _now: str(number))
    for number in range(1, 121):
        jobs_of_node.add(
            SimpleNamespace(info1=0, fields={FIELD_TASK_ID: number.to_bytes(8)}), ended
        )

    assert jobs_of_node.show(None).split(";") == [str(number) for number in range(21, 121)]


def test_a_job_in_the_background_can_be_aborted(node):
    with contextlib.closing(connect(node)) as client:
        query = client.query("test", "long")
        query.records_per_second = PER_SECOND
        query.add_ops([op.write("done", 1)])
        job = query.execute_background()
        state = client.job_info(job, aerospike.JOB_QUERY)
        assert state["status"] == aerospike.JOB_STATUS_INPROGRESS
        assert ask(node, f"query-abort:id={job}") == ["ok"]
        eventually(lambda: jobs(node, trid=str(job), status="done(user-aborted)"))
        assert client.job_info(job, aerospike.JOB_QUERY)["records_read"] < LONG
        changed = [bins for _, _, bins in client.query("test", "long").results() if "done" in bins]
        assert 0 < len(changed) < LONG


def c_query(cluster):
    with contextlib.closing(connect(cluster)) as client:
        query = client.query("test", "long")
        query.records_per_second = PER_SECOND
        query.results(policy={"max_retries": 0, "total_timeout": 0})


def py_query(cluster):
    with aerospike_py.client({"hosts": cluster.hosts}).connect() as client:
        policy = {"records_per_second": PER_SECOND, "max_retries": 0, "total_timeout": 0}
        client.query("test", "long").results(policy)


def py_async_query(cluster):
    async def run():
        async with aerospike_py.AsyncClient({"hosts": cluster.hosts}) as client:
            await client.connect()
            policy = {"records_per_second": PER_SECOND, "max_retries": 0, "total_timeout": 0}
            await client.query("test", "long").results(policy)

    asyncio.run(run())


def native_query(cluster):
    async def run():
        client = await aerospike_native.new_client(aerospike_native.ClientPolicy(), cluster.seeds)
        try:
            policy = aerospike_native.QueryPolicy()
            policy.records_per_second = PER_SECOND
            policy.base_policy.max_retries = 0
            statement = aerospike_native.Statement("test", "long", None)
            found = await client.query(
                statement, aerospike_native.PartitionFilter.all(), policy=policy
            )
            async for _ in found:
                pass
        finally:
            await client.close()

    asyncio.run(run())


def sdk_query(cluster):
    hosts = [Host(host, port) for host, port in cluster.hosts]
    with ClusterDefinition(hosts=hosts).connect() as connected:
        session = connected.create_session()
        query = session.query(DataSet.of("test", "long")).records_per_second(PER_SECOND)
        for row in query.execute():
            row.record_or_raise()


CLIENTS = {
    "aerospike": c_query,
    "aerospike_py": py_query,
    "aerospike_py_async": py_async_query,
    "aerospike_native": native_query,
    "aerospike_sdk": sdk_query,
}


@pytest.mark.parametrize("query", CLIENTS.values(), ids=CLIENTS)
def test_a_client_is_told_that_its_query_was_aborted(node, query):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(query, node)
        # A client may send an aborted query again; then that one is aborted as well.
        while not answer.done():
            if jobs(node, status="active(ok)", set="long"):
                ask(node, "query-abort-all:")
        error = answer.exception()
    assert error is not None
    assert str(ABORTED) in str(error) or getattr(error, "code", None) == ABORTED
