import difflib
import tomllib
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.demo.helpdesk.corpus import generate, write
from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.noise import normalise
from smallcraft.demo.helpdesk.people import REGIONS
from smallcraft.demo.helpdesk.writer import BIASED_REGION
from smallcraft.errors import InvalidInputError

FRAME_DIGEST = "sha256:874c75fd7bf9f85dbacd82b1fd4f58e22ad654d985a4c97e15d2db0841e055df"
TRUTH_DIGEST = "sha256:4e153f0039ef1a3475a40e0d2878f1eacfac9c37a9abb72af8eff6518745e81a"
CSV_DIGEST = "sha256:cf98cf7a6c7253211dc7c1d516a445125a3d665a509213ca3205657b5a929cd1"


def linear_model():
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10, max_iter=1000),
    )


@pytest.fixture(scope="module")
def is_right(corpus):
    """Whether a linear n-gram model, trained on the given labels, finds the true intent of held-out rows."""
    guessed = cross_val_predict(
        linear_model(), corpus.frame["message"].to_list(), corpus.frame["intent"].to_numpy(), cv=3
    )
    return guessed == corpus.truth["true_intent"].to_numpy()


def test_the_same_seed_gives_the_known_bytes(corpus, tmp_path):
    write(tmp_path)
    assert digest_value(corpus.frame.to_dict(as_series=False)) == FRAME_DIGEST
    assert digest_value(corpus.truth.to_dict(as_series=False)) == TRUTH_DIGEST
    assert digest_bytes((tmp_path / "tickets.csv").read_bytes()) == CSV_DIGEST


def test_another_seed_gives_other_messages(corpus):
    other = generate(seed=8)
    assert not set(other.frame["message"][:200]) & set(corpus.frame["message"][:200])


def test_the_columns_are_those_of_the_project_file(corpus):
    votes = ["ann_a", "ann_b", "ann_c"]
    columns = ["message", "intent", "region", "customer_id", "created_at", *votes]
    assert corpus.frame.columns == columns
    assert corpus.frame.dtypes == [pl.String] * len(columns)
    assert corpus.frame.null_count().row(0) == (0,) * len(columns)
    for column in ("intent", *votes):
        assert set(corpus.frame[column]) == set(corpus.intents)
    assert set(corpus.frame["region"]) == set(REGIONS)


def test_the_truth_stands_row_by_row_beside_the_frame(corpus):
    truth = corpus.truth
    assert truth["row"].to_list() == list(range(corpus.frame.height))
    assert truth["is_wrong_label"].equals(corpus.frame["intent"] != truth["true_intent"])
    assert set(truth["true_intent"]) == set(corpus.intents)


