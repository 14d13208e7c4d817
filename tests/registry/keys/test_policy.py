from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.keys.policy import Policy, check_policy, encode_policy, parse_policy, policy_of
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Cosigner, Signer, sign_note

ORIGIN = "example.com/registry"


def private(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


LOG = Signer(ORIGIN, private(1))
STRANGER = Signer(ORIGIN, private(2))
WITNESSES = {
    name: Cosigner(f"witness.example/{name}", private(10 + place), 7)
    for place, name in enumerate(["X1", "X2", "X3", "Y1", "Y2", "Y3"])
}
CHECKPOINT = Checkpoint(ORIGIN, 9, bytes(32))

TWO_LEVELS = "".join(
    [
        "# who may be believed\n\n",
        f"log {LOG.vkey} https://example.com/registry\n",
        *(f"\twitness  {name} {witness.vkey}\n" for name, witness in WITNESSES.items()),
        "group X-witnesses 2 X1 X2 X3\n",
        "group Y-witnesses any Y1 Y2 Y3\n",
        "group X-and-Y all X-witnesses Y-witnesses\n",
        "quorum X-and-Y\n",
    ]
).encode()


def note(names: set[str], signer: Signer = LOG) -> bytes:
    return sign_checkpoint(CHECKPOINT, signer, [WITNESSES[name] for name in sorted(names)])


@given(st.sets(st.sampled_from(sorted(WITNESSES))))
def test_the_quorum_is_two_of_three_and_one_of_three(names):
    policy = parse_policy(TWO_LEVELS)
    is_met = len({name for name in names if name[0] == "X"}) >= 2 and any(name[0] == "Y" for name in names)
    if is_met:
        assert check_policy(note(names), policy) == CHECKPOINT
    else:
        with pytest.raises(IntegrityError, match=r"lacks its quorum 'X-and-Y': cosigned by"):
            check_policy(note(names), policy)


def test_a_policy_reads_back_as_it_was():
    policy = parse_policy(TWO_LEVELS)
    assert parse_policy(encode_policy(policy)) == policy
    assert [group.needed for group in policy.groups] == [2, 1, 2]
    assert policy.logs[0].url == "https://example.com/registry"
    assert policy.witnesses[0].url is None


def test_names_beyond_ascii_are_opaque():
    line = f"log {LOG.vkey}\nwitness \xff {WITNESSES['X1'].vkey}\nquorum \xff\n".encode("latin-1")
    policy = parse_policy(line)
    assert encode_policy(policy) == line
    assert check_policy(note({"X1"}), policy) == CHECKPOINT
    with pytest.raises(InvalidInputError, match=r"line 1 .*'\\udcff'"):
        parse_policy(b"quorum \xff\n")


def test_the_plain_policy_trusts_its_logs_and_asks_for_no_witness():
    policy = policy_of([LOG.vkey])
    assert encode_policy(policy) == f"log {LOG.vkey}\nquorum none\n".encode()
    assert check_policy(note(set()), policy) == CHECKPOINT
    assert policy.verifiers == (LOG.verifier,)


def test_a_log_that_is_not_listed_is_refused():
    with pytest.raises(IntegrityError, match="no known key signed this note"):
        check_policy(note(set(), STRANGER), policy_of([LOG.vkey]))


def test_witnesses_cannot_speak_for_a_log():
    policy = parse_policy(TWO_LEVELS)
    alone = sign_note(CHECKPOINT.text, list(WITNESSES.values()))
    with pytest.raises(IntegrityError, match="it belongs to another log"):
        check_policy(alone, policy)


def test_a_bad_cosignature_refuses_the_checkpoint():
    other = sign_note(b"another\n", [WITNESSES["X1"]]).partition(b"\n\n")[2]
    with pytest.raises(IntegrityError, match=r"signature of 'witness.example/X1'"):
        check_policy(note(set()) + other, parse_policy(TWO_LEVELS))


def test_a_witness_that_signs_twice_counts_once():
    policy = parse_policy(TWO_LEVELS)
    twice = [WITNESSES["X1"], WITNESSES["X1"], WITNESSES["Y1"]]
    with pytest.raises(IntegrityError, match="cosigned by X1, Y1 of X1, X2"):
        check_policy(sign_checkpoint(CHECKPOINT, LOG, twice), policy)


def test_a_policy_without_a_log_lets_nothing_pass():
    with pytest.raises(IntegrityError, match="lists no log"):
        check_policy(note(set()), Policy(()))


W = f"witness A {WITNESSES['X1'].vkey}"


@pytest.mark.parametrize(
    ("lines", "number", "message"),
    [
        (["trust me"], 1, "one of log, witness, group, quorum, got 'trust'"),
        (["", "log"], 2, "'log <vkey> .<url>.', got 0 words"),
        (["log x"], 1, "a verifier key must read name"),
        ([f"log {WITNESSES['X1'].vkey}"], 1, "a verifier key of kind 1, got kind 4"),
        ([f"witness A {LOG.vkey}"], 1, "a verifier key of kind 4, got kind 1"),
        ([f"log {LOG.vkey}", f"log {LOG.vkey}"], 2, "a log key that is not listed yet"),
        ([W, f"witness B {WITNESSES['X1'].vkey}"], 2, "a witness key that is not listed yet"),
        ([W, f"witness A {WITNESSES['X2'].vkey}"], 2, "a name that is not taken, got 'A'"),
        ([f"witness none {WITNESSES['X1'].vkey}"], 1, "a name that is not taken, got 'none'"),
        (["witness A"], 1, "got 1 words behind 'witness'"),
        ([W, "group G any"], 2, "got 2 words behind 'group'"),
        ([W, "group G any B"], 2, "a witness or group from a line above, got 'B'"),
        ([W, "group G any none"], 2, "a witness or group from a line above, got 'none'"),
        ([W, "group G any G"], 2, "a witness or group from a line above, got 'G'"),
        ([W, "group A any A"], 2, "a name that is not taken"),
        ([W, "group G any A A"], 2, "in one group at most once, got 'A' again"),
        ([W, "group G any A", "group H any A"], 3, "in one group at most once"),
        ([W, "group G 0 A"], 2, "a count from 1 to 1, got '0'"),
        ([W, "group G 2 A"], 2, "a count from 1 to 1, got '2'"),
        ([W, "group G most A"], 2, "a count from 1 to 1, got 'most'"),
        ([W, f"group G {'9' * 5000} A"], 2, "a count from 1 to 1"),
        (["quorum A", W], 1, "a witness or group from a line above, got 'A'"),
        (["quorum none", "quorum none"], 2, "one line 'quorum <name>', got a second one"),
        (["quorum"], 1, "got 0 words"),
        (["quorum none # no comment here"], 1, "got 5 words"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(lines, number, message):
    with pytest.raises(InvalidInputError, match=f"line {number} of the policy.*{message}"):
        parse_policy("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must have a quorum line; write 'quorum none'"),
        (b"quorum none\r\n", "must not hold control characters"),
        (b"quorum none\x7f\n", "must not hold control characters"),
        (b"\n" * 2000, "at most 1000 lines"),
    ],
)
def test_a_text_that_is_no_policy_is_refused(data, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_policy(data)
