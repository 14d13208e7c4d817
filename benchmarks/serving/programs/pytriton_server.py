"""PyTriton: Triton's own HTTP server, a Python function behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.serving.programs.job import read_server_job
from benchmarks.serving.server_process import free_port

JOB = read_server_job()
MODEL = JOB.open()
INPUT = (
    Tensor(name="features", dtype=np.float32, shape=(384,))
    if JOB.kind == "linear"
    else Tensor(name="text", dtype=bytes, shape=(1,))
)
OUTPUTS = [
    Tensor(name="label", dtype=bytes, shape=(1,)),
    Tensor(name="confidence", dtype=np.float64, shape=(1,)),
    Tensor(name="probabilities", dtype=np.float64, shape=(77,)),
]


@batch
def infer(**inputs: np.ndarray) -> dict[str, Any]:
    """Rows of one request, or of several that were gathered."""
    rows = inputs["features"] if JOB.kind == "linear" else [row[0].decode() for row in inputs["text"]]
    answers = MODEL.answer_many(rows)
    return {
        "label": np.array([[answer["label"].encode()] for answer in answers]),
        "confidence": np.array([[answer["confidence"]] for answer in answers]),
        "probabilities": np.array([answer["probabilities"] for answer in answers]),
    }


if __name__ == "__main__":
    ports = TritonConfig(
        http_address="127.0.0.1", http_port=JOB.port, grpc_port=free_port(), metrics_port=free_port()
    )
    settings = ModelConfig(max_batch_size=JOB.batch, batcher=DynamicBatcher())
    with Triton(config=ports) as triton:
        triton.bind(model_name="model", infer_func=infer, inputs=[INPUT], outputs=OUTPUTS, config=settings)
        triton.serve()
