"""The benchmarks run and write what they measured; what they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import embedded_chaos
from benchmarks.at_load.__main__ import main

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(900)  # on a busy machine it takes its time
def test_a_quick_run_compares_the_chain_with_its_peers(tmp_path):
    out = tmp_path / "bench.json"

    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", str(out)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    benches = json.loads(out.read_text())["benches"]
    names = [figure["name"] for figure in benches["chain"]["figures"]]
    assert names[0] == "bare call"
    assert {"pybreaker", "tenacity", "stamina", "redress (retry)", "BoundedSemaphore"} <= set(names)
    assert "resilient, no SDK" in names
    assert set(benches) == {
        "awaited",
        "chain",
        "parts",
        "cluster",
        "clients",
        "embedded",
        "policies",
        "startup",
        "telemetry",
    }


@pytest.mark.parametrize("load", ["reads", "writes"])
def test_a_stall_of_the_embedded_cluster_is_measured_by_every_figure_of_the_real_one(load):
    found = embedded_chaos.measure("commit_master", load, seconds=0.1, rate=100)
    assert {figure.key for figure in embedded_chaos.FIGURES} <= found.keys()


def test_figures_are_as_far_apart_as_a_share_of_the_real_one():
    assert embedded_chaos.apart(1_800, 2_000) == pytest.approx(0.1)
    assert embedded_chaos.apart(3, 0) == pytest.approx(0.03)  # a percentage of nothing


def test_a_real_clusters_node_is_harmed_by_its_process(cluster, monkeypatch, tmp_path, capsys):
    hosts = ",".join(f"{host}:{port}" for host, port in cluster.hosts)
    found = tmp_path / "at_load.json"
    words = f"--hosts {hosts} --pid {cluster.nodes[1].pid} --client aerospike --fault stall"
    short = f"--fault-s 0.3 --after-s 0.3 --rate 200 --only wrapped --errors --json {found}"
    monkeypatch.setattr("sys.argv", ["at_load", *words.split(), *short.split()])

    main()

    (run,) = json.loads(found.read_text())["runs"]
    assert (run["client"], run["subject"]) == ("aerospike", "wrapped")
    assert run["parts"]["reads fault"]["served"] > 0
    assert "stall wrapped" in capsys.readouterr().out
    assert cluster.nodes[1].state == "running"


def test_a_real_cluster_needs_a_process_to_harm(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["at_load", "--hosts", "127.0.0.1:3000"])

    with pytest.raises(SystemExit):
        main()

    assert "--pid" in capsys.readouterr().err
