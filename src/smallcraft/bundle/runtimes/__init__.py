"""Runtimes: each runs the graphs of a bundle, from bytes that were already checked."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.bundle.runtimes.numpy import WithoutGraphs
from smallcraft.bundle.runtimes.onnxruntime import OnnxRuntime
from smallcraft.bundle.runtimes.openvino import OpenVino
from smallcraft.bundle.runtimes.runtime import Runtime

BUILTIN: Mapping[str, Runtime] = {
    "onnxruntime": OnnxRuntime(),
    "numpy": WithoutGraphs(),
    "openvino": OpenVino(),
}
