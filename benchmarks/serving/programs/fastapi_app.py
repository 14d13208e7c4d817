"""FastAPI with models of the request and the response; styles `async` (`async def`) and `threads` (`def`)."""

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()
MODEL = JOB.open()
app = FastAPI()


class Features(BaseModel):
    """A row of numbers."""

    features: list[float]


class Text(BaseModel):
    """A text."""

    text: str


class Answer(BaseModel):
    """What the model says."""

    label: str
    confidence: float
    probabilities: list[float]


Asked = Features if JOB.kind == "linear" else Text


async def predict(asked: Asked) -> Answer:
    """One question, answered in the event loop."""
    return Answer(**MODEL.answer(getattr(asked, MODEL.field)))


def predict_in_a_thread(asked: Asked) -> Answer:
    """One question, answered in the pool of threads."""
    return Answer(**MODEL.answer(getattr(asked, MODEL.field)))


app.post("/predict")(predict if JOB.style == "async" else predict_in_a_thread)

if __name__ == "__main__":
    uvicorn.run(app, port=JOB.port, access_log=False, log_level="error")
