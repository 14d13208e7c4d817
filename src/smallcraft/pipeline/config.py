"""The project file: `smallcraft.toml` as frozen values, read, checked, described and written.

Holds the file as a whole; what may stand in a section belongs to `pipeline.sections`, which columns
and rungs there really are is for `data` and `models` to find out.
Always: an unknown key is an error; a file that `render_config` wrote reads back to the same roles;
paths are relative to the folder of the file.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr, ValidationError, model_validator

from smallcraft.data.partitions.stores import is_address
from smallcraft.engine.naming import LOCAL, check_engine
from smallcraft.errors import ConfigError, InvalidInputError, NotFoundError
from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK
from smallcraft.pipeline.card_section import CardSection
from smallcraft.pipeline.config_errors import explain_faults
from smallcraft.pipeline.data_section import DataSection
from smallcraft.pipeline.decision_section import DecisionSection
from smallcraft.pipeline.label_section import LabelSection
from smallcraft.pipeline.prices import PricesSection
from smallcraft.pipeline.registry_section import RegistrySection
from smallcraft.pipeline.rollout_section import RolloutSection
from smallcraft.pipeline.sections import (
    AuditsSection,
    BudgetSection,
    GatesSection,
    LadderSection,
    QualitySection,
    Section,
)
from smallcraft.pipeline.watch_section import WatchSection
from smallcraft.records import Roles

FILE_NAME = "smallcraft.toml"
_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_NAME_IN_WORDS = "a name of letters, digits, '.', '_' and '-', such as helpdesk"


def _engine_setting(name: str) -> str:
    try:
        return check_engine(name)
    except InvalidInputError as error:
        raise ValueError(str(error)) from error


class Config(Section):
    """A whole project file."""

    name: Annotated[str, Field(pattern=_NAME, max_length=100, description=_NAME_IN_WORDS)] = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    engine: Annotated[str, AfterValidator(_engine_setting)] = LOCAL
    data: DataSection
    budget: BudgetSection = BudgetSection()
    quality: QualitySection = QualitySection()
    prices: PricesSection | None = None
    ladder: LadderSection = LadderSection()
    decision: DecisionSection = DecisionSection()
    audits: AuditsSection = AuditsSection()
    gates: GatesSection = GatesSection()
    watch: WatchSection = WatchSection()
    label: LabelSection = LabelSection()
    rollout: RolloutSection = RolloutSection()
    registry: RegistrySection = RegistrySection()
    card: CardSection = CardSection()

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_data(cls, raw: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        data = raw.get("data") if isinstance(raw, Mapping) else None
        path = data.get("path") if isinstance(data, Mapping) else getattr(data, "path", None)
        if isinstance(raw, Mapping) and isinstance(path, str) and "name" not in raw:
            return {**raw, "name": name_from_path(path)}
        return raw

    @model_validator(mode="before")
    @classmethod
    def _measured_by_its_task(cls, raw: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        data = raw.get("data") if isinstance(raw, Mapping) else None
        task = data.get("task") if isinstance(data, Mapping) else getattr(data, "task", None)
        quality = raw.get("quality", {}) if isinstance(raw, Mapping) else None
        found = next((scores for known, scores in BY_TASK.items() if known == task), None)
        if found is not None and isinstance(quality, Mapping) and "metric" not in quality:
            return {**raw, "quality": {**quality, "metric": found.default_metric}}
        return raw

    @model_validator(mode="after")
    def _metric_fits_the_task(self) -> Config:
        known = DECIDING_BY_TASK[self.data.task]
        if self.quality.metric not in known:
            raise ConfigError(
                f"[quality] metric = '{self.quality.metric}' does not measure the task of [data], "
                f"{self.data.task}; write one of {', '.join(known)}"
            )
        self.decision.require_fit(self.data.task)
        return self

    @model_validator(mode="after")
    def _options_fit_the_task(self) -> Config:
        task = self.data.task
        if self.ladder.teacher is not None and task != "multiclass":
            raise ConfigError(
                f"[ladder] teacher is understood for one class a row, but task is {task}; take it out"
            )
        return self

    @property
    def folder(self) -> Path:
        """Where the project file lies; the working folder when it was not read from a file."""
        return self._folder

    def resolve(self, path: str | Path) -> Path:
        """A path of this file as seen from the working folder; absolute ones stay as they are."""
        return self._folder / path

    def locate(self, location: str) -> str | Path:
        """Where rows are: a path as `resolve` has it, or the address of an object store as it stands."""
        return location if is_address(location) else self.resolve(location)

    def roles(self) -> Roles:
        """Which column plays which part."""
        data = self.data
        return Roles(
            label=data.label,
            text=data.text,
            features=data.features,
            votes=data.vote_columns,
            time=data.time,
            groups=data.groups,
            key=data.key,
            task=data.task,
            separator=data.label_separator,
        )


def with_engine(config: Config, name: str | None) -> Config:
    """The same project, whose work runs elsewhere; None leaves it where the project says.

    Args:
        config: The project.
        name: As of `engine.naming`.

    Raises:
        InvalidInputError: There is no such engine.
    """
    return config if name is None else config.model_copy(update={"engine": check_engine(name)})


def load_config(path: Path) -> Config:
    """Read and check a project file.

    Args:
        path: The file, or a folder that holds `smallcraft.toml`.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: The file is not TOML, or says something not understood; one line a fault.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no project file {file}; write one with `smallcraft init <your data file>`"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} must be UTF-8, but byte {error.start} is not; save it as UTF-8") from error
    config = parse_config(text, origin=str(file))
    config._folder = file.parent
    return config


