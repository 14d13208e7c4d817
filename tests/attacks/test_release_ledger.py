"""What may be tried against a project's sealed set: each is refused with its reason, and nothing is lost.

By the command line, on a small project that really builds: tampered, shortened and removed ledgers, older
copies put back, settings changed after the look, one question more than a plan allows. Every look is an entry
of the registry's log too, so a ledger is held against that, and written anew from it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.pipeline.conftest import FIXED
from tests.projects import MESSAGES, change_project, copy_project, message_rows, save_rows, write_messages

from smallcraft.canonical import canonical_json, digest_bytes, digest_value, plain
from smallcraft.cli.main import run
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import Workspace, open_registry

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "build.json"
DO_NOT_TRUST = "do not trust"


@pytest.fixture(autouse=True)
def _fixed_costs(monkeypatch):
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)


@pytest.fixture
def _own_pins(twice_built, tmp_path, monkeypatch):
    """The same keys, and pins that no other test moves: copies of one log grow apart here."""
    shutil.copytree(os.environ["SMALLCRAFT_CONFIG"], tmp_path / "config")
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "config"))


def write_project(folder: Path) -> Path:
    """150 messages, and 60 sealed ones in a file of their own."""
    written = write_messages(folder, data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(written / "cert.csv", message_rows(60, seed=9))
    return written


@pytest.fixture(scope="module")
def twice_built(tmp_path_factory):
    """Two releases, a look each; the ledger as it was after the first is kept in `older`."""
    folder = write_project(tmp_path_factory.mktemp("released") / "p")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert run(["build", "--json", "-p", str(folder)]) == 0
        (folder / "older").mkdir()
        for path in ledger_files(folder):
            shutil.copy(path, folder / "older")
        bring_another_candidate(folder, 1)
        assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder


@pytest.fixture
def twice(twice_built, _own_pins, tmp_path):
    return copy_project(twice_built, tmp_path / "twice")


@pytest.fixture
def fresh(tmp_path):
    return write_project(tmp_path / "fresh")


def bring_another_candidate(folder, number):
    """More rows to train on make another bundle; the sealed rows stay as they are."""
    save_rows(folder / "rows.csv", message_rows(150 + 3 * number))


def declare(folder, quality):
    """Put these lines under [quality], in the place of what stood there."""
    project = folder / "smallcraft.toml"
    head, _, rest = project.read_text().partition("[ladder]")
    project.write_text(f"{head.partition('[quality]')[0]}[quality]\n{quality}\n[ladder]{rest}")


def kept(folder):
    """Everything that is on record: ledger, registry, bundles."""
    root = Workspace(folder).root
    parts = [*root.glob("ledger.jsonl*"), *(root / "registry").rglob("*"), *(root / "bundles").rglob("*")]
    return {path: path.read_bytes() for path in parts if path.is_file()}


def build(folder, capsys, *, code):
    """The JSON of a build that ends with this code, or the message of one that was refused."""
    capsys.readouterr()
    found = run(["build", "--json", "-p", str(folder)])
    said = capsys.readouterr()
    assert found == code, said
    return json.loads(said.out) if said.out else said.err


def refused(folder, capsys, message, *, code, verb="build"):
    """The verb says so and nothing that is kept has changed."""
    before = kept(folder)
    capsys.readouterr()
    assert run([*verb.split(), "-p", str(folder)]) == code
    said = " ".join(capsys.readouterr().err.split())
    assert message in said, said
    assert kept(folder) == before


def ledger_files(folder):
    ledger = Workspace(folder).ledger
    return ledger, ledger.with_name("ledger.jsonl.head")


# --- the file -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["build", "verify"])
def test_an_answer_that_was_edited_is_named_before_anything_is_trained(twice, capsys, verb):
    ledger, _ = ledger_files(twice)
    ledger.write_bytes(ledger.read_bytes().replace(b'"accuracy":', b'"accuracx":', 1))
    bring_another_candidate(twice, 2)
    refused(twice, capsys, "line 1 of ledger.jsonl does not match its digest", code=4, verb=verb)


@pytest.mark.parametrize("verb", ["build", "verify"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_deleted_entry_is_named(twice, capsys, verb, number):
    ledger, _ = ledger_files(twice)
    lines = ledger.read_bytes().splitlines(keepends=True)
    del lines[number]
    ledger.write_bytes(b"".join(lines))
    refused(twice, capsys, DO_NOT_TRUST if number else "an entry was dropped", code=4, verb=verb)


def forge(folder):
    """By one who knows the format: a sound ledger of one look with another answer."""
    ledger, head = ledger_files(folder)
    facts = {**plain(verify_ledger(ledger)[0]), "answer": {"accuracy": 0.999, "macro_f1": 0.999}}
    del facts["digest"]
    digest = digest_value(facts)
    ledger.write_bytes(canonical_json({**facts, "digest": digest}) + b"\n")
    head.write_bytes(canonical_json({"seq": 1, "digest": digest}))
    assert len(verify_ledger(ledger)) == 1


@pytest.mark.parametrize("verb", ["build", "verify"])
def test_a_ledger_that_was_rebuilt_whole_is_not_the_one_whose_looks_were_logged(twice, capsys, verb):
    forge(twice)
    told = "line 1 of the ledger is not the look that was logged: it was rewritten"
    refused(twice, capsys, told, code=4, verb=verb)


@pytest.mark.parametrize("verb", ["build", "verify"])
def test_a_ledger_that_was_removed_gives_no_fresh_budget(twice, capsys, verb):
    for path in ledger_files(twice):
        path.unlink()
    told = "ledger.jsonl is missing, and the log has 2 looks at the sealed test set"
    refused(twice, capsys, told, code=4, verb=verb)


@pytest.mark.parametrize("spoil", ["lost", "forged", "older", "junk"])
def test_a_ledger_is_restored_from_the_log_and_goes_on(twice, capsys, spoil):
    ledger, head = ledger_files(twice)
    before = [ledger.read_bytes(), head.read_bytes()]
    if spoil == "lost":
        ledger.unlink()
        head.unlink()
    elif spoil == "forged":
        forge(twice)
    elif spoil == "older":
        put_older_back(twice)
    else:
        ledger.write_bytes(b"junk\n")
    assert run(["verify", "-p", str(twice)]) == 4
    assert "`smallcraft registry restore-ledger`" in capsys.readouterr().err or spoil == "junk"
    assert run(["registry", "restore-ledger", "-p", str(twice)]) == 0
    assert [ledger.read_bytes(), head.read_bytes()] == before
    assert run(["verify", "-p", str(twice)]) == 0
    bring_another_candidate(twice, 2)
    assert build(twice, capsys, code=0)["cert"]["queries"] == 3


def put_older_back(folder):
    for path in ledger_files(folder):
        shutil.copy(folder / "older" / path.name, path)


@pytest.mark.parametrize("verb", ["build", "verify"])
def test_an_older_copy_put_back_lacks_the_newest_look(twice, capsys, verb):
    put_older_back(twice)
    assert len(verify_ledger(Workspace(twice).ledger)) == 1
    told = (
        "the log holds 2 looks at the sealed test set, the ledger 1: looks were deleted, or an older ledger"
    )
    refused(twice, capsys, told, code=4, verb=verb)


def test_a_look_that_only_the_ledger_has_is_logged_with_the_next_one(twice, capsys):
    """A machine that stopped between the two: the registry's log is behind, and catches up."""
    declare(twice, "cert_bits = 90")
    registry = Workspace(twice).registry
    looks = len(open_registry(twice).looks())
    before = copy_project(twice, twice.parent / "before")
    bring_another_candidate(twice, 2)
    build(twice, capsys, code=0)
    shutil.rmtree(registry)
    shutil.copytree(Workspace(before).registry, registry)
    shutil.rmtree(Path(os.environ["SMALLCRAFT_CONFIG"]) / "pins")  # else the rollback would be told first
    assert len(open_registry(twice).looks()) == looks
    assert run(["verify", "-p", str(twice)]) == 0
    bring_another_candidate(twice, 3)
    assert build(twice, capsys, code=0)["cert"]["queries"] == looks + 2
    assert len(open_registry(twice).looks()) == looks + 2


