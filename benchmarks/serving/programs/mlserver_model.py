"""MLServer: a custom runtime beside its two settings files; `mlserver start` runs it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.serving.programs.job import ServerJob, read_server_job


class Runtime(MLModel):
    """Asks the model; styles `in_process` and `workers` are MLServer's `parallel_workers`."""

    async def load(self) -> bool:
        self.job = read_server_job()
        self.model = self.job.open()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if self.job.kind == "linear":
            asked = self.decode_request(payload, default_codec=NumpyRequestCodec)
        else:
            asked = self.decode(payload.inputs[0], default_codec=StringCodec)
        answers = self.model.answer_many(asked)
        outputs = [
            StringCodec.encode_output("label", [answer["label"] for answer in answers]),
            NumpyCodec.encode_output("confidence", np.array([answer["confidence"] for answer in answers])),
            NumpyCodec.encode_output("probabilities", np.array([a["probabilities"] for a in answers])),
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def write_settings(job: ServerJob, folder: Path) -> None:
    """What `mlserver start` reads."""
    settings = {
        "host": "127.0.0.1",
        "http_port": job.port,
        "grpc_port": 0,
        "metrics_port": 0,
        "parallel_workers": 0 if job.style == "in_process" else 1,
        "debug": False,
    }
    model = {
        "name": "model",
        "implementation": "benchmarks.serving.programs.mlserver_model.Runtime",
        "parameters": {"uri": job.folder},
        **({"max_batch_size": job.batch, "max_batch_time": 0.005} if job.batch > 1 else {}),
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    write_settings(read_server_job(), Path())
    command = str(Path(sys.executable).parent / "mlserver")
    os.execv(command, [command, "start", "."])
