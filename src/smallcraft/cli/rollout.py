"""`smallcraft rollout`: the move of traffic to a release; begun, looked at, stopped, simulated, replayed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import after_rollout, next_line, tell_next
from smallcraft.cli.options import Json, Project
from smallcraft.cli.parts import require_extra
from smallcraft.cli.rollout_simulation import simulate
from smallcraft.cli.saying import say
from smallcraft.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smallcraft.pipeline.serving import Obeyed, ServedProject
    from smallcraft.serve.rollout.receipts import Receipt
    from smallcraft.serve.rollout.replaying import Replay
    from smallcraft.serve.rollout.standing import RolloutState

_LOOK_S, _STORED_S = 0.5, 0.05
# For which a server may be away, to be started again, while somebody waits.
_PATIENCE_S = 60.0
_USUAL_PROJECT = Path()

State = Annotated[
    Path | None,
    typer.Option(help="The server's folder; by default .smallcraft/serving.", show_default=False),
]
Name = Annotated[
    str | None, typer.Option("--model", help="Of several that are served, which.", show_default=False)
]
Because = Annotated[
    str, typer.Option("--because", help="Why, in a sentence; goes into the receipt.", show_default=False)
]
Rollout = Annotated[
    str | None,
    typer.Argument(help="Its id; by default the last one.", metavar="ROLLOUT", show_default=False),
]
UnderWay = Annotated[
    str | None,
    typer.Argument(help="Its id; by default the one under way.", metavar="ROLLOUT", show_default=False),
]

_ORDERS: Mapping[str, str] = {
    "abort": "Send all traffic back to the stable release, now; ends the rollout.",
    "promote": (
        "Take the next step on a person's word, before the evidence is there; the receipt says so.\n\n"
        "The next step is the next larger share of traffic, then nearly all, then done; once for each."
    ),
    "freeze": "Hold everything where it is, whatever the evidence, until `resume`, `promote` or `abort`.",
    "resume": "Go on after a freeze: evidence decides again.",
}

group = typer.Typer(
    name="rollout", help="Move traffic to a new release, and back when it is worse.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group.command()(start)
    group.command()(status)
    for command, told in _ORDERS.items():
        group.command(command, help=told)(_order_verb(command))
    group.command()(receipts)
    group.command()(replay)
    group.command()(simulate)
    app.add_typer(group, name="rollout")


def start(
    release: Annotated[str, typer.Argument(help="The new release: helpdesk@4, latest.", metavar="RELEASE")],
    project: Project = _USUAL_PROJECT,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Try a release again that was rolled back before.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it ends: exit code 0 done, 2 rolled back, 3 frozen.")
    ] = False,
    state: State = None,
    as_json: Json = False,
) -> int:
    """Begin to roll a release out on the running server.

    Both releases answer the same requests first (shadow), then the new one gets a small share of traffic, a
    larger one, and nearly all, each for as long as the evidence needs; it goes back when it is worse. The
    settings are those of [rollout] in smallcraft.toml.
    """
    served = _served(project, state)
    from smallcraft.pipeline.serving import begin_rollout

    rollout = begin_rollout(served, release, unsafe_repeat=force)
    if wait:
        return _wait(served, rollout, project=project, as_json=as_json)
    say(
        f"rollout {rollout} has begun",
        '  stop   smallcraft rollout abort --because "..."',
        told={"rollout": rollout},
        as_json=as_json,
        then=next_line("rollout", "status", project=project),
    )
    return 0


def status(
    rollout: Rollout = None,
    project: Project = _USUAL_PROJECT,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until it ends, or a person must decide.")] = False,
    state: State = None,
    as_json: Json = False,
) -> int:
    """Tell where a rollout stands, its evidence, and what would settle it.

    Exit code 2 when it was rolled back, 3 when it is frozen until a person decides, else 0.
    """
    served = _served(project, state)
    look = _wait if wait else _tell
    return look(served, rollout, project=project, as_json=as_json)


def _order_verb(command: str) -> Callable[..., None]:
    """A verb that gives the running server an order; all of them are asked the same way."""

    def verb(
        rollout: UnderWay = None,
        project: Project = _USUAL_PROJECT,
        *,
        model: Name = None,
        because: Because = "",
        state: State = None,
        as_json: Json = False,
    ) -> None:
        found = _order(command, _served(project, state), rollout, model=model, because=because)
        traffic = "" if found.phase in _ENDED else f", {100 * found.weight:g} % of traffic"
        stands = [f"rollout {found.rollout}: {found.phase.upper()}{traffic}"] if found.rollout else []
        told = {"told": found.told, "rollout": found.rollout, "phase": found.phase, "weight": found.weight}
        then = next_line(*after_rollout(found.phase or None), project=project)
        say(found.told, *stands, told=told, as_json=as_json, then=then)

    return verb


def receipts(
    rollout: Rollout = None,
    project: Project = _USUAL_PROJECT,
    *,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Tell every change of a rollout, in order, and why it was made.

    With --json whole receipts: counts, evidence, the state before. Exit code 4 where one was changed.
    """
    folder = _served(project, state).state_of(rollout or "")
    from smallcraft.serve.rollout.receipts import check_chain
    from smallcraft.serve.state.opening import find_receipts, find_rollout

    found = find_receipts(folder, rollout or "")
    if as_json:
        typer.echo(json.dumps([json.loads(receipt.to_json()) for receipt in found], indent=2))
    else:
        for receipt in found:
            typer.echo(_receipt_line(receipt))
    check_chain(found, last=find_rollout(folder, rollout or "").last_receipt)
    tell_next("rollout", "replay", project=project, as_json=as_json)


