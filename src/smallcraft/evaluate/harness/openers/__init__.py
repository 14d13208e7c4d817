"""Openers of models of any make, one kind a file; this table lists them in the order they are tried.

Always: a target that no opener knows is refused with what there is; pickles are never opened.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.harness.openers.bundle import BundleOpener
from smallcraft.evaluate.harness.openers.callable import CallableOpener
from smallcraft.evaluate.harness.openers.inference_url import InferenceUrlOpener
from smallcraft.evaluate.harness.openers.mlflow import MlflowOpener
from smallcraft.evaluate.harness.openers.onnx import OnnxOpener
from smallcraft.evaluate.harness.openers.opener import Opener
from smallcraft.evaluate.harness.openers.predictions import PredictionsOpener
from smallcraft.evaluate.harness.openers.skops import SkopsOpener

BUILTIN: Mapping[str, Opener] = {
    "inference_url": InferenceUrlOpener(),
    "skops": SkopsOpener(),
    "onnx": OnnxOpener(),
    "predictions": PredictionsOpener(),
    "mlflow": MlflowOpener(),
    "bundle": BundleOpener(),
    "callable": CallableOpener(),
}
