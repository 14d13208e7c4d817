"""Reads a stored document: canonical JSON of a known format, and nothing else.

Leaves to others: what the fields mean.
Always: two different byte strings are never the same document.
Covered: doubled keys, other spellings of the same value, another format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError


def read_object(data: bytes, *, what: str, version: int) -> Mapping[str, Any]:
    """The fields of a document, its `format` aside.

    Args:
        data: The stored bytes.
        what: Names the document in messages.
        version: The format that is read.

    Raises:
        IntegrityError: The bytes are not the canonical JSON of an object of that format.

    >>> read_object(b'{"format":1,"name":"helpdesk"}', what="it", version=1)
    {'name': 'helpdesk'}
    """
    try:
        document = json.loads(data.decode("utf-8"))
        is_canonical = canonical_json(document) == data
    except (ValueError, RecursionError, InvalidInputError) as error:
        raise IntegrityError(f"{what} is not JSON ({error}); restore the registry from a copy") from error
    if not isinstance(document, dict) or not is_canonical:
        raise IntegrityError(
            f"{what} is not a JSON object in canonical form, so it was not written by a registry; "
            "restore the registry from a copy"
        )
    if document.get("format") != version:
        raise IntegrityError(
            f"{what} must be of format {version}, got {document.get('format')!r}; "
            "read it with the smallcraft version that wrote it"
        )
    return {key: value for key, value in document.items() if key != "format"}
