"""Openers of models of any make, one kind a file; this table lists them in the order they are tried.

Always: a target that no opener knows is refused with what there is; pickles are never opened.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.openers.bundle import BundleOpener
from smallcraft.evaluate.openers.callable import CallableOpener
from smallcraft.evaluate.openers.inference_url import InferenceUrlOpener
from smallcraft.evaluate.openers.onnx import OnnxOpener
from smallcraft.evaluate.openers.opener import Opener
from smallcraft.evaluate.openers.predictions import PredictionsOpener
from smallcraft.evaluate.openers.skops import SkopsOpener

BUILTIN: Mapping[str, Opener] = {
    "inference_url": InferenceUrlOpener(),
    "skops": SkopsOpener(),
    "onnx": OnnxOpener(),
    "predictions": PredictionsOpener(),
    "bundle": BundleOpener(),
    "callable": CallableOpener(),
}
