"""What a hostile bundle can do, it does to a child: the parent is told why, and goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from tests.serve.loading.hostile import (
    endless_graph,
    foreign_graph,
    harmless_graph,
    huge_graph,
    write_graph_bundle,
)

from smallcraft.errors import BundleFormatError, IntegrityError
from smallcraft.serve.loading import trial
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.loading.trial import try_model

# Few seconds of work; the clock may be slow where many tests run at once.
SMALL = LoadLimits(memory_bytes=1 << 30, cpu_s=1, wall_s=900.0)


def source_of(tmp_path, model, **more):
    return source_of_folder(write_graph_bundle(tmp_path / "bundle", model, **more), "helpdesk", "4")


def test_a_sound_model_is_loaded_and_what_it_took_is_told(tmp_path):
    found = try_model(source_of(tmp_path, harmless_graph()), limits=SMALL)
    assert 0 < found.seconds < SMALL.wall_s
    assert 10 << 20 < found.peak_bytes < 1 << 30


def test_a_graph_that_never_ends_is_ended(tmp_path):
    with pytest.raises(
        BundleFormatError, match=r"helpdesk@4 is not served, .* more processor time than loading may"
    ):
        try_model(source_of(tmp_path, endless_graph()), limits=SMALL)


def test_a_graph_that_asks_for_more_memory_than_there_is_is_refused(tmp_path):
    with pytest.raises(BundleFormatError, match="helpdesk@4 is not served, since loading it went wrong"):
        try_model(source_of(tmp_path, huge_graph()), limits=SMALL)


def test_broken_integrity_keeps_its_name(tmp_path):
    with pytest.raises(IntegrityError, match="needs code that is not the engine's"):
        try_model(source_of(tmp_path, foreign_graph()), limits=SMALL)


def test_a_file_changed_after_it_was_verified_is_found(tmp_path):
    source = source_of(tmp_path, harmless_graph())
    path = source.folder / "heads/only.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(IntegrityError, match="does not match its record"):
        try_model(source, limits=SMALL)


def test_a_model_that_fails_its_own_test_is_refused(tmp_path):
    golden = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(BundleFormatError, match="2 of 4 rows do here"):
        try_model(source_of(tmp_path, harmless_graph(), golden=golden), limits=SMALL)


def test_the_child_is_given_no_secret_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SERVICE_TOKEN", "secret")
    seen = {}
    whole = subprocess.run

    def watch(command, **options):
        seen.update(options["env"], cwd=options["cwd"])
        return whole(command, **options)

    monkeypatch.setattr(trial.subprocess, "run", watch)
    try_model(source_of(tmp_path, harmless_graph()), limits=SMALL)
    assert "secret" not in seen.values()
    assert seen["PATH"] == os.environ["PATH"]
    assert seen["cwd"] == "/"


def test_what_a_child_says_is_one_marked_line_whatever_else_is_printed(tmp_path):
    told = json.dumps(
        {
            "source": trial.write_source(source_of(tmp_path, harmless_graph())),
            "limits": trial.asdict(SMALL),
        }
    )
    command = [sys.executable, "-P", "-m", "smallcraft.serve.loading.trial"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=True)
    mark, found = done.stdout.split(" ", 1)
    assert mark == "smallcraft-trial"
    assert json.loads(found)["kind"] == "well"
