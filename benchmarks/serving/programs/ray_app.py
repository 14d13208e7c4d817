"""Ray Serve: one deployment with one replica on a local cluster."""

from __future__ import annotations

from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 1})
class Served:
    """Runs in a replica."""

    def __init__(self) -> None:
        self.model = JOB.open()

    async def __call__(self, request: Request) -> dict[str, Any]:
        asked = (await request.json())[self.model.field]
        return await self.gathered(asked) if JOB.batch > 1 else self.model.answer(asked)

    @serve.batch(max_batch_size=max(JOB.batch, 1), batch_wait_timeout_s=0.005)
    async def gathered(self, asked: list[Any]) -> list[dict[str, Any]]:
        """Several questions."""
        return self.model.answer_many(asked)


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": JOB.port})
    serve.run(Served.bind(), route_prefix="/predict", blocking=True)
