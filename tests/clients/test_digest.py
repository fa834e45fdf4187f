"""Partitions worked out without a client are those of the clients."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerospike_resilience.model.digest import Ripemd160, best_ripemd160, partition_of, ripemd160
from tests.conformance.surfaces import native


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(max_size=20), st.binary(min_size=1)),
)
def test_a_partition_is_that_of_the_native_client(set_name, user_key):
    assert (
        partition_of(("test", set_name, user_key))
        == native.Key("test", set_name, user_key).partition_id
    )


def test_a_digest_is_enough():
    digest = native.Key("test", "s", 1).digest
    raw = bytes.fromhex(digest) if isinstance(digest, str) else bytes(digest)

    assert partition_of(("test", "s", None, raw)) == partition_of(("test", "s", 1))


def test_builds_without_the_hash_have_one_of_ours(monkeypatch):
    def unsupported(name):
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr("hashlib.new", unsupported)

    ours = best_ripemd160()
    ours.update(b"message ")
    began = ours.copy()
    ours.update(b"digest")

    assert isinstance(ours, Ripemd160)
    assert ours.digest().hex() == "5d0689ef49d2fae572b881b123a85ffa21595f36"
    assert began.digest() == ripemd160(b"message ")


@given(st.binary(max_size=200))
def test_the_hash_of_ours_is_that_of_openssl(data):
    best = best_ripemd160()
    best.update(data)

    assert ripemd160(data) == best.digest()


def test_a_build_without_the_hash_loads_nothing_of_the_embedded_cluster():
    program = (
        "import sys, hashlib\n"
        "def unsupported(name): raise ValueError(name)\n"
        "hashlib.algorithms_available, hashlib.new = set(), unsupported\n"
        "from aerospike_resilience.model.digest import partition_of\n"
        "partition_of(('test', 's', 1))\n"
        "print([n for n in sys.modules if n.startswith('aerospike_resilience.testing')])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("user_key", [None, 1.5, True, [1]])
def test_what_is_no_key_is_said(user_key):
    with pytest.raises(TypeError, match="user key"):
        partition_of(("test", "s", user_key))
