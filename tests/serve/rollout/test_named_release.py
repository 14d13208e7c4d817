from dataclasses import replace

from tests.serve.rolling import STABLE

from smallcraft.serve.rollout.named_release import NamedRelease


def test_two_names_of_other_bytes_are_not_the_same_release():
    assert NamedRelease(STABLE.label, STABLE.digest) == STABLE
    assert replace(STABLE, digest="sha256:" + "0" * 64) != STABLE
