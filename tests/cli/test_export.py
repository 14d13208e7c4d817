"""`export`: what others need of a release: files that a stranger accepts, a device zip, deployments."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
import yaml
from tests.cli.conftest import before_next
from tests.conftest import require, why_no_model_signing

import smallcraft.bundle
from smallcraft.api import load
from smallcraft.canonical import digest_file
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.signing import author_pem


def test_an_exported_bundle_runs_without_the_project(storied_built, told, tmp_path):
    device = tmp_path / "device"
    assert before_next(told("export", "rows@2", device, "-p", storied_built, "--only", "bundle")) == (
        f"rows@2 is in {device}\n"
    )
    assert (device / "bundle.json").exists()
    texts = ["please refund my invoice", "the parcel of the courier"]
    expected = load("rows@2", project=storied_built).predict_proba(texts)
    assert (smallcraft.bundle.open(device).predict_proba(texts) == expected).all()


def test_a_device_zip_runs_without_the_project_or_the_package(storied_built, told, told_json, tmp_path):
    target = tmp_path / "rows.zip"
    assert told("export", "rows@2", target, "-p", storied_built, "--device").startswith(
        f"rows@2 is in {target}, "
    )
    again = told_json("export", "rows@2", target, "-p", storied_built, "--device")
    assert again == {
        "release": "rows@2",
        "zip": str(target),
        "digest": digest_file(target),
        "size_bytes": target.stat().st_size,
    }
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path)
    texts = ["please refund my invoice", "the parcel of the courier"]
    show = "import smallcraft; print(smallcraft.__file__)"
    example = (tmp_path / "rows" / "predict.py").read_text(encoding="utf-8")
    (tmp_path / "rows" / "predict.py").write_text(f"{example}\n{show}\n", encoding="utf-8")
    command = [sys.executable, "-P", str(tmp_path / "rows" / "predict.py"), *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    *said, place = done.stdout.splitlines()
    expected = load("rows@2", project=storied_built).predict(texts)
    assert [json.loads(line)["label"] for line in said] == list(expected)
    assert place == str(tmp_path / "rows" / "smallcraft" / "__init__.py")


def test_an_export_holds_every_file_of_the_release_and_nothing_else(storied_built, told, tmp_path):
    told("export", "rows@1", tmp_path / "all", "-p", storied_built)
    release = open_registry(storied_built).read("rows@1")
    written = {
        path.relative_to(tmp_path / "all").as_posix()
        for path in (tmp_path / "all").rglob("*")
        if path.is_file()
    }
    assert written == {file.path for file in release.files}


def test_an_export_is_accepted_by_model_signing_with_the_authors_key(storied_built, told, tmp_path):
    require(why_no_model_signing())
    folder, key = tmp_path / "all", tmp_path / "author.pem"
    told("export", "rows@stable", folder, "-p", storied_built)
    log = open_registry(storied_built).log()
    (author,) = {entry.by for entry in log.entries if entry.kind == "put"}
    key.write_bytes(author_pem(log, author))

    def verified():
        command = [sys.executable, "-m", "model_signing", "verify", "key", str(folder)]
        command += ["--signature", str(folder / "model.sig"), "--public_key", str(key)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = verified()
    assert done.returncode == 0, done.stderr
    (folder / "evidence.json").chmod(0o644)
    (folder / "evidence.json").write_bytes(b"{}")
    assert verified().returncode != 0


def test_an_export_goes_beside_nothing_else(storied_built, told, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    assert "already holds mine.txt" in told("export", "rows@1", tmp_path, "-p", storied_built, code=1)


def test_a_part_that_there_is_not_is_refused(storied_built, told, tmp_path):
    told("export", "rows@1", tmp_path / "x", "-p", storied_built, "--only", "weights", code=1)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("system", "files"),
    [
        ("kserve", {"inference-service.yaml", "canary.yaml", "canary-knative.yaml", "README.md"}),
        ("argo", {"analysis-templates.yaml", "README.md"}),
        ("flagger", {"metric-templates.yaml", "canary.yaml", "README.md"}),
    ],
)
def test_a_deployment_names_both_releases_or_the_rollout(system, files, storied_built, told_json, tmp_path):
    arguments = (
        "export",
        "rows@2",
        tmp_path,
        "-p",
        storied_built,
        f"--{system}",
        "--rollout",
        "rows-2-abcdefgh",
    )
    assert set(told_json(*arguments)["files"]) == files
    text = "".join((tmp_path / name).read_text(encoding="utf-8") for name in sorted(files))
    assert "rows@2" in text or "rows-2-abcdefgh" in text
    for name in files - {"README.md"}:
        assert all(yaml.safe_load_all((tmp_path / name).read_text(encoding="utf-8")))


def test_a_dashboard_is_one_file_that_grafana_reads(storied_built, told_json, tmp_path):
    found = told_json("export", "rows@2", tmp_path, "-p", storied_built, "--grafana")
    (name,) = found["files"]
    assert json.loads((tmp_path / name).read_text(encoding="utf-8"))["panels"]


def test_a_system_that_asks_about_a_rollout_wants_one(storied_built, told, tmp_path):
    message = told("export", "rows@2", tmp_path / "x", "-p", storied_built, "--argo", code=1)
    assert "name it with --rollout" in message
    assert not (tmp_path / "x").exists()


def test_an_export_is_for_one_system_and_overwrites_nothing(storied_built, told, tmp_path):
    both = told("export", "rows@2", tmp_path, "-p", storied_built, "--argo", "--grafana", code=1)
    assert "--argo and --grafana; run it once for each" in both
    told("export", "rows@2", tmp_path, "-p", storied_built, "--grafana")
    again = told("export", "rows@2", tmp_path, "-p", storied_built, "--grafana", code=1)
    assert "is there already; name another folder" in again


def test_of_the_stable_release_kserve_has_nothing_to_split(storied_built, told_json, tmp_path):
    found = told_json("export", "rows@stable", tmp_path, "-p", storied_built, "--kserve")
    assert set(found["files"]) == {"inference-service.yaml", "README.md"}


def test_flagger_asks_the_prometheus_that_was_named(storied_built, told, tmp_path):
    named = ("--rollout", "rows-2-abcdefgh", "--prometheus", "http://metrics.example.com:9090")
    told("export", "rows@2", tmp_path, "-p", storied_built, "--flagger", *named)
    text = (tmp_path / "metric-templates.yaml").read_text(encoding="utf-8")
    addresses = {template["spec"]["provider"]["address"] for template in yaml.safe_load_all(text)}
    assert addresses == {"http://metrics.example.com:9090"}


def test_a_file_is_no_folder_to_export_to(storied_built, told, tmp_path):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    message = told("export", "rows@2", tmp_path / "taken", "-p", storied_built, "--grafana", code=1)
    assert "the target must be a folder, got the file" in message
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_without_the_extra_a_deployment_says_how_to_install_it(storied_built, told, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    message = told("export", "rows@2", tmp_path / "x", "-p", storied_built, "--grafana", code=1)
    assert "pip install 'smallcraft[serve]'" in message
    told("export", "rows@2", tmp_path / "y", "-p", storied_built, "--only", "bundle")


def test_alert_rules_carry_the_promise_and_the_budget_of_the_project(storied_built, told, tmp_path):
    words = ("export", "rows@2", tmp_path / "rules", "-p", storied_built, "--alerts")
    assert before_next(told(*words, "--availability", "0.99")).startswith("smallcraft-rules.yaml in ")
    (found,) = yaml.safe_load_all((tmp_path / "rules/smallcraft-rules.yaml").read_text(encoding="utf-8"))
    alerts = {rule["alert"]: rule for rule in found["groups"][1]["rules"]}
    assert "(14.4 * 0.01)" in alerts["SmallcraftFailuresBurnFast"]["expr"]
    assert "SmallcraftSlow" not in alerts
    message = told(*words, code=1)
    assert "is there already" in message
    message = told("export", "rows@2", tmp_path / "x", "-p", storied_built, "--alerts", "--grafana", code=1)
    assert "got --grafana and --alerts; run it once for each" in message
