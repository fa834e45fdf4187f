"""Rules on what the client at hand takes."""

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
        for place in (path, path[:-1]):  # the field, and the scope it stands under
            if place[-1] in client.cannot:
                yield (
                    profile.origin(place),
                    f"{place[-1]} has no effect as written with {client.name}: {client.cannot[place[-1]]}",
                    f"no {place[-1]} in a profile for this client",
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
        sent = subject.client.fields(operation, {name: one.value for name, one in found.items()})
        for name, one in found.items():
            given[name, one.origin] = given.get((name, one.origin), False) or name in sent
    for (name, origin), heard in given.items():
        if not heard and name not in subject.client.cannot:
            yield (
                origin,
                f"no operation of {subject.client.name} that this scope is about takes {name}, so it has "
                "no effect",
                f"{name} under the scope of those that take it, or not at all",
            )


def native_configuration(subject: Subject) -> Found:
    """A native dynamic configuration file, which overrides the profile."""
    variable = subject.client.config_variable
    if variable and (file := subject.environment.get(variable)):
        yield (
            variable,
            f"what the file {file} says wins over this profile and over every call's own policy",
            "move its policies into the profile (aerospike-resilience policy import), and unset "
            f"{variable}",
        )
