"""DVC under each fault; what DVC itself says is told apart from what git says."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import damage
from benchmarks.faults.dvc_store import Done, Store
from benchmarks.faults.outcomes import Kind, Outcome, System, Trial, left_out, not_applicable
from benchmarks.peers import DVC

_KILLS, _WRITERS, _DISK_MB = 12, 8, 48


def _two_versions(folder: Path) -> tuple[Store, str, str]:
    store = Store(folder)
    store.create()
    return store, store.publish(1), store.publish(2)


def _stored(change: Callable[[Path], None]) -> Trial:
    """Damage the weights in the cache and in the remote; check out here, pull elsewhere."""

    def trial(folder: Path) -> Outcome:
        store, _, second = _two_versions(folder)
        places = (store.cached(), store.cached(at=store.remote))
        for place in places:
            change(place)
        damaged = damage.sha256(places[0]) if places[0].exists() else None
        done, status = store.check_out(), store.status()
        got = store.handed_out()
        pulled, theirs = store.pull_anew()
        words = {damaged: "the damaged bytes", second: "the true bytes", None: "nothing"}
        return Outcome(
            "silent" if done.code == 0 and got == damaged else "noticed",
            f"{_ended('dvc checkout', done)} and wrote {words[got]}; `dvc status`: {status} "
            f"A new clone: {_ended('dvc pull', pulled)} and wrote {words[theirs]}",
        )

    return trial


def _in_history(change: Callable[[Store], str], *, is_done: Callable[[Store, str, str], bool]) -> Trial:
    """Rewrite git's history; ask DVC here, and git in a clone that was made before."""

    def trial(folder: Path) -> Outcome:
        store, first, second = _two_versions(folder)
        older = store.clone()
        words = change(store)
        done, status = store.check_out(), store.status()
        assert is_done(store, first, second), "the fault was not made"
        return _with_older_clone(store, older, done, f"{words}; `dvc status`: {status}")

    return trial


def _with_older_clone(store: Store, older: Path, done: Done, words: str) -> Outcome:
    pulled = store.run("git", "pull", "--ff-only", at=older)
    kind: Kind = "noticed" if done.code else "noticed elsewhere" if pulled.code else "silent"
    return Outcome(kind, f"{words} A clone from before, `git pull`: {pulled.last}")


def _edit_metric(store: Store) -> str:
    (store.root / "metrics.json").write_text(json.dumps({"accuracy": 0.99}))
    _amend(store)
    shown = store.must("dvc", "metrics", "show", "metrics.json").split()[-1]
    return f"commit amended, `dvc metrics show`: {shown}"


def _move_pointer(store: Store) -> str:
    pointer = store.must("git", "show", "v1:model.dvc")
    (store.root / "model.dvc").write_text(pointer)
    _amend(store)
    return "`model.dvc` of version 1 put into the commit of version 2: `dvc checkout` writes version 1"


def _delete_version(store: Store) -> str:
    store.must("git", "reset", "-q", "--hard", "v1")
    store.must("git", "tag", "-d", "v2")
    store.must("dvc", "gc", "-q", "-f", "--workspace", "--cloud")
    store.publish(2, data=damage.weights(3))
    return "commit and objects removed; the next publish is `v2` again, with other weights"


def _reorder(store: Store) -> str:
    """The trees of both versions change places; messages and tags stay."""
    start = store.must("git", "rev-parse", "v1^").strip()
    for version, other in ((1, 2), (2, 1)):
        tree = store.must("git", "rev-parse", f"v{other}^{{tree}}" if version == 1 else "kept^{tree}").strip()
        if version == 1:
            store.must("git", "tag", "kept", "v1")
        start = store.must("git", "commit-tree", tree, "-p", start, "-m", f"version {version}").strip()
        store.must("git", "tag", "-f", f"v{version}", start)
    store.must("git", "tag", "-d", "kept")
    store.must("git", "reset", "-q", "--hard", start)
    return "two commits written anew: `v2` is the first weights, `v1` the second"


def _amend(store: Store) -> None:
    store.must("git", "add", "-A")
    store.must("git", "commit", "-q", "--amend", "--no-edit")
    store.must("git", "tag", "-f", "v2")


