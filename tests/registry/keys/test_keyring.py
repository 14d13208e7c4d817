from __future__ import annotations

import base64
import multiprocessing
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.conftest import require

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.keys.keyring import Keyring, config_folder
from smallcraft.registry.tlog.order import fingerprint_of

ORIGIN = "example.com/registry"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "config")


def made_vkey(folder: Path) -> str:
    return Keyring(folder).log_signer(ORIGIN, create=True).vkey


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"SMALLCRAFT_CONFIG": "/a", "XDG_CONFIG_HOME": "/b"}, Path("/a")),
        ({"XDG_CONFIG_HOME": "/b"}, Path("/b/smallcraft")),
        ({}, Path.home() / ".config" / "smallcraft"),
        ({"SMALLCRAFT_CONFIG": "", "XDG_CONFIG_HOME": ""}, Path.home() / ".config" / "smallcraft"),
    ],
)
def test_the_folder_follows_the_environment(environment, folder):
    assert config_folder(environment) == folder


def test_a_key_is_made_once_and_read_after(keyring):
    signer, author = keyring.log_signer(ORIGIN, create=True), keyring.author(create=True)
    again = Keyring(keyring.folder.parent)
    assert again.log_signer(ORIGIN, create=False).vkey == signer.vkey
    assert again.log_signer(ORIGIN, create=True).vkey == signer.vkey
    assert again.author(create=True).fingerprint == author.fingerprint
    assert again.log_signer("example.com/other", create=True).vkey != signer.vkey


def test_keys_are_for_their_owner_alone(keyring):
    previous = os.umask(0)
    try:
        keyring.log_signer(ORIGIN, create=True)
        keyring.author(create=True)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(keyring.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keyring.folder.iterdir()}
    assert modes == {keyring.log_path(ORIGIN).name: 0o600, "author.pem": 0o600}


def test_origins_that_look_alike_have_keys_of_their_own(keyring):
    paths = {
        keyring.log_path(origin) for origin in ("a/b", "a-b", "a.b", "A/b", "a/b/", "x" * 200, "x" * 199)
    }
    assert len(paths) == 7
    assert {path.parent for path in paths} == {keyring.folder}
    assert max(len(path.name) for path in paths) < 100
    with pytest.raises(InvalidInputError, match="visible ASCII"):
        keyring.log_path("../up and away")


def test_a_missing_key_says_where_it_should_be(keyring):
    with pytest.raises(
        NotFoundError, match=rf"signs log '{ORIGIN}' is not there: wanted {keyring.log_path(ORIGIN)}"
    ):
        keyring.log_signer(ORIGIN, create=False)
    with pytest.raises(NotFoundError, match=r"your author key is not there: .*author.pem; copy it from"):
        keyring.author(create=False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_reach_is_refused_with_the_remedy(keyring, mode):
    keyring.author(create=True)
    keyring.author_path.chmod(mode)
    with pytest.raises(IntegrityError, match=rf"got mode {mode:04o}.*run `chmod 600 {keyring.author_path}`"):
        keyring.author(create=False)
    keyring.author_path.chmod(0o600)
    keyring.author(create=False)


def test_a_folder_that_others_can_reach_is_refused_with_the_remedy(keyring):
    keyring.log_signer(ORIGIN, create=True)
    keyring.folder.chmod(0o770)
    with pytest.raises(IntegrityError, match=rf"got mode 0770.*run `chmod 700 {keyring.folder}`"):
        keyring.log_signer(ORIGIN, create=True)


def test_a_link_in_place_of_a_key_is_refused(keyring, tmp_path):
    keyring.author(create=True)
    elsewhere = keyring.author_path.rename(tmp_path / "elsewhere.pem")
    keyring.author_path.symlink_to(elsewhere)
    with pytest.raises(IntegrityError, match="put the file itself there, no link"):
        keyring.author(create=True)
    keyring.author_path.unlink()
    keyring.author_path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(IntegrityError, match="no link"):
        keyring.author(create=True)


def test_a_pipe_in_place_of_a_key_is_refused_without_waiting(keyring):
    keyring.folder.mkdir(mode=0o700, parents=True)
    os.mkfifo(keyring.author_path, 0o600)
    with pytest.raises(IntegrityError, match="must be a plain file"):
        keyring.author(create=True)


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(keyring, data):
    keyring.author(create=True)
    keyring.author_path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"wanted a private key as PEM .*restore it from a copy"):
        keyring.author(create=False)


