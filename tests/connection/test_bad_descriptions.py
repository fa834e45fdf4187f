"""A bad description of a cluster is refused before the first packet, and says what is wrong with it."""

from __future__ import annotations

import contextlib
import pickle
from datetime import timedelta

import pytest

from aerospike_resilience import (
    ClientConfigError,
    ClusterDefinition,
    SystemSettings,
    connect,
)

HOSTS = [("db", 3000)]

BAD_CONFIGS = {
    "no hosts": ({}, "hosts: at least one host"),
    "empty hosts": ({"hosts": []}, "hosts: at least one host"),
    "hosts a text": ({"hosts": "db:3000"}, r"hosts: a list such as"),
    "host a text": ({"hosts": ["db:3000"]}, r"hosts\[0\]: \('localhost', 3000\) is needed"),
    "port a text": ({"hosts": [("a", 1), ("db", "x")]}, r"hosts\[1\]: .*'x' is no whole number"),
    "port too big": ({"hosts": [("db", 70_000)]}, r"hosts\[0\]: .*between 1 and 65535"),
    "a misspelt key": (
        {"hosts": HOSTS, "max_con_per_node": 5},
        "did you mean 'max_conns_per_node'",
    ),
    "another client's key": ({"hosts": HOSTS, "max_socket_idle": 5}, "did you mean 'idle_timeout'"),
    "tls": ({"hosts": HOSTS, "tls": {}}, r"with_tls_config_of\(\)"),
    "policies": ({"hosts": HOSTS, "policies": {}}, "the profile's"),
    "a breaker": ({"hosts": HOSTS, "max_error_rate": 3}, "with_system_settings"),
    "racks": ({"hosts": HOSTS, "rack_ids": [1]}, "preferring_racks"),
    "pool of 0": ({"hosts": HOSTS, "max_conns_per_node": 0}, "0 is not between 1 and 100000"),
    "pool a text": ({"hosts": HOSTS, "max_conns_per_node": "5"}, "a whole number is needed"),
    "pool True": ({"hosts": HOSTS, "max_conns_per_node": True}, "a whole number is needed"),
    "negative": ({"hosts": HOSTS, "min_conns_per_node": -1}, "-1 is not between"),
    "min above max": (
        {"hosts": HOSTS, "min_conns_per_node": 10, "max_conns_per_node": 5},
        "min_conns_per_node: 10 is more than max_conns_per_node, 5",
    ),
    "no pools": ({"hosts": HOSTS, "conn_pools_per_node": 0}, "0 is not between 1 and 1000"),
    "more pools than connections": (
        {"hosts": HOSTS, "conn_pools_per_node": 9, "max_conns_per_node": 8},
        "9 pools cannot share 8 connections",
    ),
    "tend of 0": ({"hosts": HOSTS, "tend_interval": 0}, "0 ms is not between 250 ms"),
    "tend too short": ({"hosts": HOSTS, "tend_interval": 100}, "100 ms is not between 250 ms"),
    "tend a text": ({"hosts": HOSTS, "tend_interval": "1s"}, "a number is needed"),
    "timeout of 0": ({"hosts": HOSTS, "timeout": 0}, "0 ms is not between 1 ms"),
    "idle negative": ({"hosts": HOSTS, "idle_timeout": -1}, "-1000 ms is not between"),
    "idle a text": ({"hosts": HOSTS, "idle_timeout": "1m"}, "a number is needed"),
    "flag 1": ({"hosts": HOSTS, "use_services_alternate": 1}, "True or False is needed"),
    "auth 7": ({"hosts": HOSTS, "auth_mode": 7}, "no authentication mode 7"),
    "auth misspelt": ({"hosts": HOSTS, "auth_mode": "extern"}, "no authentication mode 'extern'"),
    "user alone": ({"hosts": HOSTS, "user": "ann"}, "password: the authentication mode internal"),
    "password alone": ({"hosts": HOSTS, "password": "x"}, "user: the authentication mode internal"),
    "password a number": ({"hosts": HOSTS, "user": "a", "password": 7}, "a password is text"),
    "empty name": ({"hosts": HOSTS, "cluster_name": ""}, "cluster_name: a text is needed"),
    "pki without tls": ({"hosts": HOSTS, "auth_mode": 2}, "needs client_cert_file"),
    "gate negative": ({"hosts": HOSTS, "max_concurrent_operations": -1}, "-1 is not between"),
    "queue a text": ({"hosts": HOSTS, "operation_queue_timeout_ms": "x"}, "a number is needed"),
}


