"""Laws of the project file: what it may say, what it refuses and in which words, and that it reads back."""

from __future__ import annotations

import re
import tomllib

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smallcraft.errors import ConfigError, NotFoundError
from smallcraft.pipeline.config import (
    Config,
    config_schema,
    load_config,
    name_from_path,
    parse_config,
    render_config,
)
from smallcraft.records import Roles

SMALLEST = '[data]\npath = "tickets.csv"\ntext = "message"\nlabel = "intent"\n'
WHOLE = """
[data]
path = "tickets.csv"
text = "message"
label = "intent"
votes = ["ann_a", "ann_b"]
time = "created_at"
groups = ["region"]
key = "customer_id"
license = "CC-BY-4.0"
source = "helpdesk export, 2026-10"

[budget]
latency_p95_ms = 5.0
size_mb = 30
peak_rss_mb = 300
cpu_s_per_1000 = 2.0
train_cpu_s = 600

[quality]
metric = "macro_f1"
floor = 0.90
margin = 0.01
confidence = 0.95

[ladder]
rungs = ["majority", "ngram", "fast", "frozen", "cascade"]
backbone = "auto"

[gates.fairness]
tolerance = 0.05
[gates.robustness]
[gates.privacy]
[gates.data]

[watch]
window = "1h"
season = "hour_of_week"
false_alarms_per_month = 0.1

[rollout]
start = 0.05
stages = [0.05, 0.10, 0.25, 0.50]
wrong_rollback = 0.05
"""


def with_lines(*lines):
    return SMALLEST + "\n".join(lines) + "\n"


# --- what it says ------------------------------------------------------------------------------------


def test_the_whole_example_of_the_design_is_understood():
    config = parse_config(WHOLE)
    assert config.roles() == Roles(
        label="intent",
        text="message",
        votes=("ann_a", "ann_b"),
        time="created_at",
        groups=("region",),
        key="customer_id",
    )
    assert config.budget.size_mb == 30
    assert config.quality.floor == 0.90
    assert config.ladder.rungs == ("majority", "ngram", "fast", "frozen", "cascade")
    assert config.gates.fairness is not None
    assert config.gates.fairness.tolerance == 0.05
    assert config.rollout.stages == (0.05, 0.10, 0.25, 0.50)
    assert config.data.license == "CC-BY-4.0"


def test_what_is_left_out_is_none_or_a_stated_default():
    config = parse_config(SMALLEST)
    assert config.name == "tickets"
    assert config.seed == 0
    assert config.budget.size_mb is None
    assert config.quality.floor is None
    assert config.ladder.rungs is None
    assert config.gates.fairness is None
    assert config.data.on_bad_rows == "refuse"
    assert (config.quality.margin, config.quality.confidence) == (0.01, 0.95)
    fractions = config.data.fractions
    assert fractions.train + fractions.dev + fractions.cert == pytest.approx(1)


def test_a_config_cannot_be_changed():
    config = parse_config(SMALLEST)
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 1
    with pytest.raises(ValidationError, match="frozen"):
        config.quality.margin = 0.5


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/tickets.csv", "tickets"),
        ("My tickets.csv.gz", "My-tickets"),
        ("data/*.csv", "model"),
        ("größe.parquet", "gr-e"),
        (".hidden", "model"),
    ],
)
def test_the_name_is_taken_from_the_data_file(path, name):
    assert name_from_path(path) == name


@given(st.text(min_size=1))
def test_a_name_from_any_path_is_a_valid_name(path):
    text = render_config(name=name_from_path(path), path="a.csv", roles=ROLES, metric="macro_f1", reasons={})
    assert parse_config(text).name == name_from_path(path)


ROLES = Roles(label="intent", text="message")


# --- reading from disk -------------------------------------------------------------------------------


def test_a_folder_stands_for_the_file_in_it(tmp_path):
    file = tmp_path / "smallcraft.toml"
    file.write_text(SMALLEST)
    assert load_config(tmp_path) == load_config(file)


def test_paths_are_relative_to_the_folder_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "other.toml").write_text(SMALLEST)
    monkeypatch.chdir("/")
    config = load_config(tmp_path / "project" / "other.toml")
    assert config.resolve(config.data.path) == tmp_path / "project" / "tickets.csv"
    assert config.resolve("/data/rows.csv").as_posix() == "/data/rows.csv"
    assert config.folder == tmp_path / "project"