def parse_config(text: str, *, origin: str = FILE_NAME) -> Config:
    """A project file from its text; `origin` names it in messages.

    Raises:
        ConfigError: As for `load_config`.

    >>> parse_config('data = {path = "a/tickets.csv", text = "message", label = "intent"}').name
    'tickets'
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = f"at line {text.count(chr(10)) + 1}, the end of the file"
        what = str(error).replace("at end of document", last)
        raise ConfigError(f"{origin} is not valid TOML: {what}; correct it there") from error
    except RecursionError as error:
        raise ConfigError(
            f"{origin} nests tables or lists too deeply; a project file needs three levels"
        ) from error
    try:
        return Config.model_validate(_with_tuples(raw))
    except ValidationError as error:
        faults = explain_faults(error, Config).replace("\n", f"\n{origin}: ")
        raise ConfigError(f"{origin}: {faults}") from error


def config_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a project file, for editors and `init --schema`."""
    return {"$schema": _SCHEMA_DIALECT, **Config.model_json_schema(), "title": FILE_NAME}


def name_from_path(path: str) -> str:
    """A project's name from its data file: the stem, with only what a release name may hold.

    >>> name_from_path("exports/My tickets.csv.gz"), name_from_path("*.csv")
    ('My-tickets', 'model')
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).name.split(".")[0]).strip("-_")
    return stem[:100] or "model"


def render_config(*, name: str, path: str, roles: Roles, metric: str, reasons: Mapping[str, str]) -> str:
    """A commented project file for `smallcraft init`.

    Args:
        name: The project's name.
        path: Data file, as it shall stand in the file.
        roles: Which column plays which part.
        metric: Name of the score.
        reasons: Role (`text`, `label`, `task`, ... or `metric`) to why it was chosen; becomes a comment. With
            one for `on_bad_rows`, bad rows are set aside.

    Returns:
        TOML that `load_config` reads back to these values.

    Raises:
        ConfigError: The values make no valid project file.
    """
    columns = [
        _line(role, getattr(roles, role), reasons)
        for role in ("text", "features", "label", "votes", "time", "groups", "key")
        if getattr(roles, role)
    ]
    if roles.task != "multiclass":
        columns.append(_line("task", roles.task, reasons))
    if roles.task == "multilabel":
        columns.append(_line("label_separator", roles.separator, reasons))
    if "on_bad_rows" in reasons:
        columns.append(_line("on_bad_rows", "quarantine", reasons))
    text = _TEMPLATE.format(
        name=_quoted(name),
        path=_quoted(path),
        columns="\n".join(columns),
        metric=_line("metric", metric, reasons),
    )
    parse_config(text, origin=f"the new {FILE_NAME}")
    return text


def _line(key: str, value: str | tuple[str, ...], reasons: Mapping[str, str]) -> str:
    written = _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"
    reason = "".join(char if char.isprintable() else " " for char in reasons.get(key, ""))
    return f"{key} = {written}" + (f"  # {reason}" if reason.strip() else "")


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for DEL."""
    if not text.isascii() and text != text.encode("utf-8", "replace").decode("utf-8"):
        raise ConfigError(f"a name must be valid Unicode, got {text!r}; rename the column")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _with_tuples(value: Any) -> Any:  # noqa: ANN401 - TOML is recursive
    """TOML lists as tuples, the only sequence that frozen sections hold."""
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    return {key: _with_tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


_TEMPLATE = """\
# What smallcraft should build, and what "good enough" means here. Unknown keys are errors.
name = {name}
seed = 0

[data]
path = {path}  # relative to this file
{columns}
# cert = "test.csv"             # your own sealed test set; default: 15 % of the rows, the latest
# audit = "check/audit.csv"     # answers of `smallcraft check --audit 120`: how many labels are right
# license = "CC-BY-4.0"         # goes to the datasheet; missing -> the card says so
# source = "where the rows come from"

[budget]                        # any subset; each becomes a gate
# latency_p95_ms = 5.0
# size_mb = 30
# peak_rss_mb = 300
# cpu_s_per_1000 = 2.0
# train_cpu_s = 600

[quality]                       # declared before anything is looked at
{metric}
# floor = 0.90                  # the least that is acceptable
margin = 0.01                   # how far below the best a cheaper candidate may be
confidence = 0.95

[ladder]
# rungs = ["majority", "ngram"]   # default: every rung whose needs are installed
backbone = "auto"

[card]                          # what only a person knows
# intended_use = ""
# out_of_scope = ""
# collection = ""
# consent = ""
"""
