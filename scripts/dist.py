"""Build what is published, check it, and try it where a user would install it (`make dist`).

The sdist is built from the repository and the wheel from the sdist, so that what was left out of the sdist
is missed here and not by a packager. Then both are installed, each into a fresh environment of every
supported Python that is found, and `scripts/smoke.py` runs there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "[aerospike,cli]"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command; end with its words if it fails, else return what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # What is tried is what was installed, never this repository.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\ndist: failed: {' '.join(map(str, command))}")
    return done.stdout


def build(out: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it, with the build tools of the lock; return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.tar.gz"), *out.glob("*.whl")]:
        old.unlink()
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


def differences(sdist: Path) -> list[str]:
    """Return what the sdist lacks of the repository's files, or has without being one of them."""
    tracked = {
        name
        for name in run("git", "-C", ROOT, "ls-files", "-z").split("\0")
        if name and (ROOT / name).exists()
    }
    with tarfile.open(sdist) as archive:
        packed = {
            member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
        }
    packed.discard("PKG-INFO")  # made by the build
    return [
        *(f"not in the sdist: {name}" for name in sorted(tracked - packed)),
        *(f"in the sdist, but not in git: {name}" for name in sorted(packed - tracked)),
    ]


def check(sdist: Path, wheel: Path) -> None:
    """End where an index would refuse the metadata, or the wheel holds what it should not."""
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    run(sys.executable, "-m", "check_wheel_contents", wheel)


def supported() -> list[str]:
    """Return the versions of Python that pyproject.toml names, such as ``3.11``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    last_words = [entry.rpartition(" :: ")[2] for entry in project["classifiers"]]
    return [word for word in last_words if word.startswith("3.")]


def candidates(version: str) -> Iterator[str]:
    """Yield where a version of Python may be: on the PATH, or kept by pyenv."""
    yield f"python{version}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for folder in sorted(versions.glob(f"{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")
    if sys.version.startswith(f"{version}."):
        yield sys.executable


def find(version: str) -> str | None:
    """Return a Python of a version, or None."""
    for python in candidates(version):
        try:
            done = subprocess.run(
                [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
        if done.stdout.strip() == version:
            return python
    return None


def try_installed(python: str, archive: Path, *, offline: bool = False) -> None:
    """Install an archive into a fresh environment and run the smoke test there.

    Args:
        python: The interpreter to make the environment of.
        archive: Sdist or wheel.
        offline: Ask no index: dependencies and build tools are those of the running environment, whose
            Python must be of the same version.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "env"
        run(python, "-m", "venv", "--without-pip", home)
        inside = home / "bin" / "python"
        options = ["--quiet", "--disable-pip-version-check"]
        if offline:
            site = Path(run(inside, "-c", "import site; print(site.getsitepackages()[0])").strip())
            # A .pth named by a .pth is not read, so the project's own editable install stays out. The name
            # sorts first: aerospike_resilience.pth may import as Python starts.
            (site / "_borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
            options += ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
        run(
            sys.executable,
            "-m",
            "pip",
            "--python",
            inside,
            "install",
            *options,
            f"{archive}{EXTRAS}",
        )
        run(inside, "-P", ROOT / "scripts" / "smoke.py", cwd=Path(folder))


def main() -> None:
    """Build, check and try; the archives stay in ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--python", action="append", metavar="VERSION", help="only this one, such as 3.12"
    )
    options = parser.parse_args()

    sdist, wheel = build(options.out)
    if (ROOT / ".git").exists() and (found := differences(sdist)):
        raise SystemExit("\n".join(found))
    print(f"built {sdist.name}, and from it {wheel.name}", flush=True)
    check(sdist, wheel)
    print("twine check --strict, check-wheel-contents: passed", flush=True)
    tried = 0
    for version in options.python or supported():
        if (python := find(version)) is None:
            print(f"Python {version}: not found, so not tried")
            continue
        for archive in (sdist, wheel):
            try_installed(python, archive)
            print(f"Python {version}: {archive.name} installed, smoke test passed", flush=True)
        tried += 1
    if not tried:
        raise SystemExit("dist: no supported Python was found, so nothing was tried")


if __name__ == "__main__":
    main()
