"""After a build, one changed byte anywhere that is kept makes `verify` exit 4 and name the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallcraft.cli.main import run


def kept_files(folder: Path) -> list[Path]:
    """Every file that a release or its evidence rests on."""
    root = folder / ".smallcraft"
    files = [
        path
        for part in ("registry", "bundles")
        for path in sorted((root / part).rglob("*"))
        if path.is_file()
    ]
    return [path for path in (*files, root / "ledger.jsonl") if path.stat().st_size]


def test_verify_passes_on_what_a_build_left(built, capsys):
    assert run(["verify", "-p", str(built)]) == 0
    assert "holds" in capsys.readouterr().out


def test_one_changed_byte_of_any_stored_file_is_named(built_copy, capsys):
    files = kept_files(built_copy)
    assert len(files) > 15
    for path in files:
        original = path.read_bytes()
        path.chmod(0o644)
        middle = len(original) // 2
        path.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        capsys.readouterr()
        assert run(["verify", "-p", str(built_copy)]) == 4, path
        message = capsys.readouterr().err
        assert path.name in message or path.name[:12] in message, (path, message)
        path.write_bytes(original)
    assert run(["verify", "-p", str(built_copy)]) == 0


def test_an_altered_bundle_is_not_used(built_copy, tmp_path, capsys):
    released = next((built_copy / ".smallcraft" / "bundles").glob("ngram-*"))
    weights = released / "heads" / "ngram.npz"
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    arguments = [
        "predict",
        "--bundle",
        str(released),
        "-i",
        str(built_copy / "tickets.csv"),
        "-o",
        str(tmp_path / "a.csv"),
    ]
    assert run(arguments) == 4
    assert "heads/ngram.npz does not match its record" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("name", ["nothing", "tickets.csv"])
def test_verify_of_something_else_says_what_it_takes(built, name, capsys):
    assert run(["verify", str(built / name)]) == 1
    assert "is neither a registry nor a bundle" in capsys.readouterr().err
