from __future__ import annotations

from tests.registry.papers.samples import facts_of, measurement

from smallcraft.registry.papers.sections import details


def test_classes_are_counted_and_many_are_cut():
    facts = {"task": {"classes": [f"c{number}" for number in range(77)]}}
    [line] = [line for line in details.model_details(facts) if line.startswith("- classes")]
    assert line.startswith("- classes: 77: c0, c1, ")
    assert line.endswith("c29 and 47 more")


def test_stages_are_told_in_the_order_in_which_they_are_asked():
    facts = facts_of()
    facts["bundle"]["stages"] = ["fast", "frozen"]
    assert "- kind of model: ngram, asked in turn: fast, then frozen" in details.model_details(facts)


def test_size_and_parameters_are_told_where_measured():
    assert {"- learned numbers: 218,692", "- size: 0.43 MB"} <= {*details.model_details(facts_of())}
    assert not [line for line in details.model_details({}) if line.startswith("- size")]


def test_groups_that_nobody_declared_are_told_with_the_remedy():
    told = details.factors({})
    assert (
        "- groups measured: none is declared; name the columns in smallcraft.toml under [data] groups" in told
    )
    assert told[-1] == "- classes measured: no class was measured"


def test_measured_groups_and_conditions_are_told():
    told = details.factors(facts_of())
    assert "- groups measured: region, age" in told
    assert "- groups within groups: region=ticket &amp; age=old" in told
    assert "- conditions, robustness: typos turn 3 % of ticket rows wrong" in told


def test_ethical_considerations_have_what_checks_and_audits_found():
    told = details.ethical_considerations(facts_of())
    assert "- personal data: no personal data ticket" in told
    assert "- groups: 1 of 2 gaps; accuracy of region=ticket is 0.102 below the rest" in told
    assert "missing: a check for it" in details.ethical_considerations({})[1]


def test_caveats_tell_what_is_not_settled_weak_and_coarse():
    told = details.caveats(facts_of())
    assert told[1:] == [
        "- not settled: fairness ticket: about 420 more rows",
        "- weakest classes on dev: ticket (f1 0.71, 26 rows), refund (f1 0.95, 40 rows)",
        "- found by the audit of robustness: typos turn 3 % of ticket rows wrong",
        "- the sealed test set is coarse: the bound 0.052 exceeds half the margin, 0.005",
    ]


def test_what_it_does_out_of_scope_is_told_where_audited():
    facts = {"audits": [{"audit": "scope", "summary": "9 of 10 are refused"}]}
    assert details.intended_use(facts)[-1] == "- what it does with what is out of scope: 9 of 10 are refused"
    assert len(details.intended_use({})) == 3


def test_lines_to_copy_name_the_release_and_quote_it_for_the_shell():
    told = details.how_to_use({"name": "it's $(x)", "version": 2, "task": {"text": "t"}})
    assert 'predictor = load("it\'s $(x)@2")' in told
    assert "smallcraft show 'it'\"'\"'s $(x)@2'  # what was measured, decided and why" in told
    assert details.reference_of({"name": "x"}) == "x"


def test_a_class_without_f1_is_not_among_the_weakest():
    facts = {"released": {"measurements": [measurement("recall", 0.1, part="class=a")]}}
    assert not [line for line in details.caveats(facts) if "weakest" in line]
