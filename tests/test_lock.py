"""The lock pins all that pyproject.toml asks for, and nothing of the machine it was made on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PLATFORMS = [
    (python, system) for python in ("3.11", "3.12", "3.13") for system in ("linux", "darwin")
]


def _pins(lock: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Each pin with its hashes."""
    text = lock.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin, *hashes = line.split("--hash=")
            yield Requirement(pin), [one.strip() for one in hashes]


def _asked(extra: str) -> Iterator[Requirement]:
    """What an extra of the project asks for, the package's own ranges and the build's included."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = described["project"]
    waiting = [
        *described["build-system"]["requires"],
        *project["dependencies"],
        *project["optional-dependencies"][extra],
    ]
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name == project["name"]:
            for one in requirement.extras:
                waiting += project["optional-dependencies"][one]
        else:
            yield requirement


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


@pytest.mark.parametrize(("python", "system"), PLATFORMS)
def test_the_lock_satisfies_every_range_on(python, system):
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "arm64" if system == "darwin" else "x86_64",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": system,
    }
    pinned: dict[str, str] = {}
    for pin, _ in _pins(ROOT / "requirements" / "dev.txt"):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert _name(pin.name) not in pinned, f"{pin.name} is pinned twice"
            (version,) = pin.specifier
            pinned[_name(pin.name)] = version.version

    unmet = [
        f"{requirement}: locked {pinned.get(_name(requirement.name))} (run make lock)"
        for requirement in _asked("dev")
        if not requirement.specifier.contains(pinned.get(_name(requirement.name), "0"))
    ]
    assert unmet == []


def test_every_range_has_a_lower_bound_to_test():
    unbounded = [
        str(one) for one in _asked("dev") if not any(s.operator == ">=" for s in one.specifier)
    ]

    assert unbounded == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_versions_and_hashes_and_no_place(lock):
    pins = list(_pins(lock))

    assert pins
    for pin, hashes in pins:
        assert str(pin.specifier).startswith("=="), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), pin
    assert not re.search(r"://|index|find-links|(^|\s)[./~]", lock.read_text())
