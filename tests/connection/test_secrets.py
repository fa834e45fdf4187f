"""Secrets: a password is in nothing that is emitted, and may come from a file that changes."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import pickle
import traceback

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aerospike_resilience import (
    ClusterDefinition,
    ConnectError,
    RefusedCredentialsError,
    connect,
    connect_per_process,
    explain_connection,
)
from aerospike_resilience.connection.job import described
from aerospike_resilience.model.secret import Secret, SecretFile
from tests.connection.conftest import FEW, USERS, defined, put_and_get, used

PASSWORD = USERS["ann"]


def everything_of(error):
    """All that tools show of an exception: texts, notes, causes, and every frame's local variables."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format()) + repr(error) + repr(error.args) + repr(vars(error))


@pytest.mark.parametrize("kind", ["aerospike", "aerospike_py", "aerospike_native", "aerospike_sdk"])
def test_nothing_that_is_emitted_holds_the_password(kind, secured, caplog):
    caplog.set_level(logging.DEBUG)
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    definition = defined(secured).with_native_credentials("ann", PASSWORD)
    emitted = io.StringIO()

    def use(client):
        explained = client.resilience.explain_connection()
        print(explained, repr(explained), client.resilience.snapshot(), file=emitted)
        print(repr(client), repr(client.resilience), vars(client.resilience), file=emitted)
        return put_and_get(kind)(client)

    options = {"tracer_provider": tracers, "meter_provider": meters, "overrides": FEW}
    with contextlib.redirect_stdout(emitted), contextlib.redirect_stderr(emitted):
        assert used(definition, kind, use, **options) == {"n": 1}
        wrong = defined(secured).with_native_credentials("eve", PASSWORD)
        with pytest.raises(RefusedCredentialsError) as caught:
            used(wrong, kind)
    print(repr(definition), definition._described(), file=emitted)
    print(explain_connection(definition, kind), file=emitted)
    print([span.to_json() for span in spans.get_finished_spans()], file=emitted)
    print(reader.get_metrics_data(), file=emitted)
    print(everything_of(caught.value), file=emitted)
    print(pickle.dumps(caught.value), caplog.text, file=emitted)
    print([vars(record) for record in caplog.records], file=emitted)

    assert "(secret)" in emitted.getvalue()
    assert PASSWORD not in emitted.getvalue()


@pytest.mark.parametrize(
    "url",
    [
        "aerospike://ann:{0}@db:x/",
        "aerospike://ann:{0}@db/?nonsense=1",
        "aerospike://ann:{0}@db/?password={0}",
        "http://ann:{0}@db/",
        "aerospike://ann:{0}@db/{0}",
    ],
)
def test_a_bad_url_is_not_repeated_with_its_password(url):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what matters
        connect(url.format(PASSWORD))
    assert PASSWORD not in str(caught.value) + repr(caught.value)


def test_a_bad_config_is_not_repeated_with_its_password():
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what matters
        connect({"hosts": [], "user": "ann", "password": PASSWORD, "passwort": PASSWORD})
    assert PASSWORD not in str(caught.value)


def test_a_definition_with_a_password_is_not_pickled_and_one_with_a_file_is():
    with pytest.raises(TypeError, match="password_file="):
        pickle.dumps(ClusterDefinition("db", 3000).with_native_credentials("ann", PASSWORD))
    in_file = ClusterDefinition("db", 3000).with_native_credentials("ann", password_file="/run/x")
    again = pickle.loads(pickle.dumps(in_file))
    assert repr(again) == repr(in_file)
    assert "(secret in /run/x)" in repr(again)


def test_a_secret_shows_itself_to_nobody():
    secret = Secret(PASSWORD)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret])]
    assert not any(PASSWORD in text for text in texts)
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    assert not hasattr(secret, "__dict__")


def test_the_file_of_a_password_is_read_at_every_connect(secured, tmp_path):
    """A rotated Kubernetes secret: the second connect finds the new password in the same file."""
    file = tmp_path / "password"
    file.write_text("not yet right\n")
    definition = defined(secured).with_native_credentials("ann", password_file=str(file))
    with pytest.raises(RefusedCredentialsError):
        connect(definition)

    file.write_text(PASSWORD + "\n")
    client = connect(definition)
    assert put_and_get("aerospike")(client) == {"n": 1}
    client.close()
    file.write_text("wrong again")
    with pytest.raises(Exception, match="65"):
        client.connect()
    file.write_text(PASSWORD)
    client.connect()
    assert put_and_get("aerospike")(client) == {"n": 1}
    client.close()


def test_a_password_file_may_be_an_argument_or_in_a_url(secured, tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    host, port = secured.hosts[0]
    config = {"hosts": [(host, port)], "user": "ann"}
    for description, options in (
        (config, {"password_file": str(file)}),
        (f"aerospike://ann@{host}:{port}/", {"password_file": str(file)}),
        (f"aerospike://ann@{host}:{port}/?password_file={file}", {}),
    ):
        assert used(description, "aerospike", put_and_get("aerospike"), **options) == {"n": 1}


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_password_file_is_refused(tmp_path, text):
    file = tmp_path / "password"
    file.write_text(text)
    with pytest.raises(ValueError, match="is empty"):
        SecretFile(str(file)).read()


def test_a_stand_in_for_each_process_shows_no_password():
    found = connect_per_process(f"aerospike://ann:{PASSWORD}@127.0.0.1:1/")
    assert PASSWORD not in repr(found)
    with pytest.raises(ConnectError) as caught:
        found.get_nodes()
    assert PASSWORD not in everything_of(caught.value)


def test_a_description_does_not_compare_or_show_passwords():
    found = described(f"aerospike://ann:{PASSWORD}@db/")
    assert PASSWORD not in repr(found)
