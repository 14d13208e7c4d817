"""What a user names a remote by: `s3://bucket/prefix`, `oci://host/name`, ..., or a folder."""

from __future__ import annotations

from importlib.metadata import entry_points

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.registry.remotes import BUILTIN
from smallcraft.registry.remotes.remote import Remote, RemoteKind

_GROUP = "smallcraft.remotes"


def open_remote(address: str) -> Remote | None:
    """The remote at an address; None where it is a folder's path.

    Raises:
        InvalidInputError: No remote begins like this.
        MissingPartError: Its client is not installed.

    >>> open_remote("../shared") is None
    True
    """
    scheme, found, _ = address.partition("://")
    if not found:
        return None
    kinds: list[RemoteKind] = [*BUILTIN.values(), *(point.load() for point in entry_points(group=_GROUP))]
    for kind in kinds:
        if scheme in kind.schemes:
            return kind.open(address)
    known = [one for kind in kinds for one in kind.schemes]
    examples = ", ".join(kind.example for kind in kinds)
    raise InvalidInputError(
        f"a remote is a folder or one of {examples}, got {address!r}{nearest_name(scheme, known)}"
    )