@pytest.mark.parametrize(("config", "message"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_bad_config_is_refused_before_the_first_packet(config, message):
    with pytest.raises(ClientConfigError, match=message) as caught:
        connect(config)
    assert len(caught.value.problems) == (2 if "pki" in message or "client_cert" in message else 1)


def test_all_problems_of_a_config_are_in_one_error():
    config = {
        "hosts": [("db", "x"), ("db", 3000)],
        "tend_intervall": 1000,
        "timeout": -1,
        "min_conns_per_node": 3,
        "max_conns_per_node": 2,
    }
    with pytest.raises(ClientConfigError) as caught:
        connect(config)

    assert sorted(problem.key for problem in caught.value.problems) == [
        "hosts[0]",
        "min_conns_per_node",
        "tend_intervall",
        "timeout",
    ]


def definition() -> ClusterDefinition:
    return ClusterDefinition("db", 3000)


BAD_DEFINITIONS = {
    "nothing": (lambda: ClusterDefinition(), ValueError, "must be given"),
    "a host without a port": (lambda: ClusterDefinition("db"), ValueError, "must be given"),
    "both": (lambda: ClusterDefinition("db", 3000, HOSTS), ValueError, "not both"),
    "no hosts": (lambda: ClusterDefinition(hosts=[]), ValueError, "at least one"),
    "hosts a text": (lambda: ClusterDefinition(hosts="a:1"), ValueError, "parse_hosts"),
    "a bad port": (lambda: ClusterDefinition("db", 0), ValueError, "between 1 and 65535"),
    "no user": (lambda: definition().with_native_credentials("", "x"), ValueError, "no user"),
    "no password": (lambda: definition().with_native_credentials("a"), ValueError, "password_file"),
    "both passwords": (
        lambda: definition().with_native_credentials("a", "b", password_file="c"),
        ValueError,
        "or a password_file",
    ),
    "a user that is a number": (
        lambda: definition().with_native_credentials(1, "x"),
        TypeError,
        "texts",
    ),
    "ciphers a text": (
        lambda: definition().with_tls_config(ciphers="A"),
        TypeError,
        r"not a single text: \['A'\]",
    ),
    "no protocols": (
        lambda: definition().with_tls_config(protocols=[]),
        ValueError,
        "at least one name",
    ),
    "a certificate without its key": (
        lambda: definition().with_tls_config(client_cert_file="x"),
        ValueError,
        "needed together",
    ),
    "settings that are none": (
        lambda: definition().with_system_settings({"tend_interval": 1}),
        TypeError,
        "takes a SystemSettings",
    ),
    "a duration that is a number": (
        lambda: SystemSettings(tend_interval=1),
        ValueError,
        "tend_interval: a timedelta is needed, not 1",
    ),
    "a tend interval too short": (
        lambda: SystemSettings(tend_interval=timedelta(milliseconds=10)),
        ValueError,
        "10 ms is not between 250 ms",
    ),
    "a pool too small": (
        lambda: SystemSettings(min_connections_per_node=9, max_connections_per_node=8),
        ValueError,
        "9 is more than max_connections_per_node, 8",
    ),
    "racks twice": (lambda: definition().preferring_racks(1, 1).connect(), ValueError, "twice"),
    "a rack that is a text": (
        lambda: definition().preferring_racks("a").connect(),
        ValueError,
        "whole number",
    ),
    "a name that is a number": (
        lambda: definition().cluster_name(7).connect(),
        ValueError,
        "cluster_name: a text",
    ),
    "TLS for no login": (
        lambda: definition().with_tls_config(for_login_only=True).connect(),
        ValueError,
        "needs a login",
    ),
    "an authority that is not there": (
        lambda: definition().with_tls_config(ca_file="/nowhere/ca.pem").connect(),
        ValueError,
        "ca_file: '/nowhere/ca.pem' cannot be read",
    ),
    "a password file that is not there": (
        lambda: definition().with_native_credentials("a", password_file="/nowhere").connect(),
        ValueError,
        "'/nowhere' cannot be read",
    ),
    "no such client": (
        lambda: connect(HOSTS_URL, "areospike"),
        TypeError,
        "did you mean 'aerospike'",
    ),
    "no such profile": (lambda: connect(HOSTS_URL, profile="latncy"), LookupError, "latency"),
    "no such argument": (lambda: connect(HOSTS_URL, nmae="x"), TypeError, "did you mean 'name'"),
    "a policy field": (lambda: connect(HOSTS_URL, total_timeout=5), TypeError, "overrides="),
    "no description": (lambda: connect(3000), TypeError, "takes a ClusterDefinition"),
    "a wait that is none": (lambda: connect(HOSTS_URL, wait="soon"), ValueError, "no duration"),
    "two passwords": (
        lambda: connect("aerospike://a:b@db/", password_file="c"),
        ValueError,
        "one of the two",
    ),
    "no scheme": (lambda: connect("db:3000"), ValueError, "begins with aerospike://"),
    "a path": (lambda: connect("aerospike://db/test"), ValueError, "no path"),
    "no such setting": (lambda: connect("aerospike://db/?timout=5"), ValueError, "'timeout'"),
    "a setting twice": (
        lambda: connect("aerospike://db/?timeout=5&timeout=6"),
        ValueError,
        "twice",
    ),
    "a text for a number": (
        lambda: connect("aerospike://db/?max_conns_per_node=many"),
        ValueError,
        "whole number",
    ),
    "a text for a flag": (
        lambda: connect("aerospike://db/?tls=maybe"),
        ValueError,
        "true or false",
    ),
    "a URL's bad port": (lambda: connect("aerospike://db:x/"), ValueError, "segment 'db:x'"),
    "a URL's user without password": (
        lambda: connect("aerospike://ann@db/"),
        ValueError,
        "password: the authentication mode internal needs one",
    ),
}
HOSTS_URL = "aerospike://db:3000/"


@pytest.mark.parametrize(
    ("make", "error", "message"), BAD_DEFINITIONS.values(), ids=BAD_DEFINITIONS
)
def test_a_bad_definition_is_refused_before_the_first_packet(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_without_a_description_the_environment_must_have_one(monkeypatch):
    monkeypatch.delenv("AEROSPIKE_HOSTS", raising=False)
    with pytest.raises(ClientConfigError, match="AEROSPIKE_HOSTS: connect"):
        connect()
    monkeypatch.setenv("AEROSPIKE_HOSTS", "db:x")
    monkeypatch.setenv("AEROSPIKE_MAX_CONNS_PER_NODE", "none")
    with pytest.raises(ClientConfigError) as caught:
        connect()
    assert [problem.key for problem in caught.value.problems] == [
        "AEROSPIKE_HOSTS",
        "AEROSPIKE_MAX_CONNS_PER_NODE",
    ]


def test_a_config_error_survives_pickle():
    with contextlib.suppress(ClientConfigError):
        connect({"hosts": HOSTS, "tend_interval": 0})
    with pytest.raises(ClientConfigError) as caught:
        connect({"hosts": HOSTS, "tend_interval": 0})
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.problems) == (str(caught.value), caught.value.problems)
