"""What a release was made from, beside what a rebuild is made from: the first thing that differs is named.

In this order: smallcraft and its code, packages, backbone, settings, data, splits, which make another model;
then processor, BLAS kernel and Python, which move last digits.
Always: a difference is told with both values and what to do about it; what a release does not record is told
as not recorded, never as the same.
Not covered: files of votes, audits and rows out of scope, whose digests no release records.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.errors import ConfigError, InvalidInputError, NotFoundError
from smallcraft.models.backbone import Backbone
from smallcraft.pipeline.config import FILE_NAME, Config, load_config
from smallcraft.pipeline.machine import describe_machine
from smallcraft.pipeline.reproducing.origin import Origin
from smallcraft.pipeline.reproducing.record import Bearing, Compared
from smallcraft.pipeline.stages.logs import rows_log
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.train import describe_environment, recorded_code_digest
from smallcraft.records import SPLIT_NAMES
from smallcraft.registry.memory.rows import compare_rows, decode_rows

_MACHINE = (("BLAS kernel", "blas"), ("processor", "processor_model"), ("vector instructions", "simd"))
_SHOWN_CHANGES = 5


def compare_inputs(
    origin: Origin, prepared: Prepared, backbone: Backbone | None, *, project: Path
) -> tuple[Compared, ...]:
    """Every input, the ones that make another model first.

    Args:
        origin: What was recorded.
        prepared: The rows as they are now, split by the recorded settings.
        backbone: The encoder that the rebuild uses.
        project: Folder of the project, whose file may have changed since.
    """
    return (
        *_code(origin),
        _backbone(origin, backbone),
        _settings(origin),
        *_data(origin, prepared),
        *_machine(origin),
        _project_file(origin, project),
    )


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Each setting that is not the same, by its JSON pointer.

    >>> changed_settings({"quality": {"margin": 0.01}}, {"quality": {"margin": 0.02}})
    ('/quality/margin: 0.01, now 0.02',)
    """
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    return tuple(
        f"{path}: {_shown(old.get(path))}, now {_shown(new.get(path))}"
        for path in sorted({*old, *new})
        if _shown(old.get(path)) != _shown(new.get(path))
    )


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _leaves(item, f"{path}/{escaped}")
    else:
        yield path, value


def _shown(value: object) -> str:
    return "nothing" if value in (None, {}, ()) else canonical_json(value).decode("utf-8")


def _code(origin: Origin) -> Iterator[Compared]:
    recorded, now = origin.environment, describe_environment()
    version = recorded.get("smallcraft")
    yield _beside(
        *("smallcraft", version, now["smallcraft"]),
        remedy=f"install the version that made it: `pip install smallcraft=={version}`",
    )
    yield _beside(
        *("smallcraft's code", recorded.get("code"), recorded_code_digest()),
        remedy="check out the commit that made it",
    )
    for package in now:
        if package != "smallcraft":
            wanted = recorded.get(package)
            yield _beside(
                *(package, wanted, now[package]), remedy=f"install it: `pip install {package}=={wanted}`"
            )


def _machine(origin: Origin) -> Iterator[Compared]:
    recorded, now = origin.environment.get("machine") or {}, describe_machine()
    for what, key in _MACHINE:
        remedy = "rebuild on such a machine, or with OPENBLAS_CORETYPE set to that kernel's name"
        yield _beside(what, recorded.get(key), now[key], bearing="rounding", remedy=remedy)
    for what, key, found in (
        ("system", "system", platform.system()),
        ("kind of processor", "processor", platform.machine()),
        ("Python", "python", platform.python_version()),
    ):
        yield _beside(what, origin.environment.get(key), found, bearing="rounding")


def _backbone(origin: Origin, backbone: Backbone | None) -> Compared:
    recorded = (origin.facts.get("backbone") or {}).get("digest") or "none"
    name = (origin.facts.get("backbone") or {}).get("name", "none")
    return _beside(
        *("backbone", recorded, backbone.digest if backbone else "none"),
        remedy=f"bring {name} in the version that was recorded",
    )


