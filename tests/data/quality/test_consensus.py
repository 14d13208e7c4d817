from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.data.quality.crowd_votes import CLASSES, named
from tests.stats.crowds import draw_matrices, draw_probs, draw_votes

from smallcraft.data.quality.consensus import LEAST_GOLD, find_consensus, inspect_consensus, witness_of
from smallcraft.data.votes import votes_from_columns
from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.errors import InvalidInputError
from smallcraft.records import Outcome, Predictions
from smallcraft.stats.calibration import expected_calibration_error, log_losses


def usual(seed, *, items=1500, each=3, people=10, k=3, right=(0.55, 0.95)):
    rng = np.random.default_rng(seed)
    return draw_votes(draw_matrices(people, k, right=right, rng=rng), items=items, each=each, seed=seed)


def model_of(drawn, *, pull=1.5, seed=0):
    k = drawn.confusion.shape[1]
    return Predictions(CLASSES[:k], drawn.truth, draw_probs(drawn.truth, k, pull=pull, seed=1000 + seed))


def half_shown(drawn, seed=0):
    shown = np.random.default_rng(seed).random(len(drawn.truth)) < 0.5
    return np.where(shown, drawn.truth, -1), ~shown


def calibration(consensus, truth, rows):
    right = consensus.label == truth
    rng = np.random.default_rng(0)
    return expected_calibration_error(consensus.confidence[rows], right[rows], rng=rng, replicates=2).value


def hard_votes(seed):
    """On a quarter of the items, all annotators lean to the wrong class together."""
    clear = draw_votes(np.array([[[0.95, 0.05], [0.05, 0.95]]] * 8), items=3000, each=4, seed=seed)
    hard = draw_votes(np.array([[[0.35, 0.65], [0.65, 0.35]]] * 8), items=1000, each=4, seed=seed + 100)
    starts = np.concatenate([clear.starts, clear.starts[-1] + hard.starts[1:]])
    parts = (np.concatenate(pair) for pair in zip(_columns(clear), _columns(hard), strict=True))
    return type(clear)(starts, *parts, clear.confusion)


def _columns(drawn):
    return drawn.annotator, drawn.label, drawn.truth


# --- the consensus ---------------------------------------------------------------------


