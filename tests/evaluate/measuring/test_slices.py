import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.measuring import slices as slices_module
from smallcraft.evaluate.measuring.slices import measure_slices, slice_rows
from smallcraft.evaluate.run import evaluate_predictions
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.records import Predictions

N = 400


def sampled(k=2, n=N, seed=0, clusters=None):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    probs = np.exp(rng.normal(size=(n, k)) + 1.5 * np.eye(k)[truth])
    probs /= probs.sum(axis=1, keepdims=True)
    return Predictions(tuple(f"c{i}" for i in range(k)), truth, probs, clusters)


def columns(n=N, seed=1):
    rng = np.random.default_rng(seed)
    sex = [("Female", "Male", None)[i] for i in rng.choice(3, n, p=[0.5, 0.45, 0.05])]
    race = [("Black", "White", "Other")[i] for i in rng.choice(3, n, p=[0.3, 0.6, 0.1])]
    return {"sex": sex, "race": race}


def measured(predictions, groups, masks=None, **settings):
    slicing = slice_rows(groups, masks or {}, rows=len(predictions.truth), missing="(missing)")
    settings = {"confidence": 0.9, "seed": 0} | settings
    return {(m.slice, m.name): m for m in measure_slices(predictions, slicing, **settings)}


def restricted(predictions, rows):
    clusters = None if predictions.clusters is None else predictions.clusters[rows]
    return Predictions(predictions.classes, predictions.truth[rows], predictions.probs[rows], clusters)


@pytest.mark.parametrize("is_clustered", [False, True])
def test_the_numbers_of_a_slice_are_those_of_its_rows_alone(is_clustered):
    clusters = np.arange(N) // 2 if is_clustered else None
    predictions, groups = sampled(clusters=clusters), columns()
    mask = np.arange(N) % 3 == 0
    found = measured(predictions, groups, {"first third": mask})
    sex, race = (np.array([str(value) for value in groups[name]]) for name in ("sex", "race"))
    rows_of = {
        "sex=Female": sex == "Female",
        "sex=(missing)": sex == "None",
        "sex=Male & race=White": (sex == "Male") & (race == "White"),
        "first third": mask,
    }
    for name, rows in rows_of.items():
        alone = restricted(predictions, rows)
        for score in ("accuracy", "auroc"):
            expected = BUILTIN[score].measure(alone, confidence=0.9, seed=0)
            mine = found[name, score]
            assert (mine.n, mine.method) == (expected.n, expected.method)
            for part in ("value", "low", "high", "level", "hits", "trials"):
                assert getattr(mine, part) == pytest.approx(getattr(expected, part), abs=1e-9), (name, part)
        expected = BUILTIN["macro_f1"].measure(alone, confidence=0.9, seed=0)
        mine = found[name, "macro_f1"]
        assert mine.value == pytest.approx(expected.value, abs=1e-12)
        assert (mine.low, mine.high) == pytest.approx((expected.low, expected.high), abs=0.03)


def test_every_value_and_pair_of_values_appears_and_small_pairs_say_how_small():
    groups = columns()
    found = measured(sampled(), groups)
    names = {name for name, _ in found}
    pairs = {(str(sex or "(missing)"), race) for sex, race in zip(*groups.values(), strict=True)}
    assert {name for name in names if " & " in name} == {f"sex={s} & race={r}" for s, r in pairs}
    assert {"sex=(missing)", "sex=Female", "sex=Male", "race=Other"} <= names
    sizes = {
        pair: sum((str(s or "(missing)"), r) == pair for s, r in zip(*groups.values(), strict=True))
        for pair in pairs
    }
    assert min(sizes.values()) < 30 < max(sizes.values())
    for (sex, race), size in sizes.items():
        one = found[f"sex={sex} & race={race}", "accuracy"]
        assert one.n == size
        if size < 30:
            assert (one.value, one.detail) == (None, f"{size} rows; 30 make a slice")
        else:
            assert one.low < one.value < one.high


def test_a_named_slice_without_rows_is_there_with_the_reason_and_small_ones_are_measured():
    masks = {"nobody": np.zeros(N, dtype=bool), "three": np.arange(N) < 3}
    found = measured(sampled(), {}, masks)
    assert (found["nobody", "accuracy"].value, found["nobody", "accuracy"].detail) == (
        None,
        "no rows in this slice",
    )
    assert found["three", "accuracy"].trials == 3


def test_the_area_of_a_slice_needs_rows_of_two_classes_and_two_classes():
    predictions = sampled()
    found = measured(predictions, {}, {"all of one": predictions.truth == 1})
    assert "rows of one only" in found["all of one", "auroc"].detail
    assert ("x=y", "auroc") not in measured(sampled(k=3), {"x": ["y"] * N})


def test_many_rows_are_read_off_score_bins_within_the_stated_bound(monkeypatch):
    predictions, groups = sampled(n=3000), columns(3000)
    mask = {"all of one": predictions.truth == 1}
    exact = measured(predictions, groups, mask)
    monkeypatch.setattr(slices_module, "_BINNED_ROWS", 1000)
    binned = measured(predictions, groups, mask)
    areas = [key for key in exact if key[1] == "auroc" and exact[key].value is not None]
    assert len(areas) > 8
    for key in areas:
        stated = float(binned[key].detail.split("within ")[1].split()[0])
        assert abs(binned[key].value - exact[key].value) <= stated + 1e-5
        assert binned[key].low <= exact[key].value <= binned[key].high
        assert "256 score bins" in binned[key].method
    assert "rows of one only" in binned["all of one", "auroc"].detail


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=30), st.integers(0, 100))
def test_slices_are_unions_of_parts_and_every_row_is_where_it_belongs(values, seed):
    mask = np.random.default_rng(seed).random(len(values)) < 0.5
    slicing = slice_rows({"g": values, "h": values[::-1]}, {"m": mask}, rows=len(values), missing="none")
    for number, name in enumerate(slicing.names):
        rows = slicing.rows(number)
        assert rows.sum() == slicing.sizes[number]
        if name == "m":
            assert rows.tolist() == mask.tolist()
        if name.startswith("g=") and "&" not in name:
            assert rows.tolist() == [f"g={value or 'none'}" == name for value in values]
        if "&" in name:
            both = [f"g={a or 'none'} & h={b or 'none'}" for a, b in zip(values, values[::-1], strict=True)]
            assert rows.tolist() == [label == name for label in both]


def test_evaluation_measures_slices_after_the_classes_on_the_named_split():
    found = evaluate_predictions(
        sampled(), split="dev", scores=["accuracy"], groups=columns(), slices={"odd": np.arange(N) % 2 == 1}
    )
    assert {m.split for m in found} == {"dev"}
    assert [m.slice for m in found][-3:] == ["odd"] * 3
    assert [m.name for m in found][-3:] == ["accuracy", "macro_f1", "auroc"]
