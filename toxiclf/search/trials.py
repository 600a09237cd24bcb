"""Trials of a search, and the log that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toxiclf.learning import Say

Settings = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One candidate.

    Attributes
    ----------
    number : its place in the grid, or in optuna's order; from 1.
    settings : value of each searched key.
    folds : the metric in each fold; empty where it failed.
    failure : why it has no value.
    """

    number: int
    settings: Settings
    folds: tuple[float, ...]
    seconds: float
    failure: str = ""

    @property
    def value(self) -> float | None:
        """Mean over folds."""
        return float(np.mean(self.folds)) if self.folds else None

    def to_dict(self) -> dict[str, Any]:
        """The trial as a row of the report and a line of the log."""
        return {
            "number": self.number, "settings": self.settings, "value": self.value,
            "deviation": float(np.std(self.folds, ddof=1)) if self.folds else None,
            "folds": list(self.folds), "seconds": round(self.seconds, 3), "failure": self.failure,
        }  # fmt: skip


def plainly(settings: Mapping[str, Any]) -> str:
    """Settings as a person writes them."""
    return ", ".join(f"{key}={value}" for key, value in settings.items())


class Log:
    """Finished trials, one line each, after a line that says which search they belong to."""

    def __init__(self, path: Path | None, identity: str, say: Say) -> None:
        self._path = path
        self._known: dict[str, Trial] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps({"format": 1, "search": identity})
        lines = path.read_text("utf-8", "replace").split("\n") if path.is_file() else []
        if lines and lines[0] != head:
            path.replace(path.with_name(path.name + ".previous"))
            say(f"search: {path.name} is of another search; it is now {path.name}.previous")
            lines = []
        whole = lines[1:-1]  # what comes after the last line feed is torn
        kept = [trial for line in whole if (trial := _trial(line)) is not None]
        self._known = {_key(trial.settings): trial for trial in kept}
        if kept:
            say(f"search: {len(kept)} trials are in {path} already")
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text("".join(f"{line}\n" for line in [head, *(_line(trial) for trial in kept)]), "utf-8")
        temporary.replace(path)

    def find(self, settings: Settings) -> Trial | None:
        """The trial of these settings, if it is kept."""
        return self._known.get(_key(settings))

    def add(self, trial: Trial) -> None:
        """Keep a trial."""
        self._known[_key(trial.settings)] = trial
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(trial) + "\n")


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _line(trial: Trial) -> str:
    return json.dumps(trial.to_dict(), ensure_ascii=False)


def _trial(line: str) -> Trial | None:
    """A trial of a log; None for a torn line."""
    try:
        row = json.loads(line)
        values = tuple(float(value) for value in row["folds"])
        if not np.isfinite(values).all():
            return None
        return Trial(int(row["number"]), dict(row["settings"]), values, float(row["seconds"]), str(row["failure"]))
    except (ValueError, KeyError, TypeError):
        return None
