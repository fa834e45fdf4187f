"""The answers of a real server, recorded, against those of LocalCluster to the same bytes."""

import pytest

from .conformance import RECORDINGS, reason, replay

FILES = sorted(RECORDINGS.glob("*.jsonl.gz"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_recorded_requests_are_answered_as_the_real_server_did(path):
    count, differences = replay(path)
    assert count > 0
    unexpected = [str(each) for each in differences if reason(each.exchange) is None]
    assert not unexpected, "\n" + "\n".join(unexpected)
