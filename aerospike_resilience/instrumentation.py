"""The former name of `aerospike_resilience.instrument`."""

from .instrument import from_environment, instrument, uninstrument

__all__ = ["from_environment", "instrument", "uninstrument"]