def test_the_looks_that_were_logged_cannot_be_rewritten_with_the_ledger(twice, capsys):
    """Ledger, head and the blob in the registry alike; the log names the blob by its digest."""
    line = open_registry(twice).looks()[0]
    forge(twice)
    layout = open_registry(twice).layout
    path = layout.blob(digest_bytes(line))
    path.chmod(0o644)
    path.write_bytes(Workspace(twice).ledger.read_bytes().rstrip(b"\n"))
    told = "does not match its record"
    for verb in ("build", "verify"):
        refused(twice, capsys, told, code=4, verb=verb)
    refused(twice, capsys, told, code=4, verb="registry restore-ledger")


# --- what was declared ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quality", "told"),
    [
        ('metric = "accuracy"', "has metric 'macro_f1', not 'accuracy'"),
        ("margin = 0.3", "has margin 0.01, not 0.3"),
        ("confidence = 0.6", "has confidence 0.95, not 0.6"),
        ("floor = 0.2", "has floor None, not 0.2"),
    ],
)
def test_what_was_changed_after_the_look_is_refused_before_training(twice, capsys, quality, told):
    declare(twice, quality)
    bring_another_candidate(twice, 2)
    refused(twice, capsys, told, code=1)


def test_the_next_number_goes_on_and_stands_in_the_record(twice, capsys):
    declare(twice, 'metric = "accuracy"\npreregistration = 2')
    told = build(twice, capsys, code=0)
    assert (told["cert"]["registrations"], told["cert"]["queries"]) == (2, 3)
    assert run(["build", "-p", str(twice)]) == 0
    assert "asked under 2 pre-registrations: what was declared was changed" in capsys.readouterr().out
    card = open_registry(twice).find("latest").read("card.md").decode()
    assert "pre-registrations under which it was asked: 2" in card


