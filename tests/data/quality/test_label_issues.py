import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.duplicates import duplicate_groups
from smallcraft.data.quality.consensus import find_consensus
from smallcraft.data.quality.label_issues import find_label_issues, inspect_labels
from smallcraft.data.quality.label_kinds import KINDS
from smallcraft.data.votes import votes_from_columns
from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement, Outcome, Predictions
from smallcraft.stats.confident import count_confidently
from smallcraft.stats.label_scores import logit_margin, self_confidence

K = 5
CLASSES = tuple(f"c{code}" for code in range(K))
COLUMNS = ("ann_0", "ann_1", "ann_2")


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def make(n=1500, *, wrong=0.05, strength=4.0, seed=0, k=K):
    """Rows whose true class a model sees with noise; a share of the given labels is exchanged."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), true] += strength
    is_wrong = rng.random(n) < wrong
    labels = np.where(is_wrong, (true + rng.integers(1, k, n)) % k, true)
    return Predictions(tuple(f"c{code}" for code in range(k)), labels.astype(np.int64), softmax(logits)), true


def inspect(issues, predictions, **changed):
    told = {"split": "train", "label_column": "intent", "about_model": "a test's own probabilities"} | changed
    return inspect_labels(issues, predictions, **told)


def rows_of(issues, kind):
    return issues.rows[issues.kind == kind]


# --- flags and ranks -----------------------------------------------------------------


def test_the_flags_are_those_of_confident_learning_worst_first():
    predictions, _ = make()
    issues = find_label_issues(predictions)
    flagged = np.flatnonzero(count_confidently(predictions.truth, predictions.probs).flagged)
    assert sorted(issues.rows.tolist()) == flagged.tolist()
    assert (np.diff(issues.score) >= 0).all()
    expected = logit_margin(predictions.truth[issues.rows], predictions.probs[issues.rows])
    assert issues.score.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "score", ["logit_margin", "self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
def test_each_score_ranks_the_same_flags(score):
    predictions, _ = make()
    issues, plain = find_label_issues(predictions, score=score), find_label_issues(predictions)
    assert issues.score_name == score
    assert sorted(issues.rows.tolist()) == sorted(plain.rows.tolist())
    assert (np.diff(issues.score) >= 0).all()
    order = np.argsort(issues.rows), np.argsort(plain.rows)
    assert issues.kind[order[0]].tolist() == plain.kind[order[1]].tolist()


def test_self_confidence_is_the_probability_of_the_given_label():
    predictions, _ = make()
    issues = find_label_issues(predictions, score="self_confidence")
    expected = self_confidence(predictions.truth[issues.rows], predictions.probs[issues.rows])
    assert issues.score.tolist() == expected.tolist()


def test_rows_without_a_known_label_are_left_out_and_counted():
    predictions, _ = make()
    truth = predictions.truth.copy()
    truth[::3] = -1
    some = np.flatnonzero(truth >= 0)
    groups = np.arange(1500) // 3
    unknown = replace(predictions, truth=truth)
    issues = find_label_issues(unknown, copies=groups)
    alone = replace(predictions, truth=truth[some], probs=predictions.probs[some])
    expected = find_label_issues(alone, copies=groups[some])
    assert issues.rows.tolist() == some[expected.rows].tolist()
    assert issues.kind.tolist() == expected.kind.tolist()
    numbers = inspect(issues, unknown).numbers
    assert (numbers["rows_train"], numbers["left_out_train"]) == (1000, 500)


def test_shuffled_rows_give_the_same_issues():
    predictions, _ = make()
    order = np.random.default_rng(1).permutation(1500)
    shuffled = replace(predictions, truth=predictions.truth[order], probs=predictions.probs[order])
    one, other = find_label_issues(predictions), find_label_issues(shuffled)
    assert one.rows.tolist() == order[other.rows].tolist()
    assert one.kind.tolist() == other.kind.tolist()


# --- kinds ---------------------------------------------------------------------------


def test_wrong_is_more_often_truly_wrong_than_a_flag_is():
    predictions, true = make(6000, strength=2.5)
    issues = find_label_issues(predictions)
    bad = predictions.truth != true
    wrong, ambiguous = rows_of(issues, "wrong"), rows_of(issues, "ambiguous")
    assert bad[wrong].mean() > bad[issues.rows].mean() + 0.05
    assert bad[ambiguous].mean() < bad[issues.rows].mean() - 0.2
    assert bad[wrong].sum() > 0.8 * bad[issues.rows].sum()


def test_a_text_with_two_labels_is_ambiguous():
    """A few rows of c0 speak for c1 as well; half of those carry c1."""
    rng = np.random.default_rng(2)
    true = rng.integers(0, K, 6000)
    logits = rng.normal(size=(6000, K))
    logits[np.arange(6000), true] += 3
    both = (true == 0) & (rng.random(6000) < 0.04)
    logits[both, 0] += 2
    logits[both, 1] = logits[both, 0] - 1.5
    labels = np.where(both & (rng.random(6000) < 0.5), 1, true)
    issues = find_label_issues(Predictions(CLASSES, labels, softmax(logits)))
    kinds = issues.kind[both[issues.rows]]
    assert len(kinds) > 10
    assert np.mean(kinds == "ambiguous") > 0.9


def test_neighbours_that_carry_the_given_label_take_a_row_from_wrong_to_ambiguous():
    predictions, true = make(wrong=0.1)
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(K, 12))
    near_truth = (centres[true] + rng.normal(size=(1500, 12)) * 0.1).astype(np.float32)
    near_label = (centres[predictions.truth] + rng.normal(size=(1500, 12)) * 0.1).astype(np.float32)
    alone = find_label_issues(predictions)
    agreeing = find_label_issues(predictions, vectors=near_truth)
    against = find_label_issues(predictions, vectors=near_label)
    assert alone.rows.tolist() == agreeing.rows.tolist() == against.rows.tolist()
    was_wrong, by_mistake = alone.kind == "wrong", (true != predictions.truth)[alone.rows]
    assert (agreeing.kind[was_wrong & by_mistake] == "wrong").all()
    assert (against.kind[was_wrong] == "ambiguous").all()


def test_a_row_is_not_its_own_neighbour_and_many_copies_do_not_hide_it():
    predictions, _ = make(60)
    vectors = np.ones((60, 3), dtype=np.float32)
    near = find_label_issues(predictions, vectors=vectors).witnesses.neighbours
    assert (near.total == 5).all()
    two = find_label_issues(
        replace(predictions, truth=np.arange(60) % 2), vectors=np.eye(60, dtype=np.float32)
    )
    assert (two.witnesses.neighbours.total == 5).all()


def test_a_row_of_zeros_has_no_neighbours_and_is_told_all_the_same():
    predictions, _ = make(300)
    vectors = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    flagged = find_label_issues(predictions).rows
    vectors[flagged[0]] = 0
    issues = find_label_issues(predictions, vectors=vectors)
    assert issues.witnesses.neighbours.total.tolist() == [0] + [5] * (len(flagged) - 1)
    few = find_label_issues(
        replace(predictions, truth=np.where(np.arange(300) < 4, predictions.truth, -1)), vectors=vectors
    )
    assert (few.witnesses.neighbours.total <= 3).all()


def test_copies_that_carry_the_given_label_too_make_a_row_ambiguous():
    predictions, _ = make(wrong=0.1)
    alone = find_label_issues(predictions)
    row = int(rows_of(alone, "wrong")[0])
    groups = np.arange(1500)
    same = np.flatnonzero(predictions.truth == predictions.truth[row])
    groups[same[:3]] = groups[row]
    assert find_label_issues(predictions, copies=groups).kind[alone.rows == row].item() == "ambiguous"


def cast(predictions, true, *, right=0.9, annotators=3, seed=5):
    """Votes of people who err by a coin, in the classes of the predictions and one more."""
    rng = np.random.default_rng(seed)
    k, n = len(predictions.classes), len(true)
    said = np.where(rng.random((annotators, n)) < right, true, rng.integers(0, k, (annotators, n)))
    names = np.array(predictions.classes)
    return votes_from_columns(pl.DataFrame({f"ann_{i}": names[said[i]] for i in range(annotators)}), COLUMNS)


def test_votes_tell_wrong_labels_from_hard_rows():
    predictions, true = make(3000, strength=2.0, wrong=0.08)
    consensus = find_consensus(cast(predictions, true))
    issues = find_label_issues(predictions, consensus=consensus, votes_alone=True)
    bad = predictions.truth != true
    assert bad[rows_of(issues, "wrong")].mean() > 0.97
    assert bad[rows_of(issues, "hard")].mean() < 0.05
    assert (issues.suggested[issues.kind == "hard"] == -1).all()
    assert (issues.suggested[issues.kind == "wrong"] == true[rows_of(issues, "wrong")]).mean() > 0.97


def test_votes_are_read_by_class_name_whatever_their_order():
    predictions, true = make()
    plain = find_label_issues(
        predictions, consensus=find_consensus(cast(predictions, true)), votes_alone=True
    )
    order = np.array([3, 0, 4, 1, 2])
    names = tuple(predictions.classes[code] for code in order)
    renamed = Predictions(names, np.argsort(order)[predictions.truth], predictions.probs[:, order])
    other = find_label_issues(renamed, consensus=find_consensus(cast(predictions, true)), votes_alone=True)
    assert plain.rows.tolist() == other.rows.tolist()
    assert plain.kind.tolist() == other.kind.tolist()


def test_a_label_that_the_model_does_not_know_is_ambiguous_and_nothing_to_put():
    predictions, true = make()
    flagged = find_label_issues(predictions).rows
    names = np.array(predictions.classes)[true]
    names = names.astype("<U9")
    names[flagged[0]] = "something"
    frame = pl.DataFrame(dict.fromkeys(COLUMNS, pl.Series(names)))
    issues = find_label_issues(predictions, consensus=find_consensus(votes_from_columns(frame, COLUMNS)))
    assert issues.kind[0] == "ambiguous"
    finding = next(one for one in inspect(issues, predictions).findings if one.row == flagged[0])
    assert finding.suggested is None
    assert "people's votes say 'something'" in finding.what


def test_a_model_heard_among_the_people_does_not_confirm_itself():
    """Nobody voted on the last rows: there the consensus is the model's, and must change nothing."""
    predictions, true = make(2000, strength=2.5)
    votes = cast(predictions, true)
    some = votes.at(np.where(np.arange(2000) < 1000, np.arange(2000), -1))
    plain = find_label_issues(predictions)
    joined = find_label_issues(predictions, consensus=find_consensus(some, model=predictions))
    silent = plain.rows >= 1000
    assert (joined.kind[silent & (plain.kind != "wrong")] != "wrong").all()
    alone = find_label_issues(predictions, consensus=find_consensus(some), votes_alone=True)
    assert (alone.kind == "hard").sum() > (plain.kind == "hard").sum()
    assert alone.kind[silent].tolist() == plain.kind[silent].tolist()


