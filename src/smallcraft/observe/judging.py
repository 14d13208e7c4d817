"""What an alarm of a release says: who it is about, since when, and whether it does harm.

Leaves to others: when one is raised and what becomes of it (`observe.watching`), the parts of it
(`attribution`, `harm`, `words`).
Always: an alarm that losses raised is harmful by the evidence it was raised on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import Profile, merge_profiles
from smallcraft.data.profiles.reference import Reference
from smallcraft.observe.alarms import Alarm, Explanation, Harm, HarmVerdict
from smallcraft.observe.attribution import Found, explain
from smallcraft.observe.group_risk import Labelled, count_by_group
from smallcraft.observe.guardrail import Turn
from smallcraft.observe.harm import HarmBaseline, LossCounts, Unlabelled, judge_harm, judge_losses
from smallcraft.observe.harm_guard import LossTurn
from smallcraft.observe.quantities import Quantity, Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.statistics import PreparedReference, measure_window
from smallcraft.observe.weighting import PastRow, weigh_past
from smallcraft.observe.window_rows import Window
from smallcraft.observe.windows import EVERYTHING, shown_time
from smallcraft.observe.words import find_words

# No segment is named so: what guards losses stands beside what guards segments.
LOSSES = "/losses"
_NOTHING_KNOWN = HarmBaseline(loss_bound=1.0, tolerance=0.0)


@dataclass(frozen=True)
class WatchedRelease:
    """A release and what it is held against.

    Attributes:
        label: Such as `helpdesk@3`.
        reference: Profiles of the rows it was certified on.
        baseline: What it promised; None where no harm can be judged.
        classes: Names of the rows and columns of the baseline's confusion matrix.
    """

    label: str
    reference: Reference
    baseline: HarmBaseline | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AtAlarm:
    """What is known when the inputs raise an alarm.

    Attributes:
        window: That raised it.
        reading: Its numbers.
        turn: Of the guardrail.
        since: Windows since the change began, that one included.
        usual: Medians of the past.
        labelled: Labels of these windows.
        past: Labelled rows from before.
        has_evidence: Whether the detector has any.
    """

    window: Window
    reading: Reading
    turn: Turn
    since: Sequence[Window]
    usual: Mapping[Quantity, float]
    labelled: Sequence[Labelled]
    past: Sequence[PastRow]
    has_evidence: bool


def drift_alarm(
    release: WatchedRelease, known: AtAlarm, reference: PreparedReference, settings: WatchSettings
) -> Alarm:
    """The alarm of inputs or answers that moved.

    Args:
        release: That is watched.
        known: At the alarm.
        reference: For the window's place in the season.
        settings: As declared.
    """
    raised, name = known.turn.raised, known.window.name
    assert raised is not None
    profile = merge_profiles([each.profile for each in known.since])
    found = Found(
        known.turn.state.quantities,
        known.turn.state.plan.weights,
        raised,
        known.reading.values,
        known.usual,
        tuple(known.since),
        reference,
    )
    words = find_words(release.reference.whole, profile)
    return Alarm(
        id=f"{name.release}/{name.segment}/{shown_time(name.start_s).replace(' ', 'T')}",
        release=name.release,
        segment=name.segment,
        opened_s=name.end_s,
        began_s=raised.began_s,
        budget=settings.false_alarms_per_month,
        log_e=raised.log_e if known.has_evidence else None,
        log_level=known.turn.state.plan.log_level,
        explanation=explain(found, has_evidence=known.has_evidence, words=words),
        harm=judge_since(
            *(release, profile, known.labelled),
            reference=reference,
            past=known.past,
            seed=settings.seed,
        ),
        last_s=name.end_s,
    )


def loss_alarm(
    release: WatchedRelease, turn: LossTurn, harm: Harm, *, at_s: int, began_s: int, settings: WatchSettings
) -> Alarm:
    """The alarm of answers that are worse than promised.

    Args:
        release: That is watched.
        turn: Of the guardrail of losses.
        harm: From `loss_harm`.
        at_s: When the labels came.
        began_s: Begin of the window that the change is likely to have begun in.
        settings: As declared.
    """
    at = at_s // settings.window_s * settings.window_s
    return Alarm(
        id=f"{release.label}{LOSSES}/{shown_time(at).replace(' ', 'T')}",
        release=release.label,
        segment=EVERYTHING,
        opened_s=at_s,
        began_s=began_s,
        budget=settings.false_alarms_per_month,
        log_e=turn.log_e,
        log_level=turn.state.log_level,
        explanation=Explanation(),
        harm=harm,
        last_s=at_s,
    )


def loss_harm(turn: LossTurn, losses: Mapping[str, LossCounts], baseline: HarmBaseline) -> Harm:
    """That labels have shown harm, with the intervals of who is meant.

    Args:
        turn: That raised an alarm.
        losses: Of labels since the change began.
        baseline: Of the release.
    """
    signs = judge_losses(losses, baseline)
    shown = ", ".join(turn.groups[:3])
    labels = int(losses["all"].sum()) if "all" in losses else 0
    sentence = f"losses of {shown} are above what the release promised, by {labels} labels"
    return Harm(HarmVerdict.HARMFUL, sentence, signs, labels)


def judge_since(
    release: WatchedRelease,
    profile: Profile,
    labelled: Sequence[Labelled],
    *,
    reference: PreparedReference,
    past: Sequence[PastRow] = (),
    seed: int,
) -> Harm:
    """Whether a change does harm.

    Args:
        release: That is watched.
        profile: Of the windows since the change began.
        labelled: Labels of these windows.
        reference: That they are held against.
        past: Labelled rows from before the change.
        seed: Of the bootstrap.
    """
    rng = np.random.default_rng([seed, profile.n])
    if release.baseline is None:
        return judge_harm(_NOTHING_KNOWN, losses={}, rows=Unlabelled(), rng=rng)
    rows = unlabelled(profile, reference, classes=release.classes)
    domain = release.reference.measures.domain
    weighed = None if domain is None else weigh_past(past, profile, domain)
    if weighed is not None:
        rows = replace(rows, is_right=weighed.is_right, odds=weighed.odds)
    return judge_harm(release.baseline, losses=count_by_group(labelled), rows=rows, rng=rng)


def unlabelled(profile: Profile, reference: PreparedReference, *, classes: tuple[str, ...]) -> Unlabelled:
    """What a profile says of rows without labels.

    Args:
        profile: Of the windows since the change began.
        reference: Of the release.
        classes: Names of the classes, in the order of the baseline's confusion matrix; empty for none.
    """
    confidence, answers = profile.columns.get("answer/confidence"), profile.columns.get("answer/class")
    counts = None
    if isinstance(answers, CategoryProfile) and classes:
        given = answers.as_mapping()
        counts = np.array([given.get(name, 0) for name in classes], dtype=np.int64)
    outside = [
        value
        for quantity, value in measure_window(profile, reference, wanted=("unseen",)).items()
        if quantity.statistic == "unseen"
    ]
    return Unlabelled(
        confidences=confidence.histogram if isinstance(confidence, NumericProfile) else None,
        answers=counts,
        outside=max(outside, default=0.0),
    )
