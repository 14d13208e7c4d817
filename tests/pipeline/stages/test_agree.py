from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.stages.test_material import material

from smallcraft.data.votes import votes_from_columns
from smallcraft.pipeline.stages.agree import hear_votes
from smallcraft.records import Predictions, Roles

ROLES = Roles(label="label", text="text", votes=("a", "b", "c"))
CLASSES = ("no", "yes")


def voted(rows: int, *, seed: int) -> pl.DataFrame:
    """Rows whose label is right; a and b err on one vote in twenty, c on two in five."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    votes = {}
    for name, error in (("a", 0.05), ("b", 0.05), ("c", 0.4)):
        wrong = rng.random(rows) < error
        votes[name] = [CLASSES[code] for code in np.where(wrong, 1 - truth, truth)]
    return pl.DataFrame(
        {"text": [f"row {row}" for row in range(rows)], "label": [CLASSES[t] for t in truth], **votes}
    )


def sure(frame: pl.DataFrame, *, right: float = 0.9) -> Predictions:
    truth = np.array([CLASSES.index(label) for label in frame["label"]])
    probs = np.full((len(truth), 2), 1 - right)
    probs[np.arange(len(truth)), truth] = right
    return Predictions(CLASSES, truth, probs)


@pytest.fixture(scope="module")
def splits():
    return {"train": voted(300, seed=1), "dev": voted(100, seed=2), "cert": voted(50, seed=3)}


def heard(splits, **more):
    rows = pl.concat([splits[name] for name in ("train", "dev")])
    base = material(splits)
    return replace(base, roles=ROLES, votes=votes_from_columns(rows, ROLES.votes), **more)


def test_without_votes_nothing_is_heard(splits):
    found = hear_votes(material(splits))
    assert (found.checks, found.together, found.alone) == ((), {}, {})


def test_each_open_split_gets_the_consensus_of_its_own_rows(splits):
    found = hear_votes(heard(splits))
    assert {name: len(part.label) for name, part in found.together.items()} == {"train": 300, "dev": 100}
    for name, part in found.together.items():
        said = [CLASSES[code] for code in part.label]
        assert np.mean([a == b for a, b in zip(said, splits[name]["label"], strict=True)]) > 0.9


def test_one_annotator_is_one_person_in_every_split(splits):
    found = hear_votes(heard(splits))
    consensus = found.checks[1]
    accuracy = {m.slice: m.value for m in consensus.measurements if m.split == "train"}
    assert min(accuracy, key=accuracy.get) == "annotator=c"


def test_labels_are_set_against_the_votes_of_their_own_split(splits):
    labels = splits["dev"]["label"].to_list()
    labels[7] = "no" if labels[7] == "yes" else "yes"
    votes = {
        name: [labels[7] if row == 7 else v for row, v in enumerate(splits["dev"][name])] for name in "abc"
    }
    truth = "no" if labels[7] == "yes" else "yes"
    columns = {
        name: pl.Series(name, [truth if row == 7 else v for row, v in enumerate(votes[name])])
        for name in "abc"
    }
    changed = splits["dev"].with_columns(pl.Series("label", labels), *columns.values())
    found = hear_votes(heard({**splits, "dev": changed}))
    flagged = {rows.split: rows.rows.tolist() for rows in found.checks[1].flagged}
    assert 7 in flagged["dev"]


def test_a_model_is_heard_beside_the_votes_and_left_out_of_what_they_say_alone(splits):
    open_rows = {name: sure(splits[name]) for name in ("train", "dev")}
    found = hear_votes(heard(splits, predictions=open_rows))
    silent = hear_votes(heard(splits))
    np.testing.assert_allclose(found.alone["dev"].posterior, silent.together["dev"].posterior)
    truth = sure(splits["dev"]).truth
    assert (found.together["dev"].label == truth).mean() >= (found.alone["dev"].label == truth).mean()


def test_a_model_that_judged_only_some_splits_is_not_heard(splits):
    found = hear_votes(heard(splits, predictions={"train": sure(splits["train"])}))
    assert found.together is found.alone
