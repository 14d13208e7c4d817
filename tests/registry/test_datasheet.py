from __future__ import annotations

from smallcraft.records import Release
from smallcraft.registry.datasheet import render_datasheet, render_release_datasheet

MEASURED = {
    "name": "label_accuracy",
    "value": 0.956,
    "low": 0.93,
    "high": 0.975,
    "unit": "fraction",
    "n": 120,
    "method": "stratified audit",
    "split": "cert",
    "slice": "all",
}
FACTS = {
    "name": "helpdesk",
    "task": {"text": "message", "features": [], "classes": ["a", "b"]},
    "data": {
        "rows_read": 4500,
        "rows_quarantined": 0,
        "digest": "sha256:ab",
        "license": "CC0-1.0",
        "splits": {"train": {"rows": 3150, "digest": "sha256:cd"}},
        "notes": ["cert is the latest 15 %"],
    },
    "card": {"language": "en"},
    "quality": {
        "model": "rung 'fast'",
        "index": {"value": 0.91, "split": "cert"},
        "checks": [
            {
                "check": "label_accuracy",
                "outcome": "PASS",
                "summary": "95.6 % right",
                "measurements": [MEASURED],
            }
        ],
    },
}


def test_what_is_known_is_printed():
    sheet = render_datasheet(FACTS)
    for said in ("4,500", "CC0-1.0", "at least 0.91 of the cert rows", "0.93 to 0.975", "stratified audit"):
        assert said in sheet


def test_what_nobody_said_is_printed_as_missing_with_where_to_say_it():
    sheet = render_datasheet(FACTS)
    assert (
        "**missing: how the data was collected (say it in smallcraft.toml under [card] collection)**" in sheet
    )
    assert "**missing: the data's source (say it in smallcraft.toml under [data] source)**" in sheet


def test_without_an_audit_no_share_of_right_labels_is_told():
    index = {"value": None, "detail": "the labels were not audited"}
    sheet = render_datasheet({**FACTS, "quality": {**FACTS["quality"], "index": index, "checks": []}})
    assert "smallcraft check --audit 120" in sheet
    assert "at least" not in sheet


def test_no_facts_at_all_still_make_a_datasheet():
    sheet = render_datasheet({})
    assert sheet.startswith("# Datasheet of unnamed data\n")
    assert sheet.count("**missing:") >= 10


def test_many_slices_are_cut_and_the_cut_is_told():
    many = [{**MEASURED, "slice": f"class={number}"} for number in range(100)]
    checks = [{**FACTS["quality"]["checks"][0], "measurements": many}]
    sheet = render_datasheet({**FACTS, "quality": {**FACTS["quality"], "checks": checks}})
    assert sheet.count("| label\\_accuracy | cert | class=") == 60
    assert "40 more measurements" in sheet


def test_hostile_facts_stay_text():
    sheet = render_datasheet({**FACTS, "name": "x\n# fake <script>", "card": {"language": "|`<b>"}})
    assert "<script>" not in sheet
    assert "<b>" not in sheet
    assert sheet.count("\n# ") == 0


def test_a_release_names_its_own_datasheet():
    release = Release("helpdesk", 3, "sha256:0", None, "2026-01-01T00:00:00Z", (), {"data": FACTS["data"]})
    assert render_release_datasheet(release).startswith("# Datasheet of helpdesk\n")
