import base64
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import require, why_no_model_signing
from tests.registry.proofs.conftest import Author

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.proofs.openssf import (
    BUNDLE_TYPE,
    PREDICATE_TYPE,
    read_signature,
    sign_files,
    verify_signature,
)

# `sub-x/b` stands before `sub/a` as text and behind it as a path: the reference orders by path.
CONTENT = {"c": b"c\n", "sub/a": b"a\n", "sub-x/b": b"b\n", "card.md": b"# helpdesk\n"}
FILES = {path: digest_bytes(data) for path, data in CONTENT.items()}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    for path, data in CONTENT.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def digests_of(folder):
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "model.sig"]
    return {path.relative_to(folder).as_posix(): digest_bytes(path.read_bytes()) for path in paths}


def model_signing(*arguments):
    command = [sys.executable, "-m", "model_signing", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def payload_of(bundle):
    return json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))


def resign(author, change):
    """A signature over a changed statement, by the author's own key."""
    statement = payload_of(sign_files(FILES, name="m", author=author))
    change(statement)
    payload = canonical_json(statement)
    head = b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload)
    bundle = json.loads(sign_files(FILES, name="m", author=author))
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    signature = base64.b64encode(author.sign(head + payload)).decode()
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = signature
    return canonical_json(bundle)


def test_the_author_signed_these_files(author):
    bundle = sign_files(FILES, name="helpdesk@3", author=author)
    verify_signature(bundle, FILES, author.public_pem)
    signed = read_signature(bundle, author.public_pem)
    assert (signed.name, signed.digests) == ("helpdesk@3", FILES)
    assert payload_of(bundle)["predicateType"] == PREDICATE_TYPE


paths = st.text("abc/-.", min_size=1, max_size=8).filter(
    lambda path: not path.startswith(".git") and all(part not in {"", ".", ".."} for part in path.split("/"))
)
digests = st.binary(min_size=32, max_size=32).map(lambda data: f"sha256:{data.hex()}")


@given(files=st.dictionaries(paths, digests, min_size=1, max_size=8))
def test_whatever_is_signed_is_accepted_whatever_the_order(files):
    author = Author(1)
    bundle = sign_files(files, name="m", author=author)
    verify_signature(bundle, dict(reversed(files.items())), author.public_pem)
    reversed_bundle = sign_files(dict(reversed(files.items())), name="m", author=author)
    assert payload_of(bundle) == payload_of(reversed_bundle)


def test_the_reference_accepts_what_we_sign_and_refuses_what_was_changed_after(model, author, tmp_path):
    require(why_no_model_signing())
    key, signature = tmp_path / "author.pem", model / "model.sig"
    key.write_bytes(author.public_pem)
    signature.write_bytes(sign_files(FILES, name="helpdesk@3", author=author))

    def verdict():
        ran = model_signing("verify", "key", model, "--signature", signature, "--public_key", key)
        return ran.returncode == 0, ran.stdout + ran.stderr

    assert verdict() == (True, "Verification succeeded\n")
    (model / "c").write_bytes(b"d\n")
    assert not verdict()[0]
    assert "Hash mismatch for 'c'" in verdict()[1]
    (model / "c").write_bytes(CONTENT["c"])
    (model / "planted").write_bytes(b"")
    assert not verdict()[0]
    assert "Extra files" in verdict()[1]
    (model / "planted").unlink()
    (model / "card.md").unlink()
    assert not verdict()[0]
    assert "Missing files" in verdict()[1]


def test_we_accept_what_the_reference_signs(model, author, tmp_path):
    require(why_no_model_signing())
    key, signature = tmp_path / "author.key", tmp_path / "model.sig"
    key.write_bytes(author.private_pem)
    ran = model_signing("sign", "key", model, "--private_key", key, "--signature", signature)
    assert ran.returncode == 0, ran.stderr
    verify_signature(signature.read_bytes(), digests_of(model), author.public_pem)
    # the same root digest: both order the files alike
    ours = payload_of(sign_files(FILES, name="model", author=author))
    assert payload_of(signature.read_bytes())["subject"] == ours["subject"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.update(c=digest_bytes(b"other")), "c is not the file that the author signed"),
        (lambda files: files.update(planted=digest_bytes(b"")), "planted is there, but was not signed"),
        (lambda files: files.pop("sub/a"), "sub/a was signed by the author, but is not there"),
        (lambda files: files.update({"sub/z": files.pop("sub/a")}), "sub/a was signed"),
    ],
)
def test_a_changed_added_removed_or_renamed_file_is_named(author, change, message):
    files = dict(FILES)
    change(files)
    with pytest.raises(IntegrityError, match=message):
        verify_signature(sign_files(FILES, name="m", author=author), files, author.public_pem)