# --- a plan -----------------------------------------------------------------------------------


def plan(floor, questions):
    return f"floor = {floor}\n[quality.plan]\nquestions = {questions}"


def test_one_question_more_than_the_plan_allows_is_not_answered(fresh, capsys):
    declare(fresh, plan(0.99, 2))
    for number in range(2):
        bring_another_candidate(fresh, number)
        told = build(fresh, capsys, code=3)
        assert (told["cert"]["plan"]["passed"], told["cert"]["plan"]["question"]) == (False, number + 1)
        assert told["cert"]["scores"] == {}
    ledger = Workspace(fresh).ledger.read_bytes()
    bring_another_candidate(fresh, 2)
    told = build(fresh, capsys, code=3)
    reasons = {verdict["gate"]: verdict["reason"] for verdict in told["verdicts"]}
    assert "the plan allows 2 questions, this would be the 3rd" in reasons["confirmed_on_cert"]
    assert (told["release"], told["cert"]["plan"], told["cert"]["queries"]) == (None, None, 2)
    assert Workspace(fresh).ledger.read_bytes() == ledger
    assert Path(told["bundle"]).is_dir()
    bring_another_candidate(fresh, 0)
    assert build(fresh, capsys, code=3)["cert"]["repeated"] is True
    declare(fresh, f"{plan(0.99, 2).replace('[', 'preregistration = 2' + chr(10) + '[', 1)}")
    assert build(fresh, capsys, code=3)["cert"]["plan"]["question"] == 1


def test_a_release_by_a_plan_tells_that_the_floor_is_shown_and_no_score(fresh, capsys):
    declare(fresh, plan(0.3, 3))
    told = build(fresh, capsys, code=0)
    sentence = "cert said only whether macro_f1 at least 0.3 is shown: PASS; question 1 of 3"
    assert (told["cert"]["plan"]["sentence"], told["cert"]["scores"]) == (sentence, {})
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(told)
    (floor,) = [verdict for verdict in told["verdicts"] if verdict["gate"] == "quality_floor"]
    assert floor["outcome"] == "PASS"
    registry = open_registry(fresh)
    assert sentence in registry.read_file(registry.read("latest"), "card.md").decode().replace("\\", "")
    assert sentence in (fresh / "report.html").read_text()
    capsys.readouterr()
    assert run(["log", "-p", str(fresh), "--json"]) == 0
    assert "macro_f1 at least 0.3 shown on cert" in capsys.readouterr().out
    assert run(["gate", "-p", str(fresh)]) == 0
    assert run(["verify", "-p", str(fresh)]) == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("floor = 0.3", "floor = 0.4", "has bar 0.3, not 0.4"),
        ("questions = 3", "questions = 9", "has questions 3, not 9"),
        ("[quality]", "[quality]\nconfidence = 0.6", "at confidence 0.95', not 'macro_f1 at confidence 0.6'"),
    ],
)
def test_a_plan_that_was_changed_after_its_first_question_is_refused(fresh, capsys, old, new, told):
    declare(fresh, plan(0.3, 3))
    build(fresh, capsys, code=0)
    change_project(fresh, old, new)
    bring_another_candidate(fresh, 1)
    refused(fresh, capsys, told, code=1)
    capsys.readouterr()
    assert run(["gate", "-p", str(fresh)]) == 1
    assert "when cert was asked about rows@1" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["build", "verify"])
def test_the_ledger_of_another_project_does_not_answer_for_this_one(twice, fresh, capsys, verb):
    build(fresh, capsys, code=0)
    for mine, theirs in zip(ledger_files(twice), ledger_files(fresh), strict=True):
        shutil.copy(theirs, mine)
    told = "line 1 of the ledger is not the look that was logged"
    refused(twice, capsys, told, code=4, verb=verb)
