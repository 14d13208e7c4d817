"""A model behind an Open Inference Protocol V2 address, `http://host:port/v2/models/NAME`, asked in JSON.

The address itself is asked once for the names of the inputs (a server without metadata is fine), then
`/infer` a batch at a time. Text goes as BYTES, numbers as FP64; the answer is an output `probabilities` or
`probs` of `(n, k)` numbers, its classes in its or the response's `parameters.classes`, or `label`.
Always: one request a batch, none is sent twice, no redirect is followed; an answer may take so many seconds
and so many bytes.

Source: Open Inference Protocol, version 2 (KServe), REST face.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import numpy as np
import polars as pl

from smallcraft.data.table import text_form
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.answers import Answers, Questions, label_answers, probability_answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

LARGEST_ANSWER = 64 * 2**20
_PROBABILITIES = ("probabilities", "probs")


@dataclass(frozen=True)
class InferenceUrlOpener:
    """Opens an address; its cost is time on the clock, for its work is done elsewhere."""

    name: str = "inference_url"
    example: str = "http://host:8080/v2/models/NAME (Open Inference Protocol V2)"

    def fits(self, target: str) -> bool:
        """By its scheme."""
        return target.lower().startswith(("http://", "https://"))

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Ask for its inputs.

        Raises:
            InvalidInputError: The address is not one of a model.
            NotFoundError: Nobody answers there.
        """
        address = _address(target)
        names = _input_names(address, options.timeout)

        def answer(questions: Questions) -> Answers:
            sent = {"inputs": _tensors(questions, names)}
            reply = _post(address, sent, options.timeout)
            try:
                return _read(reply, questions, options.classes)
            except InvalidInputError as error:
                raise InvalidInputError(f"{target}: {error}") from error

        reads = names if len(names) > 1 else ()
        return OpenedModel(target, self.name, answer, reads=reads, cost="wall")


def _address(target: str) -> SplitResult:
    try:
        found = urlsplit(target.rstrip("/"))
        has_port = found.port is None or found.port > 0
    except ValueError as error:
        raise InvalidInputError(
            f"'{target}' is no address ({error}); write http://host:8080/v2/models/NAME"
        ) from error
    if not (found.hostname and has_port and "/v2/models/" in found.path):
        raise InvalidInputError(
            f"an address of a model ends in /v2/models/NAME, got '{target}'; write http://host:8080/v2/models/NAME"
        )
    return found


def _input_names(address: SplitResult, timeout: float) -> tuple[str, ...]:
    """What the model calls its inputs; empty where the server does not say."""
    status, body = _request(address, "GET", "", None, timeout)
    if status != http.client.OK:
        return ()
    told = _parse(body, address)
    entries = told.get("inputs", []) if isinstance(told, Mapping) else []
    return tuple(
        str(entry["name"])
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str)
    )


def _tensors(questions: Questions, names: tuple[str, ...]) -> list[dict[str, Any]]:
    inputs = questions.inputs
    if len(names) == 1 and len(inputs) == 1:
        return [_tensor(names[0], questions.frame[inputs[0]])]
    missing = [name for name in names if name not in questions.frame.columns]
    if missing:
        raise InvalidInputError(
            f"the model reads '{missing[0]}', and the columns are {', '.join(inputs)}; name them with "
            "--text and --features"
        )
    return [_tensor(name, questions.frame[name]) for name in names or inputs]


def _tensor(name: str, series: pl.Series) -> dict[str, Any]:
    if series.dtype.is_numeric() and series.null_count() == 0:
        values: list[Any] = series.cast(pl.Float64).to_list()
        return {"name": name, "shape": [len(values)], "datatype": "FP64", "data": values}
    if series.dtype.is_numeric():
        row = int(series.is_null().arg_max() or 0) + 1
        raise InvalidInputError(
            f"column '{name}' has no value in row {row} of a batch, and JSON has no number for that; fill it"
        )
    return {
        "name": name,
        "shape": [len(series)],
        "datatype": "BYTES",
        "data": text_form(series).fill_null("").to_list(),
    }


