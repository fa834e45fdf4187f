"""What is in the wheel, and that it works from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(out),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (found,) = out.glob("*.whl")
    return found


def test_profiles_types_and_entry_points_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        points = next(archive.read(n).decode() for n in names if n.endswith("entry_points.txt"))

    shipped = {
        f"aerospike_resilience/policies/{path.name}" for path in (ROOT / "policies").iterdir()
    }
    assert shipped <= names
    assert "aerospike_resilience/py.typed" in names
    assert "aerospike_resilience.pth" in names
    assert "aerospike-resilience = aerospike_resilience.cli:main" in points
    assert "aerospike_resilience = aerospike_resilience.testing.plugin" in points
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_the_installed_package_finds_its_profiles_and_runs_a_cluster(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import aerospike, aerospike_resilience as ar\n"
        "from pathlib import Path\n"
        "from aerospike_resilience.profiles import PolicyLibrary\n"
        "from aerospike_resilience.testing import LocalCluster\n"
        "home = Path(ar.__file__).parent\n"
        f"assert home.parent == Path({str(tmp_path)!r}), home\n"
        "assert PolicyLibrary().directories == (home / 'policies',)\n"
        "with LocalCluster(nodes=1, replication_factor=1) as cluster:\n"
        "    client = ar.resilient(aerospike.client({'hosts': cluster.hosts}), 'latency')\n"
        "    client.put(('test', 's', 1), {'n': 1})\n"
        "    print(client.get(('test', 's', 1))[2])\n"
        "    client.close()\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == "{'n': 1}\n", found.stderr
