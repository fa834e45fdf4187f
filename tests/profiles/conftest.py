"""Where tests of policy files run."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def far_from_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where a temporary file's whole name is its shortest, wherever the repository is.

    In a repository beside the temporary directory `../…` would be shorter, and stand in messages.
    """
    monkeypatch.chdir(Path(__file__).parent)
