"""Saving is all or nothing; reading takes what the manifest describes and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import toxiclf
from toxiclf.bundle import folder as folders
from toxiclf.bundle import store
from toxiclf.bundle.manifest import FILES, Manifest
from toxiclf.errors import BundleError, DataError

Bundle = tuple[Manifest, dict[str, bytes]]
ALL_FILES = ("manifest.json", *FILES)


def tiny(name: str) -> Bundle:
    """A bundle for the store, to which the contents of files mean nothing."""
    files = {file: f"{file} of {name}".encode() * 50 for file in FILES}
    manifest = Manifest.model_validate(
        {
            "labels": ["toxic"],
            "thresholds": [0.5],
            "negative": None,
            "calibration": {"method": "none", "exclusive": False, "labels": [{}]},
            "model": name,
            "text_column": "text",
            "label_map": {},
            "tokenizer_versions": {},
            "recipe_sha256": "",
            "data_sha256": "",
            "versions": {},
            "files": store.entries(files),
        }
    )
    return Manifest.from_bytes(manifest.to_bytes()), files


OLD, NEW = tiny("old"), tiny("new")


def test_a_saved_bundle_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down" / "bundle"
    store.save(folder, *OLD)
    assert store.read(folder) == OLD
    assert sorted(path.name for path in folder.iterdir()) == sorted(ALL_FILES)
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_a_bundle_replaces_a_bundle(tmp_path: Path) -> None:
    for saved in (OLD, NEW, NEW, OLD):
        store.save(tmp_path / "bundle", *saved)
        assert store.read(tmp_path / "bundle") == saved
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_the_folder_of_the_run_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(tmp_path / "bundle", *OLD)
    assert store.read(tmp_path) == OLD
    monkeypatch.chdir(tmp_path / "bundle")
    assert store.read(Path()) == store.read(Path("..")) == OLD


def test_other_files_are_ignored_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    store.save(folder, *OLD)
    (folder / "notes.txt").write_text("mine", "utf-8")
    (folder / ".git").mkdir()
    assert store.read(folder) == OLD
    store.save(folder, *NEW)
    assert store.read(folder) == NEW
    assert (folder / "notes.txt").read_text("utf-8") == "mine"
    assert (folder / ".git").is_dir()


@pytest.mark.parametrize("file", ["notes.txt", "manifest.json", "model.onnx"])
def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / file).write_text('{"manifest_version": 3}', "utf-8")
    with pytest.raises(DataError, match="exists, but is not a bundle; choose another folder"):
        store.save(folder, *NEW)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", file]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text("mine", "utf-8")
    with pytest.raises(DataError, match="is not a bundle"):
        store.save(tmp_path / "bundle", *NEW)
    assert (tmp_path / "bundle").read_text("utf-8") == "mine"


def test_an_empty_folder_and_a_damaged_bundle_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    store.save(tmp_path / "bundle", *OLD)
    (tmp_path / "bundle" / "manifest.json").write_bytes(b"")
    (tmp_path / "bundle" / "text.json").unlink()
    store.save(tmp_path / "bundle", *NEW)
    assert store.read(tmp_path / "bundle") == NEW


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "bundle").symlink_to(tmp_path / "disk")
    for saved in (OLD, NEW, OLD):
        store.save(tmp_path / "bundle", *saved)
        assert store.read(tmp_path / "bundle") == store.read(tmp_path / "disk") == saved
    assert (tmp_path / "bundle").is_symlink()


def test_a_link_in_the_place_of_our_files_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").touch()
    store.save(tmp_path / "bundle", *OLD)
    (tmp_path / "bundle" / "text.json").unlink()
    (tmp_path / "bundle" / "text.json").symlink_to(tmp_path / "others")
    monkeypatch.setattr(folders, "exchange", no_exchange)
    store.save(tmp_path / "bundle", *NEW)
    assert store.read(tmp_path / "bundle") == NEW
    assert (tmp_path / "others" / "file").exists()


class Killed(BaseException):
    """The process is no more."""


def no_exchange(*arguments: object) -> None:
    raise OSError(errno.EINVAL, "this disk does not exchange folders")


STEPS: Mapping[Any, tuple[str, ...]] = {
    os: ("fsync", "open", "link", "replace"),
    tempfile: ("mkdtemp",),
    shutil: ("rmtree",),
    Path: ("mkdir", "chmod", "open", "rename"),
}


def kill_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many steps on the file system happen, and then none, not even to clean up."""
    left = steps

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return step(*arguments, **named)

        return wrapper

    for owner, names in STEPS.items():
        for name in names:
            monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("case", ["first", "exchanged", "in place"])
