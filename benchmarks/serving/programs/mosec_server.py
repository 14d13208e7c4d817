"""mosec: a Rust front door, one worker process in Python."""

from __future__ import annotations

import sys
from typing import Any

from mosec import Server, Worker

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()


class Inference(Worker):
    """Runs in mosec's worker process."""

    def __init__(self) -> None:
        super().__init__()
        self.model = JOB.open()

    def forward(self, data: Any) -> Any:
        if JOB.batch > 1:
            return self.model.answer_many([asked[self.model.field] for asked in data])
        return self.model.answer(data[self.model.field])


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "--address", "127.0.0.1", "--port", str(JOB.port), "--log-level", "error"]
    server = Server()
    server.append_worker(Inference, num=1, max_batch_size=JOB.batch)
    server.run()
