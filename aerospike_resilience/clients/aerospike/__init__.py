"""The C client, distribution ``aerospike``."""

from .adapter import AerospikeAdapter

__all__ = ["AerospikeAdapter"]
