"""The loop that closes: doubtful labels, and an alarm's rows, are asked about and become the next release."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.pipeline.conftest import FIXED
from tests.pipeline.labelling.projects import filled_in, kept_examples, plant, raise_alarm
from tests.projects import change_project, message_rows

from smallcraft.cli.main import run
from smallcraft.data.load import read_source
from smallcraft.data.repair import read_record
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.pipeline.workspace import open_registry

BUDGET = 80


class Team:
    """People who use the command line in one project.

    Attributes:
        folder: Of the project.
        truth: The true label of each message.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.truth = folder, dict(plant(folder, rows=300, wrong=0.2))

    def say(self, *words: object) -> str:
        """What a command prints."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*map(str, words), "-p", str(self.folder)])
        assert code == 0, (words, out.getvalue(), err.getvalue())
        return out.getvalue()

    def ask(self, *words: object) -> dict:
        """The same of a command that prints JSON."""
        return json.loads(self.say(*words, "--json"))

    def answer(self, sheet: str, *, people: tuple[str, ...], right: float) -> Path:
        """People fill in a sheet."""
        path = self.folder / f"{Path(sheet).stem}-answers.csv"
        path.write_bytes(filled_in(Path(sheet), self.truth, people=people, right=right))
        return path

    def use(self, version: str) -> None:
        """The next version of the data stands in the project file."""
        text = (self.folder / "smallcraft.toml").read_text(encoding="utf-8")
        (path,) = [line for line in text.splitlines() if line.startswith("path = ")]
        change_project(self.folder, path, f'path = "{version}"')

    def labels(self, path: str) -> dict[str, str]:
        """Message to label as a file, or a glob, says."""
        frame = read_source(self.folder / path, None).frame
        return dict(zip(frame["message"], frame["intent"], strict=True))

    def share_right(self, path: str) -> float:
        """Of its labels."""
        labels = self.labels(path)
        return sum(label == self.truth[text] for text, label in labels.items()) / len(labels)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        found = Team(tmp_path_factory.mktemp("labelling") / "p")
        found.say("build")
        yield found


@pytest.fixture(scope="module")
def repaired(team):
    """A round of doubtful labels, from the question to the next release."""
    asked = team.ask("label", "next", "--budget", BUDGET)
    answers = team.answer(asked["files"][0], people=("ann", "bob"), right=0.9)
    taken = team.ask("label", "import", answers)
    bought = team.ask("label", "measure", asked["campaign"], "--seeds", 2)
    team.use(taken["version"])
    team.say("build")
    return asked, taken, bought


def test_wrong_labels_are_found_and_the_round_says_what_it_bought(team, repaired):
    asked, taken, bought = repaired
    assert taken["added"] == 2 * asked["rows"]
    assert team.share_right(taken["version"]) > team.share_right("rows.csv") + 0.05
    assert bought["overall"]["interval"]["low"] <= bought["overall"]["after"] - bought["overall"]["before"]
    assert bought["arms"]["targeted"] > 2 * bought["arms"]["random"]
    assert bought["annotators"] == 2


def test_the_users_own_file_is_as_it_was(team, repaired):
    assert team.share_right("rows.csv") == pytest.approx(0.8, abs=0.05)
    record = read_record(team.folder / "labels/version-2/rows.csv.repairs.json")
    assert record.source[0].path == "rows.csv"
    assert {repair.action for repair in record.repairs} == {"relabel"}


def test_the_next_release_is_of_the_repaired_table_and_the_log_tells_the_round_before_it(team, repaired):
    asked, taken, bought = repaired
    registry = open_registry(team.folder)
    before, after = (registry.read(f"rows@{number}").facts["data"] for number in (1, 2))
    record = read_record(team.folder / "labels/version-2/rows.csv.repairs.json")
    assert (before["digest"], after["digest"]) == (record.before.digest, record.after.digest)
    assert after["path"] == taken["version"]
    lines = team.say("log").splitlines()
    (place,) = [at for at, line in enumerate(lines) if f"labelled: campaign {asked['campaign']}" in line]
    assert f"{bought['votes']} votes changed {bought['changed']} labels" in " ".join(lines[place : place + 3])
    second, first = (
        next(at for at, line in enumerate(lines) if line.startswith(f"rows@{number}")) for number in (2, 1)
    )
    assert second < first < place
    team.say("verify")


def test_an_alarms_rows_are_labelled_say_that_it_does_harm_and_join_the_next_release(team, repaired):
    """A release that answers `login` to everything new."""
    new = message_rows(300, seed=5)
    team.truth |= dict(zip(new["message"], new["intent"], strict=True))
    wrong = [text for text, label in zip(new["message"], new["intent"], strict=True) if label != "login"]
    kept = [
        *kept_examples(wrong[:140], answer="login", arm="random"),
        *kept_examples(wrong[140:], answer="login", arm="drifted"),
    ]
    alarm = raise_alarm(team.folder, kept, release="rows@2", size=100)
    asked = team.ask("label", "next", "--alarm", "last")
    assert (asked["rows"], asked["arms"]["gold"]) == (100, 0)
    answers = team.answer(asked["files"][0], people=("ann",), right=1.0)
    taken = team.ask("label", "import", answers)
    assert taken["alarms"] == {alarm.id: "harmful"}
    with Journal(WatchPlaces(team.folder).root) as journal:
        told = {one.id: one.harm.verdict.value for one in journal.alarms()}
    assert told[alarm.id] == "harmful"
    before = team.labels("labels/version-2/rows*.csv")
    after = team.labels(taken["version"])
    fresh = set(after) - set(before)
    assert len(fresh) == 100
    assert sum(after[text] == team.truth[text] for text in fresh) > 90
    team.use(taken["version"])
    team.say("build")
    assert open_registry(team.folder).read("rows@3").facts["data"]["rows_read"] == 300 + 60 + 100
    states = {one["id"]: one["state"] for one in team.ask("label", "status")["campaigns"]}
    assert states[asked["campaign"]] == "imported"
