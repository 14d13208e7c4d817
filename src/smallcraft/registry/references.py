"""How people name a release: `helpdesk@3`, `helpdesk@stable`, `helpdesk`, `helpdesk@latest`, `3`, `latest`.

Always: a reference means one release or is refused; the refusal lists what there is. `latest` is the newest
version in use; a retired one is named by its number only.
"""

from __future__ import annotations

import re

from smallcraft.errors import InvalidInputError, NotFoundError, nearest_name
from smallcraft.registry.tlog.entry import Entry
from smallcraft.registry.tlog.order import State

# What answers now; a rollout that is done moves it.
STABLE = "stable"

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?Z?)?")


def find_put(reference: str, state: State) -> Entry:
    """The entry that put the release which a reference means.

    Args:
        reference: As people write it.
        state: Of the log.

    Raises:
        NotFoundError: There is no such release.
        InvalidInputError: A number alone while the log holds several names.
    """
    names = sorted(state.versions)
    if not names:
        raise NotFoundError(
            f"release '{reference}' does not exist: the registry is empty; run `smallcraft build`"
        )
    if reference == "latest":
        newest = [at for name in names for at in state.versions[name] if not _is_retired(state, at.entry)]
        if not newest:
            raise NotFoundError("every release is retired; name one by its version to look at it")
        return max(newest, key=lambda at: at.number).entry
    name, _, version = reference.partition("@")
    if _NUMBER.fullmatch(reference):
        name, version = _only_name(reference, names), reference
    if name not in state.versions:
        raise NotFoundError(
            f"no release is called '{name}'; there is {', '.join(names)}{nearest_name(name, names)}"
        )
    return _version_of(state, name, version if reference != name else "latest")


def find_followed(name: str, state: State) -> Entry | None:
    """The version that a new one of this name follows: what `stable` means, else the newest in use.

    A version that was tried and taken back is followed by none; what answers now is what a new one is held
    against.

    Args:
        name: The releases' name.
        state: Of the log.
    """
    meant = state.alias(name, STABLE)
    put = None if meant is None else state.put(name, meant)
    if put is not None and not _is_retired(state, put.entry):
        return put.entry
    in_use = [at.entry for at in state.versions.get(name, ()) if not _is_retired(state, at.entry)]
    return in_use[-1] if in_use else None


def find_at_time(name: str, alias: str, time: str, state: State) -> Entry | None:
    """The entry of the release that an alias meant at a time; None where it meant nothing.

    Args:
        name: The release's name.
        alias: `stable`, `canary`, ...
        time: RFC 3339 in UTC; a day or a minute alone means its end.
        state: Of the log.

    Raises:
        InvalidInputError: That is no time.
    """
    version = state.alias(name, alias, size=state.size_at(whole_time(time)))
    put = state.put(name, version) if version is not None else None
    return put.entry if put else None


def whole_time(time: str) -> str:
    """A time to the second; a day or a minute alone means its end.

    Raises:
        InvalidInputError: That is no time.

    >>> whole_time("2026-10-01"), whole_time("2026-10-01T12:00Z")
    ('2026-10-01T23:59:59Z', '2026-10-01T12:00:59Z')
    """
    if not _TIME.fullmatch(time):
        raise InvalidInputError(
            f"a time must be RFC 3339 in UTC, got {time!r}; write for example 2026-10-01T12:00:00Z"
        )
    return (time.removesuffix("Z") + "T23:59:59"[len(time.removesuffix("Z")) - 10 :])[:19] + "Z"


def _version_of(state: State, name: str, version: str) -> Entry:
    puts = state.versions[name]
    aliases = state.aliases(name)
    if version == "latest":
        in_use = [at.entry for at in puts if not _is_retired(state, at.entry)]
        if not in_use:
            raise NotFoundError(f"every version of {name} is retired; name one by its number to look at it")
        return in_use[-1]
    if version in aliases:
        return puts[aliases[version] - 1].entry
    if not _NUMBER.fullmatch(version) or int(version) > len(puts):
        known = f" and {', '.join(sorted(aliases))}" if aliases else ""
        raise NotFoundError(
            f"{name} has no version '{version}'; it has 1 to {len(puts)}{known}, "
            f"write for example '{puts[-1].entry.label}'"
        )
    return puts[int(version) - 1].entry


def _is_retired(state: State, entry: Entry) -> bool:
    return state.is_retired(entry.name or "", entry.version or 0)


def _only_name(reference: str, names: list[str]) -> str:
    if len(names) > 1:
        raise InvalidInputError(
            f"'{reference}' alone means a version only where there is one name, here there are "
            f"{', '.join(names)}; write '{names[0]}@{reference}'"
        )
    return names[0]
