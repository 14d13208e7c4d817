"""The list of verbs in the order of the loop, and below the help of each an example and its exit codes.

What a verb does stands in its own module; here is only what they have in common on a page of help.
Always: every verb stands in one group and has an example; a new verb without either is listed last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Data": ("init", "import", "check"),
    "Build": ("build", "gate", "evaluate", "predict", "cost", "curve"),
    "Registry": (
        *("log", "show", "diff", "card", "verify", "reproduce"),
        *("alias", "export", "push", "pull", "registry"),
    ),
    "Serve": ("serve", "rollout"),
    "Watch": ("watch", "drift"),
    "Label": ("label",),
    "Look": ("demo", "dashboard", "doctor", "selftest"),
}
EXAMPLES: Mapping[str, str] = {
    "init": "smallcraft init tickets.csv",
    "import cleanlab": "smallcraft import cleanlab --labels labels.npy --probs pred_probs.npy",
    "import evidently": "smallcraft import evidently --reference may.csv --current june.csv --target label",
    "check": "smallcraft check --strict",
    "build": 'smallcraft build --because "new labels of May"',
    "gate": "smallcraft gate latest --junit gates.xml",
    "evaluate": "smallcraft evaluate test.csv --model latest --model theirs.onnx",
    "predict": "smallcraft predict --input new.csv --output answers.csv",
    "cost": "smallcraft cost latest --against helpdesk@2",
    "curve": "smallcraft curve --output curve.html",
    "log": "smallcraft log --find refund",
    "show": "smallcraft show helpdesk@3",
    "diff": "smallcraft diff helpdesk@2 helpdesk@3",
    "card": "smallcraft card latest --output card.md",
    "verify": "smallcraft verify helpdesk@3",
    "reproduce": "smallcraft reproduce latest",
    "alias": "smallcraft alias stable helpdesk@3",
    "export": "smallcraft export latest helpdesk.zip --device",
    "push": "smallcraft push /mnt/team/registry",
    "pull": "smallcraft pull /mnt/team/registry",
    "registry retire": 'smallcraft registry retire helpdesk@1 --because "a customer asked"',
    "registry gc": "smallcraft registry gc --grace-days 30",
    "registry scrub": "smallcraft registry scrub --budget-mb 500",
    "registry reindex": "smallcraft registry reindex",
    "registry rotate-key": "smallcraft registry rotate-key",
    "registry restore-ledger": "smallcraft registry restore-ledger",
    "registry upgrade": "smallcraft registry upgrade",
    "serve": "smallcraft serve helpdesk@stable --port 8080",
    "rollout start": "smallcraft rollout start latest --wait",
    "rollout status": "smallcraft rollout status --wait",
    "rollout abort": 'smallcraft rollout abort --because "complaints by phone"',
    "rollout promote": 'smallcraft rollout promote --because "tried out by the team"',
    "rollout freeze": 'smallcraft rollout freeze --because "a sale is on"',
    "rollout resume": 'smallcraft rollout resume --because "the sale is over"',
    "rollout receipts": "smallcraft rollout receipts",
    "rollout replay": "smallcraft rollout replay",
    "rollout simulate": "smallcraft rollout simulate --scenario errors --rollouts 200",
    "watch": "smallcraft watch --once",
    "watch status": "smallcraft watch status",
    "watch show": "smallcraft watch show last",
    "watch close": 'smallcraft watch close last --because "the export was mended"',
    "watch labels": "smallcraft watch labels checked.csv",
    "watch digest": "smallcraft watch digest 2026-11",
    "watch calibrate": "smallcraft watch calibrate --months 100",
    "drift": "smallcraft drift october.csv november.csv",
    "label next": "smallcraft label next --budget 150",
    "label import": "smallcraft label import answers.csv",
    "label measure": "smallcraft label measure",
    "label status": "smallcraft label status",
    "label stop": 'smallcraft label stop 2026-11-02-a --because "the guideline changed"',
    "demo": "smallcraft demo",
    "dashboard": "smallcraft dashboard",
    "doctor": "smallcraft doctor",
    "selftest": "smallcraft selftest",
}
# Beside 0 done, 1 error with its remedy, 4 stored bytes are not what was recorded.
EXIT_CODES: Mapping[str, str] = {
    "check": "0 done, also with findings; with --strict 2 a check FAILED",
    "build": "0 released, 2 a gate FAILED, 3 a required gate is UNDECIDED, 130 stopped by Ctrl-C",
    "gate": "0 PASS, 2 FAIL, 3 UNDECIDED",
    "evaluate": "0 measured; with --gates 2 FAIL, 3 UNDECIDED",
    "cost": "0 measured; with --at-most 2 FAIL, 3 UNDECIDED",
    "card": "0 done; with --check 1 the copy differs, 4 the log was rolled back",
    "verify": "0 all as recorded, 4 a byte, signature or delta is not",
    "reproduce": "0 identical or within noise, 2 diverged, 3 undecided",
    "registry scrub": "0 all as recorded, 4 wrong bytes were found",
    "rollout start": "0 begun; with --wait 0 done, 2 rolled back, 3 frozen",
    "rollout status": "0 under way or done, 2 rolled back, 3 frozen until a person decides",
    "rollout receipts": "0 told, 4 a receipt was changed",
    "rollout replay": "0 the same decisions, 4 a receipt was changed",
    "watch": "with --once 0 quiet, 1 a file cannot be used, 2 an open alarm, 3 no alarm is possible yet",
    "watch status": "0 quiet, 2 an open alarm that is not benign, 3 no alarm is possible yet",
    "watch calibrate": "0 the budget is kept, 2 it is not, 3 more months are needed",
    "drift": "0 nothing drifted, 2 something did, 3 too few rows to tell",
    "doctor": "0 all that is needed is there, 1 something is missing",
    "selftest": "0 every promise is kept, 2 one is broken",
}
_OTHERS = "Others"


class Loop(TyperGroup):
    """The verbs below headings, each with the first part of what it does."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - typer's own click
        """A section a step of the loop; a group of verbs alone is one section."""
        for title, verbs in sections(self.commands):
            with formatter.section(title):
                formatter.write_dl([(verb, summary(self.commands[verb].help or "")) for verb in verbs])


