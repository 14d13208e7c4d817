"""What the verbs of `label` say: lines for people, and the same as one object for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smallcraft.label.campaigns import Status
    from smallcraft.label.outcome import Outcome
    from smallcraft.pipeline.labelling.answers import AnswersTaken
    from smallcraft.pipeline.labelling.losses import Weighed
    from smallcraft.pipeline.labelling.planning import Proposed

_FORMAT = 1
_MOST_SLICES, _MOST_GAPS = 5, 3


def proposed_lines(found: Proposed) -> list[str]:
    """What is asked, why, and where the files are."""
    campaign, arms = found.campaign, _arms(found)
    slices = () if found.slices is None else found.slices.found[:_MOST_SLICES]
    return [
        (
            f"campaign {campaign.id}: {len(campaign.asks):,} rows, {campaign.votes_wanted:,} votes, "
            f"cost {campaign.cost:g}"
        ),
        f"  {arms['targeted']:,} targeted, {arms['random']:,} drawn blindly, {arms['gold']:,} settled before",
        *(
            f"  more errors {one.words}: {one.errors} of {one.met} rows that were kept back to check"
            for one in slices
        ),
        *(
            f"  a gate lacks rows of {name}: {rows:,} without a label are there"
            for name, rows in found.gaps.items()
        ),
        *(f"  give out {path}" for path in found.files),
        "  then smallcraft label import ANSWERS",
    ]


def proposed_form(found: Proposed) -> dict[str, Any]:
    """The same for scripts."""
    campaign = found.campaign
    return {
        "format": _FORMAT,
        "campaign": campaign.id,
        "rows": len(campaign.asks),
        "votes": campaign.votes_wanted,
        "cost": campaign.cost,
        "unit": campaign.budget.unit,
        "arms": _arms(found),
        "slices": [] if found.slices is None else [one.name for one in found.slices.found],
        "undecided": dict(found.gaps),
        "files": [str(path) for path in found.files],
    }


def taken_lines(taken: AnswersTaken, weighed: Weighed) -> list[str]:
    """What came in, what it changed, how people did, and what to do next."""
    imported, merged, version = taken.imported, taken.merged, taken.version
    lines = [
        f"{imported.added:,} votes taken in, {imported.repeated:,} were known, {imported.skipped:,} skipped",
        f"  {len(merged.changed):,} labels are others or new, {len(merged.queue):,} left to an adjudicator",
    ]
    if taken.unheard:
        lines.append(
            f"  answers about {taken.unheard:,} rows are kept and not heard: not in train any longer"
        )
    lines += [
        f"  {one.annotator}: {one.right} of {one.answered} right where others had settled it "
        f"[{one.interval.low:.2f}, {one.interval.high:.2f}]"
        for one in taken.people
    ]
    lines += [
        f"  {gap.classes[0]} and {gap.classes[1]} are mixed up ({gap.agreed:.0%} of {gap.pairs} pairs "
        "agree): a line in the guideline is worth more than votes"
        for gap in taken.gaps[:_MOST_GAPS]
    ]
    lines += [f"  ALARM {alarm.sentence}" for alarm in weighed.raised]
    lines += [
        f"  alarm {alarm.id} is {alarm.harm.verdict.value}: {alarm.harm.sentence}" for alarm in weighed.judged
    ]
    lines += [f"  losses of {release} are not weighed: {why}" for release, why in weighed.refused.items()]
    if version is not None and version.left_out:
        lines.append(
            f"  {version.left_out:,} new rows are left out: a row of dev or cert has their key or is a copy"
        )
    if version is not None:
        lines += [
            f'  first path = "{version.path}" and split = "{version.split}" in [data] of smallcraft.toml',
            f"        ({version.relabelled:,} rows relabelled, {version.added:,} new; none changes sides)",
        ]
    return lines


def taken_form(taken: AnswersTaken, weighed: Weighed) -> dict[str, Any]:
    """The same for scripts."""
    imported, merged, version = taken.imported, taken.merged, taken.version
    return {
        "format": _FORMAT,
        "added": imported.added,
        "repeated": imported.repeated,
        "revised": imported.revised,
        "skipped": imported.skipped,
        "campaigns": list(imported.campaigns),
        "changed": len(merged.changed),
        "queue": len(merged.queue),
        "unheard": taken.unheard,
        "version": None if version is None else version.path,
        "split": None if version is None else version.split,
        "raised": [alarm.id for alarm in weighed.raised],
        "alarms": {alarm.id: alarm.harm.verdict.value for alarm in (*weighed.raised, *weighed.judged)},
        "refused": dict(weighed.refused),
    }


def bought_lines(outcome: Outcome) -> list[str]:
    """What a round bought, arm against arm, and whether another one pays."""
    lines = [f"campaign {outcome.campaign}: {outcome.votes:,} votes changed {outcome.changed:,} labels"]
    if outcome.overall is not None:
        gain = outcome.overall
        lines.append(
            f"  accuracy on dev {gain.before:.4f} -> {gain.after:.4f}, {gain.value:+.4f} "
            f"[{gain.interval.low:+.4f}, {gain.interval.high:+.4f}] over {len(gain.of_seed)} seeds, "
            f"{gain.n:,} rows"
        )
    if outcome.arms is not None and outcome.arms.targeted is not None:
        blind = "none" if outcome.arms.random is None else f"{outcome.arms.random:.1%}"
        lines.append(
            f"  changed: {outcome.arms.targeted:.1%} of targeted rows, {blind} of rows drawn blindly"
        )
    if outcome.cost_of_a_repair is not None:
        lines.append(f"  {outcome.cost_of_a_repair:.3g} {outcome.unit} for a label that changed")
    if outcome.alpha is not None:
        lines.append(f"  agreement (Krippendorff's alpha) {outcome.alpha:.2f}")
    if outcome.advice:
        lines.append(f"  {outcome.advice}: {outcome.reason}")
    return lines


def status_lines(found: Sequence[Status]) -> list[str]:
    """A line a campaign."""
    return [_line(one) for one in found] or ["no campaign yet; begin one with `smallcraft label next`"]


def status_form(found: Sequence[Status]) -> dict[str, Any]:
    """The same for scripts (docs/schemas/label.json)."""
    return {
        "format": _FORMAT,
        "campaigns": [
            {
                "id": one.campaign.id,
                "state": one.campaign.state,
                "note": one.campaign.note,
                "created": one.campaign.created,
                "strategy": one.campaign.strategy,
                "sources": list(one.campaign.sources),
                "rows": len(one.campaign.asks),
                "rows_answered": one.rows_answered,
                "votes_wanted": one.campaign.votes_wanted,
                "votes": one.votes,
                "annotators": one.annotators,
            }
            for one in found
        ],
    }


def _line(one: Status) -> str:
    campaign = one.campaign
    why = f" ({campaign.note})" if campaign.note else ""
    return (
        f"{campaign.id} {campaign.state}{why}, {campaign.created[:10]}, {campaign.strategy}: {one.votes:,} "
        f"of {campaign.votes_wanted:,} votes by {one.annotators} people on {one.rows_answered:,} rows"
    )


def _arms(found: Proposed) -> dict[str, int]:
    asks = found.campaign.asks
    return {arm: sum(ask.arm == arm for ask in asks) for arm in ("targeted", "random", "gold")}
