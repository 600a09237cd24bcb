"""Checkpoints: the training state of a network, saved after every epoch (to a temporary file, synced and renamed)."""

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
    arrays : arrays by name: weights, optimizer moments, random seeds, and the best weights so far.
    facts : other values as JSON types: history, best validation metric (negated if a lower one is better), and number
        of epochs since the best one.
    """

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint file of one fit.

    Attributes
    ----------
    path : path of the file; :meth:`save` creates its folder.
    resume : whether to resume from the file; False starts over.
    """

    path: Path
    resume: bool = False

    def load(self, identity: str) -> State | None:
        """Return the saved state; None if there is no file or ``resume`` is False.

        Parameters
        ----------
        identity : hash of everything that the result of training depends on (rows, options, seed, versions).

        Raises
        ------
        UsageError : the file cannot be read, is damaged, or was saved with another identity.
        """
        if not self.resume or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                facts = json.loads(file.metadata()["facts"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.unfit(f"cannot be read ({error})") from error
        if not isinstance(facts, dict) or facts.pop("identity", None) != identity:
            raise self.unfit("belongs to other comments, another recipe or other versions of the libraries")
        return State(arrays, facts)

    def unfit(self, reason: str) -> UsageError:
        """Return an error that says why training cannot resume: ``reason``, such as "cannot be read"."""
        return UsageError(f"the checkpoint {self.path} {reason}; leave out --resume to start over")

    def save(self, identity: str, state: State) -> None:
        """Replace the file with a new state and its ``identity`` (as in :meth:`load`).

        If the process is killed meanwhile, the file holds either the old or the new state.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
        facts = json.dumps({**state.facts, "identity": identity})
        write_bytes(self.path, save(content, {"facts": facts}), synced=True)
