"""LitServe: an API class, one worker, batches where the job wants them."""

from typing import Any

import litserve

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()


class Api(litserve.LitAPI):
    """Runs in LitServe's worker process."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        self.model = JOB.open()

    # Annotations would tell LitServe of other kinds than JSON.
    def decode_request(self, request) -> Any:
        return request["features" if JOB.kind == "linear" else "text"]

    def predict(self, asked: Any) -> Any:
        return self.model.answer_many(asked) if JOB.batch > 1 else self.model.answer(asked)

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(max_batch_size=JOB.batch), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=JOB.port, num_api_servers=1, generate_client_file=False, log_level="error"
    )
