"""BentoML: a service class, one worker; `bentoml serve` runs it."""

import os
import sys
from typing import Any

import bentoml

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()

if JOB.batch > 1:

    @bentoml.service(workers=1)
    class Server:
        """Texts, gathered by the adaptive batching."""

        def __init__(self) -> None:
            self.model = JOB.open()

        @bentoml.api(batchable=True, max_batch_size=JOB.batch)
        def predict(self, text: list[str]) -> list[dict[str, Any]]:
            """Several questions."""
            return self.model.answer_many(text)

else:

    @bentoml.service(workers=1)
    class Server:
        """Rows of numbers."""

        def __init__(self) -> None:
            self.model = JOB.open()

        @bentoml.api
        def predict(self, features: list[float]) -> dict[str, Any]:
            """One question."""
            return self.model.answer(features)


if __name__ == "__main__":
    command = [sys.executable, "-m", "bentoml", "serve", "benchmarks.serving.programs.bentoml_service:Server"]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", str(JOB.port)])
