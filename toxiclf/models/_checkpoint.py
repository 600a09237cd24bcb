"""Checkpoints: the state of a training network, saved to disk after every epoch (written aside, synced and renamed)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from toxiclf._files import write_bytes
from toxiclf.errors import UsageError


@dataclass(frozen=True)
class State:
    """The state of training after an epoch.

    Attributes
    ----------
    arrays : weights, the optimizer's moments, random seeds, the best weights, by name.
    facts : history and the like, as JSON types.
    """

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint file of one fit.

    Attributes
    ----------
    path : of the file; its folder is made when it is written.
    resume : whether to resume from the file.
    """

    path: Path
    resume: bool = False

    def load(self, identity: str) -> State | None:
        """The last state; None if there is no file, or if the fit starts over.

        Parameters
        ----------
        identity : of all that decides what training comes to (rows, options, seed, versions).

        Raises
        ------
        UsageError : the file belongs to another fit, or is damaged.
        """
        if not self.resume or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                facts = json.loads(file.metadata()["facts"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.unfit(f"cannot be read ({error})") from error
        if not isinstance(facts, dict) or facts.pop("identity", None) != identity:
            raise self.unfit("belongs to other comments, another recipe or other versions of the libraries")
        return State(arrays, facts)

    def unfit(self, reason: str) -> UsageError:
        """The error for a file from which training cannot resume."""
        return UsageError(f"the checkpoint {self.path} {reason}; leave out --resume to start over")

    def save(self, identity: str, state: State) -> None:
        """Put a state in place of the last one; a process that is killed leaves the one or the other."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
        facts = json.dumps({**state.facts, "identity": identity})
        write_bytes(self.path, save(content, {"facts": facts}), synced=True)
