"""From everything compared to a verdict: identical, within noise, or diverged at the first difference.

Identical: every output that could be compared is the same, byte for byte. Within noise: the bytes differ,
no input does that makes another model, and on the dev rows the two models differ by no more than noise: the
paired interval contains 0 and is narrower than the margin, every score on record lies within the bounds
measured now, and the choice is the same. Anything else has diverged.
Always: a bundle that is not the recorded one is never called identical; one that is, with other numbers
beside it and no other machine to explain them, has diverged; a difference that no recorded input explains is
said to be unexplained.
Not covered: within noise, scores that have no bounds, and what audits found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.reproducing.origin import Origin
from smallcraft.pipeline.reproducing.rebuild import Rebuilt
from smallcraft.pipeline.reproducing.record import Compared, Noise, VerdictName
from smallcraft.pipeline.stages.climb import split_of
from smallcraft.pipeline.stages.measure import predict_split
from smallcraft.pipeline.workspace import Workspace

_SHOWN_DIGITS = 19
_LAST_DIGITS = 1e-9


@dataclass(frozen=True)
class Judgement:
    """The verdict.

    Attributes:
        verdict: In a word or two.
        sentence: With what it rests on.
        first: What it is named after; None for `identical`.
    """

    verdict: VerdictName
    sentence: str
    first: Compared | None


def judge(
    label: str, inputs: Sequence[Compared], outputs: Sequence[Compared], noise: Noise | None
) -> Judgement:
    """Say how the rebuild stands to the record.

    Args:
        label: Of the release.
        inputs: In the order in which a difference is named.
        outputs: The bundle first.
        noise: Between the two models; None where it was not or could not be measured.
    """
    other = [output for output in outputs if output.differs]
    if not other:
        return Judgement("identical", _identical_sentence(label, outputs), None)
    content = next((found for found in inputs if found.differs and found.bearing == "content"), None)
    rounding = next((found for found in inputs if found.differs and found.bearing == "rounding"), None)
    # A model of the same bytes gives the same numbers, unless another machine computes them.
    may_be_noise = content is None and (outputs[0].differs or rounding is not None)
    if may_be_noise and noise is not None and noise.is_inside:
        return Judgement("within noise", _noise_sentence(noise, rounding), rounding or other[0])
    first = content or rounding
    if first is not None:
        return Judgement("diverged", _diverged_sentence(first, noise), first)
    return Judgement("diverged", _unexplained_sentence(other[0], noise), other[0])


def measure_noise(config: Config, origin: Origin, rebuilt: Rebuilt, recorded: Bundle) -> Noise | None:
    """Ask both bundles about the dev rows.

    Args:
        config: The recorded settings, in the rebuild's workspace.
        origin: What was recorded.
        rebuilt: The rebuild.
        recorded: The bundle of the release.

    Returns:
        None where the rows or the classes are others.
    """
    dev = split_of(rebuilt.prepared, "dev")
    is_same = dev.ref.digest == (origin.facts["data"]["splits"].get("dev") or {}).get("digest")
    assert rebuilt.released.attempt.bundle is not None
    now = open_bundle(rebuilt.released.attempt.bundle)
    if not is_same or now.classes != recorded.classes:
        return None
    workspace, quality = Workspace(config.folder), config.quality
    difference = quality_difference(
        predict_split(now, dev, workspace),
        predict_split(recorded, dev, workspace),
        metric=quality.metric,
        level=quality.confidence,
        seed=config.seed,
    )
    return Noise(
        metric=quality.metric,
        value=difference.value,
        low=difference.interval.low,
        high=difference.interval.high,
        level=quality.confidence,
        margin=quality.margin,
        n=dev.frame.height,
        record_gap=_record_gap(quality.metric, origin, rebuilt),
        same_choice=rebuilt.decision.chosen == origin.chosen,
        strayed=_strayed(origin, rebuilt),
    )


def _record_gap(metric: str, origin: Origin, rebuilt: Rebuilt) -> float:
    """How far a score on record is from the one measured now, at most; infinite where one has none."""
    gaps = [0.0]
    for candidate in rebuilt.candidates:
        recorded = origin.candidates.get(candidate.attempt.rung)
        was = None if recorded is None else recorded.find(metric, split="dev")
        now = candidate.evidence.find(metric, split="dev")
        before, after = (None if found is None else found.value for found in (was, now))
        if before is not None and after is not None:
            gaps.append(abs(before - after))
        elif before is not after:
            gaps.append(math.inf)
    return max(gaps)


def _strayed(origin: Origin, rebuilt: Rebuilt) -> tuple[str, ...]:
    """Scores on record outside the bounds measured now; models within noise do not differ by so much."""
    strayed = []
    for candidate in rebuilt.candidates:
        rung = candidate.attempt.rung
        recorded = origin.candidates.get(rung)
        for now in candidate.evidence.measurements:
            was = recorded and recorded.find(now.name, split=now.split, slice=now.slice)
            if not was or was.value is None or now.low is None or now.high is None:
                continue
            if not now.low - _LAST_DIGITS <= was.value <= now.high + _LAST_DIGITS:
                strayed.append(f"{rung} {now.name} of {now.slice}: {was.value:.4g} on record")
    return tuple(strayed)


def _identical_sentence(label: str, outputs: Sequence[Compared]) -> str:
    bundle = outputs[0].now or ""
    untold = [output.what for output in outputs if output.same is None]
    rest = f"; not compared: {', '.join(untold)}" if untold else ""
    return (
        f"identical: the rebuilt bundle is that of {label} byte for byte ({bundle[:_SHOWN_DIGITS]}...), and "
        f"all that was measured of its quality is the same, timings apart{rest}"
    )


def _noise_sentence(noise: Noise, rounding: Compared | None) -> str:
    cause = "no recorded input differs"
    if rounding is not None:
        cause = f"{_difference(rounding)}, which moves last digits"
    return (
        f"within noise: the bytes differ, the models do not: {_noise_words(noise)}, which contains 0 and is "
        f"narrower than the margin {noise.margin:g}; {cause}"
    )


def _diverged_sentence(first: Compared, noise: Noise | None) -> str:
    parts = [f"diverged at {_difference(first)}", first.detail, first.remedy]
    parts.append(_noise_words(noise) if noise is not None else "")
    return "; ".join(part for part in parts if part)


def _unexplained_sentence(first: Compared, noise: Noise | None) -> str:
    why = "it depends on something that the release does not record, or the record is not what was measured"
    head = f"diverged at {first.what}, and no recorded input differs: {why}"
    return "; ".join(part for part in (head, first.detail, noise and _noise_words(noise)) if part)


def _difference(item: Compared) -> str:
    return f"{item.what}: {_short(item.recorded)} was recorded, now {_short(item.now)}"


def _short(value: str | None) -> str:
    """Digests by their first digits."""
    if value is None:
        return "nothing"
    return f"{value[:_SHOWN_DIGITS]}..." if value.startswith("sha256:") else value


def _noise_words(noise: Noise) -> str:
    return (
        f"{noise.metric} on dev differs by {noise.value:+.4f} [{noise.low:+.4f}, {noise.high:+.4f}] "
        f"({noise.level:.0%}, n = {noise.n:,})"
        + (f"; {noise.strayed[0]} lies outside what is measured now" if noise.strayed else "")
    )
