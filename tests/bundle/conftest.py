"""Bundles of tiny models, and a hostile sealer: who writes a bundle can seal whatever nonsense is in it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from toxiclf.bundle.manifest import FILES

BLANK = '"seal": "' + "0" * 64 + '"'


@pytest.fixture(scope="session")
def words_bundle(saved: Callable[[str, str], Path]) -> Path:
    """The saved bundle of a tiny model over tokens; do not write to it."""
    return saved("logistic", "one") / "bundle"


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle of n-grams, to be damaged."""
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def seal(folder: Path, text: str) -> None:
    """Write a manifest with the seal that it should have in the place of 64 zeros."""
    seal = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(text.replace(BLANK, f'"seal": "{seal}"'), "utf-8")


def forge(
    source: Path, folder: Path, files: Mapping[str, bytes], path: tuple[Any, ...] = (), value: object = None
) -> Path:
    """Copy a bundle with other files, or another value somewhere in its manifest, and seal it as toxiclf would."""
    shutil.copytree(source, folder)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in FILES:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["seal"] = "0" * 64
    if path:
        place = manifest
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    seal(folder, json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def in_threads() -> Callable[[Callable[[], Any]], list[Any]]:
    """Call something 24 times in 8 threads; the results."""

    def call(work: Callable[[], Any]) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            return [done.result() for done in [pool.submit(work) for _ in range(24)]]

    return call
