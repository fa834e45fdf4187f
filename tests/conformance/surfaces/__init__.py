"""Every way to use an Aerospike client from Python, spoken to in one language.

A surface opens a client of its own, wraps what an application would wrap, and does what the suite asks
in that client's own words. Awaited ones are driven from a loop in a thread of their own, so that a test
reads the same for all.
"""

from __future__ import annotations

import os

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike
import aerospike_native as native
import aerospike_py
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

from .base import NAMESPACE, SET, AwaitedSurface, Loop, Surface, learned
from .c_client import CClient, Instrumented
from .native_client import NativeAsync, NativeBlocking, code_of, write_policy
from .py_client import PyAsyncClient, PyClient
from .sdk_client import SdkAsync, SdkBlocking

SURFACES = (
    CClient,
    PyClient,
    PyAsyncClient,
    NativeAsync,
    NativeBlocking,
    SdkAsync,
    SdkBlocking,
    Instrumented,
)

__all__ = [
    "NAMESPACE",
    "SET",
    "SURFACES",
    "AwaitedSurface",
    "CClient",
    "ClusterDefinition",
    "DataSet",
    "Instrumented",
    "Loop",
    "NativeAsync",
    "NativeBlocking",
    "PyAsyncClient",
    "PyClient",
    "SdkAsync",
    "SdkBlocking",
    "Surface",
    "SyncClusterDefinition",
    "aerospike",
    "aerospike_py",
    "code_of",
    "learned",
    "native",
    "write_policy",
]
