"""A wrapped `aerospike.Client` has the same methods, results and exceptions as the bare one."""

from __future__ import annotations

import subprocess
import sys

import aerospike
import pytest
from aerospike import exception
from aerospike_helpers.batch import records as br
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient

KEY = ("test", "transparency", "k")

# The client warns of string append and prepend, which later servers have operations of their own for.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def record(bare):
    bare.put(KEY, {"n": 1, "s": "text"})
    yield
    try:
        bare.remove(KEY)
    except exception.RecordNotFound:
        return


def test_it_is_an_instance_of_the_clients_class(client, bare):
    assert isinstance(client, aerospike.Client)
    assert type(bare) is client.__class__


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.get(KEY),
        lambda c: c.get(KEY, {"total_timeout": 500}),
        lambda c: c.get(key=KEY, policy={"total_timeout": 500}),
        lambda c: c.exists(KEY),
        lambda c: c.exists(("test", "transparency", "missing")),
        lambda c: c.select(KEY, ["n"]),
        lambda c: c.operate(KEY, [op.read("n")]),
        lambda c: c.operate_ordered(KEY, [op.read("s"), op.read("n")]),
        lambda c: [r.record for r in c.batch_read([KEY]).batch_records],
        lambda c: [r.result for r in c.batch_read([KEY, ("test", "x", 1)]).batch_records],
        lambda c: sorted(c.info_all("build")),
        lambda c: c.info_random_node("build"),
        lambda c: c.get_key_partition_id(*KEY),
        lambda c: sorted(c.get_nodes()),
        lambda c: c.is_connected(),
    ],
)
def test_reads_return_the_same(ask, client, bare):
    assert ask(client) == ask(bare)


@pytest.mark.parametrize(
    ("write", "after"),
    [
        (lambda c: c.put(KEY, {"n": 5}), {"n": 5, "s": "text"}),
        (lambda c: c.put(KEY, {"n": 5}, {}, {"key": aerospike.POLICY_KEY_SEND}), None),
        (lambda c: c.append(KEY, "s", "!"), {"n": 1, "s": "text!"}),
        (lambda c: c.prepend(KEY, "s", "!"), {"n": 1, "s": "!text"}),
        (lambda c: c.increment(KEY, "n", 4), {"n": 5, "s": "text"}),
        (lambda c: c.touch(KEY), {"n": 1, "s": "text"}),
        (lambda c: c.touch(KEY, 1000, {"gen": 1}, {}), {"n": 1, "s": "text"}),
        (lambda c: c.remove_bin(KEY, ["s"]), {"n": 1}),
        (lambda c: c.operate(KEY, [op.increment("n", 1), op.read("n")])[2], {"n": 2, "s": "text"}),
    ],
)
def test_writes_do_and_return_the_same(write, after, client, bare):
    by_bare = write(bare)
    bare.put(
        KEY, {"n": 1, "s": "text"}, policy={"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE}
    )

    assert write(client) == by_bare
    if after is not None:
        assert bare.get(KEY)[2] == after


def test_remove_removes(client, bare):
    assert client.remove(KEY) == 0
    with pytest.raises(exception.RecordNotFound):
        bare.get(KEY)


def test_batch_writes_fill_the_callers_own_object(client, bare):
    batch = br.BatchRecords(
        [br.Write(KEY, [op.write("n", 9)]), br.Read(KEY, None, read_all_bins=True)]
    )

    result = client.batch_write(batch)

    assert result is batch
    assert [row.result for row in result.batch_records] == [0, 0]
    assert bare.get(KEY)[2]["n"] == 9


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (lambda c: c.get(("test", "transparency", "missing")), exception.RecordNotFound),
        (lambda c: c.get("not a key"), exception.ParamError),
        (lambda c: c.get(), TypeError),
        (lambda c: c.get(KEY, {}, "too many"), TypeError),
        (lambda c: c.get(KEY, nonsense=1), TypeError),
        (lambda c: c.get(KEY, "not a policy"), exception.ParamError),
        (lambda c: c.get(KEY, {"total_timeout": "soon"}), exception.ParamError),
        (lambda c: c.append(KEY, "n", "x"), exception.BinIncompatibleType),
        (
            lambda c: c.put(KEY, {"n": 1}, policy={"exists": aerospike.POLICY_EXISTS_CREATE}),
            exception.RecordExistsError,
        ),
        (
            lambda c: c.put(KEY, {"n": 1}, {"gen": 99}, {"gen": aerospike.POLICY_GEN_EQ}),
            exception.RecordGenerationError,
        ),
        (lambda c: c.put(KEY, {"a-name-far-too-long": 1}), exception.BinNameError),
    ],
)
def test_errors_keep_their_class_and_arguments(fail, error, client, bare):
    with pytest.raises(error) as by_bare:
        fail(bare)
    with pytest.raises(error) as by_wrapped:
        fail(client)

    assert type(by_wrapped.value) is type(by_bare.value)
    assert by_wrapped.value.args[:1] == by_bare.value.args[:1]