def test_a_save_that_is_killed_leaves_the_old_bundle_or_the_new_one(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # slow on a busy disk
    first = case == "first"
    if case == "in place":
        monkeypatch.setattr("toxiclf.bundle.folder.exchange", no_exchange)
    seen = []
    for steps in range(150):
        run = tmp_path / str(steps)
        if not first:
            store.save(run / "bundle", *OLD)
        with pytest.MonkeyPatch.context() as monkeypatch:
            kill_after(steps, monkeypatch)
            try:
                store.save(run / "bundle", *NEW)
                killed = False
            except Killed:
                killed = True
        try:
            found = store.read(run / "bundle")
            assert store.read(run) == found  # the folder of the run leads to the same
            seen.append(found[0].model)
        except BundleError:
            assert first
            seen.append("none")
        if not first and case == "exchanged":
            assert {path.name for path in (run / "bundle").glob("[!.]*")} == set(ALL_FILES)
        store.save(run / "bundle", *OLD)  # and the next save is not in its way
        assert store.read(run / "bundle") == OLD
        assert [path.name for path in run.iterdir()] == ["bundle"]
        assert {path.name for path in (run / "bundle").iterdir()} == set(ALL_FILES)
        if not killed:
            break
    assert not killed
    assert list(dict.fromkeys(seen)) == ["none" if first else "old", "new"]
    assert seen == sorted(seen, key=["none", "old", "new"].index)  # never back


@pytest.mark.parametrize("failing", [(os, "fsync"), (os, "replace"), (folders, "exchange")])
def test_a_save_that_fails_cleans_up(tmp_path: Path, failing: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(tmp_path / "bundle", *OLD)

    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*failing, full)
    with pytest.raises(OSError, match="No space left"):
        store.save(tmp_path / "bundle", *NEW)
    monkeypatch.undo()
    assert store.read(tmp_path / "bundle") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_savers_and_readers_at_the_same_time_see_whole_bundles(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    store.save(folder, *OLD)
    wrong: list[BaseException] = []
    done = threading.Event()

    def saver(bundles: list[Bundle]) -> None:
        try:
            for bundle in bundles * 10:
                store.save(folder, *bundle)
        except BaseException as error:
            wrong.append(error)

    def reader(place: Path) -> None:
        try:
            while not done.is_set():
                assert store.read(place) in (OLD, NEW)
        except BaseException as error:
            wrong.append(error)

    savers = [threading.Thread(target=saver, args=([OLD, NEW][::step],)) for step in (1, -1, 1)]
    readers = [threading.Thread(target=reader, args=(place,)) for place in (folder, tmp_path)]
    for thread in savers + readers:
        thread.start()
    for thread in savers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_differs_in_one_byte_is_refused(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "bundle"
    store.save(folder, *OLD)
    content = OLD[1][file]
    for at in range(0, len(content), 23):
        (folder / file).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(BundleError, match=f"{file} is not the file that the manifest describes"):
            store.read(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_longer_or_shorter_is_refused(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "bundle"
    store.save(folder, *OLD)
    for content in (b"", OLD[1][file][:-1], OLD[1][file] + b"\n"):
        (folder / file).write_bytes(content)
        with pytest.raises(BundleError, match=f"{file} has [0-9]+ bytes, the manifest says {len(OLD[1][file])}"):
            store.read(folder)


def test_nothing_is_parsed_before_all_is_verified(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*arguments: object, **named: object) -> None:
        pytest.fail("a file was parsed before all were verified")

    monkeypatch.setattr("toxiclf.moderator.TextEncoder.from_json", parsed)
    monkeypatch.setattr("onnxruntime.InferenceSession", parsed)
    for file in FILES:
        content = (copy / file).read_bytes()
        for at in (0, len(content) // 3, len(content) - 1):
            (copy / file).write_bytes(content[:at] + bytes([content[at] ^ 0x80]) + content[at + 1 :])
            with pytest.raises(BundleError, match="SHA-256 differs"):
                toxiclf.load(copy)
        (copy / file).write_bytes(content)


def missing(path: Path) -> None:
    """Nothing in its place."""


def link(path: Path) -> None:
    path.symlink_to("nowhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("file", ALL_FILES)
@pytest.mark.parametrize("replace", [missing, link, device, fifo, Path.mkdir, unix_socket])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_only_plain_files_are_read(tmp_path: Path, file: str, replace: Callable[[Path], None]) -> None:
    folder = tmp_path / "bundle"
    store.save(folder, *OLD)
    (folder / file).rename(folder / "kept")
    replace(folder / file)
    with pytest.raises(BundleError):
        store.read(folder)


@pytest.mark.parametrize("place", ["", "nowhere", "file", "file/below", "empty", "a" * 300, "a\0b", "nowhere/.."])
def test_a_place_without_a_bundle_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError):
        store.read(tmp_path / place)


def test_files_may_be_links_to_regular_files(tmp_path: Path) -> None:
    """The folders of the Hugging Face Hub and Kubernetes' ConfigMaps are such."""
    store.save(tmp_path / "map" / "..2026_11_29", *OLD)
    (tmp_path / "map" / "..data").symlink_to("..2026_11_29")
    for file in ALL_FILES:
        (tmp_path / "map" / file).symlink_to(f"..data/{file}")
    assert store.read(tmp_path / "map") == OLD


def test_a_model_card_is_verified_without_being_kept(tmp_path: Path) -> None:
    store.save(tmp_path, *OLD)
    assert set(store.read(tmp_path, card=False)[1]) == set(FILES) - {"README.md"}
    (tmp_path / "README.md").write_bytes(OLD[1]["README.md"][::-1])
    with pytest.raises(BundleError, match=r"README\.md is not the file"):
        store.read(tmp_path, card=False)


def test_a_packed_bundle_has_the_same_bytes_wherever_it_was_packed(tmp_path: Path) -> None:
    store.save(tmp_path / "one", *OLD)
    first = store.pack(tmp_path / "one", tmp_path / "deep" / "bundle.zip").read_bytes()
    again = store.pack(tmp_path / "deep" / "bundle.zip", tmp_path / "deep" / "again.zip").read_bytes()
    assert first == again
    assert store.read(tmp_path / "deep" / "again.zip") == OLD
    store.save(tmp_path / "two", *NEW)
    store.pack(tmp_path / "two", tmp_path / "deep" / "again.zip")  # replaces a packed bundle
    assert store.read(tmp_path / "deep" / "again.zip") == NEW
    (tmp_path / "mine.csv").write_text("a,b", "utf-8")
    with pytest.raises(DataError, match="is not a packed bundle"):
        store.pack(tmp_path / "one", tmp_path / "mine.csv")


def test_a_bundle_saved_to_a_name_of_a_packed_one_is_packed(tmp_path: Path) -> None:
    store.save(tmp_path / "one", *OLD)
    packed = store.pack(tmp_path / "one", tmp_path / "packed.zip").read_bytes()
    for bundle in (NEW, OLD):
        store.save(tmp_path / "deep" / "saved.zip", *bundle)
    assert (tmp_path / "deep" / "saved.zip").read_bytes() == packed
    (tmp_path / "mine.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="exists, but is not a bundle"):
        store.save(tmp_path / "mine.zip", *OLD)
    (tmp_path / "folder.zip").mkdir()
    store.save(tmp_path / "folder.zip", *OLD)  # a folder stays one
    assert store.read(tmp_path / "folder.zip") == OLD


def zipped(path: Path, contents: Mapping[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_archives_of_any_other_form_are_refused(tmp_path: Path) -> None:
    store.save(tmp_path / "one", *OLD)
    packed = store.pack(tmp_path / "one", tmp_path / "bundle.zip").read_bytes()
    contents = {name: (tmp_path / "one" / name).read_bytes() for name in sorted(ALL_FILES)}
    assert store.read(zipped(tmp_path / "plain.zip", contents)) == OLD
    bad = [
        zipped(tmp_path / "deflated.zip", contents, compression=zipfile.ZIP_DEFLATED),
        zipped(tmp_path / "path.zip", {f"bundle/{name}": content for name, content in contents.items()}),
        zipped(tmp_path / "up.zip", {**contents, "../x": b""}),
        zipped(tmp_path / "less.zip", dict(list(contents.items())[:4])),
        zipped(tmp_path / "order.zip", dict(list(contents.items())[::-1])),
    ]
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for name in ("README.md", "README.md", "manifest.json", "model.onnx", "text.json"):
            archive.writestr(name, contents[name])
    damaged = {
        "prefix": b"#!/bin/sh\n" + packed,
        "suffix": packed + b"more",
        "empty": b"",
        "short": packed[:-30],
        "no zip": b"PK" * 500,
        "encrypted": packed.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"),
        "sizes": packed.replace(b"PK\1\2", b"PK\1\3"),
    }
    for name, content in damaged.items():
        assert content != packed
        bad.append(tmp_path / name)
        bad[-1].write_bytes(content)
    for path in (*bad, tmp_path / "twice.zip"):
        with pytest.raises(BundleError):
            store.read(path)


def test_no_byte_of_a_packed_bundle_ends_in_another_error(tmp_path: Path) -> None:
    store.save(tmp_path / "one", *OLD)
    packed = store.pack(tmp_path / "one", tmp_path / "bundle.zip").read_bytes()
    harmless = 0
    for at in [*range(0, len(packed), 97), *range(len(packed) - 400, len(packed))]:
        (tmp_path / "bundle.zip").write_bytes(packed[:at] + bytes([packed[at] ^ 0x41]) + packed[at + 1 :])
        try:
            assert store.read(tmp_path / "bundle.zip") == OLD
            harmless += 1  # dates and attributes mean nothing
        except BundleError:
            pass
    assert harmless < 200