def test_another_authors_signature_is_refused(author, other_author):
    bundle = sign_files(FILES, name="m", author=other_author)
    with pytest.raises(IntegrityError, match="made with another key"):
        verify_signature(bundle, FILES, author.public_pem)
    without_hint = json.loads(bundle)
    del without_hint["verificationMaterial"]["publicKey"]["hint"]
    with pytest.raises(IntegrityError, match="does not fit its statement"):
        verify_signature(canonical_json(without_hint), FILES, author.public_pem)


def test_every_change_of_one_bit_of_what_is_signed_is_refused(author):
    bundle = sign_files({"a": FILES["c"]}, name="m", author=author)
    envelope = json.loads(bundle)["dsseEnvelope"]
    parts = (envelope["payload"], envelope["signatures"][0]["sig"])
    for part in parts:
        start = bundle.index(part.encode())
        for place in range(start, start + len(part)):
            changed = bytearray(bundle)
            changed[place] ^= 1
            with pytest.raises(IntegrityError, match=r"model\.sig"):
                verify_signature(bytes(changed), {"a": FILES["c"]}, author.public_pem)


def _set(statement, *path, value):
    for step in path[:-1]:
        statement = statement[step]
    statement[path[-1]] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: _set(s, "predicateType", value="https://model_signing/Digests/v0.1"), "predicate type"),
        (lambda s: _set(s, "_type", value="https://in-toto.io/Statement/v0.1"), "statement type"),
        (lambda s: s["subject"].append(s["subject"][0]), "number of subjects 1 expected, got 2"),
        (lambda s: _set(s, "subject", 0, "digest", "sha256", value="0" * 64), "root digest"),
        (lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]), "stands twice"),
        (lambda s: _set(s, "predicate", "resources", 0, "algorithm", value="blake3"), "algorithm of c"),
        (lambda s: _set(s, "predicate", "serialization", "method", value="shards"), "method"),
        (lambda s: s["predicate"].pop("resources"), "'resources' is missing"),
    ],
)
def test_a_statement_of_another_form_is_refused_though_its_author_signed_it(author, change, message):
    with pytest.raises(IntegrityError, match=message):
        verify_signature(resign(author, change), FILES, author.public_pem)


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        (b"", "is not an OpenSSF model signature"),
        (b"[]", "a JSON object expected"),
        (b'{"mediaType":"a","mediaType":"b"}', "a key stands twice"),
        (b'{"mediaType":"application/pkcs7"}', BUNDLE_TYPE.replace("+", r"\+")),
        (b"[" * 100_000, "is not an OpenSSF model signature"),
        (b"\xff", "is not an OpenSSF model signature"),
    ],
)
def test_what_is_no_signature_is_refused(author, bundle, message):
    with pytest.raises(IntegrityError, match=message):
        verify_signature(bundle, FILES, author.public_pem)


def test_a_second_signature_in_the_envelope_is_refused(author):
    bundle = json.loads(sign_files(FILES, name="m", author=author))
    bundle["dsseEnvelope"]["signatures"] *= 2
    with pytest.raises(IntegrityError, match="number of signatures 1 expected, got 2"):
        verify_signature(canonical_json(bundle), FILES, author.public_pem)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "at least one file"),
        ({"a": "md5:00"}, "64 hex digits"),
        ({".gitattributes": FILES["c"]}, r"\.gitattributes cannot be signed"),
        ({"model.sig": FILES["c"]}, r"model\.sig cannot be signed"),
    ],
)
def test_files_that_no_verifier_would_look_at_are_not_signed(author, files, message):
    with pytest.raises(InvalidInputError, match=message):
        sign_files(files, name="m", author=author)


def test_only_a_p256_key_is_an_authors_key(author):
    bundle = sign_files(FILES, name="m", author=author)
    with pytest.raises(InvalidInputError, match="must be PEM"):
        verify_signature(bundle, FILES, b"not a key")
    for private in (
        ec.derive_private_key(7, ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32),
    ):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = private.public_key().public_bytes(serialization.Encoding.PEM, form)
        with pytest.raises(InvalidInputError, match="P-256"):
            verify_signature(bundle, FILES, pem)
