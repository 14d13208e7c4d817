"""What waits for routers: told once, in order, and of assignments the newest alone."""

from __future__ import annotations

from smallcraft.serve.ray.mailboxes import SILENT_S, Mailbox, Mailboxes


def assignment(model: str, epoch: int) -> dict[str, object]:
    return {"kind": "assignment", "model": model, "assignment": {"epoch": epoch}}


def test_what_waits_is_told_once_and_in_order():
    mailbox = Mailbox("r1")
    for sequence in (1, 2):
        mailbox.send({"kind": "counted", "sequence": sequence})
    assert [told["sequence"] for told in mailbox.empty()] == [1, 2]
    assert mailbox.empty() == []


def test_of_a_models_assignments_the_newest_alone_waits():
    mailbox = Mailbox("r1")
    for told in (
        assignment("a", 1),
        assignment("b", 1),
        {"kind": "counted", "sequence": 1},
        assignment("a", 2),
    ):
        mailbox.send(told)
    waiting = mailbox.empty()
    assert [told["kind"] for told in waiting] == ["assignment", "counted", "assignment"]
    assert [(told["model"], told["assignment"]["epoch"]) for told in waiting if "model" in told] == [
        ("b", 1),
        ("a", 2),
    ]


def test_every_router_is_told_and_one_that_is_silent_for_long_is_forgotten():
    forgotten: list[str] = []
    mail = Mailboxes(forgotten.append)
    mail.of("r1", now=0.0)
    mail.of("r2", now=SILENT_S)
    mail.tell_all(assignment("a", 1))
    mail.forget_silent(now=SILENT_S + 1.0)
    assert (forgotten, mail.routers) == (["r1"], ("r2",))
    assert len(mail.of("r2", now=SILENT_S).empty()) == 1
    # Who comes back is a router that nothing waits for.
    assert mail.of("r1", now=SILENT_S + 2.0).empty() == []