# --- odd data ------------------------------------------------------------------------


@given(
    st.integers(2, 4), st.integers(4, 60), st.integers(0, 10_000), st.sampled_from(["tied", "sure", "plain"])
)
def test_any_probabilities_are_told(k, n, seed, shape):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, max(2, k - 1), n)
    labels[:2] = 0, 1
    if shape == "tied":
        probs = np.full((n, k), 1 / k)
    elif shape == "sure":
        probs = np.eye(k)[rng.integers(0, k, n)]
    else:
        probs = rng.dirichlet(np.ones(k), n)
    predictions = Predictions(tuple("abcd"[:k]), labels, probs)
    issues = find_label_issues(predictions, copies=rng.integers(0, 5, n))
    result = inspect(issues, predictions)
    assert set(issues.kind.tolist()) <= set(KINDS)
    assert (issues.suggested != labels[issues.rows]).all()
    assert np.isfinite(issues.score).all()
    assert len(result.findings) == min(100, len(issues.rows))
    assert (result.outcome is Outcome.PASS) == (len(issues.rows) == 0)


def test_two_classes_are_told_apart_too():
    predictions, true = make(4000, k=2, strength=1.5)
    issues = find_label_issues(predictions)
    bad = predictions.truth != true
    assert len(rows_of(issues, "ambiguous")) > 0
    assert bad[rows_of(issues, "wrong")].mean() > bad[issues.rows].mean()


