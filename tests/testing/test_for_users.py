"""What users get: fixtures, the shell command, processes that never stay behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.cluster import cluster as command
from aerospike_resilience.testing import ClusterError, LocalCluster, controller, fork_server
from aerospike_resilience.testing.fork_server import FORK_SERVER, ForkServer
from aerospike_resilience.testing.server.readable import readable
from tests.waiting import PATIENCE_S

from .support import connect, eventually

pytest_plugins = ["pytester"]


def test_the_fixtures_give_a_cluster_and_a_client(aerospike_cluster, aerospike_client):
    key = ("test", "fixture", 1)
    aerospike_client.put(key, {"n": 1})
    assert aerospike_client.get(key)[2] == {"n": 1}
    assert aerospike_cluster.requests("put") >= 1


def test_the_fixture_of_the_blocking_rust_client(aerospike_py_client):
    aerospike_py_client.put(("test", "fixture", "py"), {"n": 1})
    assert aerospike_py_client.get(("test", "fixture", "py")).bins == {"n": 1}


async def test_the_fixtures_of_awaited_clients_are_connected(
    aerospike_py_async_client, aerospike_native_client, aerospike_sdk_cluster
):
    from aerospike_native import Key
    from aerospike_sdk import DataSet

    await aerospike_py_async_client.put(("test", "fixture", "awaited"), {"n": 7})
    record = await aerospike_native_client.get(Key("test", "fixture", "awaited"))
    assert record.bins == {"n": 7}
    session = aerospike_sdk_cluster.create_session()
    assert (await session.get(DataSet.of("test", "fixture").id("awaited"))).bins == {"n": 7}


def test_awaited_fixtures_work_in_the_strict_mode_of_pytest_asyncio(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_put(aerospike_py_async_client):
            await aerospike_py_async_client.put(("test", "fixture", 1), {"n": 1})
        """
    )
    result = pytester.runpytest_subprocess("-q", "-o", "asyncio_mode=strict")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("turn", [1, 2])
def test_the_fixture_undoes_what_a_test_did(aerospike_cluster, turn):
    assert [node.state for node in aerospike_cluster.nodes] == ["running"] * 3
    aerospike_cluster.inject(latency="1ms")
    aerospike_cluster.stall("A1")


def test_with_a_real_cluster_tests_that_need_faults_are_skipped_by_name(pytester):
    pytester.makepyfile(
        """
        def test_stall(aerospike_cluster):
            aerospike_cluster.stall("A1")

        def test_hosts(aerospike_hosts):
            assert aerospike_hosts == [("db1", 3000), ("db2", 4000)]
        """
    )
    result = pytester.runpytest_subprocess("--aerospike=db1,db2:4000", "-rs", "-q")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*test_stall needs faults*"])


def test_using_a_cluster_that_does_not_run_says_what_to_do():
    with pytest.raises(ClusterError, match="use it in a with block or start"):
        _ = LocalCluster().hosts


def test_a_machine_may_keep_the_processes_of_a_cluster_waiting_for_a_minute(monkeypatch):
    waits = []

    def noted(file, timeout_s):
        waits.append(timeout_s)
        return readable(file, timeout_s)

    monkeypatch.setattr(controller, "readable", noted)
    with LocalCluster(nodes=1):
        assert min(waits) >= PATIENCE_S
        assert controller.ANSWER_TIMEOUT_S >= PATIENCE_S
    assert LocalCluster.wait_until_stable.__defaults__ == (PATIENCE_S,)


MANY_FILES = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
from aerospike_resilience.testing import LocalCluster
with LocalCluster(nodes=1) as cluster:
    cluster.wait_until_stable()
