from __future__ import annotations

from mlcroissant._src.core.context import Context, CroissantVersion
from mlcroissant._src.core.rdf import make_context

from smallcraft.registry.papers.vocabulary import CONTEXT


def test_the_context_is_the_one_that_the_reference_reader_calls_standard():
    assert make_context(Context(conforms_to=CroissantVersion.V_1_1)) == dict(CONTEXT)
