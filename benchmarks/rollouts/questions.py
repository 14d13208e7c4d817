"""What a reader asks of a rule, and the scenarios that answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["quiet", "harmful"]


@dataclass(frozen=True)
class Question:
    """A section of the page.

    Attributes:
        title: The question.
        about: What hangs on it.
        kind: Whether the releases are no worse, or worse.
        scenarios: That answer it, by name.
    """

    title: str
    about: str
    kind: Kind
    scenarios: tuple[str, ...]


QUESTIONS = (
    Question(
        "Is a release that is no worse left alone?",
        "A rule that cries wolf is switched off, or gets its thresholds raised until it sees nothing. What "
        "is neither promoted nor rolled back waits: smallcraft counts a sender once in each step, so under "
        "`sticky` some rollouts run out of senders before all is shown, and wait for a person.",
        "quiet",
        ("fine", "incident", "slow_incident", "sticky", "margin"),
    ),
    Question(
        "Is a better release promoted?",
        "Fewer errors and shorter latencies are a difference too, and no reason to go back.",
        "quiet",
        ("better",),
    ),
    Question(
        "Are more errors stopped in time?",
        "The question a canary is for. A fiftieth of the new release's requests fails that would not have.",
        "harmful",
        ("errors", "sticky_errors"),
    ),
    Question(
        "Is a slow tail seen?",
        "The median stays as it was, so averages and dashboards look fine. In the last column: a rule may be "
        "right for a wrong reason, such as a success rate that is no worse.",
        "harmful",
        ("slow_tail", "stalls"),
    ),
    Question("Is a release seen that is slower in all?", "By less than a third.", "harmful", ("slow",)),
    Question(
        "Is a regression seen that begins late?",
        "A cache or a pool of connections that suffices for a little traffic. A rule that has seen enough "
        "good requests to be sure must change its mind. A rule that never gives the new release a quarter "
        "does not meet it before the promotion.",
        "harmful",
        ("late_errors",),
    ),
    Question(
        "Is a slow leak seen?",
        "Nothing is wrong at first, and no moment differs much from the one before.",
        "harmful",
        ("leak",),
    ),
    Question(
        "Are other answers seen?",
        "A model may be quick, free of errors and wrong. Rules that look at errors and latency cannot "
        "know; what they roll back here is a false alarm that came in handy. No request is bad in the sense "
        "above.",
        "harmful",
        ("other_answers",),
    ),
)
