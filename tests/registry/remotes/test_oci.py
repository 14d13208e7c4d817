"""What holds for OCI registries alone; the laws of every remote are in `test_remotes`."""

import json
import subprocess

import pytest
from tests.conftest import require, why_no_program

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, RemoteError
from smallcraft.registry.remotes.oci import OciKind
from smallcraft.registry.sharing.addressing import open_remote
from smallcraft.registry.sharing.sending import push_to

COPY = ("copy", "--quiet", "--src-tls-verify=false", "--preserve-digests")


@pytest.fixture
def skopeo():
    require(why_no_program("skopeo", "skopeo"))

    def run(*arguments):
        done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_skopeo_copies_what_was_pushed_with_its_digests(skopeo, oci, owner, tmp_path):
    push_to(oci.open(), owner.root)
    reference = f"docker://{oci.host}/{oci.repository}"
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", reference))["Tags"]
    index = json.loads((owner.root / "index.json").read_bytes())["manifests"]
    names = {one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"] for one in index}
    assert sorted(tags) == sorted([*(name.replace("@", "-") for name in names), "log"])
    for name, digest in names.items():
        tag = name.replace("@", "-")
        target = f"oci:{tmp_path / 'copy'}:{tag}"
        skopeo(*COPY, f"{reference}:{tag}", target)
        manifest = (tmp_path / "copy/blobs/sha256" / digest[7:]).read_bytes()
        assert manifest == (owner.root / "blobs/sha256" / digest[7:]).read_bytes()
        for layer in json.loads(manifest)["layers"]:
            assert (
                digest_bytes((tmp_path / "copy/blobs/sha256" / layer["digest"][7:]).read_bytes())
                == layer["digest"]
            )


def test_the_log_is_an_artifact_that_names_every_blob_nothing_else_names(skopeo, oci, owner, tmp_path, now):
    owner.registry.record_looks("helpdesk", [b'{"look":1}'], now=now)
    push_to(oci.open(), owner.root)
    reference = f"docker://{oci.host}/{oci.repository}:log"
    target = f"oci:{tmp_path / 'copy'}:log"
    skopeo(*COPY, reference, target)
    there = {path.name for path in (tmp_path / "copy/blobs/sha256").iterdir()}
    for data in (b'{"look":1}', (owner.root / "log/checkpoint").read_bytes()):
        assert digest_bytes(data)[7:] in there


def test_a_tag_that_was_moved_is_moved_back_by_the_next_push(oci, owner):
    push_to(oci.open(), owner.root)
    before = oci.state()
    oci.put_back({**before, "helpdesk-1": before["helpdesk-2"]})
    push_to(oci.open(), owner.root)
    assert oci.state() == before


def test_a_repository_of_something_else_is_not_taken_for_a_registry(oci, owner):
    push_to(oci.open(), owner.root)
    state = oci.state()
    oci.put_back({**state, "log": state["helpdesk-2"]})
    with pytest.raises(IntegrityError, match="the tag 'log' names no log of a registry"):
        push_to(oci.open(), owner.root)


def test_a_writer_that_was_overtaken_before_its_commit_replaces_nothing(oci, owner, tmp_path, now):
    push_to(oci.open(), owner.root)
    other = owner.copy(tmp_path / "other")
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    other.registry.set_alias("helpdesk", "stable", 2, now=now)
    late = oci.open()
    real = late.sizes

    def sizes(digests):
        late.sizes = real
        push_to(oci.open(), owner.root)
        return real(digests)

    late.sizes = sizes
    with pytest.raises(IntegrityError, match="forked"):
        push_to(late, other.root)
    assert oci.open().head().checkpoint == (owner.root / "log/checkpoint").read_bytes()


@pytest.mark.parametrize(
    "address",
    ["oci://", "oci://host", "oci://host/Upper", "oci://host/name:tag", "oci://me:secret@host/name"],
)
def test_what_names_no_repository_is_refused(address):
    with pytest.raises(InvalidInputError, match="a repository is named like oci://host/name"):
        OciKind().open(address)


@pytest.mark.parametrize(
    ("address", "is_plain"),
    [
        ("oci://registry.example/a", False),
        ("oci+http://registry.example/a", True),
        ("oci://localhost:5000/a", True),
    ],
)
def test_plain_text_is_for_this_machine_or_where_it_is_said(address, is_plain):
    assert open_remote(address).http.is_plain is is_plain


def test_a_registry_that_is_not_there_is_told(owner):
    with pytest.raises(RemoteError, match="could not be asked"):
        push_to(open_remote("oci://127.0.0.1:9/team/models"), owner.root)
