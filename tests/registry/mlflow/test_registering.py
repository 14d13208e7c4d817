"""Releases in a real MLflow: registered once, seen by its own client, verified on the way back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smallcraft.registry.store import Registry
from smallcraft.registry.verify.folder import verify_directory

pytestmark = [pytest.mark.peer, pytest.mark.slow]

VERSIONS = """
found = client.search_model_versions("name='{name}'")
answer = sorted(
    [int(one.version), dict(one.tags), one.status, one.source, one.run_id] for one in found
)
"""
FILES = """
import pathlib, hashlib
folder = pathlib.Path(mlflow.artifacts.download_artifacts("models:/{name}/1", dst_path={to!r}))
answer = {{
    path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in folder.rglob("*") if path.is_file()
}}
"""
LOADED = """
try:
    import pandas
    frame = pandas.DataFrame({"message": ["refund my invoice"]})
    print(json.dumps(list(mlflow.pyfunc.load_model(sys.argv[1]).predict(frame))))
except Exception as error:
    print(type(error).__name__, error)
    sys.exit(1)
"""
KILLED = """
mlflow.MlflowClient.create_model_version = lambda *a, **n: os._exit(9)
from smallcraft.cli.main import run
run(sys.argv[1:])
"""


def pushed(place, project, *words):
    told = place.smallcraft("push", place.address, "-p", project, "--json", *words)
    assert told.code == 0, told.err
    return json.loads(told.out)


def test_mlflows_own_client_sees_version_tags_and_files(mlflow_server, project, released, name, tmp_path):
    done = pushed(mlflow_server, project)
    assert done["versions"] == [
        {"release": f"{name}@{number}", "name": name, "version": number, "is_new": True} for number in (1, 2)
    ]
    seen = mlflow_server.client(VERSIONS.format(name=name))
    assert [(number, status) for number, _, status, _, _ in seen] == [(1, "READY"), (2, "READY")]
    log = released.log()
    for number, tags, _, _, _ in seen:
        release = released.read(f"{name}@{number}")
        assert tags["smallcraft.release"] == release.label
        assert tags["smallcraft.digest"] == release.manifest_digest
        assert log.entries[int(tags["smallcraft.log_index"])].label == release.label
        assert tags["smallcraft.checkpoint"].encode() == log.note
    files = mlflow_server.client(FILES.format(name=name, to=str(tmp_path)))
    for file in released.read(f"{name}@1").files:
        assert files[f"release/{file.path}"] == file.digest.removeprefix("sha256:")


def test_a_release_is_registered_once_however_often_it_is_pushed(mlflow_server, project, name):
    pushed(mlflow_server, project)
    again = pushed(mlflow_server, project)
    assert [one["is_new"] for one in again["versions"]] == [False, False]
    one = pushed(mlflow_server, project, "--release", f"{name}@2")
    assert [(found["release"], found["version"]) for found in one["versions"]] == [(f"{name}@2", 2)]
    assert len(mlflow_server.versions(name)) == 2


def test_two_who_push_at_once_leave_one_version_a_release(mlflow_server, project, name):
    words = ("push", mlflow_server.address, "-p", str(project), "--release", f"{name}@1", "--json")
    both = [mlflow_server.start(*words) for _ in range(2)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    told = [json.loads(out)["versions"][0]["version"] for out, _ in said]
    (left,) = mlflow_server.versions(name)
    assert told == [int(left["version"])] * 2


def test_a_version_of_others_stays_and_ours_comes_after_it(mlflow_server, project, name):
    mlflow_server.ask("registered-models/create", {"name": name})
    mlflow_server.ask("model-versions/create", {"name": name, "source": "s3://bucket/x"})
    done = pushed(mlflow_server, project, "--release", f"{name}@1")
    assert done["versions"][0]["version"] == 2


def test_an_alias_of_the_log_is_one_of_mlflow_and_follows_it(mlflow_server, project, released, name, now):
    released.set_alias(name, "stable", 1, now=now)
    assert pushed(mlflow_server, project)["aliases"] == {f"{name}@stable": 1}
    released.set_alias(name, "stable", 2, now=now)
    assert pushed(mlflow_server, project)["aliases"] == {f"{name}@stable": 2}
    assert pushed(mlflow_server, project)["aliases"] == {}
    told = mlflow_server.smallcraft("verify", f"{mlflow_server.address}#{name}@stable", "-p", project)
    assert (told.code, f"the entry puts {name}@2" in told.out) == (0, True)


def test_a_retired_release_is_not_registered(mlflow_server, project, released, name, now):
    released.retire(name, 1, now=now)
    assert [one["release"] for one in pushed(mlflow_server, project)["versions"]] == [f"{name}@2"]


def test_what_is_pulled_is_the_release_byte_for_byte(mlflow_server, project, released, name, tmp_path):
    pushed(mlflow_server, project)
    address = f"{mlflow_server.address}#{name}/1"
    told = mlflow_server.smallcraft("pull", address, "--to", tmp_path / "got", "-p", tmp_path / "nowhere")
    assert told.code == 0, told.err
    verify_directory(tmp_path / "got/release", released.read(f"{name}@1").files)
    told = mlflow_server.smallcraft("verify", f"{tmp_path}/got/proof")
    assert told.code == 0, told.err
    told = mlflow_server.smallcraft("verify", address, "-p", project)
    assert f"the project's log has {name}@1 at the same place" in told.out


def test_one_byte_altered_on_the_server_is_refused_and_nothing_is_pulled(
    mlflow_server, project, name, tmp_path
):
    pushed(mlflow_server, project)
    victim = mlflow_server.stored(name, "release/card.md")
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    address = f"{mlflow_server.address}#{name}/1"
    for words in (("verify", address), ("pull", address, "--to", tmp_path / "got")):
        told = mlflow_server.smallcraft(*words)
        assert told.code == 4, told.out
        assert "card.md" in told.err
    assert not (tmp_path / "got").exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".got")] == []


def test_an_edited_tag_is_refused_by_verify_and_by_the_next_push(mlflow_server, project, name):
    pushed(mlflow_server, project)
    tag = {"name": name, "version": "1", "key": "smallcraft.digest", "value": "sha256:0"}
    mlflow_server.ask("model-versions/set-tag", tag)
    told = mlflow_server.smallcraft("verify", f"{mlflow_server.address}#{name}/1")
    assert (told.code, "the tag smallcraft.digest says 'sha256:0'" in told.err) == (4, True)
    told = mlflow_server.smallcraft("push", mlflow_server.address, "-p", project)
    assert (told.code, "its tags were altered" in told.err) == (4, True)


def test_a_release_copied_under_another_name_is_refused(mlflow_server, project, name):
    pushed(mlflow_server, project)
    one, other = mlflow_server.versions(name)[0], f"{name}-fraud"
    mlflow_server.ask("registered-models/create", {"name": other})
    mlflow_server.ask(
        "model-versions/create",
        {"name": other, "source": one["source"], "run_id": one["run_id"], "tags": one["tags"]},
    )
    told = mlflow_server.smallcraft("verify", f"{mlflow_server.address}#{name}-fraud/1")
    assert (told.code, "replayed under another name" in told.err) == (4, True)


def test_a_version_that_is_not_there_is_named(mlflow_server):
    told = mlflow_server.smallcraft("verify", f"{mlflow_server.address}#nothing/7")
    assert (told.code, "no version 'nothing/7'" in told.err) == (1, True)


def test_a_killed_push_goes_on_and_registers_once(mlflow_server, project, name):
    words = ("push", mlflow_server.address, "-p", project, "--release", f"{name}@1")
    assert mlflow_server.smallcraft(*words, code=KILLED).code == 9
    assert mlflow_server.versions(name) == []
    assert pushed(mlflow_server, project, "--release", f"{name}@1")["versions"][0]["is_new"]
    assert len(mlflow_server.versions(name)) == 1


def test_mlflow_loads_a_release_and_refuses_one_that_was_altered(mlflow_server, project, name):
    pushed(mlflow_server, project)
    told = mlflow_server.smallcraft(f"models:/{name}/1", code=LOADED)
    assert told.code == 0, told.out + told.err
    assert len(json.loads(told.out.splitlines()[-1])) == 1
    victim = mlflow_server.stored(name, "release/bundle/bundle.json")
    victim.write_bytes(victim.read_bytes().replace(b"1", b"2", 1))
    told = mlflow_server.smallcraft(f"models:/{name}/1", code=LOADED)
    assert (told.code, "IntegrityError" in told.out) == (1, True), told.out + told.err


def test_a_database_without_a_server_does_too(database, project, name, tmp_path):
    done = pushed(database, project, "--release", f"{name}@1")
    assert done["versions"][0]["is_new"]
    with closing(sqlite3.connect(tmp_path / "store.db")) as store:
        assert store.execute("SELECT name, version FROM model_versions").fetchall() == [(name, 1)]
    told = database.smallcraft("verify", f"{database.address}#{name}/1", "-p", project)
    assert told.code == 0, told.err


def test_push_wants_a_server_and_no_version(project, name):
    from smallcraft.errors import InvalidInputError
    from smallcraft.registry.mlflow.addressing import parse_address
    from smallcraft.registry.mlflow.registering import push_releases

    registry = Registry.open(Path(project) / ".smallcraft/registry")
    with pytest.raises(InvalidInputError, match="wants the server alone: mlflow://localhost:5000, got"):
        push_releases(parse_address(f"mlflow://localhost:5000#{name}/1"), registry)
