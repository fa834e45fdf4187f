"""Findings as text for people, JSON for programs, and for GitHub's and others' code scanning."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ..model.wording import counted
from .lint import Finding

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def text(findings: Sequence[Finding]) -> str:
    """Return one paragraph for each finding, and their number."""
    lines = [
        f"{one.origin}: {one.severity} {one.id}{f' ({one.profile})' if one.profile else ''}: "
        f"{one.message}\n    fix: {one.fix}\n    more: {one.page}"
        for one in findings
    ]
    return "\n".join([*lines, counted(len(findings), "finding")])


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects with the attributes of `Finding`."""
    return json.dumps([{**asdict(one), "page": one.page} for one in findings], indent=1)


def github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub shows beside the line."""
    words = {"error": "error", "warning": "warning", "note": "notice"}
    return "\n".join(
        f"::{words[one.severity]} file={_property(_relative(one.file))},line={one.line},"
        f"title={one.id}::{_data(f'{one.message}; fix: {one.fix}')}"
        for one in findings
    )


def sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0."""
    results = []
    for one in findings:
        place = {"artifactLocation": {"uri": _uri(one.file)}, "region": {"startLine": one.line}}
        results.append(
            {
                "ruleId": one.id,
                "level": one.severity,
                "message": {"text": f"{one.message}. Fix: {one.fix}."},
                "locations": [{"physicalLocation": place}],
            }
        )
    driver = {
        "name": "aerospike-resilience",
        "rules": [
            {"id": name, "help": {"text": f"See {page}."}}
            for name, page in sorted({(one.id, one.page) for one in findings})
        ],
    }
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=1)


def _relative(file: str) -> str:
    """Return a file's path relative to the working directory, if it is below it."""
    path, here = Path(os.path.abspath(file)), Path.cwd()  # noqa: PTH100 - without ".."
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def _uri(file: str) -> str:
    found = _relative(file)
    return Path(found).as_uri() if found.startswith("/") else quote(found)


def _data(text: str) -> str:
    """Escape a message for a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Final[dict[str, Callable[[Sequence[Finding]], str]]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
