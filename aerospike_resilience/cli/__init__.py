"""The ``aerospike-resilience`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Without its extra, say how to get it and exit with 2."""
    try:
        from .main import cli
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        sys.stderr.write(
            f"aerospike-resilience needs {missing.name}: pip install 'aerospike-resilience[cli]'\n"
        )
        raise SystemExit(2) from None
    cli(prog_name="aerospike-resilience")
