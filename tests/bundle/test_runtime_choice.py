"""Which runtime is taken: the one named, that of the environment, else onnxruntime."""

from __future__ import annotations

import pytest

from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.runtime_choice import VARIABLE, choose_runtime
from smallcraft.errors import InvalidInputError


def test_the_name_given_wins_over_the_environment_and_onnxruntime_is_the_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert choose_runtime().name == "onnxruntime"
    monkeypatch.setenv(VARIABLE, "numpy")
    assert choose_runtime().name == "numpy"
    assert choose_runtime("openvino").name == "openvino"


def test_a_misspelt_runtime_is_refused_with_the_nearest(bundles, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onxruntime")
    with pytest.raises(InvalidInputError, match=r"'onxruntime' is not one of .* 'onnxruntime'\?"):
        open_bundle(bundles["fast"].bundle)