def test_keys_do_not_stand_in_for_each_other(keyring):
    keyring.author(create=True)
    keyring.log_signer(ORIGIN, create=True)
    pem = keyring.author_path.read_bytes()
    keyring.author_path.write_bytes(keyring.log_path(ORIGIN).read_bytes())
    keyring.log_path(ORIGIN).write_bytes(pem)
    with pytest.raises(IntegrityError, match="wanted a P-256 key, got Ed25519PrivateKey"):
        keyring.author(create=False)
    with pytest.raises(IntegrityError, match="wanted an Ed25519 key, got ECPrivateKey"):
        keyring.log_signer(ORIGIN, create=False)


@pytest.mark.parametrize("kind", ["p384", "rsa"])
def test_an_author_key_of_another_kind_is_refused(keyring, kind):
    keyring.author(create=True)
    other = (
        ec.generate_private_key(ec.SECP384R1())
        if kind == "p384"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyring.author_path.write_bytes(pem)
    with pytest.raises(IntegrityError, match="wanted a P-256 key"):
        keyring.author(create=False)


def test_processes_that_make_a_key_at_once_share_it(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        vkeys = pool.map(made_vkey, [tmp_path / "config"] * 8)
    assert len(set(vkeys)) == 1
    assert len(list((tmp_path / "config" / "keys").iterdir())) == 1


def test_an_author_signs_alike_each_time_and_openssl_agrees(keyring, tmp_path):
    author = keyring.author(create=True)
    signature = author.sign(b"what is signed")
    assert author.sign(b"what is signed") == signature
    author.private.public_key().verify(signature, b"what is signed", ec.ECDSA(hashes.SHA256()))
    require(None if shutil.which("openssl") else "openssl is not installed; `apt-get install openssl`")
    (tmp_path / "author.pub").write_bytes(author.public_pem)
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "data").write_bytes(b"what is signed")
    command = ["openssl", "dgst", "-sha256", "-verify", "author.pub", "-signature", "signature", "data"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "Verified OK")


def test_a_fingerprint_is_that_of_the_key_entry(keyring):
    author = keyring.author(create=True)
    assert author.fingerprint == fingerprint_of(author.public_text)
    loaded = serialization.load_der_public_key(base64.b64decode(author.public_text))
    assert loaded == author.private.public_key()


def test_no_repr_holds_a_private_key(keyring):
    assert "private" not in repr(keyring.author(create=True)) + repr(keyring.log_signer(ORIGIN, create=True))


def test_a_key_is_handed_over_whole_whenever_the_power_fails(keyring):
    old = keyring.log_signer(ORIGIN, create=True)
    new = keyring.prepare_log_key(ORIGIN)
    assert keyring.prepare_log_key(ORIGIN).vkey == new.vkey != old.vkey
    # Before the log's `key` entry is committed the old key is in force, after it the new one.
    assert keyring.log_signer(ORIGIN, create=False).vkey == old.vkey
    assert keyring.log_signer(ORIGIN, create=False, vkey=old.vkey).vkey == old.vkey
    assert keyring.log_signer(ORIGIN, create=False, vkey=new.vkey).vkey == new.vkey
    kept = keyring.adopt_log_key(ORIGIN)
    assert keyring.log_signer(ORIGIN, create=False, vkey=new.vkey).vkey == new.vkey
    assert kept.name.endswith(f".{old.key_id.hex()}.old")
    assert not keyring.next_log_path(ORIGIN).exists()
    keyring.adopt_log_key(ORIGIN)
    assert keyring.log_signer(ORIGIN, create=False).vkey == new.vkey


def test_a_log_that_another_machine_writes_is_not_signed_here(keyring, tmp_path):
    theirs = Keyring(tmp_path / "theirs").log_signer(ORIGIN, create=True)
    keyring.log_signer(ORIGIN, create=True)
    with pytest.raises(NotFoundError, match=r"is signed by .* copy the log's key from the machine"):
        keyring.log_signer(ORIGIN, create=False, vkey=theirs.vkey)
