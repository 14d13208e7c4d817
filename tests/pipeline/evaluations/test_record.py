from __future__ import annotations

import json

from tests.journeys.test_build import check_schema
from tests.pipeline.evaluated import write_tickets

from smallcraft.pipeline.evaluations.plan import EvaluateOptions
from smallcraft.pipeline.evaluations.run import evaluate_file


def test_the_json_form_keeps_to_its_schema_and_holds_every_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tickets = write_tickets(tmp_path, "evaluation_models")
    gates = tmp_path / "gates.toml"
    gates.write_text('[gates.g]\nrule = "at_least"\nmeasurement = "brier"\nlimit = 0.5\n', encoding="utf-8")
    found = evaluate_file(
        tickets,
        ["evaluation_models:answer", "evaluation_models:unsure"],
        options=EvaluateOptions(gates=gates),
    )
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    check_schema("evaluate", document)
    (first, second) = document["models"]
    assert first["labels_only"]
    assert first["unknown_labels"] == dict(found.models[0].unknown)
    assert len(second["measurements"]) == len(found.models[1].measurements)
    assert document["differences"][0]["against"] == "evaluation_models:answer"
    assert document["outcome"] == found.outcome.value
    alone = evaluate_file(tickets, ["evaluation_models:answer"])
    check_schema("evaluate", json.loads(json.dumps(alone.as_json(), allow_nan=False)))
    assert alone.as_json()["outcome"] is None
