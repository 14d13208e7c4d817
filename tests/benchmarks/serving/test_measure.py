"""One real server, started, asked, measured and ended: the whole way of a contestant."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.serving.contestants import BINARY, LISTED, OPEN, PLAIN, Peer
from benchmarks.serving.forms import check_for, read_open, read_plain
from benchmarks.serving.load import run_load
from benchmarks.serving.measure import Loads, measure_peer, measure_server, serving_peer
from benchmarks.serving.messages import Reply
from benchmarks.serving.plans import Closed
from benchmarks.serving.server_process import ServerError
from benchmarks.serving.work import CLASSES, WIDTH, Work, make_linear_work

from benchmarks.serving import contestants

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")
RAW = next(peer for peer in contestants.LINEAR_PEERS if peer.name == "raw uvicorn")


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Work:
    return make_linear_work(tmp_path_factory.mktemp("work"))


def replied(body: object, *, status: int = 200, head: bytes = b"") -> Reply:
    return Reply(status, head, body if isinstance(body, bytes) else json.dumps(body).encode())


def plain_answer(work, place):
    row = work.right[place]
    best = int(row.argmax())
    return {"label": work.classes[best], "confidence": row[best], "probabilities": row.tolist()}


def test_a_server_is_measured_over_all_its_processes_and_answers_rightly(work):
    with serving_peer(RAW, Path(sys.executable), work) as (server, target):
        loads = Loads(connections=(2,), seconds=0.4, warm_up_s=0.1)
        taken = measure_server(server, target, work=work, path=RAW.path, form=RAW.form, loads=loads)[2]
        wrong = check_for(work, RAW.form.read, tolerance=1e-12)
        requests = RAW.form.requests(work, RAW.path)
        strict = run_load(target, requests, Closed(1, seconds=60, count=4), check=wrong)
    assert taken.n > 3
    assert 1 < taken.cpu_us < 1e6
    assert 0 < taken.p50_ms <= taken.p99_ms
    assert taken.memory_mb > 10
    assert taken.per_second > 3
    # Single precision is right to four digits, and is seen to differ after that.
    assert strict.n_wrong == 4


def test_a_server_that_answers_wrongly_has_no_numbers(work):
    other = replace(work, right=np.roll(work.right, 1, axis=0))
    loads = Loads(connections=(1,), seconds=0.1, warm_up_s=0.1)
    with pytest.raises(ServerError, match="wrong replies of"):
        measure_peer(RAW, Path(sys.executable), other, loads)


def test_the_bundle_and_numpy_agree_on_what_is_right(work):
    from smallcraft.bundle.runtime import open_bundle

    columns = {f"f{number}": [row[number] for row in work.values] for number in range(WIDTH)}
    found = open_bundle(work.bundle).predict_proba(columns)
    assert np.abs(found - work.right).max() < work.tolerance
    assert work.right.shape == (len(work.values), CLASSES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"label": "class_00"}, "label 'class_00'"),
        ({"confidence": 0.0}, r"label '.*' at 0\.0"),
        ({"probabilities": [0.5, 0.5]}, "2 probabilities for 77 classes"),
        ({"probabilities": [float("nan")] * CLASSES}, "differs by nan"),
        ({"probabilities": "many"}, "ValueError"),
    ],
)
def test_a_reply_is_right_when_label_confidence_and_probabilities_are(work, change, why):
    place = next(row for row in range(len(work.values)) if work.right[row].argmax() != 0)
    said = check_for(work, read_plain, tolerance=1e-4)(
        place, replied({**plain_answer(work, place), **change})
    )
    assert (said == "") is (why == "")
    assert re.search(why, said)


def test_a_right_reply_is_right_again_and_only_in_its_place(work):
    check = check_for(work, read_plain, tolerance=1e-4)
    right = replied(plain_answer(work, 0))
    assert check(0, right) == check(0, right) == ""
    assert check(1, right) != ""
    assert "status 500" in check(0, replied(right.body, status=500))
    assert "JSONDecodeError" in check(0, replied(b"{"))


def test_open_inference_protocol_is_read_in_json_and_in_binary(work):
    row, best = work.right[0], int(work.right[0].argmax())
    label, tensors = work.classes[best].encode(), {}
    tensors["label"] = ("BYTES", len(label).to_bytes(4, "little") + label, [work.classes[best]])
    tensors["confidence"] = ("FP64", np.float64(row[best]).tobytes(), [row[best]])
    tensors["probabilities"] = ("FP64", row.tobytes(), [row.tolist()])
    listed = [{"name": name, "datatype": kind, "data": data} for name, (kind, _, data) in tensors.items()]
    binary = [
        {"name": name, "datatype": kind, "parameters": {"binary_data_size": len(raw)}}
        for name, (kind, raw, _) in tensors.items()
    ]
    head = json.dumps({"outputs": binary}).encode()
    length = b"http/1.1 200 ok\r\ninference-header-content-length: %d\r\n\r\n" % len(head)
    whole = head + b"".join(raw for _, raw, _ in tensors.values())
    check = check_for(work, read_open, tolerance=1e-9)
    assert check(0, replied({"outputs": listed})) == ""
    assert check(0, replied(whole, head=length)) == ""
    assert check(0, replied(whole[:-8], head=length)) != ""


def test_every_form_asks_the_same(work):
    plain, listed, opened, binary = (
        form.requests(work, "/p")[3].partition(b"\r\n\r\n")[2] for form in (PLAIN, LISTED, OPEN, BINARY)
    )
    row = work.values[3]
    assert json.loads(plain)["features"] == json.loads(listed)["features"][0] == row
    assert json.loads(opened)["inputs"][0]["data"] == row
    size = json.loads(binary[: -4 * WIDTH])["inputs"][0]["parameters"]["binary_data_size"]
    assert np.frombuffer(binary[-size:], dtype="<f4").tolist() == np.float32(row).tolist()


def test_every_peer_has_a_program_and_those_who_gather_requests_say_how_many():
    folder = Path(contestants.__file__).parent / "programs"
    peers = (*contestants.LINEAR_PEERS, *contestants.BINARY_PEERS, *contestants.TEXT_PEERS)
    assert all((folder / f"{peer.program}.py").is_file() for peer in peers)
    for table in (contestants.LINEAR_PEERS, contestants.BINARY_PEERS, contestants.TEXT_PEERS):
        assert len({peer.name for peer in table}) == len(table)
    assert {peer.batch for peer in contestants.LINEAR_PEERS} == {1}


@pytest.mark.peer
@pytest.mark.slow
def test_a_peer_of_several_processes_answers_rightly(work, peer_python):
    peer: Peer = next(peer for peer in contestants.LINEAR_PEERS if peer.name == "mosec")
    with serving_peer(peer, peer_python(peer.environment), work) as (_, target):
        check = check_for(work, peer.form.read, tolerance=work.tolerance)
        plan = Closed(2, seconds=60, count=64)
        report = run_load(target, peer.form.requests(work, peer.path), plan, check=check)
    assert (report.ends, report.wrong) == ({"200": 64}, ())
