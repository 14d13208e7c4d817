"""One entry of the log as RFC 8785 JSON under 1 KB: what happened, to which release, with which bytes.

Holds the form of a single entry; what entries may follow one another belongs to `tlog.order`.
Always: an entry has one byte string, and only that string is read as an entry; numbers in messages
count from 1, an index in the tree from 0; no field holds a person's data, since entries stay for good.
Covered: unknown, missing, doubled or misplaced keys, values out of range, any other spelling.
Not covered: whether what an entry says is true; `tlog.order` and `registry.verify` check that.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError

Kind = Literal["put", "alias", "retire", "key", "gc", "decision", "look"]

DEFAULT_ORIGIN = "smallcraft.local/registry"
ENTRY_LIMIT_BYTES = 1024
REASON_LIMIT = 200
ROLES = ("author", "log")

_FORMAT = 2
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*")
_ALIAS = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME_LIMIT = 100
_ALIAS_LIMIT = 40
# The origin is the name of the log's key too: signed notes allow neither spaces nor '+' in it.
_ORIGIN = re.compile(r"[!-*,-~]{1,200}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_LARGEST_COUNT = 2**53 - 1

_ALWAYS = ("v", "origin", "kind", "time")
# What each kind of entry must and may say, beside _ALWAYS.
FIELDS: Mapping[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "put": (frozenset({"name", "version", "manifest"}), frozenset({"prev", "attestations", "by"})),
    "alias": (frozenset({"name", "alias"}), frozenset({"version", "reason", "by"})),
    "retire": (frozenset({"name", "version", "erased"}), frozenset({"reason", "by"})),
    "key": (frozenset({"role", "key"}), frozenset({"signature", "by"})),
    "gc": (frozenset({"manifest"}), frozenset({"by"})),
    "decision": (frozenset({"name", "manifest"}), frozenset({"by"})),
    "look": (frozenset({"name", "manifest"}), frozenset({"by"})),
}


@dataclass(frozen=True)
class Content:
    """Bytes that lie elsewhere in the registry, by digest (`sha256:<hex>`) and size."""

    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Entry:
    """One line of the log; which fields a kind must and may have is the table `FIELDS`.

    Attributes:
        origin: Identity of the log, the same in all its entries.
        kind: What happened.
        time: RFC 3339 in UTC, to the second: `2026-10-01T12:00:00Z`.
        name: Of the release.
        version: Put and retire: the version; alias: what it now means, None where it was taken away.
        manifest: Put and decision: an OCI manifest; gc and look: a document.
        prev: Put: digest of the manifest of the version before.
        attestations: Put: digests of the manifests attached to it.
        alias: `stable`, `canary`, ...
        role: Key: `author` or `log`.
        key: Key: base64 SubjectPublicKeyInfo of an author, or the text form of a log's verifier key.
        signature: Key: base64, by the log key before it over `unsigned_bytes`.
        reason: Alias and retire: at most 200 characters.
        erased: Retire: whether its blobs go.
        by: Fingerprint of the author key.
    """

    origin: str
    kind: Kind
    time: str
    name: str | None = None
    version: int | None = None
    manifest: Content | None = None
    prev: str | None = None
    attestations: tuple[str, ...] = ()
    alias: str | None = None
    role: str | None = None
    key: str | None = None
    signature: str | None = None
    reason: str | None = None
    erased: bool | None = None
    by: str | None = None

    @property
    def label(self) -> str:
        """How people name it: `helpdesk@3`, `helpdesk@stable`, or the kind where it has no name."""
        if self.name is None:
            return self.kind
        if self.kind == "alias":
            return f"{self.name}@{self.alias}"
        return self.name if self.version is None else f"{self.name}@{self.version}"


def check_name(name: str) -> str:
    """The name, when it can stand before `@` in a reference and in an OCI reference.

    Raises:
        InvalidInputError: It cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT or name == "latest":
        raise InvalidInputError(
            f"a release name must be letters and digits joined by single '.', '_' or '-', begin "
            f"with a letter, hold at most {_NAME_LIMIT} characters and not be 'latest', "
            f"got {name!r}; write for example 'helpdesk-intents'"
        )
    return name


