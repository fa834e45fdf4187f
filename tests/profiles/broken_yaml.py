"""Files that are broken, or hostile, as YAML: text, place and words of the report."""

from __future__ import annotations

HEAD = "version: 1\n"

LONG = "9" * 5000

BROKEN_YAML = {
    "nested without end": (HEAD + "policy: " + "[" * 200_000, ":2:40", "deeper than 32 levels"),
    "nested by indentation": (
        HEAD + "".join("  " * depth + "a:\n" for depth in range(600)),
        ":34:65",
        "deeper than 32 levels",
    ),
    "mappings nested without end": (HEAD + "policy: " + "{a: " * 5000, ":2:133", "deeper than 32"),
    "lists and mappings nested in turn": (
        HEAD + "policy: " + "[{" * 5000,
        ":2:40",
        "deeper than 32",
    ),
    "lists nested without a space for a key": (
        HEAD + "policy:\n" + " [\n" * 5000,
        ":34:2",
        "than 32",
    ),
    "dashes without end": (HEAD + "policy:\n" + "- " * 5000, ":3:63", "deeper than 32 levels"),
    "question marks without end": (HEAD + "? " * 5000, ":2:65", "deeper than 32 levels"),
    "nested by one level too many": (HEAD + "policy: " + "[" * 32 + "]" * 32, ":2:40", "than 32"),
    "aliases nested without end": (
        HEAD + "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000)),
        ":2:10",
        "beyond all measure",
    ),
    "an alias of itself": (HEAD + "policy: &a {all: *a}\n", ":2:9", "policy.all: holds an alias"),
    "a list in itself": (HEAD + "extends: &a [*a]\n", ":2:10", "holds an alias of itself"),
    "an alias of nothing": (HEAD + "policy: *x\n", ":2:9", "undefined alias"),
    "a merge key": (
        HEAD + "policy:\n  reads: &a {max_retries: 1}\n  writes: {<<: *a}\n",
        ":4:12",
        "'<<' is not taken",
    ),
    "a key with a tag": (HEAD + "!!int x: 1\n", ":2:1", "the key 'x' must be text"),
    "a list for a key": (HEAD + "? [a]\n: 1\n", ":2:3", "not a list or a mapping"),
    "a key that holds itself": (HEAD + "? &a [*a]\n: 1\n", ":2:3", "not a list or a mapping"),
    "a date that is none": (HEAD + "description: 2024-99-99\n", ":2:14", "no valid timestamp"),
    "a date by its tag": (HEAD + "description: !!timestamp x\n", ":2:14", "no valid timestamp"),
    "an int that is none": (
        HEAD + "policy: {all: {max_retries: !!int abc}}\n",
        ":2:29",
        "policy.all.max_retries: 'abc' is no valid int",
    ),
    "an empty int": (HEAD + "policy: {all: {max_retries: !!int ''}}\n", ":2:29", "no valid int"),
    "no binary digits": (HEAD + "policy: {all: {max_retries: 0b_}}\n", ":2:29", "'0b_'"),
    "a float that is none": (
        HEAD + "retry: {budget: {ratio: !!float abc}}\n",
        ":2:25",
        "no valid float",
    ),
    "a flag that is none": (
        HEAD + "policy: {all: {compress: !!bool maybe}}\n",
        ":2:26",
        "no valid bool",
    ),
    "an int of 5,000 digits": (
        HEAD + f"policy: {{all: {{max_retries: {LONG}}}}}\n",
        ":2:29",
        "no valid int",
    ),
    "a hexadecimal int without end": (
        HEAD + f"policy: {{all: {{max_retries: 0x{LONG}}}}}\n",
        ":2:29",
        "no valid int",
    ),
    "sixtieths without end": (
        HEAD + f"policy: {{all: {{max_retries: 1{':1' * 400_000}}}}}\n",
        ":2:29",
        "no valid int",
    ),
    "a size that no float holds": (
        HEAD + f"policy: {{all: {{compression_threshold: {'9' * 400}KiB}}}}\n",
        ":2:16",
        "between 0 and 2GiB",
    ),
    "no number": (HEAD + "retry: {budget: {ratio: .nan}}\n", ":2:18", "not nan"),
    "an endless timeout": (HEAD + "policy: {all: {total_timeout: .inf}}\n", ":2:16", "24h"),
    "a set of keys": (HEAD + "sets: !!set {a, b}\n", ":2:7", "is not allowed"),
    "binary": (HEAD + "description: !!binary aGk=\n", ":2:14", "is not allowed"),
    "a mapping with a number's tag": (HEAD + "policy: !!int {}\n", ":2:9", "is not allowed"),
    "half a surrogate pair": (HEAD + 'description: "\\ud800"\n', ":2:17", "Unicode"),
    "a surrogate": (HEAD + 'description: "a\\\n  b \\uDFFF"\n', ":3:7", "Unicode"),
    "beyond Unicode": (HEAD + 'description: "é\\\\ud800 \\U00110000"\n', ":2:26", "Unicode"),
    "a control character": (
        HEAD + "description: \x01\n",
        ":2:14",
        "not allowed, and this is U+0001",
    ),
    "a control character after others": (HEAD + "# äöü\n\n# é \x7f\n", ":4:5", "this is U+007F"),
    "a parent whose name is too long": (HEAD + f"extends: {'a' * 300}\n", ":2:1", "no profile"),
    "a parent with a null in its name": (HEAD + 'extends: "a\\0b"\n', ":2:1", "no profile"),
}
