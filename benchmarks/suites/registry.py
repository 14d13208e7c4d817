"""The registry beside model-signing, DVC and MLflow: verifying, many files, changed weights, the log."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.children.release_files import EDITS, edited, write_files
from benchmarks.faults import dvc_store
from benchmarks.peers import DVC, MLFLOW, MODEL_SIGNING
from benchmarks.process import ROOT, in_turn, run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_MOST_SHARE = {EDITS[0]: 0.7, EDITS[1]: 7.9, EDITS[2]: 0.9, EDITS[3]: 0.02}
_GIB = 1 << 30
_GO_PATH = Path("/usr/share/gocode")
_GO_SOURCE = ROOT / "tests" / "oracles" / "tlog" / "main.go"


@dataclass(frozen=True)
class Sizes:
    """How much is stored, verified and proved.

    Attributes:
        total_bytes: Of a release that is verified.
        few: Its files, when they are few.
        many: When they are many.
        small_bytes: Of each of `many` files in the other release that is stored.
        entries: Of the log.
        appends: Durable ones.
        proofs: For Go.
        rounds: Turns of every contestant.
    """

    total_bytes: int = 2 * _GIB
    few: int = 4
    many: int = 20_000
    small_bytes: int = 1024
    entries: int = 1_000_000
    appends: int = 300
    proofs: int = 10_000
    rounds: int = 3


QUICK = Sizes(32 << 20, 4, 1200, 1024, 5000, 20, 200, 1)


def measure(around: Surroundings) -> Found:
    """Each part with files of its own, on the disk that holds this project, removed after it."""
    sizes = QUICK if around.is_quick else Sizes()
    notes: list[str] = []
    rows: list[Row] = []
    parts = (_verify_rows, _put_rows, _edit_rows, _log_rows, _proof_rows)
    (ROOT / ".bench").mkdir(exist_ok=True)
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="registry-", dir=ROOT / ".bench") as folder:
            rows += part(Part(Path(folder), around, sizes, notes))
    return Found(
        about=(
            f"Releases of {sizes.total_bytes / _GIB:g} GiB of seeded float32 in safetensors files; the "
            f"weights of MiniLM and four edits of them; a log of {sizes.entries:,} entries. Files are on "
            "disk, and the file system is synced before a clock starts."
        ),
        rows=tuple(rows),
        notes=(*notes, *around.absent),
    )


@dataclass(frozen=True)
class Part:
    """What a part of the suite works with."""

    folder: Path
    around: Surroundings
    sizes: Sizes
    notes: list[str]

    @property
    def trust(self) -> str:
        """Keys and pins of this run."""
        return str(self.folder / "trust")

    def note(self, text: str) -> None:
        """For the reader."""
        self.notes.append(text)


# --- verify ----------------------------------------------------------------------------


def _verify_rows(part: Part) -> list[Row]:
    found = []
    for count, bar in ((part.sizes.few, 2.0), (part.sizes.many, 2.6)):
        source, root = part.folder / "source", part.folder / "registry"
        write_files(source, count=count, total_bytes=part.sizes.total_bytes)
        run_child(PYTHON, "registry_put", {"source": str(source), "root": str(root), "trust": part.trust})
        found.append(_verify_row(part, source, root, count=count, bar=bar))
        shutil.rmtree(source)
        shutil.rmtree(root)
    return found


def _verify_row(part: Part, source: Path, root: Path, *, count: int, bar: float) -> Row:
    contestants: dict[str, Callable[[], dict[str, Any]]] = {
        "smallcraft": lambda: run_child(PYTHON, "registry_verify", {"root": str(root), "trust": part.trust}),
        "sha256": lambda: run_child(PYTHON, "hash_files", {"source": str(source)}),
    }
    python = part.around.python_of(MODEL_SIGNING)
    if python is not None:
        job = _signing_job(part.folder, source)
        run_child(python, "signing_peer", {**job, "do": "sign"})
        contestants["model-signing"] = lambda: run_child(python, "signing_peer", {**job, "do": "verify"})
    found = in_turn(contestants, rounds=part.sizes.rounds)
    taken = {name: median_of([run["cpu_s"] for run in runs]) for name, runs in found.items()}
    return Row(
        f"verify {part.sizes.total_bytes / _GIB:g} GiB in {count:,} files, every step",
        "CPU-s",
        taken["smallcraft"],
        {name: taken[name] for name in taken if name == "model-signing"},
        bar=bar,
        clock="cpu",
        floor=taken["sha256"],
        floor_is="reading and hashing the files",
    )


def _signing_job(folder: Path, source: Path) -> dict[str, str]:
    private, public = folder / "private.pem", folder / "public.pem"
    if not private.exists():
        new = ["openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", str(private)]
        subprocess.run(new, check=True, capture_output=True)
        shown = ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)]
        subprocess.run(shown, check=True, capture_output=True)
    signature = folder / f"{source.name}.sig"
    places = {"source": source, "signature": signature, "private_key": private, "public_key": public}
    return {name: str(path) for name, path in places.items()}


# --- durable puts ----------------------------------------------------------------------


def _put_rows(part: Part) -> list[Row]:
    small = part.sizes.many * part.sizes.small_bytes
    return [_put_row(part, total) for total in (small, part.sizes.total_bytes)]


def _put_row(part: Part, total_bytes: int) -> Row:
    source = part.folder / "source"
    write_files(source, count=part.sizes.many, total_bytes=total_bytes)
    contestants = {
        "smallcraft": lambda place: run_child(PYTHON, "registry_put", _put_job(part, source, place)),
        "fsync for each file": lambda place: run_child(PYTHON, "synced_copy", _put_job(part, source, place)),
        **_peers_that_put(part, source),
    }
    found = in_turn(
        {name: lambda put=put: _put(part, put) for name, put in contestants.items()},
        rounds=min(part.sizes.rounds, 2),
    )
    shutil.rmtree(source)
    size = f"{total_bytes / _GIB:.2g} GiB"
    cpu = {name: median_of([run["cpu_s"] for run in runs]).value for name, runs in found.items()}
    told = ", ".join(f"{name} {taken:.1f}" for name, taken in cpu.items())
    part.note(f"{part.sizes.many:,} files, {size}: CPU-seconds {told}. DVC and MLflow sync nothing to disk.")
    wall = {name: median_of([run["wall_s"] for run in runs]) for name, runs in found.items()}
    return Row(
        f"{part.sizes.many:,} files, {size}, stored (ours and fsync: to survive a power cut)",
        "s",
        wall.pop("smallcraft"),
        wall,
        bar=9.0,
        clock="wall",
    )


def _put(part: Part, put: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Into a new place, with nothing left to write from before."""
    place = part.folder / "place"
    os.sync()
    try:
        return put(place)
    finally:
        shutil.rmtree(place)


