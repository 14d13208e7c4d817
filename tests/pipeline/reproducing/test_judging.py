from __future__ import annotations

from tests.pipeline.reproducing.comparing import noise, other, same, unknown

from smallcraft.pipeline.reproducing.judging import judge

BUNDLE = (other("bundle"), other("quality on dev", detail="candidates/ngram/f1: 1, now 2"))


def test_the_same_outputs_are_identical_whatever_the_inputs_are():
    found = judge("a@1", (other("numpy"), other("data")), (same("bundle"), same("verdicts")), None)
    assert found.verdict == "identical"
    assert found.first is None


def test_what_could_not_be_compared_is_named_beside_identical():
    found = judge("a@1", (), (same("bundle"), unknown("cert's answer")), None)
    assert found.verdict == "identical"
    assert found.sentence.endswith("; not compared: cert's answer")


def test_a_divergence_is_named_after_the_first_input_that_makes_another_model():
    inputs = (
        same("smallcraft"),
        other("BLAS kernel", bearing="rounding"),
        other("data", detail="1 added, 1 removed", remedy="put back the file"),
        other("train rows"),
    )
    found = judge("a@1", inputs, BUNDLE, noise())
    assert found.verdict == "diverged"
    assert found.first == inputs[2]
    assert found.sentence == (
        "diverged at data: a was recorded, now b; 1 added, 1 removed; put back the file; "
        "macro_f1 on dev differs by +0.0002 [-0.0010, +0.0020] (95%, n = 1,765)"
    )


def test_other_last_digits_are_within_noise():
    kernel = other("BLAS kernel", bearing="rounding")
    found = judge("a@1", (same("data"), kernel), BUNDLE, noise())
    assert found.verdict == "within noise"
    assert found.first == kernel
    assert "contains 0 and is narrower than the margin 0.01; BLAS kernel: a was recorded" in found.sentence


def test_noise_without_any_other_input_says_so():
    found = judge("a@1", (same("data"), unknown("BLAS kernel")), BUNDLE, noise())
    assert found.verdict == "within noise"
    assert found.sentence.endswith("no recorded input differs")


def test_more_than_noise_is_a_divergence_even_where_only_the_machine_differs():
    kernel = other("BLAS kernel", bearing="rounding")
    found = judge("a@1", (kernel,), BUNDLE, noise(low=0.001))
    assert (found.verdict, found.first) == ("diverged", kernel)


def test_a_model_of_the_same_bytes_with_other_numbers_beside_it_is_no_noise():
    found = judge("a@1", (same("data"),), (same("bundle"), BUNDLE[1]), noise())
    assert (found.verdict, found.first) == ("diverged", BUNDLE[1])


def test_another_machine_may_move_the_last_digits_of_numbers_alone():
    kernel = other("BLAS kernel", bearing="rounding")
    found = judge("a@1", (kernel,), (same("bundle"), BUNDLE[1]), noise())
    assert found.verdict == "within noise"


def test_a_score_that_strayed_is_named():
    strayed = noise(strayed=("ngram recall of class=x: 1 on record",))
    found = judge("a@1", (other("BLAS kernel", bearing="rounding"),), BUNDLE, strayed)
    assert found.verdict == "diverged"
    assert found.sentence.endswith("ngram recall of class=x: 1 on record lies outside what is measured now")


def test_a_difference_that_nothing_explains_is_said_to_be_unexplained():
    found = judge("a@1", (same("data"),), (same("bundle"), BUNDLE[1]), noise(record_gap=0.5))
    assert found.verdict == "diverged"
    assert found.first == BUNDLE[1]
    assert "the record is not what was measured; candidates/ngram/f1: 1, now 2" in found.sentence


def test_a_project_file_that_changed_since_explains_nothing():
    today = other("smallcraft.toml today", bearing="none")
    found = judge("a@1", (today,), BUNDLE, None)
    assert found.first == BUNDLE[0]
