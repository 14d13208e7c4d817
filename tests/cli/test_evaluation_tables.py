from __future__ import annotations

from pathlib import Path

import polars as pl
from tests.pipeline.evaluated import ticket_rows

from smallcraft.cli.evaluation_tables import show_evaluation
from smallcraft.evaluate.harness.openers.callable import model_of_function
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.pipeline.evaluations.output import EvaluationFiles
from smallcraft.pipeline.evaluations.run import evaluate_frame
from smallcraft.records import Roles


def test_many_classes_are_cut_to_the_lowest_and_the_rest_counted(capsys):
    rows = pl.DataFrame(
        {"message": [f"m{row}" for row in range(120)], "intent": [f"class{row % 12}" for row in range(120)]}
    )
    model = model_of_function(lambda texts: [f"class{int(t[1:]) % 12}" for t in texts], "m", OpenOptions())
    show_evaluation(evaluate_frame(rows, [model], Roles("intent", "message")), None)
    out = capsys.readouterr().out
    assert out.count("class=class") == 8
    assert "and 4 more; --json lists them" in out


def test_what_looks_like_markup_is_shown_as_it_is(capsys):
    model = model_of_function(lambda texts: ["[red]x[/red]"] * len(texts), "[bold]m", OpenOptions())
    found = evaluate_frame(ticket_rows(), [model], Roles("intent", "message"))
    show_evaluation(found, EvaluationFiles(Path("[a].json"), Path("[a].html")))
    out = capsys.readouterr().out
    assert "[bold]m (callable)" in out
    assert "'[red]x[/red]' (240)" in out
    assert "[a].html" in out