def check_alias(alias: str) -> str:
    """The alias, when it can stand behind `@` in a reference and not be taken for a version.

    Raises:
        InvalidInputError: It cannot.
    """
    if not _ALIAS.fullmatch(alias) or len(alias) > _ALIAS_LIMIT or alias == "latest":
        raise InvalidInputError(
            f"an alias must be lower-case letters and digits joined by single '-', begin with a "
            f"letter, hold at most {_ALIAS_LIMIT} characters and not be 'latest', got {alias!r}; "
            "write for example 'stable'"
        )
    return alias


def check_origin(origin: str) -> str:
    """The origin, when it can be a log's identity and the name of its key.

    Raises:
        InvalidInputError: It cannot.
    """
    if not _ORIGIN.fullmatch(origin):
        raise InvalidInputError(
            f"a log's origin must be 1 to 200 visible ASCII characters without '+', got {origin!r}; "
            f"write for example '{DEFAULT_ORIGIN}'"
        )
    return origin


def encode_entry(entry: Entry) -> bytes:
    """The entry's one byte string: canonical JSON (RFC 8785), absent fields left out.

    Raises:
        InvalidInputError: A field is missing, misplaced or out of range, or the entry is too long.
    """
    value = _plain(entry)
    _check_fields(entry.kind, frozenset(value))
    for field in sorted(value):
        _CHECKS[field](value[field])
    data = canonical_json(value)
    if len(data) >= ENTRY_LIMIT_BYTES:
        raise InvalidInputError(
            f"an entry must be shorter than {ENTRY_LIMIT_BYTES} bytes, got {len(data)} for {entry.label}; "
            "shorten its reason, or attach a document instead"
        )
    return data


def unsigned_bytes(entry: Entry) -> bytes:
    """What the signature of a `key` entry is over: the entry without that field."""
    return encode_entry(replace(entry, signature=None))


def parse_entry(data: bytes, *, number: int) -> Entry:
    """Read one stored entry; only the exact bytes that `encode_entry` gives are an entry.

    Args:
        data: As stored.
        number: Its place in the log, from 1, for messages.

    Raises:
        IntegrityError: Anything else.
    """
    try:
        entry = _entry_from(json.loads(_short(data).decode("utf-8"), object_pairs_hook=_without_doubles))
        is_exact = encode_entry(entry) == data
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"entry {number} cannot be read as a log entry ({error}); restore the log from a copy"
        ) from error
    if not is_exact:
        raise IntegrityError(
            f"entry {number} is not in canonical form, so it was not written by a registry; "
            "restore the log from a copy"
        )
    return entry


def _plain(entry: Entry) -> dict[str, object]:
    value: dict[str, object] = {
        field: item for field, item in vars(entry).items() if item is not None and item != ()
    }
    value["v"] = _FORMAT
    if entry.manifest is not None:
        value["manifest"] = {"digest": entry.manifest.digest, "size": entry.manifest.size_bytes}
    return value


def _short(data: bytes) -> bytes:
    if len(data) >= ENTRY_LIMIT_BYTES:
        raise ValueError(f"it has {len(data)} bytes, {ENTRY_LIMIT_BYTES - 1} are allowed")
    return data


def _entry_from(value: object) -> Entry:
    if not isinstance(value, dict):
        raise TypeError("it is not a JSON object")
    fields = dict(value)
    if fields.pop("v", None) != _FORMAT:
        raise ValueError(f"format {value.get('v')!r} is not known to this version, which reads {_FORMAT}")
    unknown = sorted(fields.keys() - {field.name for field in dataclasses.fields(Entry)})
    if unknown:
        raise ValueError(f"its key {unknown[0]!r} is not known")
    if "manifest" in fields:
        fields["manifest"] = _content_from(fields["manifest"])
    if "attestations" in fields:
        fields["attestations"] = tuple(fields["attestations"])
    # A missing key is a TypeError here.
    return Entry(**fields)


