"""smallcraft under each fault: what loading a release and `smallcraft verify` say."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from unittest import mock

from benchmarks.faults import damage
from benchmarks.faults.our_store import (
    NOW,
    WEIGHTS,
    Store,
    Told,
    another_person,
    new_store,
    told,
    two_versions,
)
from benchmarks.faults.outcomes import Kind, Outcome, System, Trial, cell_text

_KILLS, _WRITERS, _DISK_MB = 12, 8, 48


def _stored(change: Callable[[Store], None], *, reference: str = "tickets@stable") -> Trial:
    """Damage files of a registry of two versions; load version 2, and verify."""

    def trial(folder: Path) -> Outcome:
        store, _, second = two_versions(folder)
        change(store)
        return _judge(store, second, reference=reference)

    return trial


def _judge(store: Store, true: str, *, reference: str = "tickets@stable") -> Outcome:
    loaded, verified = store.load(reference), store.verify()
    is_handed_out = loaded.error is None and loaded.value[1] != true
    kind: Kind = "silent" if is_handed_out or verified.error is None else "noticed"
    return Outcome(kind, f"loading {_loaded(loaded)}; `smallcraft verify`: {_verified(verified, loaded)}")


def _edit_metric(store: Store) -> None:
    """Wherever it stands."""
    for path in (store.root / "blobs" / "sha256").iterdir():
        if b'"accuracy":0.91' in path.read_bytes():
            damage.overwrite(path, path.read_bytes().replace(b'"accuracy":0.91', b'"accuracy":0.99'))


def _move_pointer(store: Store) -> None:
    """In the log, where `stable` last moved."""

    def move(entries: list[bytes]) -> list[bytes]:
        assert b'"version":2' in entries[-1]
        return [*entries[:-1], entries[-1].replace(b'"version":2', b'"version":1')]

    store.rewrite_log(move)


def _delete_version(store: Store) -> None:
    store.rewrite_log(lambda entries: [entry for entry in entries if b'"version":2' not in entry])


def _reorder(store: Store) -> None:
    def swap(entries: list[bytes]) -> list[bytes]:
        puts = [number for number, entry in enumerate(entries) if b'"kind":"put"' in entry]
        entries[puts[0]], entries[puts[1]] = entries[puts[1]], entries[puts[0]]
        return entries

    store.rewrite_log(swap)


def _roll_back(folder: Path) -> Outcome:
    store = new_store(folder)
    store.publish(1)
    shutil.copytree(store.root, folder / "copy")
    second = store.publish(2)
    damage.put_back(folder / "copy", store.root)
    return _with_newcomer(store, folder, second)


def _with_newcomer(store: Store, folder: Path, true: str, *, trust: Path | None = None) -> Outcome:
    """Whoever saw the log before is told; someone new has nothing to compare with."""
    loaded, verified = store.load(trust=trust), store.verify(trust=trust)
    newcomer = store.load(trust=another_person(folder))
    kind: Kind = "silent" if loaded.error is None and loaded.value[1] != true else "noticed"
    return Outcome(
        kind,
        f"loading {_loaded(loaded)}; `smallcraft verify`: {_verified(verified, loaded)}. Someone who "
        f"never saw the log: loading {_loaded(newcomer)}; a copy of any later checkpoint (`--pin`) "
        "shows it to them too",
    )


def _split(folder: Path) -> Outcome:
    """Who publishes signs two histories; a reader meets one copy, then the other in its place."""
    store, _, _ = two_versions(folder)
    shutil.copytree(store.root, folder / "copy")
    shutil.copytree(store.trust, folder / "trust-before")
    reader = another_person(folder)
    true = store.publish(3)
    seen = store.load(trust=reader)
    assert seen.error is None
    other = Store(folder / "copy", folder / "trust-before")
    other.publish(4)
    damage.put_back(other.root, store.root)
    return _with_newcomer(store, folder, true, trust=reader)


def _steal_key(folder: Path) -> Outcome:
    """With the stolen key another version 2 is signed on top of version 1."""
    store = new_store(folder)
    store.publish(1)
    shutil.copytree(store.root, folder / "copy")
    true = store.publish(2)
    thief = Store(folder / "copy", folder / "thief")
    shutil.copytree(store.trust / "keys", thief.trust / "keys")
    thief.publish(9)
    damage.put_back(thief.root, store.root)
    return _with_newcomer(store, folder, true)


def _replay(folder: Path) -> Outcome:
    """The index of the layout, and the entry itself, offer version 1 under another name."""
    store, _, _ = two_versions(folder)
    index = store.root / "index.json"
    damage.overwrite(index, index.read_bytes().replace(b"tickets@1", b"fraud@1"))
    by_index, verified = store.load("fraud@1"), store.verify()
    old, new = b'"name":"tickets"', b'"name":"fraud"'
    store.rewrite_log(lambda entries: [entry.replace(old, new) for entry in entries])
    by_entry = store.load("fraud@1")
    is_refused = by_index.error is not None and by_entry.error is not None
    return Outcome(
        "noticed" if is_refused and verified.error else "silent",
        f"`index.json` edited: loading `fraud@1` {_loaded(by_index)}, `smallcraft verify`: "
        f"{_verified(verified)}; the entry edited: loading {_loaded(by_entry)}",
    )


def _refused_at_publish(data: Callable[[Path], bytes]) -> Trial:
    """Weights that must not get in; then the same bytes in the place of stored ones."""

    def trial(folder: Path) -> Outcome:
        store, _, second = two_versions(folder)
        marker = folder / "ran"
        published = told(lambda: store.publish(3, data=data(marker)))
        damage.overwrite(store.stored_weights()[-1], data(marker))
        loaded = store.load()
        is_in = published.error is None or (loaded.error is None and loaded.value[1] != second)
        return Outcome(
            "silent" if is_in or marker.exists() else "refused",
            f"publishing {published.words}; in the place of stored weights: loading {_loaded(loaded)}",
        )

    return trial


def _dot_dot(folder: Path) -> Outcome:
    """A path of a release, and a member of an archive that came from elsewhere."""
    from smallcraft.registry.content.archives import extract_safely

    store, _, _ = two_versions(folder)
    files = {WEIGHTS: damage.weights(3), "bundle/../../escaped": b"text"}
    published = told(lambda: store.open().publish("tickets", files, {"accuracy": 0.9}, now=NOW))
    archive = folder / "from-elsewhere.tar"
    with tarfile.open(archive, "w") as stream:
        member = tarfile.TarInfo("../escaped")
        member.size = 4
        stream.addfile(member, io.BytesIO(b"text"))
    opened = told(lambda: extract_safely(archive, folder / "opened"))
    is_out = any(folder.rglob("escaped"))
    return Outcome(
        "silent" if is_out or None in (published.error, opened.error) else "refused",
        f"as a path of a release: {published.words}; as a member of a tar: {opened.words}; nothing was "
        "written outside",
    )


def _change_after_check(folder: Path) -> Outcome:
    store, _, second = two_versions(folder)
    before = store.verify()
    assert before.error is None
    damage.flip_bit(store.stored_weights()[-1])
    loaded = store.load()
    is_out = loaded.error is None and loaded.value[1] != second
    return Outcome(
        "silent" if is_out else "noticed",
        f"`smallcraft verify` went well; then the bit flips: loading {_loaded(loaded)}; the bytes that are "
        "parsed are the ones that were hashed",
    )


def _kill(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    lasts_s = damage.time_write(lambda: store.start(50, values=damage.LARGE_VALUES), store.root)
    killed, broken = 0, []
    for number in range(_KILLS):
        seed, moment = 60 + number, (number / _KILLS) ** 2
        killed += damage.kill_during(
            lambda seed=seed: store.start(seed, values=damage.LARGE_VALUES),  # type: ignore[misc]
            store.root,
            moment=moment,
            lasts_s=lasts_s,
        )
        opened = told(lambda: store.open().releases())
        broken += [one.error for one in (opened, store.verify()) if one.error is not None]
    versions = [release.version for release in store.open().releases()]
    assert versions == list(range(1, len(versions) + 1))
    return Outcome(
        "silent" if broken else "held",
        f"killed {killed} times; opened and verified each time, {len(broken)} times something was broken; "
        f"{len(versions)} versions, each whole; nothing half-written stays",
    )


def _full_disk(folder: Path) -> Outcome:
    with damage.small_disk(folder / "disk", megabytes=_DISK_MB) as disk:
        store = new_store(folder, root=disk / "registry")
        store.publish(1)
        second = store.publish(2)
        large = damage.weights(3, 2 * damage.LARGE_VALUES)
        published = told(lambda: store.publish(3, data=large))
        with mock.patch("smallcraft.registry.store.refuse_full_disk"):
            late = told(lambda: store.publish(3, data=large))
        loaded, verified = store.load(), store.verify()
    is_kept = loaded.error is None and loaded.value[1] == second and verified.error is None
    return Outcome(
        "held" if is_kept and published.error and late.error else "silent",
        f"publishing {published.words}; with that look ahead switched off {late.words}; loading "
        f"{_loaded(loaded)}; `smallcraft verify`: {_verified(verified, loaded)}",
    )


def _write_together(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    started = [store.start(10 + number) for number in range(_WRITERS)]
    ended = [process.communicate()[0] for process in started]
    refused = [text for text in ended if '"version"' not in text]
    releases = store.open().releases()
    weights = {file.digest for release in releases for file in release.files if file.path == WEIGHTS}
    verified = store.verify()
    landed = len(releases) - 2
    is_whole = len(weights) == len(releases) and verified.error is None and landed == _WRITERS - len(refused)
    kind: Kind = "silent" if not is_whole else "refused" if refused else "held"
    return Outcome(
        kind,
        f"{landed} of {_WRITERS} versions are there, each with its own weights; `smallcraft verify`: "
        f"{_verified(verified)}",
    )


def _break_index(folder: Path) -> Outcome:
    store, _, second = two_versions(folder)
    damage.spoil_pages(store.root / "state.db", page_bytes=512)
    loaded, verified = store.load(), store.verify()
    third = told(lambda: store.publish(3))
    is_true = loaded.error is None and loaded.value[1] == second
    is_held = is_true and third.error is None and verified.error is None
    return Outcome(
        "held" if is_held else "noticed" if is_true else "silent",
        f"loading {_loaded(loaded)}; `smallcraft verify`: {_verified(verified, loaded)}; a publish "
        f"{third.words}: the index is derived from the log and made anew",
    )


def _set_clock_back(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    published = told(lambda: store.publish(3, now=NOW - timedelta(days=1)))
    verified = store.verify()
    note = next((line for line in str(verified.value).splitlines() if "clock" in line), None)
    return Outcome(
        "silent" if note is None else "noticed",
        f"publishing {published.words}: the log's order counts, not its times; `smallcraft verify` says: "
        f"{cell_text(note or 'nothing')}",
    )


TRIALS: dict[str, Trial] = {
    "bit_flip": _stored(lambda store: damage.flip_bit(store.stored_weights()[-1])),
    "truncation": _stored(lambda store: damage.cut_to_half(store.stored_weights()[-1])),
    "replaced": _stored(lambda store: damage.overwrite(store.stored_weights()[-1], damage.weights(9))),
    "edited_metric": _stored(_edit_metric),
    "moved_pointer": _stored(_move_pointer),
    "deleted_version": _stored(_delete_version),
    "reordered": _stored(_reorder),
    "rolled_back": _roll_back,
    "split_view": _split,
    "stolen_key": _steal_key,
    "replayed": _replay,
    "pickle": _refused_at_publish(damage.running_pickle),
    "dot_dot": _dot_dot,
    "duplicate_keys": _refused_at_publish(lambda _: damage.twice_named_weights()),
    "changed_after_check": _change_after_check,
    "kill": _kill,
    "full_disk": _full_disk,
    "writers": _write_together,
    "broken_index": _break_index,
    "clock_back": _set_clock_back,
}


def system() -> System:
    """smallcraft as a column of the table."""
    return System(
        "smallcraft",
        {"smallcraft": version("smallcraft")},
        "`Registry.create` and `publish`; keys and pins in the user's own folder, out of the fault's reach",
        TRIALS,
    )


def _loaded(loaded: Told) -> str:
    return loaded.words if loaded.error else f"gave {loaded.value[0]}"


def _verified(verified: Told, loaded: Told | None = None) -> str:
    """What `smallcraft verify` said; that it is what loading said, where it is."""
    if verified.error is None:
        return "exit 0"
    code, _, message = verified.error.partition(": ")
    is_same = loaded is not None and loaded.error is not None and loaded.error[:60] == message[:60]
    return f"{code}, for the same reason" if is_same else cell_text(verified.error)
