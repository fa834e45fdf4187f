"""Rules on settings that the given client does not take."""

from __future__ import annotations

from .subject import Found, Subject


def not_taken(subject: Subject) -> Found:
    """``operations`` that the client does not have."""
    profile = subject.profile
    known = {operation.name for operation in subject.operations}
    for name in profile.operation_names():
        if name not in known:
            yield (
                profile.origin(f"operations.{name}"),
                f"this client has no operation {name!r}, so what is said of it has no effect",
                "the method's name as the client has it",
            )


def cannot(subject: Subject) -> Found:
    """A policy field or scope that the client cannot do, or takes differently."""
    client, profile = subject.client, subject.profile
    for path, written in profile.leaves().items():
        if written is None or path[0] not in ("policy", "operations", "sets"):
            continue
        # The field, its value, and the scope it stands under.
        words = {path[-1]: path, f"{path[-1]}: {written}": path, path[-2]: path[:-1]}
        for word, place in words.items():
            if word in client.cannot:
                yield (
                    profile.origin(place),
                    f"{word} has no effect as written with {client.name}: {client.cannot[word]}",
                    f"no {word} in a profile for this client",
                )


def lacks_setting(subject: Subject) -> Found:
    """A connection setting that the client does not have."""
    client, profile = subject.client, subject.profile
    for path, written in profile.leaves().items():
        key = ".".join(path[:2])
        if path[0] == "connection" and written is not None and key in client.cannot:
            yield (
                profile.origin(path[:2]),
                f"{key} has no effect as written with {client.name}: {client.cannot[key]}",
                f"no {path[1]} in a profile for this client",
            )


def unheard(subject: Subject) -> Found:
    """A field under a scope of which no operation takes it (``reads: {commit_level: all}``)."""
    given: dict[tuple[str, str], bool] = {}
    for operation, _retryable, found in subject.resolved:
        for name, one in found.items():
            heard = given.get((name, one.origin), False)
            given[name, one.origin] = heard or subject.takes(operation, name, one)
    names = {
        name: one
        for _operation, _retryable, found in subject.resolved
        for name, one in found.items()
    }
    taken = {
        name
        for name, one in names.items()
        if any(subject.takes(operation, name, one) for operation in subject.operations)
    }
    for (name, origin), heard in given.items():
        if not heard and name in taken:
            yield (
                origin,
                f"no operation of {subject.client.name} that this scope is about takes {name}, so it has "
                "no effect",
                f"{name} under the scope of those that take it, or not at all",
            )


def native_configuration(subject: Subject) -> Found:
    """A configuration file of the client's own, which overrides the profile."""
    for variable, effect in subject.client.config_variables.items():
        if file := subject.environment.get(variable):
            yield (
                variable,
                f"what the file {file} says {effect}",
                "move its policies into the profile (aerospike-resilience policy import), and unset "
                f"{variable}",
            )
