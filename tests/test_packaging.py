"""What is published: that it is whole, that it installs, and that it works from there."""

from __future__ import annotations

import importlib.util
import re
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.xdist_group("packaging"),  # builds once
    pytest.mark.timeout(300),  # builds and installs take long where other processes take both cores
]

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"")


def _load(path: Path):
    spec = importlib.util.spec_from_file_location("scripts_dist", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dist = _load(ROOT / "scripts" / "dist.py")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """The sdist, and the wheel that was built from it."""
    return dist.build(tmp_path_factory.mktemp("dist"))


def _description(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        return message_from_string(archive.read(name).decode()).get_payload()


def test_the_wheel_built_from_the_sdist_holds_profiles_types_and_entry_points(built):
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
        points = next(archive.read(n).decode() for n in names if n.endswith("entry_points.txt"))

    shipped = {
        f"aerospike_resilience/policies/{path.name}" for path in (ROOT / "policies").iterdir()
    }
    assert shipped <= names
    assert "aerospike_resilience/py.typed" in names
    assert {"aerospike_resilience.pth", "_aerospike_resilience_startup.py"} <= names
    assert "aerospike-resilience = aerospike_resilience.cli:main" in points
    assert "aerospike_resilience = aerospike_resilience.testing.plugin" in points
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "_aerospike_resilience_startup.py",
        "aerospike_resilience",
        "aerospike_resilience.pth",
    }


def test_the_sdist_holds_every_module_test_page_and_tool(built):
    with tarfile.open(built[0]) as archive:
        packed = {member.name.partition("/")[2] for member in archive.getmembers()}
    rooms = ["aerospike_resilience", "benchmarks", "docs", "policies", "requirements", "scripts"]
    needed = {
        str(path.relative_to(ROOT))
        for room in [*rooms, "tests"]
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert needed - packed == set()
    assert {"Makefile", "README.md", "aerospike_resilience.pth", ".ci/run"} <= packed


def test_a_file_that_git_does_not_know_is_found_in_the_sdist(built, monkeypatch):
    monkeypatch.setattr(
        dist, "run", lambda *_: "README.md\0Makefile\0gone.py\0scripts/environment.sh\0"
    )

    found = dist.differences(built[0])

    assert "in the sdist, but not in git: scripts/dist.py" in found
    assert not any("README.md" in line or "gone.py" in line for line in found)


def test_an_index_would_take_both(built):
    dist.check(*built)


@pytest.mark.parametrize("kind", [0, 1], ids=["sdist", "wheel"])
def test_what_is_published_installs_and_serves_from_there(built, kind):
    dist.try_installed(sys.executable, built[kind], offline=True)


def test_no_link_or_picture_of_the_index_page_leads_nowhere(built):
    page = _description(built[1])
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {})

    relative = [
        target
        for found in LINK.finditer(page)
        if not (target := found[1] or found[2]).startswith(("https://", "#"))
    ]
    assert relative == []
    assert "Picture `docs/demo.png`" in page or urls
    # Once the project has an address, the links are wanted back: see docs/dependencies.md.
    assert bool(urls) == ("](https://" in page)


def test_a_python_of_each_supported_version_is_looked_for():
    assert dist.supported() == ["3.11", "3.12", "3.13"]
    assert dist.find(f"{sys.version_info[0]}.{sys.version_info[1]}") is not None
    assert dist.find("2.0") is None
