"""The JSON Schema of policy files, with a validator that is made once: making one takes 0.3 s."""

from __future__ import annotations

from functools import cache

import jsonschema

from aerospike_resilience.profiles.json_schema import json_schema


@cache
def validator() -> jsonschema.Validator:
    """Return what validates a policy file; its ``validate`` raises ``jsonschema.ValidationError``."""
    schema = json_schema()
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)