def _roll_back(folder: Path) -> Outcome:
    store = Store(folder)
    store.create()
    first = store.publish(1)
    shutil.copytree(store.root, folder / "copy", symlinks=True)
    store.publish(2)
    older = store.clone()
    damage.put_back(folder / "copy", store.root)
    done, status = store.check_out(), store.status()
    assert store.handed_out() == first
    words = f"{_ended('dvc checkout', done)} and wrote version 1; `dvc status`: {status}"
    return _with_older_clone(store, older, done, words)


def _split(folder: Path) -> Outcome:
    store, _, _ = _two_versions(folder)
    other = Store(folder / "other")
    other.folder.mkdir()
    for path in (store.root, store.remote, folder / "home"):
        shutil.copytree(path, other.folder / path.name, symlinks=True)
    other.must("dvc", "remote", "modify", "shared", "url", str(other.remote))
    reader = store.clone()
    store.publish(3)
    other.publish(3, data=damage.weights(4))
    store.must("git", "pull", "-q", "--ff-only", at=reader)
    store.must("git", "remote", "set-url", "origin", str(other.root), at=reader)
    pulled = store.run("git", "pull", "--ff-only", at=reader)
    return Outcome(
        "noticed elsewhere" if pulled.code else "silent",
        f"`dvc status` in both: {store.status()} {other.status()} A clone of the one that pulls from the "
        f"other, `git pull`: {pulled.last}",
    )


def _replay(folder: Path) -> Outcome:
    store, first, _ = _two_versions(folder)
    pointer = store.must("git", "show", "v1:model.dvc").replace("path: model", "path: fraud")
    (store.root / "fraud.dvc").write_text(pointer)
    done = store.run("dvc", "checkout", "fraud.dvc")
    path = store.root / "fraud" / "weights.safetensors"
    is_there = path.is_file() and damage.sha256(path) == first
    return Outcome(
        "silent" if done.code == 0 and is_there else "refused",
        f"`model.dvc` of version 1 copied to `fraud.dvc`: {_ended('dvc checkout fraud.dvc', done)}, "
        f"{'the old weights are there' if is_there else 'nothing came'}",
    )


def _change_after_check(folder: Path) -> Outcome:
    store, _, second = _two_versions(folder)
    before = store.status()
    damage.flip_bit(store.weights)
    loaded = store.handed_out()
    return Outcome(
        "silent" if loaded != second else "held",
        f"`dvc status`: {before} Then the bit flips, and whoever opens the file reads it: check and load are "
        f"two readings; a second `dvc status`: {store.status()}",
    )


def _kill(folder: Path) -> Outcome:
    """A new 32 MB version is added and killed; then what is there is added again, as a person would."""
    store, _, _ = _two_versions(folder)
    store.weights.write_bytes(damage.weights(50, damage.LARGE_VALUES))
    cache = store.root / ".dvc"
    lasts_s = damage.time_write(lambda: store.start("dvc", "add", "-q", "model"), cache)
    killed, half, stuck = 0, 0, []
    for number in range(_KILLS):
        true = damage.weights(60 + number, damage.LARGE_VALUES)
        store.weights.parent.mkdir(exist_ok=True)
        store.weights.unlink(missing_ok=True)
        store.weights.write_bytes(true)
        moment = (number / _KILLS) ** 2
        killed += damage.kill_during(
            lambda: store.start("dvc", "add", "-q", "model"), cache, moment=moment, lasts_s=lasts_s
        )
        again = store.run("dvc", "add", "model")
        if again.code != 0:
            stuck.append(again.last)
            (cache / "tmp" / "rwlock").unlink(missing_ok=True)
            again = store.run("dvc", "add", "model")
        half += again.code != 0 or store.check_out().code != 0 or store.weights.read_bytes() != true
    return Outcome(
        "silent" if half else "noticed" if stuck else "held",
        f"`dvc add` killed {killed} times; added again and checked out, {half} times other bytes came; "
        f"{len(stuck)} times no command worked until a file was deleted by hand"
        + (f" ({stuck[0]})" if stuck else ""),
    )


def _full_disk(folder: Path) -> Outcome:
    with damage.small_disk(folder / "disk", megabytes=_DISK_MB) as disk:
        store = Store(disk, home=folder / "home")
        store.create()
        first = store.publish(1)
        store.weights.unlink()
        store.weights.write_bytes(damage.weights(2, damage.LARGE_VALUES))
        done, status = store.run("dvc", "add", "model"), store.run("dvc", "status")
        shutil.rmtree(store.weights.parent)
        store.must("git", "reset", "-q", "--hard", "v1")
        back = store.check_out()
        is_whole = store.handed_out() == first
    is_told = done.code != 0 or "not in cache" in status.text
    return Outcome(
        "silent" if not (is_told and is_whole) else "held" if done.code else "noticed",
        f"`dvc add` ended with {done.code} ({_disk_words(done)}); `dvc status`: {status.last}; "
        f"{_ended('dvc checkout', back)} for version 1, {'whole' if is_whole else 'not whole'}",
    )


