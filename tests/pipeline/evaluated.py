"""Rows and models that tests of evaluations share."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl

WORDS = {"billing": "invoice", "login": "password", "parcel": "courier"}
BY_WORD = """
def answer(texts):
    words = {"invoice": "billing", "password": "login", "courier": "parcel"}
    return [next((label for word, label in words.items() if word in text), "other") for text in texts]

def unsure(texts):
    classes = ("billing", "login", "parcel")
    rows = []
    for text, label in zip(texts, answer(texts)):
        rows.append({name: 0.8 if name == label else 0.1 for name in classes})
        if label == "other":
            rows[-1] = dict.fromkeys(classes, 1 / 3)
    return rows

def half(truth, predicted, probs, classes):
    return float((truth == predicted).mean() / 2)

def broken(texts):
    raise RuntimeError("out of order")
"""


def ticket_rows(rows: int = 240, *, seed: int = 5) -> pl.DataFrame:
    """Texts whose label one word tells, but for one in six; with a region, a customer and an id."""
    dice = random.Random(seed)
    labels = [list(WORDS)[row % 3] for row in range(rows)]
    texts = [
        f"please help with {WORDS[label] if dice.random() > 1 / 6 else 'thing'} number {row}"
        for row, label in enumerate(labels)
    ]
    return pl.DataFrame(
        {
            "id": [f"t{row}" for row in range(rows)],
            "message": texts,
            "intent": labels,
            "region": [("north", "south")[row % 2] for row in range(rows)],
            "customer": [f"c{row // 3}" for row in range(rows)],
        }
    )


def write_tickets(folder: Path, module: str, rows: int = 240) -> Path:
    """`tickets.csv`, and a module of models beside it."""
    ticket_rows(rows).write_csv(folder / "tickets.csv")
    (folder / f"{module}.py").write_text(BY_WORD, encoding="utf-8")
    return folder / "tickets.csv"


def told(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))