"""


def test_a_process_with_a_thousand_files_can_run_a_cluster():
    subprocess.run([sys.executable, "-c", MANY_FILES], check=True, timeout=200)


async def test_a_cluster_is_an_async_context_manager():
    async with LocalCluster(nodes=1) as cluster:
        assert cluster.nodes[0].state == "running"


def test_the_shell_command_prints_seeds_and_takes_faults():
    script = "inject latency=1ms op=get\nfaults\nstall A1\nnodes\nnonsense\nkill A2\nquit\n"
    result = CliRunner().invoke(command, ["--nodes", "2"], input=script)
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[0].count("127.0.0.1:") == 2
    assert "fault 1 is in force" in lines
    assert any(line.startswith("A1") and line.endswith("stalled") for line in lines)
    assert any("unknown command 'nonsense'" in line for line in lines)


def test_the_shell_command_reads_faults_from_a_file(tmp_path):
    faults = tmp_path / "faults.txt"
    faults.write_text("# a slow node\ninject node=A1 latency=5ms share=0.5\nsleep 1ms\nquit\n")
    result = CliRunner().invoke(command, ["--nodes", "1", "--faults", str(faults)])
    assert result.exit_code == 0
    assert "fault 1 is in force" in result.output


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_node_survives_a_parent_that_is_killed_not_even_a_stalled_one():
    program = textwrap.dedent("""
        import time
        from aerospike_resilience.testing import LocalCluster
        cluster = LocalCluster().start()
        cluster.stall("A2")
        print(*[node.pid for node in cluster.nodes], cluster._fleet.supervisor.pid, flush=True)
        time.sleep(100)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 4
    assert all(map(alive, pids))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not any(map(alive, pids)))


def test_no_node_survives_its_supervisor():
    cluster = LocalCluster().start()
    pids = [node.pid for node in cluster.nodes]
    cluster.stall("A1")
    os.kill(cluster._fleet.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not any(map(alive, pids)))
    with pytest.raises(ClusterError, match="supervisor is gone"):
        cluster.kill("A2")
    cluster.stop()


def test_no_node_survives_the_fork_server_and_the_next_cluster_starts_another(monkeypatch):
    own = ForkServer()
    monkeypatch.setattr(controller, "FORK_SERVER", own)  # others of this process need theirs
    with LocalCluster(nodes=2) as cluster:
        pids = [node.pid for node in cluster.nodes]
        cluster.stall("A1")
        own._process.kill()
        eventually(lambda: not any(map(alive, pids)))
        with pytest.raises(ClusterError, match="supervisor is gone"):
            cluster.kill("A2")
    with LocalCluster(nodes=1) as cluster:
        assert alive(cluster.nodes[0].pid)
    own.close()


def test_a_forked_child_starts_clusters_of_its_own():
    with LocalCluster(nodes=1) as cluster:
        ours = FORK_SERVER._process.pid
        pid = os.fork()
        if pid == 0:
            code = 1
            with contextlib.suppress(BaseException):
                with LocalCluster(nodes=1) as own:
                    code = int(FORK_SERVER._process.pid == ours or own.hosts == cluster.hosts)
                FORK_SERVER.close()
            os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        with contextlib.closing(connect(cluster)) as client:
            client.put(("test", "fork", 1), {"n": 1})


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_supervisor_has_the_working_directory_and_the_cores_of_its_cluster(monkeypatch, tmp_path):
    LocalCluster(nodes=1).start().stop()  # the fork server runs by now, in another directory
    monkeypatch.chdir(tmp_path)
    with LocalCluster(nodes=1) as cluster:
        pid = cluster.nodes[0].pid
        assert Path(f"/proc/{pid}/cwd").readlink() == tmp_path
        assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)


def test_a_fork_of_the_test_process_does_not_end_the_cluster():
    with LocalCluster(nodes=1) as cluster:
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                cluster.stop()
            os._exit(0)
        os.waitpid(pid, 0)
        with contextlib.closing(connect(cluster)) as client:
            client.put(("test", "fork", 1), {"n": 1})


def test_the_fork_server_collects_garbage_once_it_has_imported_all():
    program = Path(fork_server.__file__).parent / "server" / "__main__.py"
    script = (
        "import gc, runpy, sys\n"
        "runpy.run_path(sys.argv[1])\n"
        "sys.stderr.write(str(gc.isenabled()))\n"
    )
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()  # it ends at once, as nobody asks it for anything
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", script, str(program)],
            stdin=theirs.fileno(),
            capture_output=True,
            text=True,
            check=True,
        )
    assert ended.stderr == "True"
