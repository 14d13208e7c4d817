"""A model in every form gives the same numbers on the same rows; a bad input is one error, and no file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import skops.io as sio
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.evaluate.harness.openers.toy_models import serving
from tests.projects import run_command

from smallcraft.api import load
from smallcraft.cli.main import run

SLOW = "def answer(texts):\n    return ['x'] * len(texts)\n"


def accuracy_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[float, dict]:
    capsys.readouterr()
    assert run(["evaluate", *arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (model,) = document["models"]
    return next(m["value"] for m in model["measurements"] if m["name"] == "accuracy"), document


@pytest.fixture(scope="module")
def fresh(built, tmp_path_factory) -> Path:
    """Rows that the release never saw, and its answers to them in every form."""
    from smallcraft.demo.helpdesk.corpus import write

    folder = tmp_path_factory.mktemp("fresh")
    write(folder / "corpus", rows=1000, seed=31)
    rows = pl.read_csv(folder / "corpus" / "tickets.csv").with_columns(id=pl.int_range(1000).cast(pl.String))
    rows = rows.select("id", "message", "intent", "region")
    rows.write_csv(folder / "rows.csv")
    release = load("latest", project=built)
    texts = rows["message"].to_list()
    probs, classes = release.predict_proba(texts), release.classes_.tolist()
    table = pl.DataFrame(
        {"id": rows["id"], **{f"prob_{name}": probs[:, at] for at, name in enumerate(classes)}}
    )
    table.sample(fraction=1, shuffle=True, seed=2).write_parquet(folder / "probs.parquet")
    rows.select(prediction=pl.Series(release.predict(texts))).write_csv(folder / "labels.csv")
    (folder / "journey_release.py").write_text(
        "from smallcraft.api import load\n"
        f"RELEASE = load('latest', project={str(built)!r})\n"
        "CLASSES = RELEASE.classes_.tolist()\n"
        "def answer(texts):\n    return RELEASE.predict_proba(texts)\n",
        encoding="utf-8",
    )
    return folder


def test_a_release_is_measured_alike_as_release_bundle_function_server_and_file(
    built, fresh, capsys, monkeypatch
):
    monkeypatch.chdir(fresh)
    release = load("latest", project=built)

    def reply(inputs):
        (text,) = inputs
        probs = release.predict_proba(text["data"])
        return {
            "outputs": [
                {
                    "name": "probabilities",
                    "datatype": "FP64",
                    "shape": list(probs.shape),
                    "data": probs.ravel().tolist(),
                    "parameters": {"classes": release.classes_.tolist()},
                }
            ]
        }

    columns = ["--label", "intent", "--text", "message"]
    with serving(reply) as address:
        found = {
            target: accuracy_of(capsys, "rows.csv", "-m", target, *columns, *more)
            for target, *more in (
                ("latest", "-p", str(built)),
                (str(release.bundle.path),),
                ("journey_release:answer",),
                (address,),
                ("probs.parquet",),
                ("labels.csv",),
            )
        }
    accuracies = {round(value, 12) for value, _ in found.values()}
    assert len(accuracies) == 1, {target: value for target, (value, _) in found.items()}
    assert 0.5 < accuracies.pop() < 1
    kinds = [document["models"][0]["kind"] for _, document in found.values()]
    assert kinds == ["release", "bundle", "callable", "inference_url", "predictions", "predictions"]
    losses = {
        round(m["value"], 9)
        for _, document in found.values()
        for m in document["models"][0]["measurements"]
        if m["name"] == "log_loss" and m["value"] is not None
    }
    assert len(losses) == 1


def test_a_team_without_a_project_evaluates_and_gates_an_estimator(fresh, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    rows = pl.read_csv(fresh / "rows.csv")
    train, test = rows[:600], rows[600:]
    test.write_csv("test.csv")
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    fitted.fit(train["message"].to_list(), train["intent"].to_list())
    sio.dump(fitted, "model.skops")
    value, document = accuracy_of(capsys, "test.csv", "-m", "model.skops")
    assert value == pytest.approx(
        fitted.score(test["message"].to_list(), test["intent"].to_list()), abs=1e-12
    )
    assert document["data"]["groups"] == ["region"]
    Path("gates.toml").write_text(
        '[gates.regions]\nrule = "at_least"\nmeasurement = "accuracy"\nslice = "region=*"\nlimit = 0.05\n',
        encoding="utf-8",
    )
    done = run_command("evaluate", "test.csv", "--model", "model.skops", "--gates", "gates.toml", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in Path("out").iterdir()} == {"evaluation.html", "evaluation.json"}


def test_a_projects_sealed_rows_are_not_evaluated(built_copy, capsys):
    project = built_copy / "smallcraft.toml"
    rows = pl.read_csv(built_copy / "tickets.csv")
    rows[:100].write_csv(built_copy / "sealed.csv")
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("[data]", '[data]\ncert = "sealed.csv"', 1), encoding="utf-8")
    assert run(["evaluate", str(built_copy / "sealed.csv"), "-m", "latest", "-p", str(built_copy)]) == 1
    assert "every look at it is metered" in capsys.readouterr().err
    assert run(["evaluate", str(built_copy / "tickets.csv"), "-m", "latest", "-p", str(built_copy)]) == 0
    assert "were trained on" in capsys.readouterr().out


def rows_of(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "rows.csv").write_text(text, encoding="utf-8")

    return make


def with_folder(folder: Path) -> None:
    rows_of(GOOD)(folder)
    (folder / "b").mkdir()


GOOD = "text,intent\n" + "".join(f"words about {word} {i},{word}\n" for i in range(10) for word in ("a", "b"))


def beside(**files: str) -> Callable[[Path], None]:
    """Good rows, and further files."""

    def make(folder: Path) -> None:
        rows_of(GOOD)(folder)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")

    return make


BAD: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "no data": (lambda folder: None, ["-m", "j_x:f"], "rows.csv"),
    "no rows": (
        lambda folder: (beside(j_g__py=SLOW)(folder), rows_of("text,intent\n")(folder))[0],
        ["-m", "j_g:answer", "--label", "intent", "--text", "text"],
        "rows.csv",
    ),
    "no model named": (beside(), [], "--model"),
    "no such model": (beside(), ["-m", "modle"], "there is no model 'modle'"),
    "no such file": (beside(), ["-m", "m.skops"], "there is no file m.skops"),
    "a pickle": (beside(m__pkl="x"), ["-m", "m.pkl"], "runs whatever code is in it"),
    "skops that is none": (beside(m__skops="x"), ["-m", "m.skops"], "a file that skops wrote"),
    "onnx that is none": (beside(m__onnx="x"), ["-m", "m.onnx"], "must be an ONNX model"),
    "a folder that is no bundle": (
        with_folder,
        ["-m", "b"],
        "bundle.json",
    ),
    "no module": (beside(), ["-m", "j_missing:f"], "there is no module 'j_missing'"),
    "no function": (beside(j_a__py=SLOW), ["-m", "j_a:anser"], "did you mean 'answer'"),
    "a module that fails": (beside(j_b__py="1/0"), ["-m", "j_b:f"], "ZeroDivisionError"),
    "a function that fails": (
        beside(j_c__py="def f(texts):\n    raise KeyError('k')\n"),
        ["-m", "j_c:f"],
        "KeyError: 'k', when asked about row 1",
    ),
    "too few answers": (
        beside(j_d__py="def f(t):\n    return ['a']\n"),
        ["-m", "j_d:f"],
        "got 1 for 20 rows",
    ),
    "not a number": (
        beside(j_e__py="def f(t):\n    return [[float('nan'), 1.0]] * len(t)\n"),
        ["-m", "j_e:f", "--classes", "a,b"],
        "row 1 must hold probabilities",
    ),
    "classes unknown": (
        beside(j_f__py="def f(t):\n    return [[0.5, 0.5]] * len(t)\n"),
        ["-m", "j_f:f"],
        "--classes a,b,c",
    ),
    "nobody at the address": (beside(), ["-m", "http://127.0.0.1:9/v2/models/x"], "nobody answers"),
    "no address of a model": (beside(), ["-m", "http://127.0.0.1:9/x"], "/v2/models/NAME"),
    "predictions of another length": (
        beside(p__csv="label\na\nb\n"),
        ["-m", "p.csv"],
        "has 2 rows and the data 20",
    ),
    "predictions without a label": (
        beside(p__csv="x\n" + "1\n" * 20),
        ["-m", "p.csv"],
        "must hold a column 'prediction'",
    ),
    "the data as predictions": (beside(), ["-m", "rows.csv"], "is the data itself"),
    "a column that is not there": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "--label", "intnet"],
        "did you mean 'intent'",
    ),
    "a group that is not there": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "--groups", "sex"],
        "column 'sex'",
    ),
    "an unknown metric": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "--metric", "f1"],
        "'f1' is not one of the scores",
    ),
    "a metric that gives no number": (
        beside(j_h__py=SLOW + "def m(*a):\n    return 'x'\n"),
        ["-m", "j_h:answer", "--metric", "j_h:m"],
        "must give a finite number",
    ),
    "gates that are not there": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "--gates", "g.toml"],
        "no file of gates",
    ),
    "no release": (beside(), ["-m", "helpdesk@3"], "smallcraft build"),
    "an option without sense": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "--confidence", "95"],
        "confidence",
    ),
    "no project": (
        beside(j_g__py=SLOW),
        ["-m", "j_g:answer", "-p", "nowhere"],
        "there is no project folder nowhere",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_input_is_one_clear_error_and_writes_nothing(case, tmp_path, monkeypatch, capsys):
    make, arguments, what = BAD[case]
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run(["evaluate", "rows.csv", *arguments, "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert what in " ".join(err.split())
    assert "Traceback" not in err
    told = [line for line in err.splitlines() if line.lower().startswith("error")]
    assert len(told) == 1 or "Usage" in err
    after = sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__")
    assert after == before