def _put_job(part: Part, source: Path, place: Path) -> dict[str, str]:
    return {"source": str(source), "root": str(place), "trust": part.trust}


def _peers_that_put(part: Part, source: Path) -> dict[str, Callable[[Path], dict[str, Any]]]:
    found: dict[str, Callable[[Path], dict[str, Any]]] = {}
    if part.around.python_of(DVC) is not None:
        found["DVC"] = lambda place: _dvc_add(place, [source])[0]
    python = part.around.python_of(MLFLOW)
    if python is not None:
        job = {"sources": [str(source)]}
        found["MLflow"] = lambda place: run_child(python, "mlflow_put", job | {"root": str(place)})["puts"][0]
    return found


def _dvc_add(place: Path, sources: Sequence[Path]) -> list[dict[str, Any]]:
    """Each folder in turn becomes `data/`, and is added; what `dvc add` took, and what its cache grew by."""
    place.mkdir()
    store = dvc_store.Store(place)
    store.create()
    data, cache, found = store.root / "data", store.root / ".dvc" / "cache", []
    for source in sources:
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(source, data)
        os.sync()
        before, ran = _size(cache), store.timed("dvc", "add", "-q", "data")
        found.append({"wall_s": ran.wall_s, "cpu_s": ran.cpu_s, "added_bytes": _size(cache) - before})
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# --- changes to stored weights ---------------------------------------------------------


def _edit_rows(part: Part) -> list[Row]:
    weights = _encoder_weights(part)
    if weights is None:
        return []
    before, edits = _write_edits(part.folder, weights)
    job = {"before": str(before), "edits": {edit: str(path) for edit, path in edits.items()}}
    job |= {"root": str(part.folder / "registries"), "trust": part.trust, "repeats": part.sizes.rounds}
    found = run_child(PYTHON, "registry_edits", job)
    peers = _peers_of_edits(part, before, edits)
    rows = [
        Row(
            f"new bytes stored, MiniLM, {edit}",
            "% of the file",
            Sample(100 * found[edit]["added_bytes"] / path.stat().st_size, 1),
            {peer: Sample(100 * added[edit] / path.stat().st_size, 1) for peer, added in peers.items()},
            bar=_MOST_SHARE[edit],
        )
        for edit, path in edits.items()
    ]
    return [*rows, _plan_row(found, edits)]


def _plan_row(found: Mapping[str, Any], edits: Mapping[str, Path]) -> Row:
    rates = {
        edit: [path.stat().st_size / _GIB / cpu_s for cpu_s in found[edit]["cpu_s"]]
        for edit, path in edits.items()
    }
    slowest = min(rates, key=lambda edit: median_of(rates[edit]).value)
    return Row(
        f"finding what is new and hashing the file, slowest edit ({slowest})",
        "GiB/CPU-s",
        median_of(rates[slowest]),
        bar=1.0,
        sense="at_least",
        clock="cpu",
    )