def test_float32_probabilities_give_the_same_kinds():
    predictions, _ = make()
    single = replace(predictions, probs=predictions.probs.astype(np.float32))
    one, other = find_label_issues(predictions), find_label_issues(single)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.kind.tolist() == other.kind.tolist()


def test_a_class_that_no_row_carries_is_not_measured():
    predictions, _ = make()
    wide = Predictions((*CLASSES, "rare"), predictions.truth, np.pad(predictions.probs, ((0, 0), (0, 1))))
    (rare,) = [m for m in inspect(find_label_issues(wide), wide).measurements if m.slice == "class=rare"]
    assert (rare.value, rare.n, rare.detail) == (None, 0, "no row carries this label")


# --- what is told --------------------------------------------------------------------


def test_the_numbers_add_up():
    predictions, _ = make()
    issues = find_label_issues(predictions)
    numbers = inspect(issues, predictions).numbers
    assert sum(numbers[f"{kind}_train"] for kind in KINDS) == numbers["flagged_train"] == len(issues.rows)
    assert numbers["flagged_share_train"] == len(issues.rows) / 1500
    assert numbers["expected_errors_train"] == issues.count.expected_errors
    differs = int((predictions.predicted != predictions.truth).sum())
    assert numbers["argmax_disagreement_train"] == differs
    assert numbers["argmax_disagreement_share_train"] == differs / 1500


