"""What was asked of an evaluation, checked before anything is read or asked: models, metrics, gates, limits.

Always: a model, metric or gate that cannot be used is refused here, with its remedy; so is a project's own
cert file, for every look at it is metered.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from smallcraft.contracts import Score
from smallcraft.data.formats import find_files
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.evaluate.harness.asking import BATCH
from smallcraft.evaluate.harness.openers.bundle import model_of_bundle
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.opening import open_model
from smallcraft.evaluate.harness.own_metric import OwnMetric, load_metric
from smallcraft.evaluate.harness.project_module import names_function
from smallcraft.evaluate.scores import BUILTIN as SCORES
from smallcraft.gates.policy import custom_specs
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.evaluations.rows import NamedColumns
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released
from smallcraft.plugins import find_plugin
from smallcraft.records import GateSpec
from smallcraft.stats.intervals import require_fraction

_LONGEST_TIMEOUT = 3600
_RELEASE = re.compile(r"^(latest|\d+|[A-Za-z0-9][\w.-]*@(\d+|latest))$")


@dataclass(frozen=True)
class EvaluateOptions:
    """What is asked for beside the data and the models.

    Attributes:
        columns: What the user says about columns.
        project: Folder of a project: its columns, releases, modules; None for the working folder.
        metrics: Names of scores, `module:function`s, or metrics made in memory; empty for every score. The
            first one compares.
        against: The model that the others stand against; None for the first one.
        gates: A TOML file of gates; None for none.
        trusted: Types that a `.skops` file may make.
        classes: Labels of the columns of probabilities, where a model does not say.
        id_column: Column that names a row, in the data and in files of predictions.
        batch: Rows that are asked at once.
        timeout: Seconds that a server may take for a batch.
        margin: How much worse than the best is good enough; None for the project's, else 0.01.
        confidence: Of every interval; None for the project's, else 0.95.
        seed: Of everything random.
    """

    columns: NamedColumns = field(default_factory=NamedColumns)
    project: Path | None = None
    metrics: tuple[str | OwnMetric, ...] = ()
    against: str | None = None
    gates: Path | None = None
    trusted: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    id_column: str | None = None
    batch: int = BATCH
    timeout: float = 30.0
    margin: float | None = None
    confidence: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class NamedScore:
    """A score of several labels a row, or of numbers; whether rows are such is seen when they are read."""

    name: str


@dataclass(frozen=True)
class Plan:
    """What was asked for, checked before a row is asked.

    Attributes:
        metrics: Scores in the order named; empty for every score. A score of another task is its name alone.
        specs: Of the gates; empty where there are none.
        margin: How much worse than the best is good enough.
        confidence: Of every interval.
        seed: Of everything random.
    """

    metrics: tuple[Score | OwnMetric | NamedScore, ...]
    specs: tuple[GateSpec, ...]
    margin: float
    confidence: float
    seed: int


def open_target(target: str, options: EvaluateOptions) -> OpenedModel:
    """A model from its name: a release of the project, or what `evaluate.harness.openers` knows.

    Raises:
        NotFoundError: There is no such release or model.
        InvalidInputError: It cannot be used.
        IntegrityError: A release's bytes are not what was recorded.
    """
    folder = options.project or Path()
    if _RELEASE.match(target) and not Path(target).exists():
        registry = open_registry(folder)
        release = registry.read(target)
        workspace = Workspace(folder.parent if folder.is_file() else folder)
        return replace(
            model_of_bundle(open_released(workspace, registry, release), release.label), kind="release"
        )
    home = folder.parent if folder.is_file() else folder
    return open_model(
        target, OpenOptions(home, options.trusted, options.classes, options.timeout, options.id_column)
    )


def read_gates(path: Path) -> tuple[GateSpec, ...]:
    """The gates of a TOML file: tables `[gates.NAME]` as in a project file, and nothing else.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is no TOML, holds something else, or a gate is not understood.
    """
    try:
        told = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file of gates {path}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not valid TOML: {error}; correct it there") from error
    gates = told.get("gates")
    if set(told) != {"gates"} or not isinstance(gates, dict) or not gates:
        held = ", ".join(map(repr, told)) or "nothing"
        raise InvalidInputError(
            f"{path} must hold tables [gates.NAME] and nothing else, got {held}; write for example "
            '[gates.good] with rule = "at_least", measurement = "accuracy", limit = 0.8'
        )
    try:
        return custom_specs(gates)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error


def open_asked(
    target: str | OpenedModel, options: EvaluateOptions, data: str | Path | None = None
) -> OpenedModel:
    """A model, opened where it is named; a file that is the data itself is none.

    Raises:
        InvalidInputError: It is the data, or cannot be used.
        NotFoundError: It is not there.
    """
    if isinstance(target, OpenedModel):
        return target
    if data is not None and Path(target).exists() and Path(target).resolve() == Path(data).resolve():
        raise InvalidInputError(
            f"{target} is the data itself, and every label would be right; name the file of predictions"
        )
    return open_target(target, options)


def require_models(models: Sequence[OpenedModel], against: str | None) -> None:
    """Refuse a list of models that cannot be compared.

    Raises:
        InvalidInputError: There is none, one stands twice, or `against` is none of them.
    """
    if not models:
        raise InvalidInputError("an evaluation needs a model, got none; name one with --model")
    names = [model.target for model in models]
    if len(set(names)) != len(names):
        raise InvalidInputError(f"each model may stand once, got {', '.join(names)}; leave one out")
    if against is not None and against not in names:
        raise InvalidInputError(
            f"models are compared with one of them, got '{against}'; name it with --model too "
            f"({', '.join(names)})"
        )


def make_plan(options: EvaluateOptions, project: Config | None) -> Plan:
    """The plan.

    Args:
        options: What was asked for.
        project: Says margin and confidence where the user does not.

    Raises:
        InvalidInputError: A metric, gate, margin or confidence cannot be used.
        NotFoundError: A module or the file of gates is not there.
    """
    home = options.project or Path()
    metrics = tuple(_metric(name, home.parent if home.is_file() else home) for name in options.metrics)
    if len({metric.name for metric in metrics}) != len(metrics):
        raise InvalidInputError(
            f"each metric may stand once, got {', '.join(metric.name for metric in metrics)}; leave one out"
        )
    quality = None if project is None else project.quality
    confidence = options.confidence or (0.95 if quality is None else quality.confidence)
    require_fraction(confidence, "confidence")
    margin = options.margin if options.margin is not None else 0.01 if quality is None else quality.margin
    if not margin > 0:
        raise InvalidInputError(f"margin must be above 0, got {margin:g}; 0.01 is usual")
    if not 0 < options.timeout <= _LONGEST_TIMEOUT:
        raise InvalidInputError(
            f"timeout must be above 0 and at most {_LONGEST_TIMEOUT} seconds, got {options.timeout:g}"
        )
    specs = () if options.gates is None else read_gates(options.gates)
    return Plan(metrics, specs, margin, confidence, options.seed)


def _metric(name: str | OwnMetric, folder: Path) -> Score | OwnMetric | NamedScore:
    if isinstance(name, OwnMetric):
        return name
    if name not in SCORES and any(name in scores.names for scores in BY_TASK.values()):
        return NamedScore(name)
    return load_metric(name, folder) if names_function(name) else find_plugin("scores", name, SCORES)


def refuse_sealed(data: str | Path, project: Config | None) -> None:
    """A project's own cert file is answered through the ledger or not at all.

    Raises:
        InvalidInputError: The data are that file.
        DataError: There are no data.
    """
    cert = None if project is None else project.data.cert
    if project is None or cert is None:
        return
    if {path.resolve() for path in find_files(data)} & _files(project.resolve(cert)):
        raise InvalidInputError(
            f"{data} is the sealed test set of {project.name}, and every look at it is metered; "
            "`smallcraft build` asks it and writes it down - evaluate on other rows"
        )


def own_rows_note(data: str | Path, project: Config | None) -> tuple[str, ...]:
    """What to say of rows that are the project's own; nothing of others."""
    if project is None:
        return ()
    if {path.resolve() for path in find_files(data)} & _files(project.resolve(project.data.path)):
        said = (
            f"these rows are those that releases of {project.name} were trained on; of such a release the "
            "numbers say how well it fits, not how well it will do"
        )
        return (said,)
    return ()


def _files(location: Path) -> set[Path]:
    try:
        return {path.resolve() for path in find_files(location)}
    except DataError:
        return set()
