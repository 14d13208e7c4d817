"""A DVC store as a person sets it up: git, a directory as remote, a commit and a tag for each version."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import damage
from benchmarks.faults.outcomes import cell_text
from benchmarks.peers import DVC, python_of
from benchmarks.process import Ran

_MOST_S = 120


@dataclass(frozen=True)
class Done:
    """A command that ended.

    Attributes:
        code: Its exit code.
        text: What it printed.
    """

    code: int
    text: str

    @property
    def last(self) -> str:
        """What it said last, or against it."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        told = (
            [line for line in lines if line.startswith(("ERROR", "fatal", "error"))] or lines or ["nothing"]
        )
        return cell_text(told[-1])


class Store:
    """A git repository with DVC in it, `model/` and `metrics.json`, and the remote beside it."""

    def __init__(self, folder: Path, *, home: Path | None = None) -> None:
        self.folder = folder
        self.root = folder / "store"
        self.remote = folder / "remote"
        self.home = home or folder / "home"

    @property
    def weights(self) -> Path:
        """The weights in the working tree."""
        return self.root / "model" / "weights.safetensors"

    def run(self, *command: str, at: Path | None = None, more: Mapping[str, str] | None = None) -> Done:
        """Run `git` or `dvc`."""
        done = subprocess.run(
            self.command(*command),
            cwd=at or self.root,
            env=self.environment | dict(more or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_MOST_S,
        )
        return Done(done.returncode, done.stdout)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            self.command(*command),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def command(*command: str) -> list[str]:
        """`dvc` is the one of its own environment."""
        first = str(python_of(DVC).with_name("dvc")) if command[0] == "dvc" else command[0]
        return [first, *command[1:]]

    @property
    def environment(self) -> dict[str, str]:
        """No settings and no caches of the person who runs this."""
        names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
        names |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}
        places = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
        }
        places |= {
            "DVC_SITE_CACHE_DIR": str(self.home / "site"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "DVC_NO_ANALYTICS": "1",
        }
        return {**os.environ, **names, **places}

    def timed(self, *command: str) -> Ran:
        """Run what has to work; its time, that of its children included.

        Raises:
            RuntimeError: It did not.
        """
        started = time.perf_counter()
        child = subprocess.Popen(
            self.command(*command), cwd=self.root, env=self.environment, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
        return Ran(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)

    def must(self, *command: str, at: Path | None = None) -> str:
        """Run what has to work.

        Raises:
            RuntimeError: It did not.
        """
        done = self.run(*command, at=at)
        if done.code != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.code}: {done.last}")
        return done.text

    def create(self) -> None:
        """An empty store with a remote."""
        for path in (self.root, self.remote, self.home):
            path.mkdir(exist_ok=True)
        self.must("git", "init", "-q", "-b", "main")
        self.must("dvc", "init", "-q")
        self.must("dvc", "remote", "add", "-q", "-d", "shared", str(self.remote))
        self.must("git", "add", "-A")
        self.must("git", "commit", "-q", "-m", "start")

    def publish(self, version: int, *, data: bytes | None = None) -> str:
        """Add, commit, tag, push; the digest of the weights."""
        self.weights.parent.mkdir(exist_ok=True)
        self.weights.write_bytes(damage.weights(version) if data is None else data)
        (self.root / "metrics.json").write_text(json.dumps({"accuracy": 0.9 + version / 100 - 0.01}))
        self.must("dvc", "add", "-q", "model")
        self.must("git", "add", "-A")
        self.must("git", "commit", "-q", "-m", f"version {version}")
        self.must("git", "tag", "-f", f"v{version}")
        self.must("dvc", "push", "-q")
        return damage.sha256(self.weights)

    def cached(self, *, at: Path | None = None) -> Path:
        """The cache object of the weights that the working tree has."""
        name = hashlib.md5(self.weights.read_bytes(), usedforsecurity=False).hexdigest()
        return (at or self.root / ".dvc" / "cache") / "files" / "md5" / name[:2] / name[2:]

    def check_out(self) -> Done:
        """As after a fresh clone: the working copy is taken away and made anew."""
        shutil.rmtree(self.root / "model", ignore_errors=True)
        return self.run("dvc", "checkout")

    def status(self) -> str:
        """The last line of `dvc status`."""
        return self.run("dvc", "status").last

    def handed_out(self) -> str | None:
        """Digest of the weights in the working tree; None when there are none."""
        return damage.sha256(self.weights) if self.weights.is_file() else None

    def pull_anew(self) -> tuple[Done, str | None]:
        """A stranger clones and pulls: what the command said, and the digest of what came."""
        clone = self.folder / "stranger"
        self.must("git", "clone", "-q", str(self.root), str(clone), at=self.folder)
        pulled = self.run("dvc", "pull", at=clone)
        path = clone / "model" / "weights.safetensors"
        return pulled, damage.sha256(path) if path.is_file() else None

    def clone(self) -> Path:
        """A clone made now; it will remember."""
        clone = self.folder / "older"
        self.must("git", "clone", "-q", str(self.root), str(clone), at=self.folder)
        return clone
