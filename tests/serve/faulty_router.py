"""A router whose own model ends the process at one number: for what is answered in the routers themselves."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

from smallcraft.serve.loading.opening import LoadedModel, open_model
from smallcraft.serve.router import following
from smallcraft.serve.router.serving import run_router

POISON = 666.0


class Deadly:
    """The model, but for that number."""

    def __init__(self, answerer: Any) -> None:
        self.answerer = answerer
        self.heads = answerer.heads

    def answer(self, inputs: Any, head: str = "") -> Any:
        if inputs.numbers[0, 0] == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.answerer.answer(inputs, head)


def open_deadly(*given: Any, **named: Any) -> LoadedModel:
    loaded = open_model(*given, **named)
    return replace(loaded, answerer=Deadly(loaded.answerer))


if __name__ == "__main__":
    following.open_model = open_deadly
    run_router()
