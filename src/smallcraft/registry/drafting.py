"""From files and facts to the manifests of a release: what is staged, what is attached, what is signed.

Leaves to others: the log (`registry.store`), the disk (`registry.committing`), what the papers say
(`registry.papers`, `registry.memory`).
Always: the model's manifest depends on the bundle, the name and the form its files are stored in alone; the
papers are made from the very facts that are stored, and the signature covers every file of the release,
papers included; the bytes whose format is checked are the bytes that are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.records import StoredFile
from smallcraft.registry.content.blocks import Plan
from smallcraft.registry.content.disk import mapped
from smallcraft.registry.content.formats import check_file, check_format
from smallcraft.registry.content.packs import Pack, plan_pack, read_packed, write_pack
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.manifests.kinds import (
    ATTACHMENTS,
    EMPTY_OBJECT,
    FACTS_PATH,
    MODEL_TYPE,
    SIGNATURE_PATH,
    Attachment,
    artifact_type,
    attachment_of,
)
from smallcraft.registry.manifests.manifest import (
    FileLayer,
    Manifest,
    PackLayer,
    check_paths,
    encode_manifest,
    model_config,
)
from smallcraft.registry.tlog.entry import Content


@dataclass(frozen=True)
class Draft:
    """A release that is about to be made, as its papers see it.

    Attributes:
        name: Of the release.
        version: That it will have.
        created: RFC 3339 time in UTC.
        manifest: Of the model.
        facts: As stored.
        files: What was handed in, by path; the papers are not in it.
        read: A stored file's bytes.
        parent: Version before; None for the first.
    """

    name: str
    version: int
    created: str
    manifest: Content
    facts: Mapping[str, object]
    files: tuple[StoredFile, ...]
    read: Callable[[str], bytes]
    parent: Parent | None

    @property
    def label(self) -> str:
        """How people will name it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Parent:
    """The version before, for deltas."""

    label: str
    manifest: str
    facts: Mapping[str, object]
    read: Callable[[str], bytes]


class Papers(Protocol):
    """Writes what a release says of itself: decision, cards."""

    def __call__(self, draft: Draft) -> Mapping[str, bytes]:
        """Path to bytes."""


class Sign(Protocol):
    """Signs a release directory."""

    def __call__(self, files: Mapping[str, str]) -> bytes:
        """Path to digest in, the signature's file out."""


def no_papers(draft: Draft) -> Mapping[str, bytes]:  # noqa: ARG001 - the signature is the protocol
    """For a release that needs none."""
    return {}


