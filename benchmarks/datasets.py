"""The real data sets, read from the shared folder as rows; never written into the repository."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT

Value = str | float | None


class AbsentDataError(RuntimeError):
    """The folder of real data sets is not there."""


@dataclass(frozen=True)
class Rows:
    """Columns with names, and labels.

    Attributes:
        columns: Name to values, in file order.
        labels: One a row.
    """

    columns: dict[str, list[Value]]
    labels: list[str]

    def head(self, rows: int | None) -> Rows:
        """Every so-many-th row, about `rows` of them, so that each class stays; all when None."""
        step = 1 if rows is None else max(1, len(self.labels) // rows)
        return Rows({name: values[::step] for name, values in self.columns.items()}, self.labels[::step])


@dataclass(frozen=True)
class Dataset:
    """An official split."""

    name: str
    train: Rows
    test: Rows

    @property
    def is_text(self) -> bool:
        """True when `text` is the only column."""
        return list(self.train.columns) == ["text"]

    def smaller(self, rows: int | None) -> Dataset:
        """About that many rows of each part; all when None."""
        return Dataset(self.name, self.train.head(rows), self.test.head(rows))


def read_banking77() -> Dataset:
    """10,003 and 3,080 questions of bank customers, 77 intents."""
    return Dataset("banking77", *(_texts(f"banking77/{part}.csv") for part in ("train", "test")))


def read_clinc150() -> Dataset:
    """Questions in scope, 150 intents: `train` and `val` together (18,000), and `test` (4,500)."""
    found = json.loads(data_file("clinc150/data_full.json").read_text(encoding="utf-8"))
    train = found["train"] + found["val"]
    parts = [
        Rows({"text": [text for text, _ in part]}, [label for _, label in part])
        for part in (train, found["test"])
    ]
    return Dataset("clinc150", *parts)


def read_uci_sentiment() -> Dataset:
    """2,838 sentences of three sites; there is no official split: every fifth is the test."""
    texts, labels = [], []
    for site in ("amazon_cells", "imdb", "yelp"):
        lines = data_file(f"uci_sentiment/{site}_labelled.txt").read_text(encoding="utf-8").split("\n")
        pairs = [line.rsplit("\t", 1) for line in lines if "\t" in line]
        texts += [text.strip() for text, _ in pairs]
        labels += [label.strip() for _, label in pairs]
    is_test = [place % 5 == 0 for place in range(len(texts))]
    parts = [
        Rows(
            {"text": [text for text, held in zip(texts, is_test, strict=True) if held is part]},
            [label for label, held in zip(labels, is_test, strict=True) if held is part],
        )
        for part in (False, True)
    ]
    return Dataset("uci_sentiment", *parts)


def read_clinc150_out_of_scope() -> list[str]:
    """1,200 questions that belong to none of the 150 intents."""
    found = json.loads(data_file("clinc150/data_full.json").read_text(encoding="utf-8"))
    return [text for part in ("oos_train", "oos_val", "oos_test") for text, _ in found[part]]


def read_clinc150_domains() -> dict[str, str]:
    """Intent to domain: ten domains of fifteen intents each."""
    found = json.loads(data_file("clinc150/domains.json").read_text(encoding="utf-8"))
    return {intent: domain for domain, intents in found.items() for intent in intents}


def read_adult() -> Dataset:
    """32,561 and 16,281 people of the 1994 census; is their income above 50,000?"""
    return Dataset("adult", _people("adult/adult.data"), _people("adult/adult.test"))


def write_csv(rows: Rows, path: Path) -> None:
    """As a file with a header; the label column is called `label`."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*rows.columns, "label"])
        writer.writerows(zip(*rows.columns.values(), rows.labels, strict=True))


def _texts(path: str) -> Rows:
    with data_file(path).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return Rows({"text": [row["text"] for row in rows]}, [row["category"] for row in rows])


_NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")
_PEOPLE = (
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation"),
    *("relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country"),
)


def _people(path: str) -> Rows:
    """Lines of 14 values and the label; a full stop ends each label of the test file, `?` is unknown."""
    lines = data_file(path).read_text(encoding="utf-8").splitlines()
    cells = [line.split(", ") for line in lines if line.count(",") == len(_PEOPLE)]
    columns: dict[str, list[Value]] = {}
    for place, name in enumerate(_PEOPLE):
        texts = [row[place] for row in cells]
        if name in _NUMBERS:
            columns[name] = [float(text) for text in texts]
        else:
            columns[name] = [None if text == "?" else text for text in texts]
    return Rows(columns, [row[-1].rstrip(".") for row in cells])


def data_file(path: str) -> Path:
    """A file of the shared folder.

    Args:
        path: Inside it.

    Raises:
        AbsentDataError: It is not there.
    """
    folder = Path(os.environ.get("SMALLCRAFT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / path).is_file():
        raise AbsentDataError(
            f"{path} is not in the folder of real data sets; name that folder in SMALLCRAFT_SHARED_DATA"
        )
    return folder / path
