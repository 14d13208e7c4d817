"""What follows from the log: `index.json` for other tools, `state.db` for searching, the policy's own keys.

Always: all can be thrown away and made again; a release that cannot be read is left out of the search,
and stands in the index as far as its entry names it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from smallcraft.errors import IntegrityError, SmallcraftError
from smallcraft.registry.committing import put
from smallcraft.registry.content.disk import Layout, read_bytes
from smallcraft.registry.keys.policy import TrustedLog, encode_policy, policy_of
from smallcraft.registry.manifests.index import Named, build_index
from smallcraft.registry.manifests.kinds import ATTACHMENTS, DECISION_PATH, MODEL_TYPE, artifact_type
from smallcraft.registry.manifests.manifest import parse_object
from smallcraft.registry.opening import OpenLog, read_policy
from smallcraft.registry.reading import Stored, StoredManifest, read_attached, read_stored
from smallcraft.registry.state import State
from smallcraft.registry.tlog.entry import Entry
from smallcraft.registry.tlog.note import parse_verifier

_SETTINGS_PATH = "smallcraft.toml"
_KIND_OF = {artifact_type(kind): kind for kind in ATTACHMENTS}


def derive(layout: Layout, log: OpenLog) -> None:
    """Bring policy, index and search up to a log; the caller holds the lock.

    A search that cannot be brought up now is made anew the next time; the log is committed already.
    """
    _put_changed(layout, layout.policy, encode_own_policy(layout, log.keys))
    index = build_index(name for entry in live_puts(log) for name in named_of(layout, entry))
    _put_changed(layout, layout.index, index)
    with contextlib.suppress(SmallcraftError):
        refresh_search(layout, log)


def encode_own_policy(layout: Layout, keys: Sequence[str]) -> bytes:
    """The policy that a log with these keys claims; the witnesses that the stored one asks for stay.

    Args:
        layout: The registry.
        keys: Verifier keys, oldest first.
    """
    try:
        claimed = read_policy(layout)
    except IntegrityError:
        return encode_policy(policy_of(keys))
    urls = {log.verifier.vkey: log.url for log in claimed.logs}
    logs = tuple(TrustedLog(parse_verifier(key), urls.get(key)) for key in keys)
    return encode_policy(replace(claimed, logs=logs))


def _put_changed(layout: Layout, path: Path, data: bytes) -> None:
    with contextlib.suppress(IntegrityError):
        if read_bytes(path, name=path.name) == data:
            return
    put(layout, path, data)


def refresh_search(layout: Layout, log: OpenLog) -> State:
    """Bring the search up to a log.

    Raises:
        SmallcraftError: The disk refused.
    """
    state = State(layout.database)
    state.refresh(log.entries, read_facts=lambda entry: _facts(layout, log, entry))
    return state


def live_puts(log: OpenLog) -> list[Entry]:
    """Entries of the releases in use, oldest first."""
    puts = [entry for entry in log.entries if entry.kind == "put"]
    return [entry for entry in puts if not log.state.is_retired(entry.name or "", entry.version or 0)]


def named_of(layout: Layout, entry: Entry) -> list[Named]:
    """The manifests of a release as the index lists them."""
    attached = []
    with contextlib.suppress(IntegrityError):
        attached = [read_attached(layout, entry, digest) for digest in entry.attestations]
    return _named(entry, attached)


def names_in(stored: Stored) -> list[Named]:
    """The same for a release that was read."""
    return _named(stored.entry, stored.attached)


def _named(entry: Entry, manifests: Sequence[StoredManifest]) -> list[Named]:
    assert entry.manifest is not None
    named = [Named(entry.label, MODEL_TYPE, entry.manifest, entry.time)]
    for attached in manifests:
        kind = attached.manifest.artifact_type
        named.append(Named(f"{entry.label}-{_KIND_OF[kind]}", kind, attached.content, entry.time))
    return named


def _facts(layout: Layout, log: OpenLog, entry: Entry) -> Mapping[str, object]:
    if log.is_erased(entry):
        return {}
    try:
        stored = read_stored(layout, entry)
        return {**stored.facts, **_said(stored)}
    except IntegrityError:
        return {}


def _said(stored: Stored) -> Mapping[str, object]:
    """Reason and settings, which stand in files of their own."""
    found: dict[str, object] = {}
    if DECISION_PATH in stored.locations:
        decision = parse_object(stored.read(DECISION_PATH), what=f"{DECISION_PATH} of {stored.entry.label}")
        reason = decision.get("rationale")
        found["because"] = reason.get("text") if isinstance(reason, Mapping) else None
    if _SETTINGS_PATH in stored.locations:
        found["settings"] = stored.read(_SETTINGS_PATH).decode("utf-8", "replace")
    return found