def test_flagged_rows_hold_every_flag_once_worst_first():
    predictions, _ = make(4000, wrong=0.1, strength=2.5)
    issues = find_label_issues(predictions)
    result = inspect(issues, predictions)
    assert [one.kind for one in result.flagged] == [kind for kind in KINDS if kind in issues.kind]
    together = np.concatenate([one.rows for one in result.flagged])
    assert sorted(together.tolist()) == sorted(issues.rows.tolist())
    for one in result.flagged:
        assert (np.diff(one.score) >= 0).all()
        assert len(one.suggested) == len(one.rows)
        given_names = [CLASSES[code] for code in predictions.truth[one.rows]]
        assert all(name != given for name, given in zip(one.suggested, given_names, strict=True))


def test_findings_are_the_worst_of_the_wrong_ones_first():
    predictions, _ = make(6000, wrong=0.1)
    issues = find_label_issues(predictions)
    result = inspect(issues, predictions)
    assert len(result.findings) == 100
    assert [finding.row for finding in result.findings] == rows_of(issues, "wrong")[:100].tolist()
    first = result.findings[0]
    assert (first.check, first.split, first.column, first.kind) == (
        "label_issues",
        "train",
        "intent",
        "wrong",
    )
    given_name = CLASSES[predictions.truth[first.row]]
    assert first.what.startswith(f"row {first.row} of train is labelled '{given_name}': the model gives ")
    assert f"if '{first.suggested}' fits, change the label" in first.remedy


def test_classes_have_a_share_with_a_wilson_interval():
    predictions, _ = make()
    issues = find_label_issues(predictions)
    found = [m for m in inspect(issues, predictions).measurements if m.slice.startswith("class=")]
    assert [m.slice for m in found] == [f"class={name}" for name in CLASSES]
    for code, one in enumerate(found):
        assert one.n == (predictions.truth == code).sum()
        assert one.value == pytest.approx((predictions.truth[issues.rows] == code).sum() / one.n)
        assert one.low <= one.value <= one.high
        assert "Wilson" in one.method
        assert "a test's own probabilities" in one.method


def test_labels_that_nobody_doubts_pass():
    labels = np.arange(60) % 3
    predictions = Predictions(("a", "b", "c"), labels, np.eye(3)[labels] * 0.94 + 0.02)
    result = inspect(find_label_issues(predictions), predictions, split="all")
    assert result.outcome is Outcome.PASS
    assert result.summary == "none of 60 labels of the data is doubted"
    assert result.flagged == result.findings == ()


def test_an_audit_says_how_many_flags_are_right():
    predictions, _ = make()
    issues = find_label_issues(predictions)
    audited = Measurement("flag_precision", 0.8, "share", 50, "audit", 0.67, 0.89, split="train")
    told = inspect(issues, predictions, precision=audited)
    assert audited in told.measurements
    assert "an audit of 50 rows found 80% of those it saw truly wrong" in told.summary
    assert "nobody has checked" in inspect(issues, predictions).summary


def test_probabilities_that_were_repaired_are_told():
    predictions, _ = make()
    uneven = replace(predictions, probs=predictions.probs * 1.0001)
    found = inspect(find_label_issues(uneven), uneven).measurements[0]
    assert "did not sum to 1" in found.detail


# --- refusals ------------------------------------------------------------------------


def test_an_unknown_score_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInputError, match="did you mean 'logit_margin'"):
        find_label_issues(make(20)[0], score="logit_margins")


