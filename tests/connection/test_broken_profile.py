"""A service may be connected although its policy file is broken: then its parent holds."""

from __future__ import annotations

import pytest

from aerospike_resilience import PolicyFileError, connect, resilience


def test_connect_starts_on_the_parent_if_it_may(healthy, tmp_path):
    (tmp_path / "checkout.yaml").write_text("version: 1\nextends: throughput\nnonsense: 1\n")
    config = {"hosts": healthy.hosts}

    with pytest.raises(PolicyFileError):
        connect(config, profile="checkout", policies=tmp_path)
    with connect(config, profile="checkout", policies=tmp_path, broken_profile="parent") as client:
        state = resilience(client).snapshot()["profile"]
        shown = str(resilience(client).explain_connection())

    assert (state["in_force"], state["state"]) == ("throughput", "parent")
    assert "<shipped>/throughput.yaml" in shown
