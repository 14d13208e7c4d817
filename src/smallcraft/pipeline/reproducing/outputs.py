"""What came of the rebuild, beside the record: bundle, files, measurements, choice, audits, verdicts.

Compared is canonical JSON byte for byte, without the measurements that differ from run to run.
Left to others: which inputs may explain a difference (`inputs`), the verdict (`judging`).
Always: a difference is told by the first place where it stands, with both values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import canonical_json, digest_bytes, digest_file, plain
from smallcraft.pipeline.reproducing.clock import without_timed
from smallcraft.pipeline.reproducing.origin import Origin
from smallcraft.pipeline.reproducing.rebuild import Rebuilt
from smallcraft.pipeline.reproducing.record import Compared
from smallcraft.pipeline.stages.logs import answers_log
from smallcraft.records import Evidence

# What of the facts a build finds out, by the name under which it is compared; the costs are those on record.
_ALWAYS = {
    "quality on dev": ("candidates",),
    "choice": ("decision", "claims", "ablations", "pareto"),
    "audits": ("audits",),
}
_AFTER_CERT = {
    "data checks": ("checks", "quality"),
    "what cert told": ("cert", "released"),
    "verdicts": ("verdicts",),
}
_NAMING = ("rung", "name", "gate", "check", "audit", "path")
_SHOWN = 60
# A key that only one side has; JSON has no such value.
_ABSENT = object()


def compare_outputs(
    origin: Origin, rebuilt: Rebuilt, facts: Mapping[str, Any] | None, *, cert: Compared
) -> tuple[Compared, ...]:
    """Every output; the bundle and its files first.

    Args:
        origin: What was recorded.
        rebuilt: The rebuild.
        facts: What the rebuild would record; None where cert was left alone.
        cert: Cert's answer, or why it was not asked.
    """
    found = _always(rebuilt) if facts is None else facts
    return (
        _bundle(origin, rebuilt),
        *_bundle_files(origin, rebuilt),
        *_candidates(origin, rebuilt),
        *(_part(what, keys, origin.facts, found) for what, keys in _ALWAYS.items()),
        *_answers(origin, rebuilt),
        cert,
        *(
            _untold(what) if facts is None else _part(what, keys, origin.facts, facts)
            for what, keys in _AFTER_CERT.items()
        ),
    )


def first_place(recorded: Any, now: Any, path: str = "") -> str:  # noqa: ANN401 - JSON is recursive
    """The first place where two JSON values differ, with both; empty where they do not.

    >>> first_place({"a": [{"name": "f1", "value": 1}]}, {"a": [{"name": "f1", "value": 2}]})
    'a/f1/value: 1, now 2'
    """
    if recorded is _ABSENT or now is _ABSENT:
        return _difference(path, recorded, now)
    if canonical_json(recorded) == canonical_json(now):
        return ""
    if isinstance(recorded, dict) and isinstance(now, dict):
        keys = sorted({*recorded, *now})
        pairs = [(key, recorded.get(key, _ABSENT), now.get(key, _ABSENT)) for key in keys]
    elif isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        pairs = [
            (_called(was, place), was, found)
            for place, (was, found) in enumerate(zip(recorded, now, strict=True))
        ]
    else:
        return _difference(path, recorded, now)
    return next(told for key, was, found in pairs if (told := first_place(was, found, f"{path}/{key}")))


def _difference(path: str, recorded: object, now: object) -> str:
    where = path.removeprefix("/")
    return (
        f"{where}: {_shown(recorded)}, now {_shown(now)}"
        if where
        else f"{_shown(recorded)}, now {_shown(now)}"
    )


def _called(item: object, place: int) -> str:
    """An entry of a list by its own name, where it has one."""
    if isinstance(item, dict):
        name = next((str(item[key]) for key in _NAMING if item.get(key)), None)
        if name is not None:
            where = item.get("slice")
            return name if where in (None, "all") else f"{name} of {where}"
    return str(place)


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = canonical_json(value).decode("utf-8")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _always(rebuilt: Rebuilt) -> Mapping[str, Any]:
    """What is known without cert, named as in a release's facts."""
    weighed = rebuilt.weighed
    return {
        "candidates": plain([found.evidence for found in rebuilt.candidates]),
        "decision": plain(rebuilt.decision),
        "claims": [claim.sentence for claim in weighed.claims],
        "ablations": [part.detail for part in weighed.ablations],
        "pareto": weighed.front.sentence if weighed.front else None,
        "audits": plain(rebuilt.audits),
    }


def _bundle(origin: Origin, rebuilt: Rebuilt) -> Compared:
    now = rebuilt.released.attempt.digest
    return Compared("bundle", origin.bundle, now, origin.bundle == now)


def _bundle_files(origin: Origin, rebuilt: Rebuilt) -> Iterator[Compared]:
    folder = rebuilt.released.attempt.bundle
    assert folder is not None
    listed = open_bundle(folder).description["files"]
    now = {path: entry["digest"] for path, entry in listed.items()}
    now[DESCRIPTION] = digest_file(folder / DESCRIPTION)
    for path in sorted({*origin.bundle_files, *now}):
        was, found = origin.bundle_files.get(path), now.get(path)
        lost = "" if was and found else f"only {'the record' if was else 'the rebuild'} has it"
        yield Compared(f"bundle/{path}", was, found, was == found, detail=lost)


def _candidates(origin: Origin, rebuilt: Rebuilt) -> Iterator[Compared]:
    """Every rung that was tried, by its bundle, or by how the attempt ended."""
    now = {found.evidence.rung: found.evidence for found in rebuilt.candidates}
    for rung in dict.fromkeys((*origin.candidates, *now)):
        was, found = (_standing(side.get(rung)) for side in (origin.candidates, now))
        yield Compared(f"candidate {rung}", was, found, was == found)


def _answers(origin: Origin, rebuilt: Rebuilt) -> Iterator[Compared]:
    """The winner's answer to each dev row, where the release keeps them."""
    if origin.answers is not None:
        was, now = (
            digest_bytes(data) for data in (origin.answers, answers_log(rebuilt.prepared, rebuilt.winner))
        )
        yield Compared("answers on dev", was, now, was == now)


def _standing(evidence: Evidence | None) -> str | None:
    if evidence is None:
        return None
    return evidence.candidate or evidence.status.value


def _part(what: str, keys: tuple[str, ...], recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Compared:
    was, found = ({key: _settled(key, side.get(key)) for key in keys} for side in (recorded, now))
    before, after = digest_bytes(canonical_json(was)), digest_bytes(canonical_json(found))
    return Compared(what, before, after, before == after, detail=first_place(was, found))


def _settled(key: str, value: object) -> Any:  # noqa: ANN401 - JSON is recursive
    """As it is read back from a file, without what differs from run to run; bundles are compared apart."""
    settled = without_timed(json.loads(canonical_json(value)))
    if key == "candidates":
        return [{part: found for part, found in entry.items() if part != "candidate"} for entry in settled]
    return settled


def _untold(what: str) -> Compared:
    return Compared(what, None, None, None, detail="not compared: it rests on cert's answer")
