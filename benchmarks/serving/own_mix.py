"""What good clients ask our server in a soak, in every form; each answer must be the bundle's own.

Always: compared with the bundle opened and asked in this process, to the last bit that JSON carries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.serving.driver import Check
from benchmarks.serving.forms import check_for
from benchmarks.serving.hostile import Victim
from benchmarks.serving.messages import Reply, Target, request_bytes
from benchmarks.serving.ours import FORMS, INFER
from benchmarks.serving.soak import Mix, mix
from benchmarks.serving.work import WIDTH, Work
from smallcraft.bundle.runtime import open_bundle

_EXACT = 1e-12
_ALTERNATIVES = 3


def own_mix(work: Work, *, seed: int) -> Mix:
    """JSON and binary tensors, and the plain face, in one random order."""
    own = with_own_answers(work)
    parts = [
        (form.requests(own, INFER), check_for(own, form.read, tolerance=_EXACT)) for form in FORMS.values()
    ]
    plain = [request_bytes("/predict", json.dumps(_columns(own, value)).encode()) for value in own.values]
    return mix([*parts, (plain, check_plain_face(own))], seed=seed)


def victim_of(target: Target, work: Work) -> Victim:
    """Our server, for hostile clients."""
    return Victim(target, INFER, FORMS["json"].requests(work, INFER)[0])


def with_own_answers(work: Work) -> Work:
    """The work, with what its bundle answers for right."""
    bundle = open_bundle(work.bundle)
    asked = [_columns(work, value) for value in work.values]
    columns = {name: [row[name] for row in asked] for name in bundle.inputs}
    return replace(work, right=bundle.predict_proba(columns))


def check_plain_face(work: Work) -> Check:
    """Label, confidence and the most probable others of `/predict`."""

    def check(place: int, reply: Reply) -> str:
        if reply.status != 200:
            return f"status {reply.status}: {reply.body[:200]!r}"
        said, right = json.loads(reply.body), work.right[place]
        order = np.argsort(-right, kind="stable")[: _ALTERNATIVES + 1].tolist()
        alternatives = [(one["label"], one["probability"]) for one in said["alternatives"]]
        found = [(said["label"], said["confidence"]), *alternatives]
        for code, (label, probability) in zip(order, found, strict=True):
            if label != work.classes[code] or abs(probability - right[code]) > _EXACT:
                return f"{label!r} at {probability}, the bundle says {work.classes[code]!r} at {right[code]}"
        return ""

    return check


def _columns(work: Work, value: Any) -> Mapping[str, Any]:
    """A row as the plain face takes it."""
    if work.kind == "text":
        return {"text": value}
    return {f"f{number}": value[number] for number in range(WIDTH)}
