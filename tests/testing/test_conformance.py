"""The answers of a real server, recorded, against those of LocalCluster to the same bytes."""

from pathlib import Path

import pytest

from .conformance import (
    DOES_NOT_MATCH,
    INFO_MAY_DIFFER,
    RECORDINGS,
    WITHOUT_LUA,
    reason,
    replay,
)

FILES = sorted(RECORDINGS.glob("*.jsonl.gz"))
DOCS = Path(__file__).parents[2] / "docs" / "testing.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_recorded_requests_are_answered_as_the_real_server_did(path):
    count, differences = replay(path)
    assert count > 0
    unexpected = [str(each) for each in differences if reason(each.exchange) is None]
    assert not unexpected, "\n" + "\n".join(unexpected)


def test_what_does_not_match_is_in_the_docs():
    text = DOCS.read_text()
    for reasons in (DOES_NOT_MATCH, WITHOUT_LUA, INFO_MAY_DIFFER):
        for why in reasons.values():
            assert why in text
