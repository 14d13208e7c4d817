"""cleanlab's arrays become a project whose findings are cleanlab's own."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import polars as pl
import pytest
from benchmarks.peers import CLEANLAB
from tests.projects import message_rows

from smallcraft.cli.main import run
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.importing.cleanlab import CleanlabFiles, import_cleanlab, read_classes

NAMES = ("billing", "login", "parcel")
FOUND_BY_CLEANLAB = """
import json, sys
import numpy as np
from cleanlab.filter import find_label_issues
labels, probs = np.load(sys.argv[1]), np.load(sys.argv[2])
print(json.dumps(np.flatnonzero(find_label_issues(
    labels, probs, filter_by="confident_learning", n_jobs=1
)).tolist()))
"""


def made(folder, *, rows=300, seed=0):
    """Codes, a tenth of them wrong, and probabilities that mostly know better."""
    dice = np.random.default_rng(seed)
    true = np.arange(rows) % 3
    labels = true.copy()
    wrong = dice.choice(rows, rows // 10, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    probs = dice.dirichlet(np.full(3, 0.3), rows)
    probs[np.arange(rows), true] += 2
    probs /= probs.sum(1, keepdims=True)
    folder.mkdir(exist_ok=True)
    np.save(folder / "labels.npy", labels)
    np.save(folder / "pred_probs.npy", probs)
    return labels, probs


def files_in(folder, **more):
    return CleanlabFiles(folder / "labels.npy", folder / "pred_probs.npy", **more)


def test_rows_columns_and_names_keep_their_order(tmp_path):
    labels, probs = made(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = import_cleanlab(files_in(tmp_path, classes=NAMES), tmp_path / "out")
    table = pl.read_parquet(tmp_path / "out/probs.parquet")
    assert tuple(table.columns) == NAMES
    assert np.array_equal(table.to_numpy(), probs)
    rows = pl.read_parquet(tmp_path / "out/rows.parquet")
    assert rows["label"].to_list() == [NAMES[code] for code in labels]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert len(done.became) == 3


def test_the_folder_is_a_project_and_the_first_command_finds_labels(tmp_path, capsys):
    made(tmp_path)
    messages = message_rows(300)["message"]
    pl.DataFrame({"message": messages}).write_csv(tmp_path / "rows.csv")
    done = import_cleanlab(files_in(tmp_path, rows=tmp_path / "rows.csv", classes=NAMES), tmp_path / "out")
    config = load_config(tmp_path / "out")
    assert (config.data.text, config.data.label) == ("message", "label")
    assert done.commands[0][0] == "check"
    assert run([*done.commands[0], "--output", str(tmp_path / "found"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (issues,) = [check for check in told["checks"] if check["check"] == "label_issues"]
    assert sum(part["count"] for part in issues["flagged"]) > 10


@pytest.mark.peer
def test_the_rows_flagged_are_those_that_cleanlab_flags(tmp_path, peer_python, capsys):
    made(tmp_path, seed=4)
    peer = peer_python(CLEANLAB)
    command = [str(peer), "-c", FOUND_BY_CLEANLAB, "labels.npy", "pred_probs.npy"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(said.splitlines()[-1])
    done = import_cleanlab(files_in(tmp_path), tmp_path / "out")
    assert run([*done.commands[0], "--output", str(tmp_path / "found")]) == 0
    found = pl.read_parquet(tmp_path / "found/findings.parquet")
    ours = found.filter(pl.col("check") == "label_issues")["row"].sort().to_list()
    assert ours == theirs
    assert len(ours) > 10


def test_names_come_sorted_where_labels_are_words(tmp_path):
    labels, _ = made(tmp_path)
    words = np.array(NAMES)[labels]
    np.save(tmp_path / "labels.npy", words)
    import_cleanlab(files_in(tmp_path), tmp_path / "out")
    assert tuple(pl.read_parquet(tmp_path / "out/probs.parquet").columns) == NAMES
    pl.DataFrame({"label": words}).write_csv(tmp_path / "labels.csv")
    files = CleanlabFiles(tmp_path / "labels.csv", tmp_path / "pred_probs.npy")
    import_cleanlab(files, tmp_path / "again")
    assert (tmp_path / "again/rows.parquet").read_bytes() == (tmp_path / "out/rows.parquet").read_bytes()


def test_numbers_in_a_table_are_codes_as_in_an_array(tmp_path):
    labels, _ = made(tmp_path)
    pl.DataFrame({"label": labels}).write_csv(tmp_path / "labels.csv")
    import_cleanlab(CleanlabFiles(tmp_path / "labels.csv", tmp_path / "pred_probs.npy"), tmp_path / "a")
    import_cleanlab(files_in(tmp_path), tmp_path / "b")
    assert (tmp_path / "a/rows.parquet").read_bytes() == (tmp_path / "b/rows.parquet").read_bytes()


def test_a_column_that_says_the_same_as_the_labels_is_left_out_so_no_model_reads_it(tmp_path):
    labels, _ = made(tmp_path)
    pl.DataFrame({"label": labels, "message": message_rows(300)["message"]}).write_csv(tmp_path / "rows.csv")
    done = import_cleanlab(files_in(tmp_path, rows=tmp_path / "rows.csv", classes=NAMES), tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out/rows.parquet").columns == ["message", "label"]
    assert done.became[-1].became == "left out: it says the same as the labels"


@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        (np.zeros((4, 2), int), None, r"one label a row, whole numbers or names, got \(4, 2\)"),
        (np.array([0, 1, 5, 0]), None, r"row 3: the number of a class, 0 to 1, was wanted, got 5"),
        (np.array([0, 1, -1, 0]), None, r"row 3: the number of a class"),
        (np.array([0, 1]), None, r"has 2 labels and .* 4 rows"),
        (np.array(["a", "b", "c", "a"]), None, "has 2 columns, and 3 classes are known"),
        (None, np.ones(4), r"must hold \(rows, classes\) floating-point numbers, got \(4,\)"),
        (None, np.ones((4, 2)), r"row 1: probabilities that add up to 1 were wanted"),
        (None, np.array([[0.5, 0.5], [0.5, np.nan], [1, 0], [0, 1]]), "row 2: probabilities"),
        (None, np.array([[1.5, -0.5]] * 4), "row 1: probabilities"),
        (None, np.array([[1, 0]] * 4), r"floating-point numbers, got .* of int64"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_row(labels, probs, message, tmp_path):
    np.save(tmp_path / "labels.npy", np.array([0, 1, 1, 0]) if labels is None else labels)
    np.save(tmp_path / "pred_probs.npy", np.array([[0.6, 0.4]] * 4) if probs is None else probs)
    with pytest.raises(DataError, match=message):
        import_cleanlab(files_in(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pickle_in_an_array_is_not_opened(tmp_path):
    made(tmp_path)
    np.save(tmp_path / "labels.npy", np.array([["a", "b"], ["a"]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"cannot be read as a numpy array"):
        import_cleanlab(files_in(tmp_path), tmp_path / "out")


def test_what_is_not_there_is_named(tmp_path):
    made(tmp_path)
    with pytest.raises(NotFoundError, match=r"there is no file .*none\.npy"):
        import_cleanlab(CleanlabFiles(tmp_path / "none.npy", tmp_path / "pred_probs.npy"), tmp_path / "out")


def test_names_of_classes_are_read_from_words_json_and_text(tmp_path):
    (tmp_path / "a.json").write_text('["x", "y"]')
    (tmp_path / "b.json").write_text('{"1": "y", "0": "x"}')
    (tmp_path / "c.txt").write_text("x\ny\n")
    said = ("x, y", *(str(tmp_path / name) for name in ("a.json", "b.json", "c.txt")))
    assert {read_classes(one) for one in said} == {("x", "y")}
    (tmp_path / "d.json").write_text('{"1": "y"}')
    with pytest.raises(InvalidInputError, match=r"an object of 0, 1, ... to names"):
        read_classes(str(tmp_path / "d.json"))