def _post(address: SplitResult, sent: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
    body = json.dumps(sent, allow_nan=False).encode("utf-8")
    status, answered = _request(address, "POST", "/infer", body, timeout)
    if status != http.client.OK:
        said = answered[:300].decode("utf-8", "replace").strip()
        raise InvalidInputError(
            f"{address.geturl()}/infer answered with status {status}: {said or 'nothing'}; look at the server"
        )
    reply = _parse(answered, address)
    if not isinstance(reply, Mapping):
        raise InvalidInputError(
            f"{address.geturl()}/infer must answer with an object, got {type(reply).__name__}"
        )
    return reply


def _request(
    address: SplitResult, method: str, path: str, body: bytes | None, timeout: float
) -> tuple[int, bytes]:
    assert address.hostname is not None
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname, address.port, timeout=timeout)
    headers = {"Accept": "application/json"} | (
        {"Content-Type": "application/json"} if body is not None else {}
    )
    try:
        connection.request(method, address.path + path, body=body, headers=headers)
        response = connection.getresponse()
        answered = response.read(LARGEST_ANSWER + 1)
    except TimeoutError as error:
        raise InvalidInputError(
            f"{address.geturl()} did not answer within {timeout:g} s; give it more with --timeout, or "
            "ask for fewer rows at once with --batch"
        ) from error
    except (ConnectionError, socket.gaierror, OSError) as error:
        raise NotFoundError(
            f"nobody answers at {address.geturl()} ({error}); start the server, or correct the address"
        ) from error
    except (http.client.HTTPException, UnicodeError) as error:
        raise InvalidInputError(
            f"{address.geturl()} does not speak HTTP ({type(error).__name__}); correct the address"
        ) from error
    finally:
        connection.close()
    if len(answered) > LARGEST_ANSWER:
        raise InvalidInputError(
            f"{address.geturl()} answered with more than {LARGEST_ANSWER:,} bytes; "
            "ask for fewer rows with --batch"
        )
    return response.status, answered


def _parse(body: bytes, address: SplitResult) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"{address.geturl()} must answer in JSON, got {body[:80]!r}; "
            "is it an Open Inference Protocol server?"
        ) from error


def _read(reply: Mapping[str, Any], questions: Questions, classes: tuple[str, ...]) -> Answers:
    listed = reply.get("outputs")
    outputs = {
        str(entry.get("name")): entry
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, Mapping)
    }
    for name in _PROBABILITIES:
        if name in outputs:
            table = _values(outputs[name], questions.rows, name)
            said = classes or _said_classes(outputs[name]) or _said_classes(reply)
            if not said:
                raise InvalidInputError(
                    f"output '{name}' does not say its classes; write --classes a,b,c in its order"
                )
            return probability_answers(table, said, known=questions.labels)
    if "label" in outputs:
        labels = _values(outputs["label"], questions.rows, "label")
        return label_answers([row[0] for row in labels], known=questions.labels)
    raise InvalidInputError(
        f"the answer must hold an output 'probabilities' or 'label', got {', '.join(outputs) or 'none'}"
    )


def _values(output: Mapping[str, Any], rows: int, name: str) -> list[list[Any]]:
    """The tensor as a list a row; JSON may hold it flat or nested."""
    data = output.get("data")
    flat = _flatten(data) if isinstance(data, list) else []
    if rows == 0 or len(flat) % rows or not flat:
        raise InvalidInputError(
            f"output '{name}' must hold as many values for each of {rows} rows, got {len(flat)} values"
        )
    width = len(flat) // rows
    shape = output.get("shape")
    if isinstance(shape, list) and shape and (shape[0] != rows or int(np.prod(shape)) != len(flat)):
        raise InvalidInputError(
            f"output '{name}' says its shape is {shape}, got {len(flat)} values for {rows} rows"
        )
    if name == "label" and width != 1:
        raise InvalidInputError(f"output 'label' must hold one value a row, got {width}")
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def _flatten(data: list[Any]) -> list[Any]:
    if data and isinstance(data[0], list):
        return [value for row in data for value in (row if isinstance(row, list) else [row])]
    return data


def _said_classes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    parameters = entry.get("parameters")
    said = parameters.get("classes") if isinstance(parameters, Mapping) else None
    return tuple(map(str, said)) if isinstance(said, list) else ()
