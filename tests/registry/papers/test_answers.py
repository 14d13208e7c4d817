from __future__ import annotations

from tests.registry.papers.samples import facts_of, measurement

from smallcraft.registry.papers import answers


def test_rows_are_counted_and_classes_stand_largest_first():
    told = "\n".join(answers.counts(facts_of()))
    assert "- rows read: 4,500" in told
    assert "- rows set aside as unreadable: 2" in told
    assert "- classes in train: 20, the smallest of 84 rows, as even as 19.2 of equal size" in told
    assert told.index("| refund | 2,000 |") < told.index("| ticket | 1,105 |")


def test_many_classes_are_cut_and_the_cut_is_told():
    facts = facts_of()
    facts["data"]["class_counts"] = {"train": {f"c{number}": 10 for number in range(100)}}
    told = answers.counts(facts)
    assert told[-1] == "60 more classes, none larger, are in the release's facts"


def test_columns_stand_with_type_and_role():
    facts = facts_of()
    assert answers.columns(facts)[0] == "- text column: message"
    facts["data"]["columns"] = [{"name": "message", "type": "str", "role": "text"}]
    assert answers.columns(facts)[-1] == "| message | str | text |"


def test_files_stand_with_their_digests():
    facts = facts_of()
    assert answers.files(facts) == ["- read from: tickets.csv"]
    facts["data"]["files"] = [{"path": "a.csv", "format": "csv", "size_bytes": 1234, "sha256": "ab"}]
    assert answers.files(facts)[-1] == "| a.csv | csv | 1,234 | ab |"


def test_a_check_that_was_not_made_is_missing():
    assert answers.check("integrity")({}) == [
        "**missing: the check of integrity (`smallcraft check` makes it)**"
    ]
    assert answers.check("duplicates")(facts_of()) == ["none ticket (PASS)"]
    assert answers.errors({}) == ["**missing: the data's checks (`smallcraft check` makes them)**"]


def test_without_an_audit_no_share_of_right_labels_is_told():
    told = "\n".join(answers.rightness(facts_of()))
    assert "smallcraft check --audit 120" in told
    assert "at least" not in told


def test_with_an_audit_the_index_stands_as_a_lower_bound():
    facts = facts_of()
    facts["quality"]["index"]["value"] = 0.91
    assert answers.rightness(facts)[0] == (
        "- data quality index: at least 0.91 of the cert rows are valid, not leaked and rightly labelled"
    )


def test_classes_whose_labels_are_doubted_most_stand_first():
    told = answers.rightness(facts_of())
    assert [line for line in told if line.startswith(("| ticket", "| refund"))] == [
        "| ticket | train | 0.3 (0.28 to 0.32) | 1,105 |",
        "| refund | train | 0.01 (-0.01 to 0.03) | 2,000 |",
    ]


def test_shapes_of_distributions_are_left_to_the_facts():
    facts = facts_of()
    facts["quality"]["checks"][0]["measurements"] = [measurement("probability", 0.5, part="quantile=0.5")]
    assert "quantile" not in "\n".join(answers.rightness(facts))


def test_agreement_is_told_where_there_are_votes():
    assert answers.votes(facts_of()) == ["- disagreement: two votes differ ticket (PASS)"]
    assert answers.votes({}) == ["There is one label a row and no votes: agreement cannot be known from it."]


def test_the_encoder_and_its_license_are_named_with_whether_it_ships():
    facts = facts_of()
    assert answers.third_parties(facts)[0].endswith("license MIT, tried, but not in the model.")
    facts["bundle"]["files"].append({"path": "model.onnx"})
    assert answers.third_parties(facts)[0].endswith("license MIT, in the model.")
    assert answers.third_parties({}) == ["Nothing."]


def test_how_rows_belong_together_comes_from_the_split():
    assert answers.related(facts_of()) == ["- copies never straddle: 104 rows copy an earlier one ticket"]
    assert answers.related({}) == ["No column says so: none is declared as `key`."]


def test_what_was_done_and_from_what_is_told():
    assert "- rows held out as copies: 55" in answers.preparation(facts_of())
    assert "sha256:" + "a" * 64 in answers.raw(facts_of())[0]
    assert answers.splits(facts_of())[0] == "- train (to fit): 3,105 rows, sha256:" + "b" * 64
    assert answers.used_for(facts_of()) == [
        "To train and judge helpdesk ticket@3, and the candidates ngram, fast, frozen."
    ]
    assert "| release | 3 |" in answers.identity(facts_of())
