"""A smallcraft registry as a person sets it up: the keys and pins of who publishes are elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.faults import damage
from benchmarks.faults.outcomes import cell_text
from benchmarks.process import child_environment
from smallcraft.errors import SmallcraftError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.tiles import BUNDLE_LEVEL, Tile, decode_bundle, encode_bundle

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
WEIGHTS = "bundle/weights.safetensors"
_MOST_S = 180


@dataclass(frozen=True)
class Told:
    """What a command did.

    Attributes:
        error: What it said against it; None when it went well.
        value: What it gave.
        kind: The error's class.
    """

    error: str | None
    value: Any = None
    kind: str = ""

    @property
    def words(self) -> str:
        """In a cell."""
        if self.error is None:
            return "went well"
        return f"refused ({cell_text(self.error)})"


@dataclass(frozen=True)
class Store:
    """A registry, and the configuration folder of the person who uses it."""

    root: Path
    trust: Path

    def open(self, *, trust: Path | None = None) -> Registry:
        """Open it, as this person or another."""
        return Registry.open(self.root, trust=Trust(trust or self.trust))

    def publish(self, seed: int, *, data: bytes | None = None, now: datetime = NOW) -> str:
        """Publish weights drawn from a seed, let `stable` mean them; the digest of the weights."""
        registry = self.open()
        weights = damage.weights(seed) if data is None else data
        release = registry.publish(
            "tickets", {WEIGHTS: weights}, {"accuracy": 0.9 + seed / 100 - 0.01}, now=now
        )
        registry.set_alias("tickets", "stable", release.version, now=now)
        return next(file.digest for file in release.files if file.path == WEIGHTS)

    def load(self, reference: str = "tickets@stable", *, trust: Path | None = None) -> Told:
        """Open the registry and read a release's weights; the label and the bytes' digest."""

        def read() -> tuple[str, str]:
            registry = self.open(trust=trust)
            release = registry.read(reference)
            data = registry.read_file(release, WEIGHTS)
            return release.label, f"sha256:{damage.sha256_of(data)}"

        return told(read)

    def verify(self, *, trust: Path | None = None) -> Told:
        """`smallcraft verify REG`: what it printed, and whether it ended with 0."""
        code = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"
        environment = child_environment() | {"SMALLCRAFT_CONFIG": str(trust or self.trust)}
        done = subprocess.run(
            [sys.executable, "-c", code, "verify", str(self.root)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_MOST_S,
        )
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["nothing"]
        if done.returncode == 0:
            return Told(None, done.stdout)
        return Told(
            f"exit {done.returncode}: {lines[-1].removeprefix('broken: ')}", done.stdout, str(done.returncode)
        )

    def start(self, seed: int, *, values: int = damage.SMALL_VALUES) -> subprocess.Popen[str]:
        """Start a process that publishes weights drawn from a seed."""
        folder = self.trust.parent / f"published-{seed}"
        folder.mkdir(exist_ok=True)
        weights, path = folder / "weights.safetensors", folder / "job.json"
        weights.write_bytes(damage.weights(seed, values))
        job = {"root": str(self.root), "trust": str(self.trust), "weights": str(weights), "name": "tickets"}
        path.write_text(json.dumps(job | {"accuracy": 0.9, "now": NOW.isoformat()}))
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "benchmarks.children.publish", str(path)],
            env=child_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def stored_weights(self) -> list[Path]:
        """The stored weights of every version, oldest first."""
        blobs = (self.root / "blobs" / "sha256").iterdir()
        large = [path for path in blobs if path.stat().st_size > damage.SMALL_VALUES]
        return sorted(large, key=lambda path: path.stat().st_mtime_ns)

    def blob_with(self, text: bytes) -> Path:
        """The one blob that holds some bytes."""
        blobs = [path for path in (self.root / "blobs" / "sha256").iterdir() if text in path.read_bytes()]
        assert len(blobs) == 1, blobs
        return blobs[0]

    def rewrite_log(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Write other entries in the file that holds them; their number may change, the tiles stay."""
        (path,) = (self.root / "log" / "tile" / "entries").rglob("*.p/*")
        count = int(path.name)
        entries = list(decode_bundle(path.read_bytes(), Tile(BUNDLE_LEVEL, 0, count)))
        damage.overwrite(path, encode_bundle(change(entries)))


def told(do: Callable[[], Any]) -> Told:
    """Try something."""
    try:
        return Told(None, do())
    except SmallcraftError as error:
        return Told(str(error), kind=type(error).__name__)


def new_store(folder: Path, *, root: Path | None = None) -> Store:
    """An empty registry."""
    store = Store(root or folder / "registry", folder / "trust")
    Registry.create(store.root, trust=Trust(store.trust))
    return store


def two_versions(folder: Path) -> tuple[Store, str, str]:
    """A registry with two versions, and the digests of their weights."""
    store = new_store(folder)
    return store, store.publish(1), store.publish(2)


def another_person(folder: Path) -> Path:
    """The configuration folder of someone who never saw the log."""
    path = folder / f"person-{len(list(folder.glob('person-*')))}"
    path.mkdir()
    return path
