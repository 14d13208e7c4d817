"""The entries that move an alias, retire a version, or log a look, each refused where the log forbids it.

Leaves to others: the commit (`registry.writing`), what entries may follow one another (`tlog.order`).
Always: what is refused here is refused with the next step; nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.tlog.entry import Entry, check_alias, check_name
from smallcraft.registry.tlog.order import State
from smallcraft.registry.writing import Writer


def alias_entry(
    writer: Writer, name: str, alias: str, version: int | None, *, reason: str | None
) -> Entry | None:
    """The entry that lets a word mean a version; None where it means that already.

    Args:
        writer: The change that it is part of.
        name: The release's name.
        alias: `stable`, `canary`, ...
        version: None to let it mean nothing.
        reason: In a sentence.

    Raises:
        NotFoundError: There is no such version, or the alias means nothing already.
        InvalidInputError: The version is retired, or a word that cannot be an alias.
    """
    check_alias(alias)
    state = writer.log.state
    if version is not None:
        require_version(state, name, version)
        if state.is_retired(name, version):
            raise InvalidInputError(
                f"{name}@{version} is retired, so it cannot be served any more; name a version in use"
            )
    elif state.alias(name, alias) is None:
        raise NotFoundError(f"{name}@{alias} means nothing, so it cannot be taken away; see `smallcraft log`")
    if state.alias(name, alias) == version:
        return None
    return Entry(
        writer.origin,
        "alias",
        writer.time,
        name=name,
        alias=alias,
        version=version,
        reason=reason,
        by=writer.author.fingerprint,
    )


def retire_entry(writer: Writer, name: str, version: int, *, erase: bool, reason: str | None) -> Entry:
    """The entry that takes a version out of use.

    Args:
        writer: The change that it is part of.
        name: The release's name.
        version: Which.
        erase: Whether its bytes go as well.
        reason: In a sentence.

    Raises:
        NotFoundError: There is no such version.
        InvalidInputError: It is retired already, or an alias means it.
    """
    state = writer.log.state
    require_version(state, name, version)
    meant = [alias for alias, there in state.aliases(name).items() if there == version]
    if meant:
        raise InvalidInputError(
            f"{name}@{version} is what '{meant[0]}' means; move that alias first: "
            f"`smallcraft alias {meant[0]} {name}@VERSION`"
        )
    before = state.retired.get((name, version))
    if before is not None and (before.entry.erased or not erase):
        raise InvalidInputError(f"{name}@{version} is retired already; nothing was changed")
    return Entry(
        writer.origin,
        "retire",
        writer.time,
        name=name,
        version=version,
        erased=erase,
        reason=reason,
        by=writer.author.fingerprint,
    )


def look_entries(writer: Writer, name: str, lines: Sequence[bytes]) -> list[Entry]:
    """Entries for looks at the sealed test set; their lines are staged.

    Args:
        writer: The change that they are part of.
        name: What was asked about.
        lines: Of the ledger, oldest first.

    Raises:
        InvalidInputError: A name that none can have.
    """
    check_name(name)
    return [
        Entry(
            writer.origin,
            "look",
            writer.time,
            name=name,
            manifest=writer.staging.add(line),
            by=writer.author.fingerprint,
        )
        for line in lines
    ]


def require_version(state: State, name: str, version: int) -> None:
    """Refuse to say anything about a version that is not there.

    Raises:
        NotFoundError: It is not there.
    """
    if state.put(name, version) is None:
        known = len(state.versions.get(name, ()))
        raise NotFoundError(
            f"there is no {name}@{version}; {name} has {known} versions, see `smallcraft log`"
        )
