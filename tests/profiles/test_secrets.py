"""User and password of a storage are shown nowhere, however the URL is written or miswritten."""

from __future__ import annotations

import contextlib
import json
import logging

import pytest
from click.testing import CliRunner

from aerospike_resilience import PolicyFileError, resilient
from aerospike_resilience.ambient import Using
from aerospike_resilience.cli.main import cli
from aerospike_resilience.model.wording import redacted, shown
from aerospike_resilience.profiles import PolicyLibrary
from tests.waiting import until

GOOD = {
    "a password": "redis://:S3CRET@127.0.0.1:1/0",
    "user and password": "redis://us3r:S3CRET@127.0.0.1:1/0",
    "percent-encoded": "redis://us3r:S3CRET%40%2Fx@127.0.0.1:1/0",
    "in the query": "redis://127.0.0.1:1/0?username=us3r&password=S3CRET",
    "with TLS": "rediss://us3r:S3CRET@127.0.0.1:1/0",
}

BAD = {
    "no colon": "redis//us3r:S3CRET@host:6379/0",
    "no slashes": "redis:us3r:S3CRET@host:6379/0",
    "another scheme": "http://us3r:S3CRET@host:6379/0",
    "a port that is none": "redis://us3r:S3CRET@host:port/0",
    "a slash in the password": "redis://us3r:1S3/CRET@host:6379/0",
    "a slash after digits": "redis://us3r:12/S3CRET@host:6379/0",
    "a question mark": "redis://us3r:1?S3CRET@host:6379/0",
    "a hash": "redis://us3r:1#S3CRET@host:6379/0",
    "a blank": "redis:/ /us3r:my S3CRET@host:6379/0",
    "long": "redis//" + "us3r" * 40 + ":" + "S3CRET" * 40 + "@host:6379/0",
    "no host": "redis://us3r:S3CRET@/0",
    "encoded whole": "redis//us3r%3AS3CRET%40host",
}

SHAPES = {
    "as text": "breaker: {{storage: {0}}}\n",
    "as a list": "breaker: {{storage: [{0}]}}\n",
    "as a mapping": "breaker: {{storage: {{url: {0}}}}}\n",
    "as the section": "breaker: {0}\n",
    "in another key": "breaker: {{mode: {0}}}\n",
    "as a duration": "policy: {{all: {{total_timeout: {0}}}}}\n",
    "as a size": "policy: {{all: {{compression_threshold: {0}}}}}\n",
    "with a tag": "breaker: {{storage: !!int {0}}}\n",
    "as a key": "breaker: {{? {0} : 1}}\n",
    "as a parent": "extends: {0}\n",
    "as an operation": "operations: {{? {0} : {{}}}}\n",
    "as a set": "sets: {{? {0} : {{}}}}\n",
    "as a finding": "lint: {{ignore: {{? {0} : because it is so}}}}\n",
}


def told_of(text: str) -> None:
    for secret in ("S3C", "us3r"):
        assert secret not in text, text


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in BAD
        for shape in SHAPES
        if (name, shape) != ("encoded whole", "as a set")  # that could be a set's name
    ],
)
def test_what_is_refused_is_not_shown(name, shape, tmp_path):
    written = SHAPES[shape].format(json.dumps(BAD[name]))
    (tmp_path / "mine.yaml").write_text("version: 1\n" + written)

    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")

    told_of(str(caught.value))
    told_of(repr(caught.value.problems))


@pytest.mark.parametrize("name", BAD)
def test_what_code_gives_and_is_refused_is_not_shown(name, bare):
    with pytest.raises(PolicyFileError) as caught:
        resilient(bare, "latency", overrides={"breaker": {"storage": BAD[name]}})

    told_of(str(caught.value))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken_is_shown_without_user_and_password(name, bare, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "aerospike_resilience")
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: latency\n")
    client = resilient(bare, "mine", policies=tmp_path)
    with contextlib.closing(client.resilience):
        file.write_text(f"version: 1\nextends: latency\nbreaker: {{storage: '{GOOD[name]}'}}\n")
        result = client.resilience.reload()
        assert result.error is None
        client.resilience._engine.sharing.exchange([])  # nobody listens there

        told_of(str(result))
        told_of(str(client.resilience.snapshot()))
        told_of(str(client.resilience.explain("put")))
        profile = client.resilience.profile
        told_of(repr(profile) + repr(profile.breaker) + str(profile.breaker.model_dump()))
        told_of(profile.breaker.model_dump_json() + str(profile.flat()))
        told_of(repr(Using(overrides={"breaker": {"storage": GOOD[name]}})))
        assert client.resilience.snapshot()["storage"]["problem"]
        assert profile.breaker.storage == GOOD[name]
    until(lambda: "breaker.storage: not set → redi" in caplog.text)
    told_of(caplog.text)


def test_another_password_is_a_change_that_does_not_show_it(bare, tmp_path, caplog):
    caplog.set_level(logging.INFO, "aerospike_resilience")
    file, text = (
        tmp_path / "mine.yaml",
        "version: 1\nbreaker: {{storage: 'redis://:{}@127.0.0.1:1/0'}}\n",
    )
    file.write_text(text.format("old-S3C"))
    client = resilient(bare, "mine", policies=tmp_path)
    with contextlib.closing(client.resilience):
        file.write_text(text.format("new-S3C"))
        (changed,) = client.resilience.reload().changed
        assert client.resilience.profile.breaker.storage == "redis://:new-S3C@127.0.0.1:1/0"
    assert changed == ("breaker.storage", *["redis://***@127.0.0.1:1/0"] * 2)
    until(lambda: "(with other credentials)" in caplog.text)
    told_of(caplog.text)


@pytest.mark.parametrize(
    "command",
    [
        *(["show", "mine"], ["show", "mine", "--json"], ["diff", "mine", "latency"]),
        *(["explain", "mine", "put"], ["lint"], ["check"], ["list"]),
        ["export", "mine", "--to", "aerospike"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", GOOD)
def test_no_command_shows_them(name, command, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"version: 1\nbreaker: {{storage: '{GOOD[name]}'}}\n")

    told_of(CliRunner().invoke(cli, ["policy", *command, "--policies", str(tmp_path)]).output)


def test_what_a_storage_raises_is_shown_without_them(bare):
    class Refusing:
        @property
        def state(self):
            raise ConnectionError("cannot reach redis://us3r:S3CRET@host:6379/0?password=S3CRET")

    client = resilient(bare, "latency", storage=lambda _node: Refusing())
    with contextlib.closing(client.resilience):
        client.put(("test", "secrets", 1), {"n": 1})
        client.resilience._engine.sharing.exchange([])
        told_of(str(client.resilience.snapshot()["storage"]))


def test_what_is_no_secret_is_left_as_it_is():
    for text in ("plain", "policies/latency.yaml", "what?", "a: b", "redis://host:6379/0"):
        assert redacted(text) == text
    assert shown({"url": "redis://u:p@h/0?x=y"}) == "{'url': 'redis://***@h/0?***'}"
