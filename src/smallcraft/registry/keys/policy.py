"""Whose keys count: the logs that are trusted and the witnesses that must have cosigned (C2SP tlog-policy).

Holds the text format and its check of a checkpoint; where a policy file lies belongs to the caller.
Always: a policy has exactly one quorum; a checkpoint passes only with a listed log's signature and it.
Covered: unknown logs, too few witnesses, one key listed twice, names used before they are defined.
Not covered: which keys deserve to be listed; a policy is as good as the place it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.tlog.checkpoint import Checkpoint, checkpoint_in
from smallcraft.registry.tlog.note import COSIGNATURE, ED25519, Verifier, open_note, parse_verifier

NO_QUORUM = "none"

_MOST_LINES = 1000


@dataclass(frozen=True)
class TrustedLog:
    """A log that is accepted.

    Attributes:
        verifier: Its key, under the log's origin.
        url: Where it is reached; nothing is fetched from there.
    """

    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True)
class Witness:
    """A witness that may be counted.

    Attributes:
        name: Within this policy.
        verifier: Its cosignature key.
        url: Where it is reached; nothing is fetched from there.
    """

    name: str
    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """Witnesses and groups of which some must have cosigned.

    Attributes:
        name: Within this policy.
        needed: How many, from 1 to the number of members.
        members: Names defined before it.
    """

    name: str
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Whose signatures make a checkpoint count.

    Attributes:
        logs: Any one of them must have signed.
        witnesses: Who may be counted.
        groups: In an order in which each names earlier ones only.
        quorum: A witness, a group, or `none`.
    """

    logs: tuple[TrustedLog, ...]
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NO_QUORUM

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """All keys, of logs and of witnesses."""
        return (*(log.verifier for log in self.logs), *(witness.verifier for witness in self.witnesses))


def policy_of(vkeys: Sequence[str]) -> Policy:
    """The policy that trusts these log keys and asks for no witness.

    Raises:
        InvalidInputError: One is not a log's verifier key, or stands twice.
    """
    return parse_policy("".join(f"log {vkey}\n" for vkey in vkeys).encode() + b"quorum none\n")


def encode_policy(policy: Policy) -> bytes:
    """The policy as text, a line for each thing it says."""
    lines = [_line("log", log.verifier.vkey, log.url) for log in policy.logs]
    lines += [_line("witness", one.name, one.verifier.vkey, one.url) for one in policy.witnesses]
    lines += [_line("group", one.name, str(one.needed), *one.members) for one in policy.groups]
    lines.append(_line("quorum", policy.quorum))
    return "".join(lines).encode("utf-8", "surrogateescape")