def test_the_answer_is_whole():
    drawn = usual(1)
    found = find_consensus(named(drawn))
    assert found.classes == CLASSES[:3]
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(1500))
    assert found.label.tolist() == found.posterior.argmax(axis=1).tolist()
    assert found.confidence.tolist() == found.posterior.max(axis=1).tolist()
    assert [report.name for report in found.annotators] == [f"ann_{who}" for who in range(10)]
    assert (found.label.dtype, found.posterior.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("each", [1, 2])
def test_a_model_helps_where_votes_are_few_and_gold_shows_what_it_is_worth(each):
    """At one vote a row only gold can tell how far votes are to be believed."""
    gains = []
    for seed in range(5):
        drawn = usual(seed, each=each)
        gold, unseen = half_shown(drawn, seed)
        votes, model = named(drawn), model_of(drawn, seed=seed)
        alone, together = find_consensus(votes, gold=gold), find_consensus(votes, model=model, gold=gold)
        gains.append(
            (together.label == drawn.truth)[unseen].mean() - (alone.label == drawn.truth)[unseen].mean()
        )
    assert min(gains) > 0.01
    assert np.mean(gains) > 0.04


def test_a_model_helps_without_gold_from_two_votes_on():
    for seed in range(5):
        drawn = usual(seed, each=2)
        alone, together = (
            find_consensus(named(drawn)),
            find_consensus(named(drawn), model=model_of(drawn, seed=seed)),
        )
        assert (together.label == drawn.truth).mean() > (alone.label == drawn.truth).mean() + 0.02


def test_a_model_may_have_classes_of_its_own():
    drawn = usual(2, each=2)
    model = model_of(drawn)
    renamed = Predictions(
        ("x", "y", "z", "never"), drawn.truth, np.column_stack([model.probs[:, ::-1], np.zeros(1500)])
    )
    one, other = (find_consensus(named(drawn), model=heard) for heard in (model, renamed))
    assert other.posterior == pytest.approx(one.posterior, abs=1e-6)


def test_rows_without_votes_get_the_model_s_answer_in_the_votes_terms_or_none():
    drawn = usual(3, items=800)
    votes = named(drawn).at(np.where(np.arange(800) < 600, np.arange(800), -1))
    alone = find_consensus(votes)
    assert (alone.label[600:] == -1).all()
    assert np.isnan(alone.confidence[600:]).all()
    assert not np.isnan(alone.confidence[:600]).any()
    together = find_consensus(votes, model=model_of(drawn))
    assert (together.label[600:] == drawn.truth[600:]).mean() > 0.7


def test_the_witness_says_its_class_and_how_sure_it_is():
    probs = np.column_stack([np.linspace(0.51, 0.99, 200), 1 - np.linspace(0.51, 0.99, 200)])
    witness = witness_of(
        Predictions(("a", "b"), np.zeros(220, np.int64), np.vstack([probs, probs[:20, ::-1]]))
    )
    # 200 rows of the first class in four bins of 50, 20 of the second in one.
    assert np.bincount(witness.code).tolist() == [50, 50, 50, 50, 20]
    assert witness.codes == 5


@pytest.mark.parametrize("what", ["model", "gold"])
def test_other_rows_are_refused(what):
    drawn = usual(4, items=50)
    given = {"model": Predictions(("a",), drawn.truth[:9], np.ones((9, 1))), "gold": drawn.truth[:9]}
    with pytest.raises(
        InvalidInputError, match=f"{what} must hold one entry for each of the 50 items, got 9"
    ):
        find_consensus(named(drawn), **{what: given[what]})


def test_gold_in_other_codes_is_refused():
    drawn = usual(4, items=50)
    with pytest.raises(InvalidInputError, match=r"codes of the 3 classes of the votes, got 7; code it by"):
        find_consensus(named(drawn), gold=np.full(50, 7))


# --- calibration -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_gold_calibrates_rows_that_it_does_not_show(seed):
    """Raw posteriors are far too sure where annotators err together."""
    drawn = hard_votes(seed)
    gold, unseen = half_shown(drawn, seed)
    raw, made = find_consensus(named(drawn)), find_consensus(named(drawn), gold=gold, seed=seed)
    assert made.is_calibrated
    assert "calibrated on" in made.method
    assert calibration(raw, drawn.truth, unseen) > 0.08
    assert calibration(made, drawn.truth, unseen) <= 0.03
    assert (
        log_losses(drawn.truth, made.posterior)[unseen].mean()
        < log_losses(drawn.truth, raw.posterior)[unseen].mean()
    )


def test_an_adjudicated_row_is_not_calibrated_by_itself():
    """Whatever the gold of one row says, its own posterior stays the same."""
    drawn = usual(5, items=400)
    gold, _ = half_shown(drawn)
    row = int(np.flatnonzero(gold >= 0)[0])
    other = gold.copy()
    other[row] = (gold[row] + 1) % 3
    one, two = (find_consensus(named(drawn), gold=known, seed=1) for known in (gold, other))
    assert one.posterior[row].tolist() == two.posterior[row].tolist()
    assert one.posterior.tolist() != two.posterior.tolist()


def test_without_gold_held_out_votes_temper_and_that_is_said():
    drawn = hard_votes(7)
    found = find_consensus(named(drawn))
    assert not found.is_calibrated
    assert "tempered on 16,000 held-out votes, which cannot show errors that annotators share" in found.method
    # Not enough, but never surer than the untempered posterior would be.
    assert found.bench.vote_weight < 1


@pytest.mark.parametrize("seed", range(3))
def test_votes_that_err_independently_are_calibrated_without_gold(seed):
    drawn = usual(seed, items=4000)
    found = find_consensus(named(drawn))
    assert calibration(found, drawn.truth, np.ones(4000, bool)) <= 0.03


def test_too_little_gold_does_not_count():
    drawn = usual(6, items=300)
    few = np.where(np.arange(300) < LEAST_GOLD - 1, drawn.truth, -1)
    assert not find_consensus(named(drawn), gold=few).is_calibrated
    enough = np.where(np.arange(300) < LEAST_GOLD, drawn.truth, -1)
    assert find_consensus(named(drawn), gold=enough).is_calibrated


def test_one_vote_a_row_says_that_nothing_is_known_of_its_errors():
    drawn = usual(6, items=300, each=1)
    found = find_consensus(named(drawn))
    assert found.label.tolist() == drawn.label.tolist()
    assert "nothing tells how often they err" in found.method
    assert not found.is_calibrated
    assert all(report.accuracy is None for report in found.annotators)


# --- the check -------------------------------------------------------------------------


def checked(drawn, given, **options):
    votes = named(drawn)
    return inspect_consensus(find_consensus(votes, **options), votes, given=given, split="dev")


def test_labels_that_the_votes_contradict_are_flagged_worst_first():
    drawn = usual(8, items=1000, each=5, right=(0.8, 0.97))
    wrong = np.random.default_rng(8).choice(1000, 50, replace=False)
    given = drawn.truth.copy()
    given[wrong] = (given[wrong] + 1) % 3
    votes = named(drawn)
    consensus = find_consensus(votes)
    found = inspect_consensus(consensus, votes, given=given, split="dev")
    (flagged,) = found.flagged
    assert (flagged.kind, flagged.split) == ("votes say otherwise", "dev")
    assert sorted(flagged.rows) == np.flatnonzero(consensus.label != given).tolist()
    assert np.isin(wrong, flagged.rows).mean() > 0.95
    assert flagged.score.tolist() == sorted(consensus.posterior[flagged.rows, given[flagged.rows]])
    assert flagged.suggested == tuple(CLASSES[code] for code in consensus.label[flagged.rows])
    assert found.outcome is Outcome.UNDECIDED
    assert found.numbers["flagged"] == len(flagged.rows)
    assert found.numbers["compared"] == 1000
    told = [finding for finding in found.findings if finding.kind == "votes say otherwise"]
    assert [finding.row for finding in told] == flagged.rows[: len(told)].tolist()
    first = told[0]
    assert first.what.startswith(
        f"row {first.row} of dev is labelled '{CLASSES[given[first.row]]}'; the votes say"
    )
    assert "100%" not in first.what
    assert first.suggested == flagged.suggested[0]


def test_labels_that_the_votes_confirm_pass():
    drawn = usual(9, items=200, each=5, right=(0.9, 0.99))
    votes = named(drawn)
    consensus = find_consensus(votes)
    found = inspect_consensus(consensus, votes, given=consensus.label, split="dev")
    assert found.outcome is Outcome.PASS
    assert found.flagged == ()
    assert found.numbers["flagged_share"] == 0


@pytest.mark.parametrize("given", [None, np.full(200, -1)])
def test_without_a_label_to_compare_nothing_passes(given):
    found = checked(usual(9, items=200), given)
    assert found.outcome is Outcome.UNDECIDED
    assert "nothing could be compared" in found.summary
    assert found.numbers["flagged_share"] is None


def test_rows_without_a_vote_are_never_contradicted_by_a_model_alone():
    drawn = usual(10, items=400)
    votes = named(drawn).at(np.where(np.arange(400) < 200, np.arange(400), -1))
    found = inspect_consensus(
        find_consensus(votes, model=model_of(drawn)), votes, given=(drawn.truth + 1) % 3, split="all"
    )
    assert found.flagged[0].rows.max() < 200
    assert found.numbers["voted"] == 200
    assert "200 rows have no vote" in found.summary


def test_findings_are_no_more_than_a_hundred_and_flagged_rows_are_all():
    drawn = usual(11, items=600)
    found = checked(drawn, (drawn.truth + 1) % 3)
    assert len(found.findings) == 100
    assert len(found.flagged[0].rows) > 500


def test_each_annotator_is_measured_and_the_worst_stand_in_the_findings():
    matrices = np.repeat(np.eye(3)[None] * 0.94 + 0.02 * (1 - np.eye(3)) + 0.02 * np.eye(3), 5, axis=0)
    matrices[4] = np.array([[0.6, 0.35, 0.05], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    matrices /= matrices.sum(axis=2, keepdims=True)
    drawn = draw_votes(matrices, items=2000, each=3, seed=12)
    found = checked(drawn, drawn.truth)
    measured = {one.slice: one for one in found.measurements}
    assert set(measured) == {f"annotator=ann_{who}" for who in range(5)}
    worst = measured["annotator=ann_4"]
    assert (worst.name, worst.split, worst.unit) == ("annotator_accuracy", "dev", "fraction")
    assert worst.low <= 2.2 / 3 <= worst.high
    assert worst.n == (drawn.annotator == 4).sum()
    assert worst.detail.startswith("says login for bill, 3")
    people = [finding for finding in found.findings if finding.kind == "annotator"]
    assert [finding.column for finding in people] == ["ann_4"]
    assert people[0].what.startswith("ann_4 is right on 7")
    assert people[0].row is None


def test_a_part_of_the_rows_judges_annotators_on_that_part():
    """A consensus over several splits is cut to one of them."""
    drawn = usual(13, items=1000)
    votes = named(drawn)
    whole = find_consensus(votes)
    part = replace(
        whole, posterior=whole.posterior[:300], label=whole.label[:300], confidence=whole.confidence[:300]
    )
    found = inspect_consensus(part, votes.part(0, 300), given=drawn.truth[:300], split="train")
    assert sum(one.n for one in found.measurements) == 900
    assert found.numbers["rows"] == 300


def test_notes_of_the_votes_are_told():
    votes = replace(named(usual(14, items=50)), notes=("2 lines are blank",))
    assert inspect_consensus(find_consensus(votes), votes, given=None, split="all").summary.endswith(
        "2 lines are blank"
    )


# --- the shipped corpus, whose annotators' matrices are known ----------------------------


def test_the_helpdesk_s_planted_annotators_and_wrong_labels_are_found():
    corpus = generate(seed=7)
    votes = votes_from_columns(corpus.frame, ["ann_a", "ann_b", "ann_c"], classes=corpus.intents)
    code = {name: place for place, name in enumerate(corpus.intents)}
    truth = corpus.truth["true_intent"].replace_strict(code, return_dtype=pl.Int64).to_numpy()
    given = corpus.frame["intent"].replace_strict(code, return_dtype=pl.Int64).to_numpy()
    consensus = find_consensus(votes)
    assert (consensus.label == truth).mean() > 0.975
    found = inspect_consensus(consensus, votes, given=given, split="all")
    wrong = np.flatnonzero(given != truth)
    assert np.isin(wrong, found.flagged[0].rows).mean() > 0.95
    for report in consensus.annotators:
        own = votes.annotator == votes.annotators.index(report.name)
        right = (votes.label == truth[votes.item_of_vote])[own].mean()
        assert report.interval.low - 0.005 <= right <= report.interval.high + 0.005
    assert consensus.annotators[2].slip_words.startswith("says refund_request for double_charge, ")