def _encoder_weights(part: Part) -> Path | None:
    from smallcraft.errors import SmallcraftError
    from smallcraft.models.backbone import find_backbone

    try:
        return find_backbone("auto").folder / "model.safetensors"
    except SmallcraftError as error:
        part.note(f"Changes to stored weights: not measured, {error}.")
        return None


def _write_edits(folder: Path, weights: Path) -> tuple[Path, dict[str, Path]]:
    data, paths = weights.read_bytes(), {}
    for name in ("before", *EDITS):
        path = folder / name.replace(" ", "-") / "model.safetensors"
        path.parent.mkdir()
        path.write_bytes(data if name == "before" else edited(data, name))
        paths[name] = path
    return paths.pop("before"), paths


def _peers_of_edits(part: Part, before: Path, edits: Mapping[str, Path]) -> dict[str, dict[str, int]]:
    """What each peer's store grew by."""
    folders = [before.parent, *(path.parent for path in edits.values())]
    found = {}
    if part.around.python_of(DVC) is not None:
        added = [put["added_bytes"] for put in _dvc_add(part.folder / "dvc", folders)][1:]
        found["DVC"] = dict(zip(edits, added, strict=True))
    python = part.around.python_of(MLFLOW)
    if python is not None:
        root = part.folder / "mlflow"
        run_child(python, "mlflow_put", {"root": str(root), "sources": [str(folder) for folder in folders]})
        runs = sorted((root / "artifacts").iterdir(), key=lambda path: path.stat().st_mtime_ns)[1:]
        found["MLflow"] = {edit: _size(run) for edit, run in zip(edits, runs, strict=True)}
    return found


# --- the log ---------------------------------------------------------------------------


def _log_rows(part: Part) -> list[Row]:
    sizes = part.sizes
    job = {"entries": sizes.entries, "appends": sizes.appends, "proofs": 1000, "repeats": sizes.rounds}
    found = run_child(PYTHON, "registry_log", job | {"root": str(part.folder), "trust": part.trust})
    peers = {}
    python = part.around.python_of(MLFLOW)
    if python is not None:
        moved = run_child(python, "mlflow_put", {"root": str(part.folder / "mlflow"), "moves": sizes.appends})
        peers["MLflow"] = _milliseconds(moved["moves"])
    return [
        Row(
            f"append to the log, in memory, {sizes.entries:,} entries",
            "entries/CPU-s",
            median_of(found["appends_per_cpu_s"]),
            {"hashing each entry alone": median_of(found["hashes_per_cpu_s"])},
            bar=50_000.0,
            sense="at_least",
            clock="cpu",
        ),
        Row(
            f"inclusion proof from a log of {sizes.entries:,} entries",
            "ms",
            _milliseconds(found["proof_s"]),
            bar=1.0,
            clock="wall",
        ),
        Row(
            "moving an alias, from the lock to the synced checkpoint (MLflow: one row of SQLite)",
            "ms",
            _milliseconds(found["append_s"]),
            peers,
            bar=5.0,
            clock="wall",
            floor=_milliseconds(found["fsync_s"]),
            floor_is="syncing one small file and its name",
        ),
    ]


def _milliseconds(seconds: Sequence[float]) -> Sample:
    return median_of([1000 * one for one in seconds])


def _proof_rows(part: Part) -> list[Row]:
    """Half of what Go is asked is true, half has a flipped bit."""
    if shutil.which("go") is None or not (_GO_PATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        part.note("Proofs: not judged, Go or its x/mod package is not here.")
        return []
    program, questions = part.folder / "oracle", part.folder / "questions.jsonl"
    settings = {"GO111MODULE": "off", "GOPATH": str(_GO_PATH), "GOCACHE": str(part.folder / "cache")}
    subprocess.run(
        ["go", "build", "-o", str(program), str(_GO_SOURCE)],
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
    )
    run_child(
        PYTHON, "registry_proofs", {"seed": 0, "proofs": part.sizes.proofs, "questions": str(questions)}
    )
    with questions.open("rb") as stream:
        done = subprocess.run([str(program)], stdin=stream, capture_output=True, check=True)
    answers = [json.loads(line)["ok"] for line in done.stdout.splitlines()]
    true, mutated = answers[0::2], answers[1::2]
    return [
        Row(
            f"{what} by Go's x/mod/sumdb",
            "share",
            Sample(sum(seen) / len(seen), len(seen), "questions"),
            bar=1.0,
            sense="at_least",
        )
        for what, seen in (
            ("proofs and checkpoints accepted", true),
            ("the same with one bit flipped, refused", [not one for one in mutated]),
        )
    ]