def parse_policy(data: bytes) -> Policy:
    """Read a policy.

    Raises:
        InvalidInputError: Names the line that breaks a rule.
    """
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
        raise InvalidInputError(
            "a policy must not hold control characters but tab and newline; save it as text"
        )
    # Bytes above ASCII are opaque to a policy: names are compared as they are written.
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > _MOST_LINES:
        raise InvalidInputError(f"a policy must have at most {_MOST_LINES} lines, got {len(lines)}")
    draft = _Draft()
    for number, line in enumerate(lines, start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            draft.read(number, words)
    if draft.quorum is None:
        raise InvalidInputError("a policy must have a quorum line; write 'quorum none' to ask for no witness")
    return Policy(tuple(draft.logs), tuple(draft.witnesses), tuple(draft.groups), draft.quorum)


def read_policy_file(path: Path) -> Policy:
    """The policy in a file.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is no policy.
    """
    if not path.is_file():
        raise NotFoundError(f"no policy at {path}; name a file such as a registry's log/policy")
    return parse_policy(path.read_bytes())


def check_policy(note: bytes, policy: Policy) -> Checkpoint:
    """The checkpoint in a note that this policy accepts.

    Raises:
        IntegrityError: No listed log signed it, or too few witnesses did.
    """
    if not policy.logs:
        raise IntegrityError("the policy lists no log, so no checkpoint can pass; add a 'log <vkey>' line")
    opened = open_note(note, policy.verifiers)
    checkpoint = checkpoint_in(opened)
    signed = {witness.name for witness in policy.witnesses if witness.verifier in opened.signers}
    met = set(signed)
    for group in policy.groups:
        if len(met.intersection(group.members)) >= group.needed:
            met.add(group.name)
    if policy.quorum != NO_QUORUM and policy.quorum not in met:
        raise IntegrityError(
            f"the checkpoint of '{checkpoint.origin}' lacks its quorum '{policy.quorum}': cosigned by "
            f"{', '.join(sorted(signed)) or 'no witness'} of {', '.join(w.name for w in policy.witnesses)}; "
            "fetch a checkpoint with more cosignatures"
        )
    return checkpoint


@dataclass
class _Draft:
    """A policy while its lines are read."""

    logs: list[TrustedLog] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def read(self, number: int, words: Sequence[str]) -> None:
        readers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        reader = readers.get(words[0])
        if reader is None:
            raise _refused(number, f"one of {', '.join(readers)}", repr(words[0]))
        reader(number, words[1:])

    def _log(self, number: int, words: Sequence[str]) -> None:
        if len(words) not in {1, 2}:
            raise _refused(number, "'log <vkey> [<url>]'", f"{len(words)} words behind 'log'")
        verifier = _verifier(number, words[0], ED25519)
        if any(verifier.public == log.verifier.public for log in self.logs):
            raise _refused(number, "a log key that is not listed yet", f"that of '{verifier.name}' again")
        self.logs.append(TrustedLog(verifier, *words[1:]))

    def _witness(self, number: int, words: Sequence[str]) -> None:
        if len(words) not in {2, 3}:
            raise _refused(number, "'witness <name> <vkey> [<url>]'", f"{len(words)} words behind 'witness'")
        verifier = _verifier(number, words[1], COSIGNATURE)
        if any(verifier.public == witness.verifier.public for witness in self.witnesses):
            raise _refused(number, "a witness key that is not listed yet", f"that of '{verifier.name}' again")
        self._name(number, words[0])
        self.witnesses.append(Witness(words[0], verifier, *words[2:]))

    def _group(self, number: int, words: Sequence[str]) -> None:
        if len(words) < 3:
            raise _refused(
                number, "'group <name> <k|any|all> <name>...'", f"{len(words)} words behind 'group'"
            )
        name, needed, *members = words
        for member in members:
            self._check_known(number, member)
            if member in self.members:
                raise _refused(number, "each name in one group at most once", f"{member!r} again")
            self.members.add(member)
        count = {"any": "1", "all": str(len(members))}.get(needed, needed)
        if not (count.isascii() and count.isdigit() and len(count) < 5 and 1 <= int(count) <= len(members)):
            raise _refused(number, f"'any', 'all' or a count from 1 to {len(members)}", repr(needed))
        self._name(number, name)
        self.groups.append(Group(name, int(count), tuple(members)))

    def _quorum(self, number: int, words: Sequence[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            what = f"{len(words)} words behind 'quorum'" if self.quorum is None else "a second one"
            raise _refused(number, "one line 'quorum <name>'", what)
        if words[0] != NO_QUORUM:
            self._check_known(number, words[0])
        self.quorum = words[0]

    def _name(self, number: int, name: str) -> None:
        if name in self.names or name == NO_QUORUM:
            raise _refused(number, "a name that is not taken", repr(name))
        self.names.add(name)

    def _check_known(self, number: int, name: str) -> None:
        if name not in self.names:
            raise _refused(number, "a witness or group from a line above", repr(name))


def _verifier(number: int, vkey: str, kind: int) -> Verifier:
    try:
        verifier = parse_verifier(vkey)
    except InvalidInputError as error:
        raise InvalidInputError(f"line {number} of the policy: {error}") from error
    if verifier.kind != kind:
        raise _refused(number, f"a verifier key of kind {kind}", f"kind {verifier.kind}")
    return verifier


def _line(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None) + "\n"


def _refused(number: int, wanted: str, got: str) -> InvalidInputError:
    return InvalidInputError(f"line {number} of the policy must hold {wanted}, got {got}; correct that line")
