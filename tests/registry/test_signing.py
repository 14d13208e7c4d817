"""A release is handed out only with its author's signature over exactly its files, under its own label."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.registry.decided import decided_registry

from smallcraft.errors import IntegrityError
from smallcraft.registry.signing import author_pem, check_signature


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Not to be changed."""
    return decided_registry(tmp_path_factory.mktemp("signing") / "registry")


def test_a_release_that_names_no_author_or_has_no_signature_is_refused(kept):
    stored, log = kept.find("helpdesk@1"), kept.log()
    unsigned = {path: at for path, at in stored.locations.items() if path != "model.sig"}
    for wrong in (
        replace(stored, entry=replace(stored.entry, by=None)),
        replace(stored, locations=unsigned),
    ):
        with pytest.raises(
            IntegrityError, match=r"helpdesk@1 is not signed by its author: expected model.sig"
        ):
            check_signature(log, wrong)


def test_an_author_that_the_log_does_not_have_is_nobody(kept):
    stored = kept.find("helpdesk@1")
    nobody = replace(stored, entry=replace(stored.entry, by="sha256:" + "0" * 64))
    with pytest.raises(IntegrityError, match="the log names no author key sha256:000"):
        check_signature(kept.log(), nobody)


def test_the_signature_of_an_old_release_under_a_new_name_is_named(kept):
    first, second = kept.find("helpdesk@1"), kept.find("helpdesk@2")
    with pytest.raises(IntegrityError, match="helpdesk@2 carries the signature of helpdesk@1"):
        check_signature(kept.log(), replace(first, entry=second.entry))


@pytest.mark.parametrize("change", ["dropped", "added", "exchanged"])
def test_a_signature_is_over_exactly_these_files(kept, change):
    stored = kept.find("helpdesk@1")
    locations = dict(stored.locations)
    if change == "dropped":
        del locations["card.md"]
    elif change == "added":
        locations["more.json"] = locations["card.md"]
    else:
        locations["card.md"], locations["bom.json"] = locations["bom.json"], locations["card.md"]
    with pytest.raises(IntegrityError):
        check_signature(kept.log(), replace(stored, locations=locations))


def test_the_authors_key_is_given_as_other_tools_read_it(kept):
    (by,) = {entry.by for entry in kept.log().entries if entry.kind == "put"}
    assert load_pem_public_key(author_pem(kept.log(), by)).curve.name == "secp256r1"
