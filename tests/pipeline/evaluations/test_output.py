from __future__ import annotations

from tests.journeys.test_build import check_schema
from tests.pipeline.evaluated import ticket_rows, told

from smallcraft.evaluate.harness.openers.callable import model_of_function
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.pipeline.evaluations.output import write_evaluation
from smallcraft.pipeline.evaluations.run import evaluate_frame
from smallcraft.records import Roles


def test_both_files_are_written_and_the_folder_made(tmp_path):
    model = model_of_function(lambda texts: ["billing"] * len(texts), "always", OpenOptions())
    found = evaluate_frame(ticket_rows(), [model], Roles("intent", "message"))
    files = write_evaluation(found, tmp_path / "a" / "b")
    check_schema("evaluate", told(files.document))
    assert files.page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        "evaluation.html",
        "evaluation.json",
    ]
    write_evaluation(found, tmp_path / "a" / "b")
    assert len(list((tmp_path / "a" / "b").iterdir())) == 2
