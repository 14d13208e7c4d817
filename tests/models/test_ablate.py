"""A candidate without a part: what is left is what a candidate trained without it would be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import MIXED, TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder, softmax
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.runtime import answer_inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models import ablate as ablations
from smallcraft.models.ablate import ablate, answers_without
from smallcraft.models.calibrate import fit_decoder, fit_scale
from smallcraft.models.parts.linear import design_matrix, fit_margin, linear_logits
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN

PARTS = {
    ("majority", "table"): ["calibration"],
    ("linear", "table"): ["column age", "column amount", "column plan", "column city", "calibration"],
    ("trees", "table"): ["column age", "column amount", "column plan", "column city", "calibration"],
    ("ngram", "text"): ["calibration"],
    ("ngram", "mixed"): ["n-grams", "feature columns", "calibration"],
    ("fast", "text"): ["n-grams", "token embeddings", "calibration"],
    ("fast", "mixed"): ["n-grams", "token embeddings", "feature columns", "calibration"],
    ("frozen", "mixed"): ["encoder", "feature columns", "calibration"],
    ("cascade", "text"): ["n-grams", "token embeddings", "first stage", "second stage", "calibration"],
    ("cascade", "mixed"): [
        *("n-grams", "token embeddings", "feature columns", "encoder"),
        *("first stage", "second stage", "calibration"),
    ],
}
SPECS = {"text": TEXT, "table": TABLE, "mixed": MIXED}


def decoder_of(rung, workshop):
    logits = BUILTIN[rung].out_of_fold(workshop)
    return fit_decoder(logits, workshop.labels, tolerance=0.0025, confidence=0.95)


def dev_rows(spec=TEXT):
    return read_inputs(toy_rows(80, seed=5).columns, spec)


@pytest.fixture
def work(tmp_path, tiny_backbone):
    return lambda spec: toy_workshop(tmp_path, spec, backbone=tiny_backbone)


@pytest.mark.parametrize(("rung", "kind"), PARTS)
def test_every_part_of_a_rung_can_be_taken_out_and_the_rest_answers(work, rung, kind):
    workshop, spec = work(SPECS[kind]), SPECS[kind]
    decoder, inputs = decoder_of(rung, workshop), dev_rows(SPECS[kind])
    answers = answers_without(rung, workshop, decoder, inputs, rows="dev")
    assert sorted(answers) == sorted(PARTS[rung, kind])
    for part, probs in answers.items():
        assert not isinstance(probs, str), (part, probs)
        assert probs.shape == (80, 3)
        assert np.allclose(probs.sum(axis=1), 1)
    assert spec == workshop.spec


def test_what_is_left_is_trained_as_if_the_part_had_never_been_there(work):
    workshop, inputs = work(TEXT), dev_rows()
    answers = answers_without("fast", workshop, Decoder(2.0), inputs, rows="dev")
    ngrams, static = FAST.recipe(workshop).blocks
    for part, block in (("token embeddings", ngrams), ("n-grams", static)):
        encoded = workshop.encode(block)
        matrix = replace(FAST.recipe(workshop), blocks=(block,), encoded=(encoded,)).matrix
        weights = fit_margin(matrix, workshop.labels, 3, workshop.seed)
        expected = softmax(2.0 * linear_logits(design_matrix([[block.encode(inputs)]]), weights))
        assert np.abs(answers[part] - expected).max() < 0.05
        assert np.mean(answers[part].argmax(axis=1) == expected.argmax(axis=1)) > 0.95


@pytest.mark.parametrize("rung", ["linear", "trees"])
def test_a_column_taken_out_is_as_if_the_table_had_never_had_it(work, tmp_path, rung):
    answers = answers_without(rung, work(TABLE), Decoder(2.0), dev_rows(TABLE), rows="dev")
    fewer = InputSpec(numbers=("age",), categories=("plan", "city"))
    other = toy_workshop(tmp_path / "other", fewer)
    expected = answer_inputs(BUILTIN[rung].stages(other), Decoder(2.0), dev_rows(fewer)).probs
    assert np.array_equal(answers["column amount"], expected)


def test_more_columns_than_are_worth_a_training_each_are_left_together(work, monkeypatch):
    monkeypatch.setattr(ablations, "MOST_COLUMNS", 3)
    assert list(ablate("linear", work(TABLE), Decoder(1.0))) == ["calibration"]


def test_the_answers_are_those_that_the_stages_left_would_give_one_by_one(work):
    workshop, inputs = work(MIXED), dev_rows(MIXED)
    decoder = decoder_of("cascade", workshop)
    answers = answers_without("cascade", workshop, decoder, inputs, rows="dev")
    for part, make in ablate("cascade", workshop, decoder).items():
        made = make()
        assert np.array_equal(answers[part], answer_inputs(made.stages, made.decoder, inputs).probs), part


def test_a_stage_taken_out_leaves_the_other_one_alone(work):
    workshop = work(TEXT)
    decoder = Decoder(scale=2.0, threshold=0.9, mix=(1.0, 1.0))
    made = {part: make() for part, make in ablate("cascade", workshop, decoder).items()}
    assert (made["second stage"].stages, made["second stage"].decoder) == (
        FAST.stages(workshop),
        Decoder(2.0),
    )
    (logits,) = FROZEN.out_of_fold(workshop)
    assert made["first stage"].stages == FROZEN.stages(workshop)
    assert made["first stage"].decoder == Decoder(fit_scale(logits, workshop.labels))
    assert made["calibration"].decoder == Decoder(1.0, 0.9, (1.0, 1.0))
    assert made["n-grams"].decoder.threshold == 0.9
    assert made["n-grams"].decoder.scale != 2.0


def test_a_scale_is_fitted_again_only_where_the_metric_reads_it(work):
    workshop, decoder = work(TEXT), Decoder(17.0)
    kept = ablate("fast", workshop, decoder)["n-grams"]()
    again = ablate("fast", workshop, decoder, reads_probabilities=True)["n-grams"]()
    assert kept.decoder == decoder
    assert 0 < again.decoder.scale < 17
    inputs = dev_rows()
    both = [
        answers_without("fast", workshop, decoder, inputs, rows="dev", reads_probabilities=reads)["n-grams"]
        for reads in (False, True)
    ]
    assert np.array_equal(both[0].argmax(axis=1), both[1].argmax(axis=1))
    assert not np.allclose(both[0], both[1])


def test_nothing_is_trained_or_encoded_again_the_second_time(work, monkeypatch):
    workshop, inputs = work(TEXT), dev_rows()
    decoder = decoder_of("cascade", workshop)
    first = answers_without("cascade", workshop, decoder, inputs, rows="dev")

    def never(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(ablations, "_answer", never)
    again = answers_without("cascade", work(TEXT), decoder, inputs, rows="dev")
    assert list(first) == list(again)
    assert all(np.array_equal(first[part], again[part]) for part in first)
    assert any(
        isinstance(x, str) for x in answers_without("cascade", workshop, decoder, inputs, rows="x").values()
    )


def test_rows_are_encoded_once_for_all_parts(work, monkeypatch):
    workshop, inputs = work(TEXT), dev_rows()
    decoder = decoder_of("cascade", workshop)
    encoder = FROZEN.recipe(workshop).blocks[0]
    asked = []
    encode = type(encoder).encode
    monkeypatch.setattr(
        type(encoder), "encode", lambda self, rows: asked.append(rows.n) or encode(self, rows)
    )
    answers_without("cascade", workshop, decoder, inputs, rows="dev")
    assert asked == [80]


def test_the_candidate_is_left_as_it_is(work):
    workshop, inputs = work(TEXT), dev_rows()
    decoder = decoder_of("fast", workshop)
    before = answer_inputs(FAST.stages(workshop), decoder, inputs).probs
    answers_without("fast", workshop, decoder, inputs, rows="dev")
    assert np.array_equal(answer_inputs(FAST.stages(workshop), decoder, inputs).probs, before)


def test_a_part_that_cannot_be_taken_out_is_a_reason_with_its_place(work, monkeypatch):
    def no_room(*_):
        raise MemoryError("40 GB wanted")

    workshop = work(TEXT)
    monkeypatch.setattr(ablations, "_smaller", no_room)
    answers = answers_without("fast", workshop, Decoder(1.5), dev_rows(), rows="dev")
    assert answers["n-grams"].startswith("MemoryError: 40 GB wanted (at models/test_ablate.py:")
    assert not isinstance(answers["calibration"], str)


def test_progress_names_the_part(work):
    told = []
    workshop = replace(work(TABLE), progress=lambda step, share: told.append(step))
    answers_without("linear", workshop, Decoder(1.0), dev_rows(TABLE), rows="dev")
    assert [step for step in told if "without" in step] == [
        *("linear without column age", "linear without column amount"),
        *("linear without column plan", "linear without column city", "linear without calibration"),
    ]


def test_a_name_that_is_no_rung_is_refused(work):
    with pytest.raises(InvalidInputError, match=r"'fats' is not one of the rungs: .* did you mean 'fast'"):
        ablate("fats", work(TEXT), Decoder(1.0))
