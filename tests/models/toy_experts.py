"""A bundle with experts, made without torch: the backbone's top layers, shaken anew for each expert."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import read_description
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.bundle.stage import Stage
from smallcraft.models.backbone import Backbone
from smallcraft.models.experts import make_routing
from smallcraft.models.export import write_bundle
from smallcraft.models.forms import Form
from smallcraft.models.parts.experts import Expert, Routing, make_experts_stage, write_graphs
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.workshop import Workshop

FIRST_LAYER = 1


@dataclass(frozen=True)
class ToyExperts:
    path: Path
    workshop: Workshop
    routing: Routing
    experts: tuple[Expert, ...]
    stages: tuple[Stage, ...]

    @property
    def inputs(self) -> Inputs:
        return self.workshop.parts[0][1]

    def open(self) -> Bundle:
        return open_bundle(self.path)


def shaken_experts(workshop: Workshop, routing: Routing, *, seed: int = 0) -> tuple[Expert, ...]:
    """Each expert's own weights and head."""
    source, rng = workshop.backbone_source(), np.random.default_rng(seed)
    experts = []
    for _ in range(routing.n_experts):
        weights = {
            name: (array + rng.normal(0, 0.05, array.shape)).astype(np.float32)
            for name, array in source.weights.items()
            if name.startswith("encoder.layer.") and int(name.split(".")[2]) >= FIRST_LAYER
        }
        head = rng.normal(size=(source.width + 1, len(workshop.classes)))
        experts.append(Expert(weights, head))
    return tuple(experts)


def toy_experts(folder: Path, backbone: Backbone, *, form: Form = "int8", n_experts: int = 2) -> ToyExperts:
    """Every row goes to an expert: the threshold is 1."""
    folder.mkdir(parents=True, exist_ok=True)
    workshop = toy_workshop(folder, TEXT, backbone=backbone, n=120).in_form(form)
    (router,) = FAST.out_of_fold(workshop)
    routing = make_routing(router, workshop.labels, n_experts=n_experts)
    experts = shaken_experts(workshop, routing)
    encoder = workshop.encoder_files()
    graphs = write_graphs(
        *(workshop.backbone_source(), experts, folder / "graphs"),
        first_layer=FIRST_LAYER,
        form=form,
        encoder=read_description(encoder.root)[0]["encoder"],
    )
    (fast,) = FAST.stages(workshop)
    stage = make_experts_stage(
        *("experts", fast, routing, experts), graphs=graphs, encoder=encoder, gain=4.0, form=form
    )
    decoder = Decoder(scale=2.0, threshold=1.0, mix=(1.0, 1.0))
    path, _ = write_bundle(
        folder / "bundles",
        (fast, stage),
        decoder,
        classes=workshop.classes,
        spec=workshop.spec,
        about={"rung": "experts"},
    )
    return ToyExperts(path, workshop, routing, experts, (fast, stage))