def test_a_missing_file_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(NotFoundError, match=r"no project file .*smallcraft\.toml; write one with .*init"):
        load_config(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    file = tmp_path / "smallcraft.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    assert load_config(file).roles() == ROLES


def test_bytes_that_are_not_utf8_are_refused_with_their_place(tmp_path):
    file = tmp_path / "smallcraft.toml"
    file.write_bytes(b'name = "caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"must be UTF-8, but byte 11 is not; save it as UTF-8"):
        load_config(file)


def test_a_message_starts_with_the_file_it_is_about(tmp_path):
    file = tmp_path / "smallcraft.toml"
    file.write_text(SMALLEST + "[qualty]\n[budgett]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{file}: ") for line in lines)


# --- what it refuses ---------------------------------------------------------------------------------

REFUSED = {
    "a misspelt key": (
        with_lines("[quality]", 'metrc = "macro_f1"'),
        "[quality] has no key 'metrc'; it has metric, floor, margin, confidence",
    ),
    "a misspelt key, the nearest": (with_lines("[quality]", 'metrc = "macro_f1"'), "did you mean 'metric'?"),
    "a misspelt key in a nested section": (
        with_lines("[gates.fairness]", "tolerence = 0.1"),
        "[gates.fairness] has no key 'tolerence'; it has required, tolerance, measure - did you mean",
    ),
    "a misspelt section": (with_lines("[qualty]"), "there is no section [qualty]"),
    "a misspelt section, the nearest": (with_lines("[qualty]"), "did you mean 'quality'?"),
    "an unknown gate": (
        with_lines("[gates.fair]"),
        (
            "[gates] knows fairness, robustness, privacy, compression, data, card, got 'fair' - did you mean "
            "'fairness'?"
        ),
    ),
    "a gate of one's own with an unknown rule": (
        with_lines("[gates.mine]", 'rule = "at_leest"', 'measurement = "recall"', "limit = 0.5"),
        "did you mean 'at_least'?",
    ),
    "a gate of one's own without a limit": (
        with_lines("[gates.mine]", 'rule = "at_least"', 'measurement = "recall"'),
        "[gates] gate 'mine' needs limit for its rule 'at_least', got none",
    ),
    "a misspelt key in a gate of one's own": (
        with_lines("[gates.mine]", 'rule = "at_least"', "limt = 0.5"),
        "[gates.mine] has no key 'limt'; it has required, rule, measurement, limit,",
    ),
    "an unknown audit": (
        with_lines("[audits]", 'run = ["fairnes"]'),
        "did you mean 'fairness'?",
    ),
    "a stray key at the top": ("sed = 3\n" + SMALLEST, "the top of the file has no key 'sed'"),
    "text for a number": (
        with_lines("[quality]", 'confidence = "95%"'),
        "[quality] confidence must be a number, got the text '95%'",
    ),
    "a number for text": (
        '[data]\npath = 3\ntext = "a"\nlabel = "b"',
        "[data] path must be text in quotes, got the number 3",
    ),
    "true for a number": (
        with_lines("[budget]", "size_mb = true"),
        "[budget] size_mb must be a number, got true",
    ),
    "one column for a list": (
        with_lines('groups = "region"'),
        """[data] groups must be a list such as ["a", "b"], got the text 'region'""",
    ),
    "a number in a list of columns": (
        with_lines('groups = ["region", 3]'),
        "[data] groups[2] must be text in quotes, got the number 3",
    ),
    "a value for a section": ("quality = 3\n" + SMALLEST, "[quality] must be a table, got the number 3"),
    "a fraction of a seed": ("seed = 1.5\n" + SMALLEST, "seed must be a whole number, got the number 1.5"),
    "a negative seed": ("seed = -1\n" + SMALLEST, "seed must be a number at least 0, got -1"),
    "an unknown way with bad rows": (
        with_lines('on_bad_rows = "drop"'),
        "[data] on_bad_rows must be 'refuse' or 'quarantine', got the text 'drop'",
    ),
    "no data": ('name = "x"', "the section [data] is missing; add one with path ="),
    "no label": (
        '[data]\npath = "a.csv"\ntext = "t"',
        "[data] needs the key 'label'; add label = ",
    ),
    "neither text nor features": (
        '[data]\npath = "a.csv"\nlabel = "y"',
        "[data] names nothing to learn from: wanted text or features; add text = ",
    ),
    "no features in the list": (
        '[data]\npath = "a.csv"\nlabel = "y"\nfeatures = []',
        "[data] names nothing to learn from",
    ),
    "an empty column name": (
        '[data]\npath = "a.csv"\nlabel = ""\ntext = "t"',
        "[data] label must be text that is not empty, got the text ''",
    ),
    "the label among the inputs": (
        '[data]\npath = "a.csv"\nlabel = "y"\nfeatures = ["x", "y"]',
        "[data] column 'y' is both label and an input",
    ),
    "a vote among the inputs": (
        with_lines('votes = ["message"]'),
        "[data] column 'message' is both votes and an input",
    ),
    "a column twice": (
        with_lines('features = ["message"]'),
        "[data] text and features name a column twice: message, message",
    ),
    "a percentage": (
        with_lines("[quality]", "confidence = 95"),
        "[quality] confidence must be a fraction in (0, 1), got 95; write 0.95 for 95%",
    ),
    "a percentage for a tolerance": (
        with_lines("[gates.fairness]", "tolerance = 2.5"),
        "[gates.fairness] tolerance must be a fraction in (0, 1), got 2.5; write 0.025 for 2.5%",
    ),
    "a negative fraction": (
        with_lines("[quality]", "margin = -0.1"),
        "[quality] margin must be a fraction in (0, 1), got -0.1",
    ),
    "a percentage among stages": (
        with_lines("[rollout]", "stages = [5, 10]"),
        "got 5; write 0.05 for 5%",
    ),
    "stages that fall": (
        with_lines("[rollout]", "stages = [0.5, 0.1]"),
        "[rollout] start and stages must rise",
    ),
    "a metric nobody has": (
        with_lines("[quality]", 'metric = "macrof1"'),
        "[quality] 'macrof1' is not one of the scores:",
    ),
    "a metric nobody has, the nearest": (
        with_lines("[quality]", 'metric = "macrof1"'),
        "did you mean 'macro_f1'?",
    ),
    "a negative budget": (
        with_lines("[budget]", "size_mb = -3"),
        "[budget] size_mb must be a number above 0, got -3; correct it, or leave it out",
    ),
    "a budget of nothing": (with_lines("[budget]", "train_cpu_s = 0"), "must be a number above 0, got 0"),
    "an endless budget": (
        with_lines("[budget]", "size_mb = inf"),
        "[budget] size_mb must be a finite number, got the number inf",
    ),
    "a quality that is no number": (
        with_lines("[quality]", "floor = nan"),
        "[quality] floor must be a finite number",
    ),
    "a rung twice": (
        with_lines("[ladder]", 'rungs = ["fast", "fast"]'),
        "[ladder] rungs names fast more than once; keep one of each",
    ),
    "an empty ladder": (with_lines("[ladder]", "rungs = []"), "[ladder] rungs is empty; list at least one"),
    "shares that do not sum to one": (
        with_lines("fractions = { train = 0.5, dev = 0.2, cert = 0.2 }"),
        "[data.fractions] train, dev and cert must sum to 1, got 0.9",
    ),
    "two ways to split": (
        with_lines('split = "part"', "fractions = { train = 0.6, dev = 0.2, cert = 0.2 }"),
        "[data] split = 'part' already says which row goes where, but fractions stands there too",
    ),
    "a name that no release can have": (
        'name = "a@b"\n' + SMALLEST,
        "name must be a name of letters, digits, '.', '_' and '-', such as helpdesk, got the text 'a@b'",
    ),
    "a window without a unit": (
        with_lines("[watch]", 'window = "60"'),
        "[watch] window must be a length of time such as 30m or 1h, got the text '60'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_with_what_was_wanted_and_what_came(case):
    text, message = REFUSED[case]
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_config(text)


def test_every_fault_is_told_at_once():
    text = with_lines("[quality]", "confidence = 95", "margin = 1", "[budget]", "size_mb = -3")
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert len(str(caught.value).splitlines()) == 3


def test_invalid_toml_is_refused_with_line_and_column():
    with pytest.raises(ConfigError, match=r"smallcraft\.toml is not valid TOML: .*line 2, column 8"):
        parse_config("[data]\npath = tickets.csv\n")
    with pytest.raises(ConfigError, match="line 3, the end of the file"):
        parse_config('[data]\n\npath = "tickets.csv')


def test_a_table_nested_without_end_is_refused():
    with pytest.raises(ConfigError, match="nests tables or lists too deeply"):
        parse_config("a = " + "[" * 100_000)


@given(st.text())
def test_text_that_is_no_project_file_is_refused_in_our_own_words(text):
    with pytest.raises(ConfigError, match=r"^smallcraft\.toml(:| is not valid TOML| nests)"):
        parse_config(text)


# --- its schema --------------------------------------------------------------------------------------


def test_the_schema_is_a_draft_2020_12_schema():
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", [SMALLEST, WHOLE])
def test_the_schema_accepts_what_the_loader_accepts(text):
    jsonschema.validate(tomllib.loads(text), config_schema())


SCHEMA_CANNOT_TELL = {
    *("neither text nor features", "no features in the list", "the label among the inputs"),
    *("a vote among the inputs", "a column twice", "a rung twice", "two ways to split"),
    *("a metric nobody has", "a metric nobody has, the nearest", "shares that do not sum to one"),
    *("stages that fall", "an endless budget", "a quality that is no number"),
    *("a gate of one's own with an unknown rule", "a gate of one's own without a limit", "an unknown audit"),
}


@pytest.mark.parametrize("case", sorted(set(REFUSED) - SCHEMA_CANNOT_TELL))
def test_the_schema_refuses_what_the_loader_refuses(case):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(REFUSED[case][0]), config_schema())


# --- writing one -------------------------------------------------------------------------------------

columns = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        '"',
        "\\",
        '"""',
        "a\nb",
        "\r\n",
        "\t",
        "\x7f",
        "\x00",
        "# x",
        "it's",
        "{name}",
        "😀",
        "\u2028",
        "\\u0041",
    ]
)


