"""Values that YAML reads otherwise than people write them are refused with their place, in every field."""

from __future__ import annotations

import pytest

from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary
from aerospike_resilience.profiles.schema import PolicyFile, _inner, field_at
from aerospike_resilience.profiles.synonyms import canonical

READ_OTHERWISE = {
    "octal": ("0250", "0250 is read as the number 168 of base 8 by YAML 1.1; write 250"),
    "octal of one digit": ("07", "07 is read as the number 7 of base 8"),
    "zeros": ("00", "00 is read as the number 0 of base 8"),
    "a negative octal": ("-0250", "-0250 is read as the number -168 of base 8"),
    "base 60": ("2:00", "2:00 is read as the number 120 of base 60"),
    "base 60 with a fraction": ("2:00.5", "2:00.5 is read as the number 120.5 of base 60"),
    "a clock": ("1:30:00", "1:30:00 is read as the number 5400 of base 60"),
    "base 2": ("0b11", "0b11 is read as the number 3 of base 2"),
    "underscores": ("1_000", "1_000 is read as the number 1000 by YAML 1.1; write 1000"),
    "underscores in a fraction": ("1_000.5", "1_000.5 is read as the number 1000.5"),
    "underscores in hexadecimal": ("0x1_0", "0x1_0 is read as the number 16"),
    "octal by its tag": ("!!int 0250", "0250 is read as the number 168"),
}

NO_NUMBERS = {
    "a date": ("2024-01-01", "2024-01-01 is read as a date by YAML"),
    "a time": ("2024-01-01 10:00:00", "2024-01-01 10:00:00 is read as a date by YAML"),
}

WORDS = {"on": "true", "off": "false", "yes": "true", "no": "false", "On": "true", "NO": "false"}


def leaves(model=PolicyFile, path=()):
    """Every field of a policy file, by its path of keys."""
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        inner = _inner(field.annotation)
        if inner is None:
            yield here
        elif "dict" in str(field.annotation):
            yield from leaves(inner, (*here, "get" if name == "operations" else "test"))
        else:
            yield from leaves(inner, here)


def one_each(paths):
    """One path for each field of a section; policy fields are the same wherever they stand."""
    found = {}
    for path in paths:
        alike = path[0] in ("policy", "operations", "sets") or path[0]
        found.setdefault((alike, path[-1]), path)
    return list(found.values())


FIELDS = one_each(leaves())
FLAGS = {
    path
    for path in FIELDS
    if any(
        word in str(field_at(path, PolicyFile).annotation)
        for word in ("Annotated[bool", "<class 'bool'>")
    )
}


def written(path, value: str) -> str:
    text = "version: 1\n"
    if path == ("version",):
        return f"version: {value}\n"
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(path)]
    return text + "\n".join(lines) + f" {value}\n"


def refusal(directory, path, value: str) -> str:
    (directory / "mine.yaml").write_text(written(path, value))
    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([directory]).load("mine")
    problems = [one for one in caught.value.problems if one.key == ".".join(path)]
    assert problems, str(caught.value)
    assert all(one.line for one in problems)
    return str(problems[0])


def test_there_are_fields_of_every_section():
    assert len(FIELDS) > 100
    assert {path[0] for path in FIELDS} >= {"policy", "connection", "retry", "breaker", "telemetry"}


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_a_number_that_nobody_means_is_refused(path, tmp_path):
    for value, told in READ_OTHERWISE.values():
        assert told in refusal(tmp_path, path, value)


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_a_date_is_refused(path, tmp_path):
    for value, told in NO_NUMBERS.values():
        assert told in refusal(tmp_path, path, value)


@pytest.mark.parametrize("path", [path for path in FIELDS if path not in FLAGS], ids=".".join)
def test_a_word_that_yaml_takes_for_true_or_false_is_said_to_be(path, tmp_path):
    for word, read in WORDS.items():
        if path == ("breaker", "mode") and read == "false":
            continue  # what `off` means there is plain
        assert f"{word} is read as {read} by YAML; " in refusal(tmp_path, path, word)


@pytest.mark.parametrize("path", [path for path in FIELDS if path in FLAGS], ids=".".join)
def test_a_flag_takes_the_words_of_yaml_and_nothing_that_passes_for_them(path, tmp_path):
    for word, read in WORDS.items():
        (tmp_path / "mine.yaml").write_text(written(path, word))
        name, value = canonical(path, read == "true")
        assert PolicyLibrary([tmp_path]).load("mine").leaves()[(*path[:-1], name)] == value
    for value in ("1", "0", '"yes"', '"true"', "1.0"):
        assert "should be a valid boolean, true or false, not " in refusal(tmp_path, path, value)


@pytest.mark.parametrize("value", ["250", "+250", "0xFA", "250.0"])
def test_a_number_that_everybody_reads_alike_is_taken(value, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        f"version: 1\npolicy: {{all: {{total_timeout: {value}}}}}\n"
    )

    assert PolicyLibrary([tmp_path]).load("mine").flat()["policy.all.total_timeout"] == 250


def test_text_in_quotes_is_what_it_says(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        'version: 1\ndescription: "0250"\nconnection: {app_id: "no", cluster_name: "2:00"}\n'
    )
    found = PolicyLibrary([tmp_path]).load("mine")

    assert (found.description, found.connection.app_id) == ("0250", "no")
    assert found.connection.cluster_name == "2:00"


def test_off_in_quotes_is_what_the_message_says_to_write(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\nbreaker: {mode: on}\n")
    with pytest.raises(PolicyFileError) as caught:
        PolicyLibrary([tmp_path]).load("mine")
    assert str(caught.value).endswith(
        "breaker.mode: on is read as true by YAML; write 'enforce', 'shadow' or 'off' (in quotes: \"off\")"
    )

    for word in ("off", '"off"'):
        (tmp_path / "mine.yaml").write_text(f"version: 1\nbreaker: {{mode: {word}}}\n")
        assert PolicyLibrary([tmp_path]).load("mine").breaker.mode == "off"
