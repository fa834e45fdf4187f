"""The native client, distribution ``aerospike-native``: every operation awaited and blocking."""

from .adapter import AerospikeNativeAdapter

__all__ = ["AerospikeNativeAdapter"]
