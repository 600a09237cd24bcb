"""Verdicts on comments, as the moderator gives them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from toxiclf.text.occlusion import TokenEffect

# A batch makes both objects for each comment. The `__init__` that dataclasses write for frozen classes looks up each attribute
# by name, which takes twice as long as calling the slots.


@dataclass(frozen=True, slots=True, init=False)
class LabelVerdict:
    """The verdict on a comment for one label.

    Attributes
    ----------
    label : str
        Name of the label.
    score : float
        Calibrated score in [0, 1].
    threshold : float or None
        Decision threshold in [0, 1]; None if the class with the highest score is the verdict.
    is_toxic : bool
        Whether the score is at or above the threshold, or is the highest of all classes.
    tokens : tuple of TokenEffect or None
        The tokens that raise or lower the score most, up to ten, strongest first; None if the verdict is not explained.
    """

    label: str
    score: float
    threshold: float | None
    is_toxic: bool
    tokens: tuple[TokenEffect, ...] | None = None

    def __init__(
        self,
        label: str,
        score: float,
        threshold: float | None,
        is_toxic: bool,
        tokens: tuple[TokenEffect, ...] | None = None,
    ) -> None:
        set_label, set_score, set_threshold, set_is_toxic, set_tokens = _LABEL_VERDICT
        set_label(self, label)
        set_score(self, score)
        set_threshold(self, threshold)
        set_is_toxic(self, is_toxic)
        set_tokens(self, tokens)


@dataclass(frozen=True, slots=True, init=False)
class Verdict:
    """The verdict on one comment, for all labels; ``verdict["toxic"]`` returns the entry of the label "toxic".

    Attributes
    ----------
    entries : tuple of LabelVerdict
        One entry per label, in the order of ``Moderator.labels``.
    truncated : bool
        Whether the end of the comment was cut off before it was scored.
    no_known_tokens : bool
        Whether the comment has no token or n-gram known from training; the score is then the model's default.
    label : str or None
        The class with the highest score: a label, or the value that means not toxic. None unless labels exclude each
        other and this class is the verdict.
    """

    entries: tuple[LabelVerdict, ...]
    truncated: bool
    no_known_tokens: bool
    label: str | None = None

    def __init__(
        self, entries: tuple[LabelVerdict, ...], truncated: bool, no_known_tokens: bool, label: str | None = None
    ) -> None:
        set_entries, set_truncated, set_no_known_tokens, set_label = _VERDICT
        set_entries(self, entries)
        set_truncated(self, truncated)
        set_no_known_tokens(self, no_known_tokens)
        set_label(self, label)

    @property
    def is_toxic(self) -> bool:
        """Whether the comment gets at least one label."""
        return any(entry.is_toxic for entry in self.entries)

    @property
    def score(self) -> float:
        """Highest score over all labels."""
        return max(entry.score for entry in self.entries)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that the comment gets."""
        return tuple(entry.label for entry in self.entries if entry.is_toxic)

    def __getitem__(self, label: str) -> LabelVerdict:
        for entry in self.entries:
            if entry.label == label:
                return entry
        raise KeyError(f"{label!r}; the labels are {', '.join(entry.label for entry in self.entries)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as a dictionary of plain JSON types; ``tokens`` of labels are left out if they are None."""
        entries = [asdict(entry) for entry in self.entries]
        for entry in entries:
            if entry["tokens"] is None:
                del entry["tokens"]
        return {
            "is_toxic": self.is_toxic,
            "label": self.label,
            "labels": entries,
            "truncated": self.truncated,
            "no_known_tokens": self.no_known_tokens,
        }


_LABEL_VERDICT, _VERDICT = ([getattr(of, f.name).__set__ for f in fields(of)] for of in (LabelVerdict, Verdict))
