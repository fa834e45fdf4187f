"""What an adapter answers about policies: those of the client, of the profile and of the caller."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeAlias

from ...model.attempt_policy import AttemptPolicy
from ...model.operation import Operation

KeywordsMatchProfile: TypeAlias = Callable[[Operation, Mapping[str, Any]], bool]
"""Whether a call's keyword arguments are only policies that say what the profile says."""


class PolicyAnswers(Protocol):
    """The policies of a client. They come in families: one for reads, one for writes, and so on."""

    cannot: Mapping[str, str]
    """What a profile may say and the client cannot do or takes differently, and one sentence why.

    Keyed by policy field, by value (``replica: any``), by scope, or by ``connection.<setting>``.
    """

    keywords_match_profile: KeywordsMatchProfile | None
    """Finds calls that can be treated as calls without a policy; None where there are no such calls."""

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:
        """Return the policies that the client was configured with, by family; empty if it cannot say."""
        ...

    def own_family(self, operation: Operation) -> str:
        """Return the family of `own_policies` that applies to an operation."""
        ...

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into the client's policy fields, and leave out what it lacks.

        Names become the client's numbers; milliseconds stay milliseconds.
        """
        ...

    def tailor(self, family: str, fields: Mapping[str, Any], attempt: AttemptPolicy) -> Any:
        """Make the native policy of one attempt.

        Args:
            family: the policy's family.
            fields: the client's own names and values.
            attempt: what takes the place of such fields for this attempt.
        """
        ...

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Remove the policy from a call's arguments and return it; None if the caller gave none.

        Args:
            client: the client.
            operation: the method.
            arguments: the call's arguments by name; changed in place.
            place: the record's namespace and set; None if the call names no record.
        """
        ...

    def caller_fields(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return the fields of a policy that the caller gave; None if the client will object to it."""
        ...

    def policy_content(self, operation: Operation, policy: Any) -> Hashable | None:
        """Return what a caller's policy says, to be compared with what others say.

        None where it may say something else a moment later, such as a transaction, or is no policy.
        """
        ...

    def configured(self, own: Mapping[str, Any], policy: Any) -> bool:
        """Return whether the client does the same without a native policy. False where it cannot say.

        Args:
            own: the client's own policy of the family.
            policy: a native policy that `tailor` made.
        """
        ...

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a read under these fields goes to another replica when a try fails."""
        ...

    def begins_at_master(self, fields: Mapping[str, Any]) -> bool:
        """Return whether every read under these fields begins at the record's master."""
        ...

    def commits_alone(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a write under these fields is committed on its record's master alone."""
        ...

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a write under these fields would fail if it had been applied already."""
        ...
