"""Findings as text for people, JSON for programs, and for GitHub's and others' code scanning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final

from .lint import Finding

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def text(findings: Sequence[Finding]) -> str:
    """One finding a paragraph, and how many there are."""
    lines = [
        f"{one.origin}: {one.severity} {one.id} ({one.profile}): {one.message}\n    fix: {one.fix}"
        for one in findings
    ]
    return "\n".join([*lines, f"{len(findings)} findings"])


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects with the attributes of `Finding`."""
    return json.dumps([asdict(one) for one in findings], indent=1)


def github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub shows beside the line."""
    words = {"error": "error", "warning": "warning", "note": "notice"}
    lines = []
    for one in findings:
        file, line = _place(one)
        lines.append(
            f"::{words[one.severity]} file={file},line={line},title={one.id}::{one.message}; fix: {one.fix}"
        )
    return "\n".join(lines)


def sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0."""
    results = []
    for one in findings:
        file, line = _place(one)
        place = {"artifactLocation": {"uri": file}, "region": {"startLine": line}}
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
        "rules": [{"id": name} for name in sorted({one.id for one in findings})],
    }
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=1)


def _place(finding: Finding) -> tuple[str, int]:
    file, _, line = finding.origin.rpartition(":")
    return (file, int(line)) if line.isdigit() else (finding.origin, 1)


FORMATS: Final[dict[str, Callable[[Sequence[Finding]], str]]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