def sections(commands: Mapping[str, object]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Headings and the verbs below them; verbs that no group names come last."""
    named = {verb for verbs in GROUPS.values() for verb in verbs}
    for title, verbs in (*GROUPS.items(), (_OTHERS, tuple(verb for verb in commands if verb not in named))):
        found = tuple(verb for verb in verbs if verb in commands)
        if found:
            yield title, found


def summary(told: str) -> str:
    r"""The first part of what a verb says of itself, for one line of a list.

    >>> summary("Tell the history, newest first: what changed, and why.\\n\\nMore.")
    'Tell the history, newest first'
    """
    sentence = told.strip().split("\n\n")[0].replace("\n", " ")
    for end in (":", ";", ". "):
        sentence = sentence.split(end)[0]
    return sentence.strip().removesuffix(".")


def add_examples(app: typer.Typer, path: tuple[str, ...] = ()) -> None:
    """Below the help of each verb an example and, where they tell something, its exit codes."""
    for command in app.registered_commands:
        assert command.callback is not None
        command.epilog = ending((*path, command.name or command.callback.__name__))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        name = (*path, str(group.name or group.typer_instance.info.name))
        group.epilog = ending(name)
        add_examples(group.typer_instance, name)


def ending(path: tuple[str, ...]) -> str | None:
    """What stands below the help of a verb; the mark in front keeps an example on its line."""
    name = " ".join(path)
    if name not in EXAMPLES:
        return None
    codes = f"\n\nExit codes: {EXIT_CODES[name]}." if name in EXIT_CODES else ""
    return f"\b\nExample: {EXAMPLES[name]}{codes}"
