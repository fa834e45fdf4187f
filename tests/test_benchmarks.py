"""The benchmarks run and write what they measured; what they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
        "chain",
        "parts",
        "cluster",
        "clients",
        "embedded",
        "policies",
        "startup",
    }