def test_witnesses_of_other_rows_are_refused():
    with pytest.raises(
        InvalidInputError, match="copies must hold one entry for each of the 20 predictions, got 19"
    ):
        find_label_issues(make(20)[0], copies=np.zeros(19, dtype=np.int64))
    with pytest.raises(InvalidInputError, match="vectors must hold one entry for each of the 20"):
        find_label_issues(make(20)[0], vectors=np.zeros((21, 3), dtype=np.float32))


def test_no_known_label_is_refused():
    predictions = replace(make(20)[0], truth=np.full(20, -1))
    with pytest.raises(
        InvalidInputError, match="at least one row with a label among the 5 classes, got none in 20"
    ):
        find_label_issues(predictions)


# --- kinds mean something ------------------------------------------------------------


@pytest.fixture(scope="module")
def helpdesk():
    """The demo corpus, a plain model's probabilities (copies in one fold), copies, vectors of the texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    corpus = generate()
    codes = {name: code for code, name in enumerate(corpus.intents)}
    labels = np.array([codes[name] for name in corpus.frame["intent"]])
    messages = corpus.frame["message"].to_list()
    copies = duplicate_groups(messages)
    texts = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit_transform(messages)
    model, folds = LogisticRegression(C=10, max_iter=500), GroupKFold(4, shuffle=True, random_state=0)
    probs = cross_val_predict(model, texts, labels, groups=copies, cv=folds, method="predict_proba")
    vectors = TruncatedSVD(100, random_state=0).fit_transform(texts).astype(np.float32)
    return corpus, Predictions(corpus.intents, labels, probs), copies, vectors


def precision_and_recall(rows, bad):
    return bad[rows].mean(), bad[rows].sum() / bad.sum()


@pytest.mark.slow
@pytest.mark.parametrize("with_neighbours", [False, True])
@pytest.mark.parametrize("with_copies", [False, True])
def test_on_the_helpdesk_wrong_is_clearly_more_precise_than_a_flag(helpdesk, with_neighbours, with_copies):
    corpus, predictions, copies, vectors = helpdesk
    bad = corpus.truth["is_wrong_label"].to_numpy()
    issues = find_label_issues(
        predictions, copies=copies if with_copies else None, vectors=vectors if with_neighbours else None
    )
    flags, flag_recall = precision_and_recall(issues.rows, bad)
    wrong, wrong_recall = precision_and_recall(rows_of(issues, "wrong"), bad)
    ambiguous, _ = precision_and_recall(rows_of(issues, "ambiguous"), bad)
    assert wrong > flags + 0.1
    assert wrong_recall > 0.8 * flag_recall
    assert ambiguous < flags - 0.2


@pytest.mark.slow
def test_on_the_helpdesk_votes_leave_almost_only_wrong_labels_among_the_wrong_ones(helpdesk):
    corpus, predictions, copies, vectors = helpdesk
    bad = corpus.truth["is_wrong_label"].to_numpy()
    votes = votes_from_columns(corpus.frame, ("ann_a", "ann_b", "ann_c"))
    issues = find_label_issues(
        predictions, copies=copies, vectors=vectors, consensus=find_consensus(votes, seed=0), votes_alone=True
    )
    wrong, recall = precision_and_recall(rows_of(issues, "wrong"), bad)
    assert wrong > 0.95
    assert recall > 0.8 * precision_and_recall(issues.rows, bad)[1]
    assert bad[rows_of(issues, "hard")].mean() < 0.1


@pytest.mark.realdata
def test_on_verified_images_wrong_is_more_often_confirmed_than_ambiguous(shared_data):
    """Five workers looked at most rows that confident learning flags among 10,000 images of ten classes."""
    folder = shared_data / "label_errors"
    labels = np.load(folder / "cifar10_test_set_original_labels.npy").astype(np.int64)
    probs = np.load(folder / "cifar10_test_set_pyx.npy").astype(np.float64)
    answers = json.loads((folder / "cifar10_mturk.json").read_text("utf-8"))
    seen = {int(one["id"]): one["mturk"]["given"] < 3 for one in answers}
    issues = find_label_issues(
        Predictions(tuple("abcdefghij"), labels, probs / probs.sum(axis=1, keepdims=True))
    )
    confirmed = {
        kind: np.mean([seen[row] for row in rows_of(issues, kind).tolist() if row in seen])
        for kind in ("wrong", "ambiguous")
    }
    assert confirmed["wrong"] > 1.3 * confirmed["ambiguous"]
