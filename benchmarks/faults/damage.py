"""What is done to files: the same damage for every system, seeded.

Always: a file keeps its mode, and its place on disk unless the function says otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.faults.outcomes import CannotTryError

SMALL_VALUES, LARGE_VALUES = 1 << 14, 1 << 23
_MOST_WAIT_S = 120.0


def weights(seed: int, values: int = SMALL_VALUES) -> bytes:
    """A safetensors file with one float32 tensor `w`; 4 bytes a value."""
    header = {"w": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    drawn = np.random.default_rng(seed).random(values, dtype=np.float32)
    return _safetensors(json.dumps(header), drawn.tobytes())


def twice_named_weights(values: int = SMALL_VALUES) -> bytes:
    """A file whose header names `w` twice: as float32 and as int32 over the same bytes."""
    first, second = (
        f'"w":{{"dtype":"{kind}","shape":[{values}],"data_offsets":[0,{4 * values}]}}'
        for kind in ("F32", "I32")
    )
    return _safetensors("{" + first + "," + second + "}", weights(3, values)[-4 * values :])


def running_pickle(marker: Path) -> bytes:
    """A pickle that makes an empty file where it is read: protocol 0, written out."""
    return f"cposix\nmkdir\n(V{marker}\ntR.".encode()


def _safetensors(header: str, body: bytes) -> bytes:
    text = header.encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return sha256_of(path.read_bytes())


def sha256_of(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def overwrite(path: Path, data: bytes) -> None:
    """Other bytes in the same file, whose mode stays."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as stream:
        stream.write(data)
        stream.truncate()
    path.chmod(mode)


def flip_bit(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    overwrite(path, bytes(data))


def cut_to_half(path: Path) -> None:
    """The first half stays."""
    data = path.read_bytes()
    overwrite(path, data[: len(data) // 2])


def spoil_pages(path: Path, *, page_bytes: int = 4096) -> None:
    """Random bytes over the middle half of a database, whole pages."""
    data = bytearray(path.read_bytes())
    quarter = len(data) // page_bytes // 4 * page_bytes
    data[quarter : 3 * quarter] = random.Random(7).randbytes(2 * quarter)
    overwrite(path, bytes(data))


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def put_back(copy: Path, store: Path) -> None:
    """Replace a store by a copy of it."""
    shutil.rmtree(store)
    shutil.copytree(copy, store, symlinks=True)


def kill_during(
    start: Callable[[], subprocess.Popen[str]], watched: Path, *, moment: float, lasts_s: float
) -> bool:
    """Start a process, wait until it writes below a folder, and kill it (-9) some time later.

    Args:
        start: Starts it.
        watched: Where its first write shows.
        moment: Share of `lasts_s` to wait after the first write, in [0, 1].
        lasts_s: How long a whole write takes.

    Returns:
        True when it was killed; False when it had ended by itself.
    """
    before = size_of(watched)
    process = start()
    wait_for_change(process, watched, before)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment * lasts_s)
    was_killed = process.poll() is None
    if was_killed:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return was_killed


def time_write(start: Callable[[], subprocess.Popen[str]], watched: Path) -> float:
    """Seconds from a process's first write below a folder to its end."""
    before = size_of(watched)
    process = start()
    wait_for_change(process, watched, before)
    started = time.perf_counter()
    process.communicate()
    return time.perf_counter() - started


def wait_for_change(process: subprocess.Popen[str], watched: Path, before: int) -> None:
    """Return as soon as the folder's size differs, or the process has ended."""
    until = time.monotonic() + _MOST_WAIT_S
    while process.poll() is None and size_of(watched) == before and time.monotonic() < until:
        time.sleep(0.002)


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of its own that is soon full.

    Raises:
        CannotTryError: Mounting needs root.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or os.geteuid() != 0 or _fails(command):
        raise CannotTryError("needs root, to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _fails(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0
