"""Bad inputs: each gives one clear error, exit code 1, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from smallcraft.cli.main import run

ROWS = [
    f"{text} number {i},{label}"
    for i in range(12)
    for text, label in (("hello there", "greet"), ("go away", "leave"))
]
GOOD = "text,intent\n" + "\n".join(ROWS) + "\n"
PROJECT = '[data]\npath = "rows.csv"\ntext = "text"\nlabel = "intent"\n'


def project(more: str = "", *, data: str = PROJECT) -> Callable[[Path], None]:
    """A sound data file beside a project file with something wrong in it."""

    def make(folder: Path) -> None:
        (folder / "rows.csv").write_text(GOOD, encoding="utf-8")
        (folder / "smallcraft.toml").write_text(data + more, encoding="utf-8")

    return make


def rows(content: str | bytes, *, name: str = "rows.csv", data: str = PROJECT) -> Callable[[Path], None]:
    """A sound project file beside a data file with something wrong in it."""

    def make(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        (folder / "smallcraft.toml").write_text(data.replace("rows.csv", name), encoding="utf-8")

    return make


def numbers(value: str) -> Callable[[Path], None]:
    """A tabular project whose 20th row has this age."""
    lines = [f"{value if i == 19 else i},{'yes' if i % 2 else 'no'}" for i in range(40)]
    data = '[data]\npath = "rows.csv"\nfeatures = ["age"]\nlabel = "bought"\n'
    return rows("age,bought\n" + "\n".join(lines) + "\n", data=data)


def nested(folder: Path) -> None:
    pl.DataFrame({"text": [["a"], ["b"]] * 4, "intent": ["x", "y"] * 4}).write_parquet(
        folder / "rows.parquet"
    )
    (folder / "smallcraft.toml").write_text(PROJECT.replace("rows.csv", "rows.parquet"), encoding="utf-8")


BUILD_CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no project file": (lambda folder: None, "there is no project file"),
    "not TOML": (project("label ="), "not valid TOML"),
    "unknown key": (project("[qualty]\nmetric = 'accuracy'\n"), "did you mean 'quality'"),
    "unknown key in a section": (project("[quality]\nmetrik = 'accuracy'\n"), "did you mean 'metric'"),
    "no data section": (project(data="name = 'x'\n"), r"data"),
    "neither text nor features": (
        project(data='[data]\npath = "rows.csv"\nlabel = "intent"\n'),
        "text or features",
    ),
    "confidence as a percentage": (project("[quality]\nconfidence = 95\n"), "write 0.95 for 95%"),
    "unknown metric": (project("[quality]\nmetric = 'acuracy'\n"), "did you mean 'accuracy'"),
    "negative budget": (project("[budget]\nsize_mb = -3\n"), "size_mb"),
    "budget that is text": (project("[budget]\nsize_mb = 'small'\n"), "size_mb"),
    "unknown rung": (project("[ladder]\nrungs = ['ngrm']\n"), "did you mean 'ngram'"),
    "label is also the text": (project(data=PROJECT.replace('"text"', '"intent"')), "gives the answer away"),
    "missing data file": (project(data=PROJECT.replace("rows.csv", "rwos.csv")), "rwos.csv"),
    "missing cert file": (project('cert = "sealed.csv"\n'), "sealed.csv"),
    "glob without a match": (project(data=PROJECT.replace("rows.csv", "part-*.csv")), "part-"),
    "unknown suffix": (rows(GOOD, name="rows.xlsx"), "rows.xlsx"),
    "missing column": (rows(GOOD.replace("text,intent", "text,intnet")), "did you mean 'intnet'"),
    "empty file": (rows(""), "rows.csv"),
    "header only": (rows("text,intent\n"), "rows.csv"),
    "invalid UTF-8": (rows(GOOD.encode() + b"caf\xe9 au lait,greet\n"), "byte"),
    "not what the suffix says": (rows(GOOD, name="rows.parquet"), "rows.parquet"),
    "not gzip": (rows(GOOD, name="rows.csv.gz"), "gzip"),
    "truncated gzip": (rows(gzip.compress(GOOD.encode())[:-12], name="rows.csv.gz"), "rows.csv.gz"),
    "ragged row": (rows(GOOD + "one,two,three\n"), "line 26"),
    "unclosed quote": (rows(GOOD + '"never closed,greet\n'), "quote"),
    "broken JSON line": (rows('{"text": "a", "intent": "b"}\n{"text": \n', name="rows.jsonl"), "line 2"),
    "JSON line that is no object": (rows('{"text": "a", "intent": "b"}\n[1]\n', name="rows.jsonl"), "line 2"),
    "duplicate column": (rows(GOOD.replace("text,intent", "text,text")), "text"),
    "one class": (rows(GOOD.replace(",leave", ",greet")), "class"),
    "label seen once": (rows(GOOD + "something else,rare\n"), "rare"),
    "empty label": (rows(GOOD + "a text without a label,\n"), "line 26"),
    "empty text": (rows(GOOD + ",greet\n"), "line 26"),
    "nested column": (nested, "text"),
    "text among numbers": (numbers("12a"), "12a"),
    "infinite number": (numbers("inf"), "inf"),
    "not a number": (numbers("NaN"), "age"),
}


@pytest.mark.parametrize("case", BUILD_CASES)
def test_a_bad_project_gives_one_error_and_leaves_nothing(case, tmp_path, capsys, monkeypatch):
    make, words = BUILD_CASES[case]
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run(["build"]) == 1
    stderr = capsys.readouterr().err
    assert stderr.startswith("error: ")
    assert words in stderr
    assert "Traceback" not in stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


COMMAND_CASES: dict[str, tuple[list[str], str]] = {
    "unknown verb": (["bild"], "bild"),
    "unknown option": (["build", "--fast"], "--fast"),
    "log without a release": (["log"], "smallcraft build"),
    "verify without a release": (["verify"], "smallcraft build"),
    "predict without a release": (["predict", "-i", "rows.csv", "-o", "a.csv"], "smallcraft build"),
    "predict with both": (
        ["predict", "-i", "r.csv", "-o", "a.csv", "--release", "1", "--bundle", "b"],
        "got both",
    ),
    "abstain in percent": (["predict", "-i", "r.csv", "-o", "a.csv", "--abstain-below", "60"], "0.6 for 60%"),
    "no bundle there": (["predict", "-i", "rows.csv", "-o", "a.csv", "--bundle", "nothing"], "nothing"),
    "doctor without a bundle": (["doctor", "nothing"], "bundle.json"),
    "init of nothing": (["init", "rwos.csv", "-o", "new.toml"], "rwos.csv"),
    "init without a file": (["init"], "smallcraft init"),
    "init over a project": (["init", "rows.csv"], "--force"),
}


@pytest.mark.parametrize("case", COMMAND_CASES)
def test_a_bad_command_gives_one_error_and_leaves_nothing(case, tmp_path, capsys, monkeypatch):
    arguments, words = COMMAND_CASES[case]
    project()(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert words in captured.err + captured.out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_predict_refuses_rows_without_the_models_column(built, tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"mesage": "hello"}) + "\n", encoding="utf-8")
    arguments = [
        "predict",
        "-p",
        str(built),
        "-i",
        str(tmp_path / "rows.jsonl"),
        "-o",
        str(tmp_path / "a.csv"),
    ]
    assert run(arguments) == 1
    assert "did you mean 'mesage'" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("suffix", [".txt", ""])
def test_predict_refuses_an_output_it_cannot_write(built, tmp_path, suffix, capsys):
    target = tmp_path / f"answers{suffix}"
    assert run(["predict", "-p", str(built), "-i", str(built / "tickets.csv"), "-o", str(target)]) == 1
    assert "must end in .csv" in capsys.readouterr().err
    assert not target.exists()
