"""How a registry arrives from a source that is no folder and not honest; folders are in `test_transfer`."""

from dataclasses import dataclass

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import Layout, locked
from smallcraft.registry.proofs.arriving import bring_up, open_target, prepare
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, open_copy


@dataclass
class Courier:
    """Brings bytes from a folder, and may change them on the way."""

    layout: Layout
    where: str = "a courier"
    altered: str = ""
    at_once: int = 2

    @property
    def policy(self):
        return self.layout.policy.read_bytes()

    def needed(self, log, incoming):
        return needed_blobs(self.layout, log)

    def fetch(self, content, incoming):
        data = self.layout.blob(content.digest).read_bytes()
        if content.digest == self.altered:
            data = data[:-1] + bytes([data[-1] ^ 1])
        incoming.receive([data], content, name=f"{self.where}: {content.digest}")


def arrive(courier, folder):
    target = Layout(folder)
    prepare(target)
    log = open_copy(courier.layout, claimed_policies(courier.layout))
    with locked(target.log):
        return bring_up(target, courier, log, open_target(target, claimed_policies(target)))


def test_what_arrives_is_whole_or_not_there(published, tmp_path):
    source = Layout(published.write_registry(tmp_path / "source"))
    altered = digest_bytes(published.content["bundle/model.onnx"])
    with pytest.raises(IntegrityError, match=f"a courier: {altered} does not match its record"):
        arrive(Courier(source, altered=altered), tmp_path / "target")
    assert not (tmp_path / "target/log/checkpoint").exists()
    done = arrive(Courier(source), tmp_path / "target")
    assert (done.size, done.resumed > 0) == (7, True)
    assert (tmp_path / "target/log/checkpoint").read_bytes() == published.checkpoint


def test_nothing_arrives_twice(published, tmp_path):
    source = Layout(published.write_registry(tmp_path / "source"))
    first = arrive(Courier(source), tmp_path / "target")
    again = arrive(Courier(source), tmp_path / "target")
    assert (first.size_before, again.size_before, again.blobs) == (0, 7, 0)