def replay(
    receipt: Annotated[
        str | None,
        typer.Argument(
            help="ROLLOUT/NUMBER, as `receipts` tells it; a JSON file of one; or a rollout, for all of its "
            "receipts. By default all of the last one.",
            metavar="RECEIPT",
            show_default=False,
        ),
    ] = None,
    project: Project = _USUAL_PROJECT,
    *,
    state: State = None,
    as_json: Json = False,
) -> int:
    """Decide receipts anew from the counts that they carry.

    Exit code 0 where that gives the same decisions and numbers; 4, and what differs, where one was changed.
    """
    from smallcraft.serve.rollout.receipts import check_chain
    from smallcraft.serve.rollout.replaying import replay as decide_anew

    chosen, chain = _find_receipts(receipt or "", project, state)
    replays = [decide_anew(found) for found in chosen]
    if _names_one(receipt or ""):
        say(replays[0].receipt.cause, replays[0].sentence, told=_told(replays[0]), as_json=as_json)
    elif as_json:
        typer.echo(json.dumps([_told(again) for again in replays], indent=2))
    else:
        typer.echo("\n".join(again.sentence for again in replays))
    if not all(again.agrees for again in replays):
        return 4
    check_chain(chain)
    tell_next("rollout", "status", project=project, as_json=as_json)
    return 0


def _names_one(receipt: str) -> bool:
    return "/" in receipt or Path(receipt).is_file()


def _find_receipts(
    name: str, project: Path, state: Path | None
) -> tuple[Sequence[Receipt], Sequence[Receipt]]:
    """Those that were named, and all of their rollout where they are here."""
    from smallcraft.serve.rollout.receipts import parse_receipt
    from smallcraft.serve.state.opening import find_receipt, find_receipts

    path = Path(name)
    if path.is_file():
        return (parse_receipt(path.read_bytes()),), ()
    rollout, _, number = name.rpartition("/") if "/" in name else (name, "", "")
    served = _served(project, state)
    if not _is_known(served, rollout) and name and not number.isdecimal():
        raise NotFoundError(
            f"a receipt is ROLLOUT/NUMBER or a file, and there is no file or rollout {name!r}; "
            "`smallcraft rollout receipts` names them"
        )
    folder = served.state_of(rollout)
    chain = find_receipts(folder, rollout)
    return ((find_receipt(folder, name),) if number else chain), chain


def _is_known(served: ServedProject, rollout: str) -> bool:
    try:
        served.state_of(rollout)
    except NotFoundError:
        return False
    return True


