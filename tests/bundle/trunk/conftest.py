"""Toy tasks on one tiny encoder, a trunk of it, and packs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.models.tinybert import write_backbone
from tests.models.toys import toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.trunk.trunk import Trunk, open_trunk
from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.encoders import source_of
from smallcraft.models.ladder import fit_rung
from smallcraft.models.packs import write_trunk


@dataclass(frozen=True)
class Toys:
    """Bundles by task, and directories that are trunks or no tasks of them."""

    tasks: dict[str, Path]
    trunk: Path
    other: Path
    fast: Path


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Backbone) -> Toys:
    """`kinds`, `pairs` and `few` are frozen bundles, `unsure` a cascade that escalates some rows."""
    folder = tmp_path_factory.mktemp("trunk")
    shops = {
        "kinds": toy_workshop(folder / "kinds", backbone=tiny_backbone, n=60),
        "pairs": toy_workshop(folder / "pairs", backbone=tiny_backbone, n=60, n_classes=2),
        "few": toy_workshop(folder / "few", backbone=tiny_backbone, n=45),
    }
    made = {
        name: fit_rung("frozen", shop, folder / "bundles", about={"made": name}).bundle
        for name, shop in shops.items()
    }
    decoder = Decoder(scale=2.0, threshold=0.9, mix=(1.0, 1.0))
    about = {"made": "unsure"}
    unsure = fit_rung("cascade", shops["kinds"], folder / "bundles", about=about, decoder=decoder)
    fast = fit_rung("fast", shops["kinds"], folder / "bundles", about={"made": "fast"})
    elsewhere = find_backbone(str(write_backbone(folder / "elsewhere", seed=5)))
    other = toy_workshop(folder / "other", backbone=elsewhere, n=45)
    write_trunk(source_of(tiny_backbone), folder / "tree")
    return Toys(
        tasks={**made, "unsure": unsure.bundle},
        trunk=folder / "tree",
        other=fit_rung("frozen", other, folder / "bundles", about={"made": "other"}).bundle,
        fast=fast.bundle,
    )


@pytest.fixture
def trunk(toys: Toys) -> Trunk:
    """With every task known, none read."""
    opened = open_trunk(toys.trunk)
    for name, path in toys.tasks.items():
        opened.add(name, path)
    return opened
