from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.evaluate.harness.opening import open_model


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "weights.pt", "m.pickle"])
def test_a_pickle_is_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    with pytest.raises(InvalidInputError, match="runs whatever code is in it"):
        open_model(str(tmp_path / name))


def test_what_no_opener_knows_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(NotFoundError, match=r"there is no model 'nothing'.*model.onnx.*module"):
        open_model("nothing")
    odd = tmp_path / "model.xyz"
    odd.write_text("hello")
    with pytest.raises(InvalidInputError, match="is no model that can be opened"):
        open_model(str(odd))


def test_a_function_is_opened_from_the_projects_folder(tmp_path):
    (tmp_path / "opened_here.py").write_text("def answer(texts):\n    return texts\n", encoding="utf-8")
    assert open_model("opened_here:answer", OpenOptions(tmp_path)).kind == "callable"
