"""MLflow under each fault: what its loading, its downloads and its registry say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults import damage
from benchmarks.faults.mlflow_store import STABLE, Step, Store, answers_of, new_store, two_versions
from benchmarks.faults.outcomes import Kind, Outcome, System, Trial, cell_text, not_applicable
from benchmarks.peers import MLFLOW

_KILLS, _WRITERS, _DISK_MB, _DAY_S = 12, 8, 48, 86_400
_LOAD: Step = {"do": "load"}
_VERSIONS: Step = {"do": "versions"}


def _stored(change: Callable[[Path], None]) -> Trial:
    """Damage the stored weights of version 2; load it, and download it."""

    def trial(folder: Path) -> Outcome:
        store, _, second = two_versions(folder)
        place = store.stored_weights()[-1]
        change(place)
        loaded, fetched, listed = store.take(_LOAD, _download(store), _VERSIONS)
        is_damaged = fetched.get("sha256") == damage.sha256(place)
        return Outcome(
            "silent" if loaded.get("prediction", second) != second else "noticed",
            f"`load_model` {_ended(loaded)}; `download_artifacts` {_ended(fetched)}"
            f"{', the damaged bytes came' if is_damaged else ''}; version 2 is {_status(listed, 2)}",
        )

    return trial


def _edit_metric(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    before = store.take({"do": "metric"})[0]
    for table, column in (
        ("metrics", "value"),
        ("latest_metrics", "value"),
        ("logged_model_metrics", "metric_value"),
    ):
        store.change(f"UPDATE {table} SET {column} = 0.99 WHERE abs({column} - 0.91) < 1e-9")
    after, loaded = store.take({"do": "metric"}, _LOAD)
    return Outcome(
        "silent" if after.get("run") == 0.99 else "noticed",
        f"three rows of the database edited: the run says {after.get('run')} (was {before.get('run')}), "
        f"the model {after.get('model')}; `load_model` {_ended(loaded)}",
    )


def _move_pointer(folder: Path) -> Outcome:
    store, first, _ = two_versions(folder)
    assert store.change("UPDATE registered_model_aliases SET version = 1 WHERE alias = 'stable'") == 1
    loaded = store.take(_LOAD)[0]
    return Outcome(
        "silent" if loaded.get("prediction") == first else "noticed",
        f"one row of the database edited: loading `models:/tickets@stable` {_ended(loaded)}, with version 1",
    )


def _delete_version(folder: Path) -> Outcome:
    store, _, second = two_versions(folder)
    for table in ("registered_model_aliases", "model_versions"):
        assert store.change(f"DELETE FROM {table} WHERE version = 2") == 1
    _, listed, loaded = store.take(store.publishing(3), _VERSIONS, _LOAD)
    numbers = [found[0] for found in listed["versions"]]
    is_reused = numbers == [1, 2] and loaded.get("prediction") not in (None, second)
    return Outcome(
        "silent" if "error" not in {**listed, **loaded} else "noticed",
        f"its two rows of the database deleted; the next publish is version {numbers[-1]}"
        f"{' again, with other weights' if is_reused else ''}; `load_model` {_ended(loaded)}",
    )


def _reorder(folder: Path) -> Outcome:
    store, first, _ = two_versions(folder)
    for number, other in ((1, -1), (2, 1), (-1, 2)):
        assert store.change("UPDATE model_versions SET version = ? WHERE version = ?", other, number) == 1
    by_number, listed = store.take({"do": "load", "uri": "models:/tickets/2"}, _VERSIONS)
    return Outcome(
        "silent" if by_number.get("prediction") == first else "noticed",
        f"two numbers changed places in the database: version 2 {_ended(by_number)} with the weights of "
        f"version 1; both are {_status(listed, 1)}",
    )


def _roll_back(folder: Path) -> Outcome:
    store = new_store(folder)
    first = store.take(store.publishing(1), _LOAD)[1]["prediction"]
    shutil.copytree(store.root, folder / "copy")
    second = store.take(store.publishing(2), _LOAD)[1]["prediction"]
    damage.put_back(folder / "copy", store.root)
    loaded, listed = store.take(_LOAD, _VERSIONS)
    assert first != second
    return Outcome(
        "silent" if loaded.get("prediction") == first else "noticed",
        f"`load_model` {_ended(loaded)} with version 1; versions listed: "
        f"{_list([found[0] for found in listed['versions']])}; a client that loaded version 2 keeps nothing",
    )


def _split(folder: Path) -> Outcome:
    """The same reader meets one copy, then the other, at the same address."""
    store, _, _ = two_versions(folder)
    shutil.copytree(store.root, folder / "other")
    one = store.take(store.publishing(3), {"do": "load", "uri": "models:/tickets/3"})[1]
    damage.put_back(folder / "other", store.root)
    two = store.take(store.publishing(4), {"do": "load", "uri": "models:/tickets/3"})[1]
    is_split = "error" not in {**one, **two} and one["prediction"] != two["prediction"]
    return Outcome(
        "silent" if is_split else "noticed",
        f"`models:/tickets/3` {_ended(one)} from one and {_ended(two)} from the other, with other weights",
    )


def _replay(folder: Path) -> Outcome:
    store, first, _ = two_versions(folder)
    copied, loaded = store.take(
        {"do": "copy", "source": "models:/tickets/1", "name": "fraud"},
        {"do": "load", "uri": "models:/fraud@stable"},
    )
    return Outcome(
        "silent" if loaded.get("prediction") == first else "refused",
        f"`copy_model_version` made version {copied.get('version')} of `fraud`, {copied.get('status')}; "
        f"`models:/fraud@stable` {_ended(loaded)} with the old weights",
    )


def _run_pickle(folder: Path) -> Outcome:
    """The weights become a pickle; then the model's own description is made to name it."""
    store, _, _ = two_versions(folder)
    place, marker = store.stored_weights()[-1], folder / "ran"
    damage.overwrite(place, damage.running_pickle(marker))
    as_weights = store.take(_LOAD)[0]
    ran_as_weights = marker.exists()
    model = place.parents[1]
    (model / "python_model.pkl").write_bytes(damage.running_pickle(marker))
    lines = (model / "MLmodel").read_text().splitlines()
    kept = [line for line in lines if "model_code_path" not in line]
    at = next(number for number, line in enumerate(kept) if "loader_module" in line)
    kept[at : at + 1] = ["    loader_module: mlflow.pyfunc.model", "    python_model: python_model.pkl"]
    (model / "MLmodel").write_text("\n".join(kept) + "\n")
    as_model = store.take(_LOAD)[0]
    has_run = marker.exists()
    return Outcome(
        "silent" if has_run else "refused",
        f"in place of the weights: `load_model` {_ended(as_weights)}"
        f"{', its code ran' if ran_as_weights else ''}; `MLmodel` edited to name a pickle: `load_model` "
        + ("ran its code" if has_run else _ended(as_model)),
    )


