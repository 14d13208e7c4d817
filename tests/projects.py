"""Projects that tests build: a helpdesk corpus, and small ones of made-up rows that build in seconds."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk.corpus import write

SMALL_ROWS = 1200
QUICK_LADDER = '[ladder]\nrungs = ["majority", "ngram"]\n'
_SUBJECTS = (
    ("invoice", "refund", "charge", "payment", "card"),
    ("password", "login", "account", "locked", "signin"),
    ("parcel", "courier", "tracking", "delivery", "address"),
    ("router", "signal", "wifi", "cable", "outage"),
    ("recipe", "flour", "oven", "butter", "yeast"),
    ("train", "platform", "ticket", "luggage", "station"),
)
_FILL = (
    "please",
    "my",
    "the",
    "today",
    "again",
    "still",
    "help",
    "with",
    "about",
    "new",
    "old",
    "really",
    "never",
)


def write_project(
    folder: Path, *, rungs: str = 'rungs = ["majority", "ngram"]', more: str = "", data: str = ""
) -> Path:
    """A helpdesk project of 1,200 rows, on the rungs that need no weights; `data` replaces its `[data]`."""
    write(folder, rows=SMALL_ROWS)
    project = folder / "smallcraft.toml"
    text = data or project.read_text(encoding="utf-8").split("[budget]")[0]
    project.write_text(f"{text}\n[ladder]\n{rungs}\n{more}\n", encoding="utf-8")
    return folder


def message_rows(
    rows: int, *, labels: Sequence[str] = ("billing", "login", "parcel"), seed: int = 1
) -> dict[str, list[str]]:
    """Messages that no two rows share and their labels, which a few words give away."""
    dice = random.Random(seed)
    messages = []
    for row in range(rows):
        subject = _SUBJECTS[row % len(labels)]
        words = [
            *dice.sample(subject, 2),
            *dice.sample(_FILL, 4),
            f"case{seed}x{row}y{dice.randrange(10**6)}",
        ]
        dice.shuffle(words)
        messages.append(" ".join(words))
    return {"message": messages, "intent": [labels[row % len(labels)] for row in range(rows)]}


def person_rows(rows: int, *, seed: int = 2) -> dict[str, list[Any]]:
    """Ages, jobs and insurance, some of them missing, and whether they bought: 1 or 0."""
    dice = random.Random(seed)
    found: dict[str, list[Any]] = {"age": [], "job": [], "insured": [], "bought": []}
    for _ in range(rows):
        age, job = dice.randrange(180, 800) / 10, dice.choice(("clerk", "nurse", "cook"))
        insured = dice.random() < 0.5
        found["age"].append(age if dice.random() > 0.1 else None)
        found["job"].append(job if dice.random() > 0.1 else None)
        found["insured"].append(insured)
        found["bought"].append(int(age > 45) if dice.random() > 0.05 else int(insured))
    return found


def write_rows(
    folder: Path,
    rows: Mapping[str, Sequence[Any]],
    *,
    data: str,
    more: str = QUICK_LADDER,
    name: str = "rows.csv",
) -> Path:
    """A project folder of these rows; `data` is what stands in `[data]` besides the path."""
    folder.mkdir(parents=True, exist_ok=True)
    save_rows(folder / name, rows)
    text = f'[data]\npath = "{name}"\n{data}\n{more}'
    (folder / "smallcraft.toml").write_text(text, encoding="utf-8")
    return folder


def save_rows(path: Path, rows: Mapping[str, Sequence[Any]]) -> Path:
    """Rows in the format that the path's suffix names."""
    frame = pl.DataFrame(rows)
    {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}[path.suffix](
        path
    )
    return path


MESSAGES = 'text = "message"\nlabel = "intent"'


def write_messages(folder: Path, *, rows: int = 150, data: str = MESSAGES, more: str = QUICK_LADDER) -> Path:
    """A project of a few made-up messages, the quickest there is."""
    return write_rows(folder, message_rows(rows), data=data, more=more)


def change_project(folder: Path, old: str, new: str) -> None:
    """Replace a part of the project file."""
    project = folder / "smallcraft.toml"
    text = project.read_text(encoding="utf-8")
    assert old in text, text
    project.write_text(text.replace(old, new), encoding="utf-8")


def copy_project(folder: Path, target: Path) -> Path:
    """A copy with everything it keeps."""
    return Path(shutil.copytree(folder, target))


def command(*arguments: str) -> list[str]:
    """The command line in a process of its own."""
    code = "from smallcraft.cli.main import main; main()"
    return [sys.executable, "-c", code, *arguments]


def run_command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, cwd=cwd)


def build_json(folder: Path) -> dict[str, Any]:
    """`smallcraft build --json` in a process of its own, parsed."""
    done = run_command("build", "--json", "-p", str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def build_for_all(folder: Path) -> dict[str, Any]:
    """`smallcraft build --json` for a fixture that several tests share, parsed."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(io.StringIO()):
        assert run(["build", "--json", "-p", str(folder)]) == 0
    return json.loads(told.getvalue())


def build_quietly(folder: Path, capsys: Any, *, code: int = 0) -> dict[str, Any]:
    """`smallcraft build --json` in this process, parsed."""
    capsys.readouterr()
    found = run(["build", "--json", "-p", str(folder)])
    captured = capsys.readouterr()
    assert found == code, captured.err
    return json.loads(captured.out)


def release_twice(folder: Path, *, more: str = "") -> Path:
    """A project with the releases `rows@1`, which is the stable one, and `rows@2`; what they cost is made up.

    Args:
        folder: Not there yet.
        more: Sections of its file.
    """
    from tests.pipeline.conftest import FIXED

    from smallcraft.cli.main import run
    from smallcraft.pipeline.stages import measure

    project = ("-p", str(folder))
    write_messages(folder, rows=150, more=f"{more}{QUICK_LADDER}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert run(["build", "--json", *project]) == 0
        change_project(folder, "[data]", "seed = 1\n[data]")
        assert run(["build", "--json", *project]) == 0
    assert run(["alias", "stable", "rows@1", *project]) == 0
    return folder