@st.composite
def any_roles(draw):
    inputs = draw(st.lists(columns, min_size=1, max_size=4, unique=True))
    others = columns.filter(lambda name: name not in inputs)
    has_text = draw(st.booleans())
    return Roles(
        label=draw(others),
        text=inputs[0] if has_text else None,
        features=tuple(inputs[1:] if has_text else inputs),
        votes=tuple(draw(st.lists(others, max_size=3, unique=True))),
        time=draw(st.none() | columns),
        groups=tuple(draw(st.lists(columns, max_size=3, unique=True))),
        key=draw(st.none() | columns),
    )


@given(roles=any_roles(), path=columns, reason=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_written_file_reads_back_to_the_same_roles(roles, path, reason):
    reasons = dict.fromkeys(("text", "features", "label", "votes", "time", "groups", "key", "metric"), reason)
    text = render_config(name="helpdesk", path=path, roles=roles, metric="accuracy", reasons=reasons)
    config = parse_config(text.encode("utf-8").decode("utf-8"))
    assert config.roles() == roles
    assert (config.name, config.data.path, config.quality.metric) == ("helpdesk", path, "accuracy")


def test_a_written_file_survives_the_disk(tmp_path):
    roles = Roles(label="a\r\nb", text='say "hi"\\', features=("größe", "\u2028"))
    text = render_config(name="x", path="rows.csv", roles=roles, metric="macro_f1", reasons={})
    (tmp_path / "smallcraft.toml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path).roles() == roles


def test_a_written_file_says_why_each_column_was_chosen():
    text = render_config(
        name="x", path="rows.csv", roles=ROLES, metric="macro_f1", reasons={"text": "longest\ncolumn"}
    )
    assert 'text = "message"  # longest column\n' in text


def test_every_commented_setting_of_a_written_file_is_a_real_one():
    text = render_config(name="x", path="rows.csv", roles=ROLES, metric="macro_f1", reasons={})
    uncommented = re.sub(r"^# (?=[a-z_0-9]+ = )", "", text, flags=re.MULTILINE)
    config = parse_config(uncommented)
    assert config.budget.size_mb == 30
    assert config.quality.floor == 0.90
    assert config.ladder.rungs == ("majority", "ngram")
    assert config.card.intended_use == ""


def test_a_column_name_that_no_file_can_hold_is_refused():
    with pytest.raises(ConfigError, match="must be valid Unicode"):
        render_config(
            name="x", path="a.csv", roles=Roles(label="\ud800", text="t"), metric="macro_f1", reasons={}
        )


def test_an_impossible_project_file_is_not_written():
    with pytest.raises(ConfigError, match=r"the new smallcraft\.toml: \[quality\] 'f2' is not one of"):
        render_config(name="x", path="a.csv", roles=ROLES, metric="f2", reasons={})


def test_a_config_made_in_code_is_named_and_resolves_from_here():
    config = Config.model_validate({"data": {"path": "b/rows.csv", "label": "y", "text": "t"}})
    assert config.name == "rows"
    assert str(config.resolve(config.data.path)) == "b/rows.csv"
