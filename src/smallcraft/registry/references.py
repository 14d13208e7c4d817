"""How people name a release: `helpdesk@3`, `helpdesk`, `helpdesk@latest`, `3`, `latest`.

Always: a reference means one release or is refused; the refusal lists what there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from smallcraft.errors import InvalidInputError, NotFoundError, nearest_name
from smallcraft.registry.log import Entry

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def find_entry(reference: str, entries: Sequence[Entry]) -> Entry:
    """The log entry that a reference means; `latest` alone is the newest of the whole log.

    Raises:
        NotFoundError: There is no such release.
        InvalidInputError: A number alone while the log holds several names.
    """
    if not entries:
        raise NotFoundError(
            f"release '{reference}' does not exist: the registry is empty; run `smallcraft build`"
        )
    if reference == "latest":
        return entries[-1]
    name, _, version = reference.partition("@")
    if _NUMBER.fullmatch(reference):
        name, version = _only_name(reference, entries), reference
    named = [entry for entry in entries if entry.name == name]
    if not named:
        names = sorted({entry.name for entry in entries})
        raise NotFoundError(
            f"no release is called '{name}'; there is {', '.join(names)}{nearest_name(name, names)}"
        )
    if version == "latest" or reference == name:
        return named[-1]
    if not _NUMBER.fullmatch(version) or int(version) > len(named):
        raise NotFoundError(
            f"{name} has no version '{version}'; it has 1 to {len(named)}, "
            f"write for example '{named[-1].label}'"
        )
    return named[int(version) - 1]


def _only_name(reference: str, entries: Sequence[Entry]) -> str:
    names = sorted({entry.name for entry in entries})
    if len(names) > 1:
        raise InvalidInputError(
            f"'{reference}' alone means a version only where there is one name, here there are "
            f"{', '.join(names)}; write '{names[0]}@{reference}'"
        )
    return names[0]