def _disk_words(done: Done) -> str:
    return "it printed 'No space left on device'" if "No space left" in done.text else "no word of the disk"


def _write_together(folder: Path) -> Outcome:
    store = Store(folder)
    store.create()
    for number in range(_WRITERS):
        (store.root / f"model{number}").write_bytes(damage.weights(number))
    started = [store.start("dvc", "add", f"model{number}") for number in range(_WRITERS)]
    ended = [(process.communicate()[0], process.returncode) for process in started]
    refused = [text for text, code in ended if code != 0]
    there = [(store.root / f"model{number}.dvc").is_file() for number in range(_WRITERS)]
    assert sum(there) >= _WRITERS - len(refused)
    return Outcome(
        "refused" if refused else "held",
        f"{sum(there)} of {_WRITERS} `dvc add` landed"
        + (f"; the others: {Done(1, refused[0]).last}" if refused else ""),
    )


def _break_index(folder: Path) -> Outcome:
    store, _, second = _two_versions(folder)
    databases = sorted(path for path in folder.rglob("cache.db") if path.stat().st_size > 2 * 4096)
    for database in databases:
        damage.spoil_pages(database)
    status, done = store.run("dvc", "status"), store.check_out()
    is_true = store.handed_out() == second
    return Outcome(
        "noticed" if status.code or done.code else "held" if is_true else "silent",
        f"{len(databases)} `cache.db` spoiled: {_ended('dvc status', status)}; "
        f"{_ended('dvc checkout', done)}, wrote {'the true bytes' if is_true else 'nothing'}",
    )


def _set_clock_back(folder: Path) -> Outcome:
    """The file is changed in place by a process whose clock says the time of the last change."""
    store, _, _ = _two_versions(folder)
    store.must("dvc", "status")
    times = store.weights.stat()
    damage.flip_bit(store.weights)
    os.utime(store.weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    status = store.run("dvc", "status")
    is_silent = "up to date" in status.text
    return Outcome(
        "silent" if is_silent else "noticed",
        f"weights changed in the working copy at the time of the last change: `dvc status`: {status.last}",
    )


_OPENS_NOTHING = "DVC hands out bytes and opens none of them"

TRIALS: dict[str, Trial] = {
    "bit_flip": _stored(damage.flip_bit),
    "truncation": _stored(damage.cut_to_half),
    "replaced": _stored(lambda path: damage.overwrite(path, damage.weights(9))),
    "edited_metric": _in_history(_edit_metric, is_done=lambda store, _, second: store.handed_out() == second),
    "moved_pointer": _in_history(_move_pointer, is_done=lambda store, first, _: store.handed_out() == first),
    "deleted_version": _in_history(
        _delete_version, is_done=lambda store, _, second: store.handed_out() != second
    ),
    "reordered": _in_history(_reorder, is_done=lambda store, first, _: store.handed_out() == first),
    "rolled_back": _roll_back,
    "split_view": _split,
    "stolen_key": not_applicable("nothing is signed, so there is no key to steal"),
    "replayed": _replay,
    "pickle": not_applicable(_OPENS_NOTHING),
    "dot_dot": left_out("how another store treats paths from elsewhere is for its maintainers to hear first"),
    "duplicate_keys": not_applicable(_OPENS_NOTHING),
    "changed_after_check": _change_after_check,
    "kill": _kill,
    "full_disk": _full_disk,
    "writers": _write_together,
    "broken_index": _break_index,
    "clock_back": _set_clock_back,
}


def system() -> System:
    """DVC as a column of the table."""
    return System(
        "DVC",
        {"DVC": DVC.versions["dvc"], **{name: DVC.versions[name] for name in ("dvc-data", "dvc-objects")}},
        "a git repository with a directory as remote; a version is a commit and a tag, pushed (`dvc push`)",
        TRIALS,
    )


def _ended(command: str, done: Done) -> str:
    return f"`{command}` " + ("went well" if done.code == 0 else f"failed ({done.last})")
