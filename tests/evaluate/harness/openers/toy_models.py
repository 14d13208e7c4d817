"""Rows to ask about, and models of every make that answer them: graphs, files, a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
from onnx import TensorProto, helper

from smallcraft.evaluate.harness.answers import Questions

TEXTS = ["good day", "bad day", "good", "bad", "good luck", "no idea"]
LABELS = ["pos", "neg", "pos", "neg", "pos", "neg"]


def text_questions(texts: Sequence[str] = TEXTS, **more: Sequence[object]) -> Questions:
    """Rows with one text column `message`, and further columns of their file."""
    frame = pl.DataFrame({"message": list(texts)})
    raw = frame.with_columns(pl.Series(name, values) for name, values in more.items())
    return Questions(frame, raw, "message", (), tuple(sorted(set(LABELS))))


def number_questions(**columns: Sequence[object]) -> Questions:
    """Rows with features alone."""
    frame = pl.DataFrame(columns)
    return Questions(frame, frame, None, tuple(columns), ("neg", "pos"))


def names(answers: Any) -> list[str]:
    """The label of each row."""
    return [answers.classes[code] for code in answers.probs.argmax(axis=1)]


def write_linear_graph(
    path: Path, *, features: int, classes: Sequence[str] = ("neg", "pos"), inputs: str = "x"
) -> Path:
    """A linear classifier of ai.onnx.ml: `pos` where the first feature is above 0; gives label and table."""
    weights = np.zeros((len(classes), features))
    weights[-1, 0], weights[0, 0] = 5.0, -5.0
    node = helper.make_node(
        "LinearClassifier",
        [inputs],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        coefficients=weights.ravel().tolist(),
        intercepts=[0.0] * len(classes),
        classlabels_strings=list(classes),
        post_transform="SOFTMAX",
        multi_class=1,
    )
    return write_graph(
        path,
        [node],
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, [None, features])],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, len(classes)]),
        ],
    )


def write_text_graph(path: Path, *, shape: Sequence[int | None] = (None,)) -> Path:
    """A graph that knows the texts above by heart and gives one label a row."""
    node = helper.make_node(
        "LabelEncoder",
        ["text"],
        ["label"],
        domain="ai.onnx.ml",
        keys_strings=TEXTS,
        values_strings=LABELS,
        default_string="neg",
    )
    return write_graph(
        path,
        [node],
        [helper.make_tensor_value_info("text", TensorProto.STRING, list(shape))],
        [helper.make_tensor_value_info("label", TensorProto.STRING, list(shape))],
    )


def write_graph(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    initializers: Sequence[Any] = (),
    domains: Sequence[str] = ("", "ai.onnx.ml"),
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Any graph as a file."""
    graph = helper.make_graph(list(nodes), "toy", list(inputs), list(outputs), list(initializers))
    versions = {"": 17, "ai.onnx.ml": 3}
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(domain, versions.get(domain, 1)) for domain in domains]
    )
    model.ir_version = 9
    helper.set_model_props(model, dict(metadata or {}))
    path.write_bytes(model.SerializeToString())
    return path


Reply = Callable[[list[dict[str, Any]]], object]


@contextmanager
def serving(
    reply: Reply,
    *,
    metadata: object | None = None,
    status: int = 200,
    raw: bytes | None = None,
    seen: list[dict[str, Any]] | None = None,
) -> Iterator[str]:
    """A server of the Open Inference Protocol on loopback; gives its address.

    Args:
        reply: From the input tensors to the JSON that is answered.
        metadata: Of the model; None for a server without.
        status: Of every answer to `infer`.
        raw: Answered instead, as it is.
        seen: Gets every body that was sent.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"" if metadata is None else json.dumps(metadata).encode()
            self.answer(404 if metadata is None else 200, body)

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if seen is not None:
                seen.append(sent)
            assert self.path == "/v2/models/toy/infer"
            self.answer(status, json.dumps(reply(sent["inputs"])).encode() if raw is None else raw)

        def answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v2/models/toy"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_function(folder: Path, name: str, body: str) -> str:
    """A module with a function `answer`; gives `module:answer`."""
    (folder / f"{name}.py").write_text(body, encoding="utf-8")
    return f"{name}:answer"
