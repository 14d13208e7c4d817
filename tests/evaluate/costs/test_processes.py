import pytest

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.costs.latency import latency_job
from smallcraft.evaluate.costs.processes import choose_inputs, run_probe, single_thread_environment


def test_inputs_are_different_rows_in_a_seeded_order():
    rows = {"text": ["a", "b", "a", "c"], "age": [1, None, 1, 3.5]}
    chosen = choose_inputs(rows, most=10, seed=2)
    assert sorted(zip(chosen["text"], chosen["age"], strict=True), key=lambda row: row[0]) == [
        ("a", 1),
        ("b", None),
        ("c", 3.5),
    ]
    assert chosen == choose_inputs(rows, most=10, seed=2)
    assert len(choose_inputs(rows, most=2, seed=2)["text"]) == 2


def test_rows_that_cannot_be_handed_over_are_refused():
    with pytest.raises(InvalidInputError, match="equally long columns"):
        choose_inputs({"text": ["a"], "age": []}, most=5, seed=0)
    with pytest.raises(InvalidInputError, match="equally long columns"):
        choose_inputs({}, most=5, seed=0)
    with pytest.raises(InvalidInputError, match="must be text, numbers, booleans or None"):
        choose_inputs({"text": [object()]}, most=5, seed=0)


def test_a_child_that_fails_or_takes_too_long_is_an_error_not_a_number(bundle):
    job = latency_job(*(bundle, {"text": ["a"]}), opener="toy_runtime:open_broken", requests=1, measure_s=0.1)
    with pytest.raises(BundleFormatError, match="got: OSError: weights of bundle are gone"):
        run_probe(job)
    with pytest.raises(BundleFormatError, match="must load and answer within 0 s"):
        run_probe(job, limit_s=0.01)


def test_a_child_runs_on_one_thread_and_finds_what_is_importable_here():
    found = single_thread_environment()
    assert {found[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")} == {"1"}
    assert found["TOKENIZERS_PARALLELISM"] == "false"
    assert "src" in found["PYTHONPATH"]
