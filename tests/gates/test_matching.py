import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.gates.matching import is_in_pattern, select_measurements, unmeasured_verdict
from smallcraft.records import GateSpec, Measurement, Outcome

WORDS = st.text("abcXYZ 0.&@", min_size=1, max_size=6).filter(lambda word: " & " not in f" {word} ")


def measured(name="accuracy", value=0.9, **told):
    return Measurement(name, value, "fraction", 10, "", **{"split": "dev"} | told)


def gate(**told):
    return GateSpec(**{"name": "g", "rule": "at_least", "measurement": "accuracy", "split": "dev"} | told)


@pytest.mark.parametrize(
    ("slice_name", "pattern", "fits"),
    [
        ("all", "all", True),
        ("all", "sex=*", False),
        ("all", "*", True),
        ("sex=Female", "sex=*", True),
        ("sex=", "sex=*", True),
        ("sex=Female", "sex=Female", True),
        ("sex=Female", "sex=Male", False),
        ("sexes=Female", "sex=*", False),
        ("sex=Female & race=Black", "sex=*", False),
        ("sex=Female & race=Black", "sex=* & race=*", True),
        ("race=Black & sex=Female", "sex=* & race=*", True),
        ("race=Black & sex=Female", "sex=Female & race=Black", True),
        ("sex=Female & race=Black", "sex=Female & race=*", True),
        ("sex=Male & race=Black", "sex=Female & race=*", False),
        ("sex=Female", "sex=* & race=*", False),
        ("team=R & D", "team=*", True),
        ("team=R & D & sex=Male", "team=* & sex=*", True),
        ("perturbation=typos@1", "perturbation=*@1", True),
        ("perturbation=typos@2", "perturbation=*@1", False),
        ("perturbation=worst", "perturbation=*@1", False),
        ("class=a.c", "class=a.c", True),
        ("class=abc", "class=a.*", False),
        ("class=a\nb", "class=*", True),
    ],
)
def test_a_pattern_means_these_slices(slice_name, pattern, fits):
    assert is_in_pattern(slice_name, pattern) is fits


@given(WORDS, WORDS)
def test_every_value_of_a_column_is_in_its_star_and_no_other_columns(column, value):
    column = column.replace("&", "")
    assert is_in_pattern(f"{column}={value}", f"{column}=*")
    assert not is_in_pattern(f"{column}!={value}", f"{column}=*")


def test_name_split_and_slice_must_fit_and_what_has_no_value_is_kept():
    here = [measured(slice="sex=Female"), measured(slice="sex=Male", value=None)]
    others = [
        measured(slice="sex=Female", split="cert"),
        measured(slice="sex=Female", split=None),
        measured("tpr", slice="sex=Female"),
        measured(),
    ]
    assert select_measurements(gate(slice="sex=*"), [*others, *here, here[0]]) == tuple(here)


def test_a_rule_names_what_the_gate_does_not():
    assert select_measurements(gate(measurement=""), [measured()], name="accuracy") == (measured(),)
    assert select_measurements(gate(measurement="tpr"), [measured()], name="accuracy") == ()


def test_what_was_not_measured_is_undecided_and_says_where_it_was():
    verdict = unmeasured_verdict(gate(slice="sex=*"), [measured(split="cert", slice="race=Black")])
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reason == "no such slice was measured"
    assert verdict.needs == (
        "accuracy was measured on cert, race=Black; name one of these, or measure accuracy by slice: "
        "declare its column under [data] groups, with enough rows of sex=*"
    )
    assert (verdict.measurement, verdict.slice) == ("accuracy", "sex=*")
    plain = unmeasured_verdict(gate(), [])
    assert (plain.reason, plain.needs) == ("it was not measured", "measure accuracy")
