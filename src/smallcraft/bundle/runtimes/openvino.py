"""OpenVINO, where it is installed: another engine for graphs in the form fp32.

Leaves to others: whether its answers are near enough (`smallcraft doctor BUNDLE` asks the self-check again).
Always: one thread; float32 arithmetic, whatever the processor prefers.
Not covered: INT8 graphs; OpenVINO does not know onnxruntime's quantized attention, and says so when it opens.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.errors import BundleFormatError, MissingPartError

_SETTINGS = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVino:
    """Imported at the first graph."""

    name: ClassVar[str] = "openvino"

    def open(self, model: bytes, weights: Mapping[str, bytes]) -> Session:
        """A compiled model; what it is made of passes through a private folder, since it reads by path."""
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise MissingPartError(
                "runtime 'openvino' is not installed; `pip install openvino` adds it, or take 'onnxruntime'"
            ) from error
        with tempfile.TemporaryDirectory(prefix="smallcraft-openvino-") as folder:
            path = Path(folder, "model.onnx")
            for name, data in {path.name: model, **weights}.items():
                Path(folder, name).write_bytes(data)
            try:
                compiled = openvino.Core().compile_model(str(path), "CPU", _SETTINGS)
            except Exception as error:  # OpenVINO's errors share no narrower class
                reason = str(error).strip().splitlines()[-1]
                raise BundleFormatError(
                    f"openvino {openvino.__version__} cannot open the bundle's graph ({reason}); take a "
                    "bundle in the form fp32, or runtime 'onnxruntime'"
                ) from error
        return _Compiled(compiled)


class _Compiled:
    """Each thread asks by a request of its own, which keeps its buffers."""

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401 - openvino need not be installed
        self._compiled = compiled
        self._own = threading.local()

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]], /
    ) -> Sequence[NDArray[Any]]:
        """Copies of the outputs: the request writes over its own at the next run."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        found = self._own.request.infer(dict(input_feed))
        names = output_names or [output.get_any_name() for output in self._compiled.outputs]
        return [np.array(found[name]) for name in names]
