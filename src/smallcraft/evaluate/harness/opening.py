"""Opens whatever a user names as a model: finds the opener that knows it; a pickle is never opened."""

from __future__ import annotations

from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".dill", ".cloudpickle")


def open_model(target: str, options: OpenOptions | None = None) -> OpenedModel:
    """A model that answers.

    Args:
        target: A bundle directory, `.skops`, `.onnx`, `module:function`, address, or file of predictions.
        options: What is said beside it.

    Raises:
        InvalidInputError: No opener knows it, or the one that does refuses it.
        NotFoundError: There is nothing at that place.
    """
    for opener in BUILTIN.values():
        if opener.fits(target):
            return opener.open(target, options or OpenOptions())
    if target.lower().endswith(_PICKLES):
        raise InvalidInputError(
            f"{target} looks like a pickle, and opening one runs whatever code is in it; save the estimator "
            "with skops.io.dump, export it to ONNX, or write a function and name it as module:function"
        )
    known = "; ".join(opener.example for opener in BUILTIN.values())
    if not Path(target).exists():
        raise NotFoundError(
            f"there is no model '{target}'; a model is one of: {known}; or a release such as helpdesk@3"
        )
    raise InvalidInputError(f"'{target}' is no model that can be opened; a model is one of: {known}")
