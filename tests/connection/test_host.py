"""`Host`: addresses as the vendor's page has them."""

from __future__ import annotations

import copy
import pickle

import pytest

from aerospike_resilience import Host


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("host1:3000,host2:3100", [Host("host1", 3000), Host("host2", 3100)]),
        ("host1,host2", [Host("host1", 4000), Host("host2", 4000)]),
        (" host1 , host2:1 ", [Host("host1", 4000), Host("host2", 1)]),
        ("[::1]:3000,[fe80::2]", [Host("::1", 3000), Host("fe80::2", 4000)]),
        ("db:db.tls:4333", [Host("db", 4333, "db.tls")]),
        ("[::1]:db.tls:4333", [Host("::1", 4333, "db.tls")]),
    ],
)
def test_hosts_are_read_from_a_text(text, hosts):
    assert Host.parse_hosts(text, 4000) == hosts


@pytest.mark.parametrize(
    "segment",
    [
        "host2:",
        "host2:x",
        "host2:0",
        "host2:65536",
        "host2:-1",
        "host2:3.5",
        "",
        ":3000",
        "::1:3000",
    ],
)
def test_a_bad_segment_is_named(segment):
    with pytest.raises(ValueError, match="host segment") as caught:
        Host.parse_hosts(f"host1:3000,{segment},host3:3000", 3000)
    assert repr(segment) in str(caught.value)
    assert "host1" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("h", "x"), ValueError),
        (("h", 0), ValueError),
        (("h", 70000), ValueError),
        (("h", True), ValueError),
        (("h", 30.5), ValueError),
        (("", 3000), ValueError),
        (("a b", 3000), ValueError),
        ((None, 3000), TypeError),
        (("h", 3000, ""), ValueError),
        (("h", 3000, 7), TypeError),
    ],
)
def test_what_is_no_host_is_refused(arguments, error):
    with pytest.raises(error):
        Host(*arguments)


def test_a_host_is_a_value():
    host = Host.of("db", 3000)

    assert host == Host("db", 3000) != Host("db", 3000, "db.tls")
    assert len({host, Host("db", 3000), Host("db", 3001)}) == 2
    assert tuple(host) == ("db", 3000, None)
    assert (host.name, host.port, host.tls_name) == ("db", 3000, None)
    assert repr(host) == "Host('db', 3000)"
    assert repr(Host("db", 3000, "x")) == "Host('db', 3000, tls_name='x')"
    assert pickle.loads(pickle.dumps(host)) == copy.copy(host) == host
    assert str(Host("[::1]", 3000)) == "[::1]:3000"