def _told(again: Replay) -> dict[str, object]:
    differences = [
        {"path": one.path, "stated": one.stated, "replayed": one.replayed} for one in again.differences
    ]
    return {
        "receipt": f"{again.receipt.rollout}/{again.receipt.number}",
        "agrees": again.agrees,
        "is_exact": again.is_exact,
        "is_sealed": again.is_sealed,
        "differences": differences,
    }


def _served(project: Path, state: Path | None) -> ServedProject:
    require_extra("serve")
    from smallcraft.pipeline.serving import served_project

    return served_project(project, state)


def _order(
    command: str,
    served: ServedProject,
    rollout: str | None,
    *,
    model: str | None,
    because: str,
) -> Obeyed:
    from smallcraft.pipeline.serving import order_rollout

    return order_rollout(served, command, rollout=rollout, model=model, reason=because)


def _tell(served: ServedProject, rollout: str | None, *, project: Path, as_json: bool) -> int:
    from smallcraft.cli.show_rollout import show_servers
    from smallcraft.pipeline.rollout_telling import tell_rollouts

    told = tell_rollouts(served, rollout)
    if as_json:
        typer.echo(json.dumps(told.as_json(), indent=2, allow_nan=False))
    else:
        show_servers(told)
        phase = None if told.rollout is None else str(told.rollout["phase"])
        tell_next(*after_rollout(phase, is_served=told.server is not None), project=project)
    return told.exit_code


def _wait(served: ServedProject, rollout: str | None, *, project: Path, as_json: bool) -> int:
    """Until it ends or a person must decide; the state is read as it is written."""
    said, seen = -1, time.monotonic()
    while True:
        found = _find_stored(served, rollout or "")
        for receipt in _receipts_since(served, found.id, said):
            said = receipt.number
            typer.echo(_receipt_line(receipt), err=as_json)
        if found.is_ended or found.phase == "frozen":
            if as_json:
                return _tell(served, found.id, project=project, as_json=True)
            tell_next(*after_rollout(found.phase), project=project)
            return _CODES[found.phase]
        if _has_server(served):
            seen = time.monotonic()
        elif time.monotonic() - seen > _PATIENCE_S:
            raise NotFoundError(
                f"no server has been running for {_PATIENCE_S:g} s, so rollout {found.id} stands still "
                f"({found.phase}); start one with `smallcraft serve`, it goes on from there"
            )
        time.sleep(_LOOK_S)


def _find_stored(served: ServedProject, rollout: str) -> RolloutState:
    """Where a rollout stands; one that the server names is waited for until it stands in the state.

    Raises:
        NotFoundError: It is in no state, and the server does not name it either.
    """
    from smallcraft.serve.state.opening import find_rollout

    until = time.monotonic() + _PATIENCE_S
    while True:
        # Asked before the state is read: what the server names no longer was stored by then.
        is_named = bool(rollout) and _is_named(served, rollout)
        try:
            return find_rollout(served.state_of(rollout), rollout)
        except NotFoundError:
            if not is_named or time.monotonic() >= until:
                raise
        time.sleep(_STORED_S)


def _is_named(served: ServedProject, rollout: str) -> bool:
    """Whether the running server's present or last rollout is this one."""
    from smallcraft.serve.processes.admin import ask_server

    try:
        models = ask_server(served.state, {"command": "status"})["models"].values()
    except NotFoundError:
        return False
    return any(model["rollout"] is not None and model["rollout"]["id"] == rollout for model in models)


def _has_server(served: ServedProject) -> bool:
    from smallcraft.serve.processes.admin import ask_server

    try:
        ask_server(served.state, {"command": "status"})
    except NotFoundError:
        return False
    return True


_CODES: Mapping[str, int] = {"done": 0, "rolled_back": 2, "frozen": 3}
_ENDED = ("done", "rolled_back")


def _receipts_since(served: ServedProject, rollout: str, number: int) -> Sequence[Receipt]:
    from smallcraft.serve.state.opening import find_receipts

    found = find_receipts(served.state_of(rollout), rollout)
    return [receipt for receipt in found if receipt.number > number]


def _receipt_line(receipt: Receipt) -> str:
    to = receipt.form["to"]
    return (
        f"{receipt.rollout}/{receipt.number}  {receipt.form['at']}  "
        f"{to['phase']} at {100 * to['weight']:g} %: {receipt.cause}"
    )
