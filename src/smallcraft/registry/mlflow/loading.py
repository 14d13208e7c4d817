"""How MLflow loads a release (`mlflow.pyfunc.load_model`): the proof and every byte are checked first.

`MLmodel` names this module; MLflow calls `_load_pyfunc` with the folder that it fetched.
Not covered: an `MLmodel` that was altered to name other code: `smallcraft verify` tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.registry.mlflow.packing import RELEASE_FOLDER
from smallcraft.registry.mlflow.receiving import check_folder


class ReleaseModel:
    """A release that answers as MLflow asks."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> list[Any]:  # noqa: ANN401, ARG002
        """One label a row.

        Args:
            model_input: A data frame or a dict of columns; a list of texts where the text is all it reads.
            params: None are known.

        Raises:
            InvalidInputError: A column that the release reads is not there.
        """
        return list(self._bundle.predict(self._rows(model_input)))

    def _rows(self, given: Any) -> Any:  # noqa: ANN401 - whatever MLflow hands over
        if not (isinstance(given, Mapping) or hasattr(given, "columns")):
            return [str(text) for text in given]
        columns = given if isinstance(given, Mapping) else {str(name): given[name] for name in given.columns}
        missing = [name for name in self._bundle.inputs if name not in columns]
        if missing:
            raise InvalidInputError(
                f"the release reads the column '{missing[0]}', got {', '.join(map(str, columns)) or 'none'}"
            )
        return {name: _listed(columns[name]) for name in self._bundle.inputs}


def _listed(values: Any) -> Sequence[Any]:  # noqa: ANN401
    """A column as a list; what a data frame calls not a number is no value."""
    return [None if value is None or value != value else value for value in values]


def _load_pyfunc(path: str) -> ReleaseModel:
    """What MLflow calls.

    Raises:
        IntegrityError: Something in the folder is not as recorded.
    """
    folder = Path(path)
    check_folder(folder)
    return ReleaseModel(open_bundle(folder / RELEASE_FOLDER / "bundle"))
