"""The registry's story as text: one line a release for `smallcraft log`, its parts for `show`.

Leaves to others: printing, colours and tables.
Always: what was not recorded reads "not recorded", what was not measured "not measured".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smallcraft.records import Release


@dataclass(frozen=True)
class HistoryLine:
    """One release as a line of text."""

    release: str
    created: str
    chosen: str
    quality: str
    size: str
    sentence: str


@dataclass(frozen=True)
class Detail:
    """One named thing about a release."""

    term: str
    text: str


def describe_release(release: Release) -> HistoryLine:
    """A release in one line: version, date, rung, quality with interval, size, decision."""
    facts = release.facts
    return HistoryLine(
        release=release.label,
        created=release.created,
        chosen=str(facts.get("chosen") or "not recorded"),
        quality=_quality(facts),
        size=_size(facts),
        sentence=str(facts.get("sentence") or "not recorded"),
    )


def describe_history(releases: Iterable[Release]) -> tuple[HistoryLine, ...]:
    """The lines of several releases, in the order given."""
    return tuple(describe_release(release) for release in releases)


def describe_details(release: Release) -> tuple[Detail, ...]:
    """What `show` says of one release: the line's parts, the verdicts, the digests, the files."""
    line = describe_release(release)
    verdicts = release.facts.get("verdicts")
    return (
        Detail("release", line.release),
        Detail("created", line.created),
        Detail("chosen", line.chosen),
        Detail("quality", line.quality),
        Detail("size", line.size),
        Detail("decision", line.sentence),
        *(Detail(f"gate {v.get('gate')}", _verdict(v)) for v in _mappings(verdicts)),
        Detail("manifest", release.manifest_digest),
        Detail("manifest before", release.previous_manifest or "none, this is the first version"),
        *(Detail(f"file {file.path}", f"{file.size_bytes:,} bytes, {file.digest}") for file in release.files),
    )


def _quality(facts: Mapping[str, object]) -> str:
    """The declared metric on the sealed split, of the bundle that ships; else of the candidate on dev.

    By a plan of pass/fail questions: what was shown, since no score was told.
    """
    metric = facts.get("metric")
    chosen = [c for c in _mappings(facts.get("candidates")) if c.get("rung") == facts.get("chosen")]
    found = {
        measurement.get("split"): measurement
        for candidate in (*chosen, *_mappings([facts.get("released")]))
        for measurement in _mappings(candidate.get("measurements"))
        if measurement.get("name") == metric and measurement.get("slice", "all") == "all"
    }
    cert = facts.get("cert")
    plan = cert.get("plan") if isinstance(cert, Mapping) else None
    if isinstance(plan, Mapping):
        return f"{plan.get('asked')} {'shown' if plan.get('passed') else 'not shown'} on cert"
    for split in ("cert", "dev"):
        if split in found and found[split].get("value") is not None:
            return f"{metric} {_number(found[split]['value'])}{_interval(found[split])} on {split}"
    return "not measured"


def _interval(measurement: Mapping[str, object]) -> str:
    low, high = measurement.get("low"), measurement.get("high")
    return "" if low is None or high is None else f" [{_number(low)}, {_number(high)}]"


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else str(value)


def _size(facts: Mapping[str, object]) -> str:
    bundle = facts.get("bundle")
    size = bundle.get("size_bytes") if isinstance(bundle, Mapping) else None
    return f"{size / 1e6:.2f} MB" if isinstance(size, int | float) else "not measured"


def _verdict(verdict: Mapping[str, object]) -> str:
    needs = verdict.get("needs")
    reason = f"{verdict.get('outcome')}: {verdict.get('reason')}"
    return f"{reason}; would settle it: {needs}" if needs else reason


def _mappings(value: object) -> list[Mapping[str, object]]:
    items = value if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, Mapping)]
