"""What people answer, as the tools would export it: made through the tools' own libraries where they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.peers import Environment

LABEL_TOOLS = Environment("label-tools", ("label-studio-sdk==2.1.2", "argilla==2.8.0"))

# The library checks the page, and tasks and predictions against it, as a server does; then a person answers.
IN_LABEL_STUDIO = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface

tasks, view, answers = (open(path, encoding="utf-8").read() for path in sys.argv[1:4])
tasks, answers = json.loads(tasks), json.loads(answers)
page = LabelInterface(view)
page.validate()
checked = 0
for task in tasks:
    for prediction in task.get("predictions", []):
        errors = page.validate_prediction(prediction, return_errors=True)
        assert not errors, errors
        checked += 1
    task["annotations"] = []
    for who, label in answers.get(task["data"]["item_id"], []):
        result = [region._dict() for region in page.create_regions({"label": label})]
        task["annotations"].append({
            "result": result, "completed_by": who, "was_cancelled": False, "lead_time": 2.5,
            "created_at": "2026-11-29T06:00:00.000000Z",
        })
with open(sys.argv[4], "w", encoding="utf-8") as stream:
    json.dump(tasks, stream, default=str)
print(json.dumps({"checked": checked, "choices": sorted(page.get_control("label").labels)}))
"""

IN_ARGILLA = """
import json, sys, uuid
import argilla as rg
from argilla.records._io._generic import GenericIO

rows, settings, answers = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:4])
assert [question["name"] for question in settings["questions"]] == ["label"]
suggested = ("label.suggestion", "label.suggestion.score", "label.suggestion.agent")
user = {who: uuid.uuid5(uuid.NAMESPACE_OID, who) for who in ("ann", "bob")}
records = []
for row in rows:
    metadata = {key: value for key, value in row.items() if key not in {"id", "text", *suggested}}
    value, score, agent = (row.get(key) for key in suggested)
    suggestions = [rg.Suggestion("label", value, score=score, agent=agent)] if value else []
    responses = [
        rg.Response("label", label, user_id=user[who], status=status)
        for who, label, status in answers.get(row["item_id"], [])
    ]
    records.append(
        rg.Record(id=row["id"], fields={"text": row["text"]}, metadata=metadata, responses=responses,
                  suggestions=suggestions)
    )
with open(sys.argv[4], "w", encoding="utf-8") as stream:
    json.dump(GenericIO.to_list(records, flatten=True), stream, default=str)
print(json.dumps({"people": {who: str(found) for who, found in user.items()}}))
"""


def run_tool(python: Path, script: str, *paths: Path) -> dict:
    """Run a script of a tool's environment; what it printed last, as JSON."""
    done = subprocess.run(
        [str(python), "-c", script, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def exported_label_studio(tasks: bytes, answers: dict, *, completed_by=str) -> bytes:
    """The JSON export of tasks that people answered: item to a list of person and label (None: skipped)."""
    found = json.loads(tasks)
    for task in found:
        task["annotations"] = [
            {
                "completed_by": completed_by(who),
                "was_cancelled": label is None,
                "lead_time": 4.25,
                "created_at": "2026-11-29T06:00:00.000000Z",
                "result": []
                if label is None
                else [
                    {
                        "id": "r1",
                        "from_name": "label",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": [label]},
                    }
                ],
            }
            for who, label in answers.get(task["data"]["item_id"], [])
        ]
    return json.dumps(found).encode()


def exported_argilla(records: bytes, answers: dict) -> bytes:
    """The flattened export of records that people answered: item to a list of person, label and status."""
    found = json.loads(records)
    for record in found:
        given = answers.get(record["item_id"], [])
        record["label.responses"] = [label for _, label, _ in given] or None
        record["label.responses.users"] = [who for who, _, _ in given] or None
        record["label.responses.status"] = [status for _, _, status in given] or None
    return json.dumps(found).encode()
