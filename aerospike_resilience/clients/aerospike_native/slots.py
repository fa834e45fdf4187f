"""Calls without a future: ``get`` and ``put`` as windows of one.

The client has methods for its SDK that send many calls in one crossing and complete an object for each.
With one call they cost less than ``get`` and ``put``, whose future has to tell of its end by a callback.
Their names are private, so a client without them is called by its own methods.
"""

from __future__ import annotations

from typing import Any

from ...model.operation import Operation
from ..contract.operations import SlotSender
from .package import native


def slot_sender(client: Any, operation: Operation) -> SlotSender | None:
    """Return how to make one call of an operation so; None if there is no such way.

    Args:
        client: the client.
        operation: the operation.
    """
    window = _WINDOWS.get(operation.name)
    submit = None if window is None else getattr(client, window, None)
    if submit is None:
        return None
    key_class = native().Key

    if operation.name == "get":

        def get(slot: Any, policy: Any, policy_sc: Any, key: Any, bins: Any) -> None:
            if type(key) is not key_class or policy is None:
                raise TypeError("not a key")
            submit([key], [slot], bins, policy=policy, policy_sc=policy_sc)

        return get

    def put(slot: Any, policy: Any, policy_sc: Any, key: Any, bins: Any) -> None:
        if type(key) is not key_class or policy is None:
            raise TypeError("not a key")
        submit([key], [slot], [bins], policy=policy, policy_sc=policy_sc)

    return put


_WINDOWS = {"get": "_submit_coalesced_read", "put": "_submit_coalesced_write"}