def test_messages_come_in_order_of_time_over_twelve_weeks(corpus):
    times = [datetime.fromisoformat(text) for text in corpus.frame["created_at"]]
    assert times == sorted(times)
    start = datetime(2026, 1, 5)
    assert corpus.truth["week"].to_list() == [1 + (when - start).days // 7 for when in times]
    assert set(corpus.truth["week"]) == set(range(1, 13))


def test_some_customers_write_several_times_and_stay_in_one_region(corpus):
    by_customer = corpus.frame.group_by("customer_id").agg(pl.len(), pl.col("region").n_unique())
    assert by_customer["region"].max() == 1
    assert 0.2 < (by_customer["len"] > 1).mean() < 0.8


@pytest.mark.parametrize(("seed", "rows"), [(7, 4500), (1, 1000), (2, 6000)])
def test_planted_counts_equal_the_truth(seed, rows):
    corpus = generate(seed=seed, rows=rows)
    truth, is_biased = corpus.truth, corpus.frame["region"] == BIASED_REGION
    texts = corpus.frame["message"].to_list()
    assert dict(corpus.planted) == {
        "rows": rows,
        "wrong_labels": truth["is_wrong_label"].sum(),
        "wrong_labels_in_biased_region": (truth["is_wrong_label"] & is_biased).sum(),
        "biased_region_rows": is_biased.sum(),
        "exact_duplicates": (truth["duplicate_kind"] == "exact").sum(),
        "near_duplicates": (truth["duplicate_kind"] == "near").sum(),
        "contradictions": truth["is_contradiction"].sum(),
        "new_product_rows": sum("tavori" in text.casefold() for text in texts),
        "messy_rows": sum(not text.isascii() for text in texts),
    }
    assert corpus.planted["wrong_labels"] == round(0.04 * rows)
    assert corpus.planted["exact_duplicates"] == corpus.planted["near_duplicates"] > 0
    assert corpus.planted["contradictions"] == round(0.006 * rows)


def test_most_wrong_labels_are_confusable_ones(corpus):
    confused = {intent.name: intent.confused_with for intent in load_phrasebook().intents}
    wrong = corpus.frame.with_columns(corpus.truth["true_intent"]).filter(corpus.truth["is_wrong_label"])
    hits = [given in confused[true] for given, true in wrong.select("intent", "true_intent").rows()]
    assert 0.7 < np.mean(hits) < 0.95


def test_wrong_labels_concentrate_on_the_biased_region(corpus):
    is_biased = (corpus.frame["region"] == BIASED_REGION).to_numpy()
    is_wrong = corpus.truth["is_wrong_label"].to_numpy()
    assert is_wrong[is_biased].mean() > 2 * is_wrong[~is_biased].mean()


def test_duplicates_repeat_an_earlier_row_under_another_customer(corpus):
    frame, copies = corpus.frame, corpus.truth.filter(pl.col("duplicate_of").is_not_null())
    for row, original, kind in copies.select("row", "duplicate_of", "duplicate_kind").rows():
        here, there = frame.row(row, named=True), frame.row(original, named=True)
        assert row > original
        assert here["customer_id"] != there["customer_id"]
        assert here["region"] == there["region"]
        assert (here["message"] == there["message"]) == (kind == "exact")
        likeness = difflib.SequenceMatcher(
            None, normalise(here["message"]), normalise(there["message"]), autojunk=False
        )
        assert likeness.ratio() > 0.8


def test_duplicates_straddle_a_split_at_any_week_from_nine_to_eleven(corpus):
    copies = corpus.truth.filter(pl.col("duplicate_of").is_not_null())
    weeks = corpus.truth["week"]
    assert copies["week"].min() >= 11
    assert weeks.gather(copies["duplicate_of"]).max() <= 8


def test_a_contradiction_has_another_label_than_its_original_and_is_the_wrong_one(corpus):
    truth, labels = corpus.truth, corpus.frame["intent"]
    copies = truth.filter(pl.col("duplicate_of").is_not_null())
    differs = labels.gather(copies["row"]) != labels.gather(copies["duplicate_of"])
    assert differs.equals(copies["is_contradiction"], check_names=False)
    assert copies["is_wrong_label"].equals(copies["is_contradiction"])
    assert truth["is_contradiction"].sum() == copies["is_contradiction"].sum()


def test_no_two_messages_are_alike_unless_planted(corpus):
    own = corpus.frame.filter(corpus.truth["duplicate_of"].is_null())["message"]
    assert len({normalise(text) for text in own}) == own.len()


def test_the_new_product_is_unheard_of_before_week_nine(corpus):
    new_words, is_early = set(load_phrasebook().launch_words), corpus.truth["week"] < 9
    early = " ".join(corpus.frame["message"].filter(is_early))
    late = " ".join(corpus.frame["message"].filter(~is_early))
    assert not new_words & set(normalise(early).split())
    assert new_words <= set(normalise(late).split())
    about_it = corpus.truth.filter("is_new_product")
    assert about_it["week"].min() == 9
    assert about_it["true_intent"].n_unique() >= 8


def test_annotators_err_as_their_matrices_say(corpus):
    position = {name: i for i, name in enumerate(corpus.intents)}
    true = np.array([position[name] for name in corpus.truth["true_intent"]])
    for annotator, matrix in corpus.annotators.items():
        votes = np.array([position[name] for name in corpus.frame[annotator]])
        seen = np.zeros((20, 20))
        np.add.at(seen, (true, votes), 1)
        expected = matrix * seen.sum(axis=1, keepdims=True)
        # Pearson's statistic has mean 20 * 19 and, with rare cells, variance 2 * 380 + sum(1 / expected).
        statistic = ((seen - expected) ** 2 / expected).sum()
        assert abs(statistic - 380) < 5 * np.sqrt(2 * 380 + (1 / expected).sum()), annotator


def test_a_linear_model_does_well_and_not_too_well(is_right):
    assert 0.84 < is_right.mean() < 0.93


def test_a_linear_model_does_worse_on_the_biased_region(corpus, is_right):
    is_biased = (corpus.frame["region"] == BIASED_REGION).to_numpy()
    assert is_right[~is_biased].mean() - is_right[is_biased].mean() > 0.03


def test_a_model_of_the_first_eight_weeks_fails_on_the_new_product(corpus):
    texts = np.array(corpus.frame["message"].to_list(), dtype=object)
    week = corpus.truth["week"].to_numpy()
    is_new = corpus.truth["is_new_product"].to_numpy()
    model = linear_model().fit(texts[week <= 8], corpus.frame["intent"].to_numpy()[week <= 8])
    is_right = model.predict(texts[week > 8]) == corpus.truth["true_intent"].to_numpy()[week > 8]
    is_new = is_new[week > 8]
    assert is_right[~is_new].mean() - is_right[is_new].mean() > 0.2


def test_a_written_corpus_reads_back_as_it_was(corpus, tmp_path):
    project = write(tmp_path / "new" / "folder")
    assert project == tmp_path / "new" / "folder" / "smallcraft.toml"
    assert pl.read_csv(project.parent / "tickets.csv").equals(corpus.frame)
    assert pl.read_parquet(project.parent / "truth.parquet").equals(corpus.truth)


def test_the_project_file_names_columns_that_exist(corpus, tmp_path):
    project = tomllib.loads(write(tmp_path, rows=1000).read_text(encoding="utf-8"))
    assert set(project) == {"data", "budget", "quality", "rollout", "watch", "card"}
    data = project["data"]
    assert (tmp_path / data["path"]).is_file()
    named = [data["text"], data["label"], data["time"], data["key"], *data["groups"], *data["votes"]]
    assert set(named) == set(corpus.frame.columns)
    assert data["license"] == "CC0-1.0"
    assert project["budget"] == {"latency_p95_ms": 25.0, "size_mb": 30}
    assert project["quality"] == {"metric": "macro_f1", "margin": 0.02}
    assert set(project["card"]) == {"intended_use", "out_of_scope"}


@pytest.mark.parametrize("wrong", [{"rows": 999}, {"rows": 10_001}, {"seed": -1}])
def test_a_size_or_seed_out_of_bounds_is_refused_with_the_bounds(wrong):
    with pytest.raises(InvalidInputError, match="1000 to 10000 rows and a seed from 0 on"):
        generate(**wrong)
