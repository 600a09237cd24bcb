"""Labeled comments: the ``Comments`` class, and checks that labels are consistent and frequent enough."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import compress
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toxiclf.bundle.manifest import LabelMap
from toxiclf.datasets.rejected import CONTRADICTION, no_usable_row
from toxiclf.errors import DataError, UsageError
from toxiclf.rows import Guess, Rejected
from toxiclf.text.given import given_texts
from toxiclf.text.normalize import Normalizer
from toxiclf.text.personal import MASKS, found
from toxiclf.text.preprocess import Preprocessor

MIN_PER_CLASS = 10
"""Minimum number of distinct comments with and without each label; with fewer, folds and thresholds are unreliable."""

_SHOWN = 5  # comments in a notebook

PLAIN = Normalizer(max_chars=2**31, mask_personal=True)
"""Default normalizer for deciding which comments are equal; a recipe replaces it by its own."""


@dataclass(frozen=True)
class Comments:
    """Labeled comments: texts, targets, and the file and line that each comes from.

    Normalized texts are cached; the comments that :meth:`take` returns share the cache.

    Attributes
    ----------
    texts : list of str
        The comments as they were read, before normalization.
    targets : array of uint8, shape (n, n_labels)
        1 if the comment has the label, else 0.
    labels : tuple of str
        Names of the labels.
    negative : str or None
        The label value that means "no label" if labels exclude each other; None if labels are independent.
    lines : array of intp, shape (n,)
        Line number of each comment in its file, from 1.
    source : str
        Name of the corpus, or of the file without its folders.
    text_column : str
        The column that the texts come from.
    label_map : LabelMap
        How columns of the file became labels.
    rejected : tuple of (str, Rejected)
        Rejected rows, each with the name of its file.
    notes : tuple of str
        Sentences that say what was detected in the file.
    group_column, groups : str, tuple of str
        Name of the column that holds subgroups for the report, and the subgroup of each comment; both empty if there is
        no such column.
    guesses : tuple of Guess
        What was detected in the file, with the option that sets it; errors that may rest on it name it.

    See Also
    --------
    toxiclf.read_comments : read labeled comments from a file.

    Examples
    --------
    >>> comments = Comments.of(["오늘도 좋은 하루 되세요", "꺼져 이 멍청한 새끼야"], [0, 1])
    >>> comments.counts()
    {'toxic': 1}
    """

    texts: list[str]
    targets: NDArray[np.uint8]
    labels: tuple[str, ...]
    negative: str | None = None
    lines: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    source: str = "a list of comments"
    text_column: str = "text"
    label_map: LabelMap = field(default_factory=LabelMap)
    rejected: tuple[tuple[str, Rejected], ...] = ()
    notes: tuple[str, ...] = ()
    group_column: str = ""
    groups: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = field(default=(), repr=False, compare=False)
    _normalized: dict[Normalizer, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.targets.shape != (len(self.texts), len(self.labels)):
            raise UsageError(
                f"targets have shape {self.targets.shape}; expected ({len(self.texts)}, {len(self.labels)}): one "
                "row per comment, one column per label"
            )
        if not all(self.labels) or len(set(self.labels)) != len(self.labels):
            raise UsageError(f"the labels are {list(self.labels)}; give each its own name")
        if len(self.lines) != len(self.texts):
            object.__setattr__(self, "lines", np.arange(1, len(self.texts) + 1))

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {label}" for label, count in self.counts().items())
        line = f"{len(self):,} of {self.source}: {counts}; {len(self.rejected):,} rejected rows"
        return f"<Comments: {shorten(line, 300, placeholder=' …')}>"

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook displays: the first comments with their labels."""
        rows = [
            [str(line), shorten(text, 100, placeholder=" …"), ", ".join(compress(self.labels, targets))]
            for line, text, targets in zip(self.lines[:_SHOWN], self.texts, self.targets, strict=False)
        ]
        cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
        body = "".join(f"<tr>{row}</tr>" for row in ["<th>line</th><th>text</th><th>labels</th>", *cells])
        return f"<p>{escape(repr(self))}</p><table>{body}</table>"

    @property
    def exclusive(self) -> bool:
        """Whether labels exclude each other, so that a comment has at most one."""
        return self.negative is not None

    @classmethod
    def of(cls, texts: Iterable[str], targets: Any, labels: Sequence[str] = ("toxic",)) -> Comments:
        """Make labeled comments from lists; equal comments with different labels are rejected.

        Parameters
        ----------
        texts : iterable of str
            The n comments.
        targets : array-like of 0 and 1, shape (n,) or (n, n_labels)
            1 if the comment has the label; one column per label.
        labels : sequence of str
            Names of the labels.

        Returns
        -------
        Comments

        Raises
        ------
        UsageError
            A text is not a string, a target is neither 0 nor 1, numbers of texts, targets or labels do not match, or
            a label is empty or repeated.
        DataError
            No comment is left after rejection.
        """
        texts = given_texts(texts)
        try:
            array = np.asarray(targets, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.array(np.nan)
        if not np.isin(array, (0, 1)).all():
            raise UsageError("targets must be 0 or 1; give one column of zeros and ones per label")
        array = array[:, None] if array.ndim == 1 else array
        return consistent(cls(texts, array.astype(np.uint8), tuple(labels)))

    def normalized(self, normalizer: Normalizer) -> tuple[list[str], NDArray[np.bool_]]:
        """Return the normalized texts, and whether each was truncated; normalized texts are cached."""
        uncut = replace(normalizer, max_chars=PLAIN.max_chars)
        known = self._normalized.setdefault(uncut, {})
        new = [text for text in dict.fromkeys(self.texts) if text not in known]
        whole = uncut.batch(new)[0]
        known.update((text, text if text == other else other) for text, other in zip(new, whole, strict=True))
        pairs = [normalizer.shortened(known[text]) for text in self.texts]
        return [text for text, _ in pairs], np.fromiter((cut for _, cut in pairs), dtype=np.bool_, count=len(pairs))

    def keys(self, normalizer: Normalizer = PLAIN) -> list[str]:
        """Return the normalized text of each comment; comments with the same key count as equal."""
        return self.normalized(normalizer)[0]

    def preprocessed(self, preprocessor: Preprocessor) -> tuple[list[str], NDArray[np.bool_]]:
        """Return the preprocessed texts, and whether each was truncated; normalized texts are cached."""
        normalized, truncated = self.normalized(preprocessor.normalizer)
        return preprocessor.expanded(normalized), truncated

    def take(self, rows: NDArray[np.intp]) -> Comments:
        """Return the comments at the positions ``rows``, in this order; rejected rows and notes are left out."""
        texts = [self.texts[i] for i in rows]
        groups = tuple(self.groups[i] for i in rows) if self.groups else ()
        return replace(
            self, texts=texts, targets=self.targets[rows], lines=self.lines[rows], rejected=(), notes=(), groups=groups
        )

    def joined(self, other: Comments) -> Comments:
        """Return these comments followed by ``other``, which must have the same labels."""
        known = self._normalized
        if other._normalized is not known:
            normalizers = known.keys() | other._normalized.keys()
            known = {way: known.get(way, {}) | other._normalized.get(way, {}) for way in normalizers}
        return replace(
            self,
            texts=self.texts + other.texts,
            targets=np.concatenate([self.targets, other.targets]),
            lines=np.concatenate([self.lines, other.lines]),
            groups=self.groups + other.groups,
            _normalized=known,
        )

    def sha256(self) -> str:
        """Return the SHA-256 of texts, targets and labels as hex digits."""
        digest = hashlib.sha256("\0".join(self.labels).encode())
        digest.update(self.targets.tobytes())
        for text in self.texts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Return the number of comments with each label, by label name."""
        return dict(zip(self.labels, self.targets.sum(axis=0, dtype=int).tolist(), strict=True))


def consistent(comments: Comments, normalizer: Normalizer = PLAIN) -> Comments:
    """Return a copy without contradictory comments, which are equal after normalization but have different labels.

    They are added to ``rejected`` of the copy.

    Raises
    ------
    DataError : no comment is left.
    """
    groups: dict[str, list[int]] = {}
    for i, key in enumerate(comments.keys(normalizer)):
        groups.setdefault(key, []).append(i)
    usable = comments
    torn = [rows for rows in groups.values() if (comments.targets[rows] != comments.targets[rows[0]]).any()]
    if torn:
        rejected = list(comments.rejected)
        for rows in torn:
            where = ", ".join(str(line) for line in comments.lines[rows][:10])
            for i in rows:
                reason = f"the same comment has different labels (lines {where})"
                row = Rejected(int(comments.lines[i]), reason, comments.texts[i], CONTRADICTION)
                rejected.append((comments.source, row))
        left = np.setdiff1d(np.arange(len(comments)), np.concatenate([np.array(rows) for rows in torn]))
        usable = replace(
            comments.take(left), rejected=tuple(sorted(rejected, key=lambda entry: entry[1].line)), notes=comments.notes
        )
    if not len(usable):
        raise no_usable_row(usable.source, [row for _, row in usable.rejected])
    return usable


def personal_counts(comments: Comments, normalizer: Normalizer) -> dict[str, int]:
    """Return how many comments hold a personal string of each kind that occurs, whether or not they are masked."""
    keys = comments.keys(normalizer)
    if normalizer.mask_personal:
        counts = {kind: sum(mask in key for key in keys) for kind, mask in MASKS.items()}
    else:  # as it was written, or normalized: runs of one digit are shortened there
        pairs = zip(comments.texts, keys, strict=True)
        kinds = Counter(kind for pair in pairs for kind in {one.kind for text in pair for one in found(text)})
        counts = {kind: kinds[kind] for kind in MASKS}
    return {kind: count for kind, count in counts.items() if count}


def check_classes(comments: Comments, purpose: str = "training") -> None:
    """Check that each label has at least :data:`MIN_PER_CLASS` distinct comments with it and without it.

    ``purpose`` is what the comments are for, in messages.

    Raises
    ------
    DataError : a label, or the negative value, has too few distinct comments with it or without it.
    """
    if not len(comments):
        raise no_usable_row(comments.source, ())
    distinct = list(dict(zip(comments.keys(), range(len(comments)), strict=True)).values())
    targets = comments.targets[distinct]
    counts = dict(zip(comments.labels, targets.sum(axis=0, dtype=int).tolist(), strict=True))
    if comments.negative is not None:
        counts[comments.negative] = int((~targets.any(axis=1)).sum())
    n = len(distinct)
    for name, count in counts.items():
        if count in (0, n):
            raise DataError(
                f"{'every' if count else 'no'} usable comment of {comments.source} has label '{name}'; "
                f"{purpose} needs both classes: check --label, --positive and --negative"
            )
        if min(count, n - count) < MIN_PER_CLASS:
            what = "with" if count < n - count else "without"
            of_values = len(comments.labels) > 1 and len(comments.label_map.columns) == 1
            less = "merge labels with --positive" if of_values else "leave this label out with --label"
            raise DataError(
                f"the number of distinct comments {what} label '{name}' is {min(count, n - count)}, but {purpose} needs at least "
                f"{MIN_PER_CLASS}; label more of them, or {less}"
            )