def _settings(origin: Origin) -> Compared:
    """What the facts say was declared, beside the project file that the release keeps, which is used."""
    config, facts = origin.config, origin.facts
    data, card = facts.get("data") or {}, facts.get("card") or {}
    quality = ("metric", "margin", "floor", "confidence", "preregistration", "plan")
    recorded = {
        "name": facts.get("name"),
        "seed": origin.environment.get("seed"),
        "data": {key: data.get(key) for key in ("path", "source", "license")},
        "quality": {key: facts.get(key) for key in quality},
        "card": card,
    }
    used = {
        "name": config.name,
        "seed": config.seed,
        "data": {key: getattr(config.data, key) for key in ("path", "source", "license")},
        "quality": {**config.quality.model_dump(include=set(quality))},
        "card": config.card.model_dump(exclude_none=True),
    }
    changes = changed_settings(recorded, used)
    return Compared(
        what="settings",
        recorded="as the facts say",
        now=f"as {FILE_NAME} of the release says",
        same=not changes,
        detail=_listed(changes),
        remedy=f"it was built from other settings than the {FILE_NAME} it keeps" if changes else "",
    )


def _data(origin: Origin, prepared: Prepared) -> Iterator[Compared]:
    recorded = origin.facts["data"]
    splits = recorded["splits"]
    now = {name: prepared.splits.refs[name] for name in SPLIT_NAMES}
    yield _beside(
        *("data", recorded.get("digest"), prepared.table.ref.digest),
        detail=f"{recorded.get('path')} holds other rows{_row_words(origin.rows, prepared)}",
        remedy="put back the file that the release was built from",
    )
    for name in SPLIT_NAMES:
        rows = splits.get(name) or {}
        yield _beside(
            *(f"{name} rows", rows.get("digest"), now[name].digest),
            detail=_count_words(rows.get("rows", 0), now[name].rows),
            remedy="put back the files that the release was built from",
        )


def _count_words(recorded: int, now: int) -> str:
    return f"{recorded:,} rows, now {now:,}" if recorded != now else f"other ones, {now:,} as before"


def _row_words(recorded: bytes | None, prepared: Prepared) -> str:
    """How many rows came, went or have another label; empty where the release does not keep its rows."""
    if recorded is None:
        return ""
    try:
        found = compare_rows(decode_rows(recorded), decode_rows(rows_log(prepared)))
    except InvalidInputError as error:
        return f" ({error})"
    told = {"added": found.added, "removed": found.removed, "under another label": found.relabelled}
    counts = ", ".join(f"{count:,} {how}" for how, count in told.items() if count)
    return f" ({counts or 'the same ones in another order or split'})"


def _project_file(origin: Origin, project: Path) -> Compared:
    """The project file as it is today; the rebuild does not use it."""
    what, recorded = f"{FILE_NAME} today", "as recorded"
    try:
        today = load_config(project)
    except (ConfigError, NotFoundError) as error:
        return Compared(what, recorded, None, None, bearing="none", detail=str(error))
    changes = changed_settings(_dumped(origin.config), _dumped(today))
    return Compared(
        what,
        recorded,
        "changed since" if changes else recorded,
        not changes,
        bearing="none",
        detail=f"{_listed(changes)}; the rebuild used what was recorded" if changes else "",
    )


def _dumped(config: Config) -> Mapping[str, Any]:
    dumped: Mapping[str, Any] = config.model_dump(mode="json")
    return dumped


def _beside(
    what: str,
    recorded: object,
    now: str,
    *,
    bearing: Bearing = "content",
    detail: str = "",
    remedy: str = "",
) -> Compared:
    """Both sides; detail and remedy are kept where they differ."""
    if recorded is None:
        return Compared(what, None, now, None, bearing=bearing, detail="the release does not record it")
    if recorded == now:
        return Compared(what, str(recorded), now, same=True, bearing=bearing)
    return Compared(what, str(recorded), now, same=False, bearing=bearing, detail=detail, remedy=remedy)


def _listed(changes: Sequence[str]) -> str:
    more = len(changes) - _SHOWN_CHANGES
    return "; ".join(changes[:_SHOWN_CHANGES]) + (f"; and {more} more" if more > 0 else "")