def _content_from(value: object) -> Content:
    if not isinstance(value, dict) or value.keys() != {"digest", "size"}:
        raise ValueError("its manifest is not a digest with a size")
    return Content(value["digest"], value["size"])


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands in it twice")
    return value


def _check_fields(kind: object, present: frozenset[str]) -> None:
    if kind not in FIELDS:
        raise InvalidInputError(f"an entry's kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    must, may = FIELDS[kind]  # type: ignore[index]  # just checked
    missing = must - present
    misplaced = present - must - may - set(_ALWAYS)
    if missing or misplaced:
        what = f"without {', '.join(sorted(missing))}" if missing else f"with {', '.join(sorted(misplaced))}"
        raise InvalidInputError(
            f"an entry of kind '{kind}' must have {', '.join(sorted(must))} and may have "
            f"{', '.join(sorted(may))}, got one {what}"
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"text expected, got {value!r}")
    return value


def _check_origin(value: object) -> None:
    check_origin(_text(value))


def _check_name(value: object) -> None:
    check_name(_text(value))


def _check_alias(value: object) -> None:
    check_alias(_text(value))


def _check_format(value: object) -> None:
    assert value == _FORMAT, "written by `_plain` alone"


def _check_time(value: object) -> None:
    text = _text(value)
    try:
        is_time = bool(_TIME.fullmatch(text)) and datetime.fromisoformat(text) is not None
    except ValueError:
        is_time = False
    if not is_time:
        raise InvalidInputError(
            f"an entry's time must be RFC 3339 in UTC to the second, got {text!r}; "
            "write for example '2026-10-01T12:00:00Z'"
        )


def _check_count(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST_COUNT:
        raise InvalidInputError(f"a count from 1 expected, got {value!r}")


def _check_digest(value: object) -> None:
    if not _DIGEST.fullmatch(_text(value)):
        raise InvalidInputError(f"sha256:<64 hex digits> expected, got {value!r}")


def _check_content(value: object) -> None:
    assert isinstance(value, dict), "written by `_plain` alone"
    _check_digest(value["digest"])
    _check_count(value["size"])


def _check_digests(value: object) -> None:
    if not isinstance(value, tuple) or len(set(value)) != len(value):
        raise InvalidInputError(f"attestations must be a tuple of different digests, got {value!r}")
    for item in value:
        _check_digest(item)


def _check_role(value: object) -> None:
    if value not in ROLES:
        raise InvalidInputError(f"a key's role must be one of {', '.join(ROLES)}, got {value!r}")


def _check_line(value: object) -> None:
    text = _text(value)
    if not text.isascii() or not text.isprintable() or not text:
        raise InvalidInputError(f"one line of visible ASCII expected, got {value!r}")


def _check_base64(value: object) -> None:
    text = _text(value)
    try:
        is_exact = base64.b64encode(base64.b64decode(text, validate=True)).decode("ascii") == text != ""
    except (ValueError, binascii.Error):
        is_exact = False
    if not is_exact:
        raise InvalidInputError(f"base64 expected, got {value!r}")


def _check_reason(value: object) -> None:
    text = _text(value)
    if not 1 <= len(text) <= REASON_LIMIT or not text.isprintable():
        raise InvalidInputError(
            f"a reason must be one line of 1 to {REASON_LIMIT} characters, got {len(text)}; shorten it"
        )


def _check_erased(value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidInputError(f"erased must be true or false, got {value!r}")


_CHECKS: Mapping[str, Callable[[object], None]] = {
    "v": _check_format,
    "origin": _check_origin,
    "kind": lambda _: None,  # by `_check_fields`
    "time": _check_time,
    "name": _check_name,
    "version": _check_count,
    "manifest": _check_content,
    "prev": _check_digest,
    "attestations": _check_digests,
    "alias": _check_alias,
    "role": _check_role,
    "key": _check_line,
    "signature": _check_base64,
    "reason": _check_reason,
    "erased": _check_erased,
    "by": _check_digest,
}
