import pytest

from smallcraft.registry.manifests.kinds import ATTACHMENTS, artifact_type, attachment_of, media_type_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("bundle/weights.safetensors", "application/vnd.cncf.model.weight.v1.raw"),
        ("bundle/tokenizer.json", "application/vnd.cncf.model.weight.config.v1.raw"),
        ("card.md", "application/vnd.cncf.model.doc.v1.raw"),
        ("report.html", "application/vnd.cncf.model.doc.v1.raw"),
        ("data/train.parquet", "application/vnd.cncf.model.dataset.v1.raw"),
        ("decision.json", "application/vnd.smallcraft.decision.v1+json"),
        ("evidence/cert/ngram.json", "application/vnd.smallcraft.evidence.v1+json"),
        ("Odd Name.json", "application/vnd.cncf.model.weight.config.v1.raw"),
    ],
)
def test_a_files_kind_follows_from_its_path(path, kind):
    assert media_type_of(path) == kind


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("bundle/model.onnx", None),
        ("bundle/card.md", None),
        ("anything/else.json", None),
        ("facts.json", "evaluation"),
        ("evidence.json", "evaluation"),
        ("evaluation/dev.npz", "evaluation"),
        ("data/rows.npz", "dataset"),
        ("datasheet.md", "dataset"),
        ("decision.json", "decision"),
        ("smallcraft.toml", "decision"),
        ("card.md", "card"),
        ("bom.json", "card"),
        ("model.sig", "signature"),
    ],
)
def test_a_files_part_follows_from_the_first_part_of_its_path(path, part):
    assert attachment_of(path) == part


def test_each_attachment_has_an_artifact_type_of_its_own():
    assert len({artifact_type(kind) for kind in ATTACHMENTS}) == len(ATTACHMENTS)
