"""The Rust-core client, distribution ``aerospike-py``, blocking and awaited."""

from .adapter import AerospikePyAdapter, AerospikePyAsyncAdapter

__all__ = ["AerospikePyAdapter", "AerospikePyAsyncAdapter"]