def _dot_dot(folder: Path) -> Outcome:
    """A file is logged below a path with `..`; then a model's description names weights outside."""
    store, _, second = two_versions(folder)
    logged = store.take(
        {"do": "log_file", "path": str(store.new_weights(3)), "artifact_path": "../../../../escaped"}
    )[0]
    place = store.stored_weights()[-1]
    description = place.parents[1] / "MLmodel"
    outside = "../../../../../published-3/weights.safetensors"
    assert (description.parent / outside).exists()
    text = description.read_text().replace("path: artifacts/weights.safetensors", f"path: {outside}")
    description.write_text(text)
    loaded = store.take(_LOAD)[0]
    is_read = loaded.get("prediction", second) != second
    return Outcome(
        "silent" if is_read or "error" not in logged else "refused",
        f"`log_artifact` to `../../..` {_ended(logged)}; `MLmodel` edited to name weights outside: "
        f"`load_model` {_ended(loaded)}{' with them' if is_read else ''}",
    )


def _duplicate_keys(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    damage.overwrite(store.stored_weights()[-1], damage.twice_named_weights())
    loaded = store.take(_LOAD)[0]
    taken = loaded.get("prediction", "").split(" ")[0]
    return Outcome(
        "silent" if taken else "refused",
        f"`load_model` {_ended(loaded)}" + (f", the tensor was taken as {taken}" if taken else ""),
    )


def _change_after_check(folder: Path) -> Outcome:
    store, _, second = two_versions(folder)
    fetched = store.take(_download(store))[0]
    copy = Path(fetched["folder"])
    damage.flip_bit(next(copy.rglob("*.safetensors")))
    loaded = store.take({"do": "load", "uri": str(copy)})[0]
    return Outcome(
        "silent" if loaded.get("prediction", second) != second else "noticed",
        f"there is no command that verifies; downloaded, changed, then `load_model` {_ended(loaded)}",
    )


def _kill(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    watched = store.root / "artifacts"

    def publishing(seed: int) -> Callable[[], Any]:
        step = store.publishing(seed, damage.LARGE_VALUES)
        return lambda: store.start(step)

    lasts_s = damage.time_write(publishing(50), watched)
    killed = sum(
        damage.kill_during(publishing(60 + number), watched, moment=(number / _KILLS) ** 2, lasts_s=lasts_s)
        for number in range(_KILLS)
    )
    known = {damage.sha256(path) for path in folder.glob("published-*/weights.safetensors")}
    left = [path for path in store.stored_weights() if damage.sha256(path) not in known]
    numbers = [found[0] for found in store.take(_VERSIONS)[0]["versions"]]
    steps = [_download(store, number) for number in numbers]
    half = sum(fetched.get("sha256") not in known for fetched in store.take(*steps))
    kind: Kind = "silent" if half else "held"
    return Outcome(
        kind,
        f"killed {killed} times; {len(numbers)} versions are listed, {half} of them not whole; {len(left)} "
        "half-written weights stay in the store, named by no version",
    )


def _full_disk(folder: Path) -> Outcome:
    with damage.small_disk(folder / "disk", megabytes=_DISK_MB) as disk:
        store, _, second = two_versions(folder, root=disk / "store")
        true = store.new_weights(3, 2 * damage.LARGE_VALUES)
        published = store.take(store.publishing(3, 2 * damage.LARGE_VALUES))[0]
        listed, loaded, fetched = store.take(_VERSIONS, _LOAD, _download(store))
        numbers = [found[0] for found in listed.get("versions", [])]
        is_half = len(numbers) > 2 and fetched.get("sha256") != damage.sha256(true)
        is_kept = loaded.get("prediction") == second
    return Outcome(
        "silent" if is_half or "error" not in published else "held" if is_kept else "noticed",
        f"the publish {_ended(published)}; versions listed: {_list(numbers)}; `load_model` {_ended(loaded)}"
        f"{' with version 2, whole' if is_kept else ''}",
    )


def _write_together(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    started = [store.start(store.publishing(10 + number)) for number in range(_WRITERS)]
    ended = [answers_of(process.communicate()[0], process.returncode, 1)[0] for process in started]
    refused = [answer["error"] for answer in ended if "error" in answer]
    listed = store.take(_VERSIONS)[0]["versions"]
    fetched = store.take(*[_download(store, found[0]) for found in listed])
    is_whole = len({found.get("sha256") for found in fetched}) == len(listed)
    landed = len(listed) - 2
    kind: Kind = (
        "silent" if landed < _WRITERS - len(refused) or not is_whole else "refused" if refused else "held"
    )
    return Outcome(
        kind,
        f"{landed} of {_WRITERS} versions are there, "
        + ("each with its own weights" if is_whole else "some mixed up")
        + (f"; the others: {refused[0]}" if refused else ""),
    )


def _break_index(folder: Path) -> Outcome:
    store, _, second = two_versions(folder)
    damage.spoil_pages(store.database)
    listed, loaded, published = store.take(_VERSIONS, _LOAD, store.publishing(3))
    is_told = any("error" in answer for answer in (listed, loaded, published))
    is_true = loaded.get("prediction") == second
    return Outcome(
        "noticed" if is_told else "held" if is_true else "silent",
        f"listing {_ended(listed)}; `load_model` {_ended(loaded)}; a publish {_ended(published)}; the "
        "database is the only record",
    )


def _set_clock_back(folder: Path) -> Outcome:
    store, _, _ = two_versions(folder)
    published = store.take(store.publishing(3), clock_back_s=_DAY_S)[0]
    listed = store.take(_VERSIONS)[0]["versions"]
    is_before = listed[-1][2] < listed[-2][2]
    return Outcome(
        "silent" if is_before and "error" not in published else "noticed",
        f"the publish {_ended(published)}; by its time version {listed[-1][0]} was made "
        f"{'before' if is_before else 'after'} version {listed[-2][0]}, and nothing says so",
    )


TRIALS: dict[str, Trial] = {
    "bit_flip": _stored(damage.flip_bit),
    "truncation": _stored(damage.cut_to_half),
    "replaced": _stored(lambda path: damage.overwrite(path, damage.weights(9))),
    "edited_metric": _edit_metric,
    "moved_pointer": _move_pointer,
    "deleted_version": _delete_version,
    "reordered": _reorder,
    "rolled_back": _roll_back,
    "split_view": _split,
    "stolen_key": not_applicable("nothing is signed, so there is no key to steal"),
    "replayed": _replay,
    "pickle": _run_pickle,
    "dot_dot": _dot_dot,
    "duplicate_keys": _duplicate_keys,
    "changed_after_check": _change_after_check,
    "kill": _kill,
    "full_disk": _full_disk,
    "writers": _write_together,
    "broken_index": _break_index,
    "clock_back": _set_clock_back,
}


def system() -> System:
    """MLflow as a column of the table."""
    return System(
        "MLflow",
        {"MLflow": MLFLOW.versions["mlflow"], "safetensors": MLFLOW.versions["safetensors"]},
        "SQLite and a directory of artifacts; a pyfunc model from code with safetensors; alias `stable`",
        TRIALS,
    )


def _download(store: Store, version: int | None = None) -> Step:
    to = store.folder / f"download-{len(list(store.folder.glob('download-*')))}"
    to.mkdir()
    return {
        "do": "download",
        "to": str(to),
        "uri": STABLE if version is None else f"models:/tickets/{version}",
    }


def _status(listed: dict[str, Any], version: int) -> str:
    return next(
        (str(found[1]) for found in listed.get("versions", []) if found[0] == version), json.dumps(listed)
    )


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _ended(answer: dict[str, Any]) -> str:
    return f"failed ({cell_text(answer['error'])})" if "error" in answer else "went well"