@dataclass
class Staged:
    """Files of one release on their way in, by the part of the release that they belong to.

    Attributes:
        staging: Where their bytes wait.
        files: Every file by path, packed ones too.
        layers: Those that are no part of a pack.
        blocks: Blobs that the recipes of each part take ranges of, by digest.
        shared: Digests of the files that are stored as recipes.
        pack: The many small files of the bundle.
        manifests: What was attached to the model so far.
    """

    staging: Staging
    files: dict[str, StoredFile] = field(default_factory=dict)
    layers: dict[str, FileLayer] = field(default_factory=dict)
    blocks: dict[Attachment | None, dict[str, Content]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    pack: Pack | None = None
    manifests: list[tuple[Attachment, Content]] = field(default_factory=list)

    def add(self, path: str, source: Path | bytes) -> None:
        """Stage one file.

        Raises:
            InvalidInputError: A path that cannot be stored, or given twice; a source that is no plain file,
                or of a kind that may not be stored.
        """
        if path in self.files:
            raise InvalidInputError(f"'{path}' is written by the registry itself; give the file another name")
        if isinstance(source, bytes):
            check_format(path, source)
        content = self.staging.add(source)
        if isinstance(source, Path):
            check_file(self.staging.paths[content.digest], name=path)
        self.files[path] = StoredFile(path, content.digest, content.size_bytes)
        self.layers[path] = FileLayer(self.files[path])

    def add_packed(self, files: Mapping[str, Path | bytes]) -> None:
        """Stage many small files as one blob with an index."""
        self.pack = write_pack(files, self.staging)
        pack = self.staging.paths[self.pack.pack.digest]
        with mapped(pack, name=pack.name) as data:
            for packed in self.pack.files:
                check_format(packed.path, data[packed.offset : packed.offset + packed.size_bytes])
        for packed in self.pack.files:
            self.files[packed.path] = StoredFile(packed.path, packed.digest, packed.size_bytes)

    def share(self, path: str, plan: Plan) -> None:
        """Store a file as a recipe over blobs that are there, and its new bytes."""
        recipe = self.staging.add(plan.encoded)
        if plan.literal:
            self.staging.add(plan.literal)
        self.layers[path] = FileLayer(self.files[path], recipe=recipe)
        part = self.blocks.setdefault(attachment_of(path), {})
        part.update((source.digest, source) for source in plan.recipe.sources)
        self.shared.add(self.files[path].digest)

    def drop_shared(self) -> None:
        """Take away the copies of files that are stored as recipes; until now the papers could read them."""
        whole = {layer.file.digest for layer in self.layers.values() if layer.recipe is None}
        for digest in self.shared - whole:
            self.staging.discard(digest)

    def part(self, attachment: Attachment | None) -> tuple[FileLayer, ...]:
        """The layers of one part."""
        return tuple(
            layer for path, layer in sorted(self.layers.items()) if attachment_of(path) == attachment
        )

    def part_blocks(self, attachment: Attachment | None) -> tuple[Content, ...]:
        """The blobs that recipes of one part take ranges of."""
        return tuple(content for _, content in sorted(self.blocks.get(attachment, {}).items()))

    def stage_model(self, name: str) -> Content:
        """The model's manifest over its files."""
        bound = [
            Content(f.digest, f.size_bytes) for p, f in sorted(self.files.items()) if not attachment_of(p)
        ]
        made = Manifest(
            MODEL_TYPE,
            self.part(None),
            blocks=self.part_blocks(None),
            packs=(PackLayer(self.pack.pack, self.pack.index),) if self.pack else (),
            config=self.staging.add(model_config(name, bound)),
        )
        return self.staging.add(encode_manifest(made))

    def stage_attachments(self, subject: Content, kinds: Sequence[Attachment] = ATTACHMENTS) -> None:
        """A manifest for each part that has files."""
        for kind in kinds:
            layers = self.part(kind)
            if layers:
                self.staging.add(EMPTY_OBJECT)
                blocks = self.part_blocks(kind)
                made = Manifest(artifact_type(kind), layers, blocks=blocks, subject=subject)
                self.manifests.append((kind, self.staging.add(encode_manifest(made))))


def stage_submission(staging: Staging, files: Mapping[str, Path | bytes], facts: bytes) -> Staged:
    """Copy and hash what was handed in.

    Raises:
        InvalidInputError: No file, a path that cannot be stored, a source that is no plain file, or one of a
            kind that may not be stored.
    """
    if not files:
        raise InvalidInputError("a release needs at least one file, got none; pass the bundle")
    check_paths((*files, FACTS_PATH))
    staged = Staged(staging)
    plan = plan_pack({path: source for path, source in files.items() if attachment_of(path) is None})
    if plan.packed:
        staged.add_packed({path: files[path] for path in plan.packed})
    for path in sorted(set(files) - set(plan.packed)):
        staged.add(path, files[path])
    staged.add(FACTS_PATH, facts)
    return staged


def stage_papers(staged: Staged, draft: Draft, papers: Papers, *, sign: Sign | None) -> tuple[str, ...]:
    """Write the papers, sign everything, and make the manifests that are attached to the model.

    Returns:
        Digests of the attached manifests, in the order of `ATTACHMENTS`.
    """
    for path, data in sorted(papers(draft).items()):
        staged.add(path, data)
    if sign is not None:
        staged.add(SIGNATURE_PATH, sign({path: file.digest for path, file in staged.files.items()}))
    staged.stage_attachments(draft.manifest)
    return tuple(content.digest for _, content in staged.manifests)


def read_staged(staged: Staged, path: str) -> bytes:
    """A staged file's bytes.

    Raises:
        NotFoundError: There is none of that path.
    """
    if path not in staged.files:
        raise NotFoundError(
            f"the release is to have no file '{path}'; it has {', '.join(sorted(staged.files))}"
        )
    for packed in staged.pack.files if staged.pack else ():
        if packed.path == path and staged.pack is not None:
            return read_packed(staged.staging.paths[staged.pack.pack.digest], packed)
    file = staged.files[path]
    data = staged.staging.paths[file.digest].read_bytes()
    assert digest_bytes(data) == file.digest
    return data
