"""Files for the systems that teams already deploy with, one a file; this table is the list of them."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.serve.exports.argo import Argo
from smallcraft.serve.exports.export import Export
from smallcraft.serve.exports.flagger import Flagger
from smallcraft.serve.exports.kserve import KServe

BUILTIN: Mapping[str, Export] = {
    "kserve": KServe(),
    "argo": Argo(),
    "flagger": Flagger(),
}