def test_attributes_it_lacks_are_missing_as_ever(client):
    with pytest.raises(AttributeError, match="nonsense"):
        _ = client.nonsense


def test_everything_of_ours_is_behind_one_attribute(client, bare):
    assert set(dir(client)) - set(dir(bare)) == {"resilience"}


def test_methods_keep_their_names_and_docs(client, bare):
    assert client.get.__name__ == "get"
    assert client.get.__doc__ == bare.get.__doc__


def test_close_closes_the_client(healthy, connect):
    bare = connect(healthy)
    wrapped = resilient(bare, profile="latency")

    wrapped.close()

    assert not bare.is_connected()
    with pytest.raises(exception.ClusterError):
        wrapped.get(KEY)


def test_queries_stay_chainable_and_run_through_the_chain(client):
    query = client.query("test", "transparency")
    assert isinstance(query, aerospike.Query)

    assert query.select("n") is query
    query.max_records = 10
    assert query.max_records == 10
    assert [bins for _, _, bins in query.results()] == [{"n": 1}]


def test_a_callbacks_own_error_arrives_as_the_client_hands_it_on(client):
    class ApplicationError(Exception):
        pass

    def callback(_record):
        raise ApplicationError("mine")

    with pytest.raises(exception.ClientError, match="Callback function contains an error"):
        client.query("test", "transparency").foreach(callback)
    assert all(node["errors"] == {} for node in client.resilience.nodes.values())


def test_scans_work_as_ever(client, bare):
    seen: list[dict] = []

    client.scan("test", "transparency").foreach(lambda record: seen.append(record[2]))

    assert seen == [{"n": 1, "s": "text"}]
    assert (
        client.scan("test", "transparency").results() == bare.scan("test", "transparency").results()
    )


def test_a_wrapped_client_cannot_be_copied(client):
    import copy

    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.copy(client)


def test_closing_while_the_tend_thread_asks_crashes_nothing(cluster):
    """On a closed client some of its methods crash the interpreter; so this runs in one of its own."""
    program = (
        "import sys, threading, aerospike\n"
        "from aerospike_resilience import resilient\n"
        "hosts = [('127.0.0.1', int(sys.argv[1]))]\n"
        "for _ in range(20):\n"
        "    bare = aerospike.client({'hosts': hosts})\n"
        "    client = resilient(bare, 'latency')\n"
        "    health = client.resilience._engine.shared.health\n"
        "    health.calm = False\n"
        "    ask = lambda: [health.maps.owners(('test', 's', n)) for n in range(500)]\n"
        "    asking = threading.Thread(target=ask)\n"
        "    asking.start()\n"
        "    client.close()\n"
        "    asking.join()\n"
        "print('alive')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(cluster.hosts[0][1])],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert found.stdout == "alive\n", found.stderr
