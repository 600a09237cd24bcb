"""Makes changed copies of comments with the augmentation steps of a recipe."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toxiclf.balance._fitness import check_differ, check_rows
from toxiclf.balance.augmentation._method import Method
from toxiclf.errors import DataError
from toxiclf.recipe import AugmentStep
from toxiclf.text.normalize import Normalizer
from toxiclf.text.personal import readable

_DRAWS = 10  # most attempts at one copy that differs from all other comments


@dataclass(frozen=True)
class Augmented:
    """Changed copies of comments, with the source and the method of each copy.

    Attributes
    ----------
    texts : the copies, which are not normalized.
    sources : index of the comment that each copy was made from, intp (len(texts),).
    methods : name of the method that made each copy.
    asked : number of copies that the steps demand, at least len(texts).
    """

    texts: list[str]
    sources: NDArray[np.intp]
    methods: list[str]
    asked: int


def augmented(
    texts: Sequence[str],
    minority: NDArray[np.bool_],
    steps: Sequence[AugmentStep],
    *,
    normalizer: Normalizer,
    avoid: Collection[str],
    seed: int,
    keys: Sequence[str] | None = None,
) -> Augmented:
    """Make changed copies of comments of the rarer class, or of all classes, with each step.

    After normalization no copy is empty, and each differs from all given texts, from ``avoid`` and from all other
    copies. Copies are made from given texts only, never from copies. Texts that are empty after normalization are not
    copied.

    If a comment cannot be changed, other comments of its class get more copies instead, until the demanded number
    is reached or no new copy is found. If a step copies all classes and finds too few copies for one class, the other
    class gets proportionally fewer, so that the prevalence stays the same.

    Copies are made in rounds, at most one copy of each comment per round. The random numbers for a copy depend only on
    the seed, the index of the step, the source text, the number of equal texts before the source, and the round. Apart
    from that, other rows matter in two ways only: a copy that equals another text is drawn again, and all rows together
    decide which comments get more copies.

    Parameters
    ----------
    texts : the comments of all n rows.
    minority : whether each row belongs to the rarer class, bool (n,).
    steps : augmentation steps of a recipe; each makes its own copies.
    normalizer : normalizes texts before they are compared.
    avoid : normalized texts that no copy may equal, such as those of held-out rows.
    seed : random seed, at least 0.
    keys : the normalized ``texts``; None to normalize them here.

    Raises
    ------
    DataError : a class has fewer than six rows, all rows of the rarer class are equal, or a step can change no comment
        of a class.

    >>> texts = [f"{number}번 댓글 쓴 놈" for number in range(6)] + ["안녕하세요"] * 6
    >>> made = augmented(
    ...     texts, np.arange(12) < 6, [AugmentStep(method="jamo")], normalizer=Normalizer(), avoid=(), seed=0
    ... )
    >>> made.texts[0], made.sources.tolist(), made.asked
    ('0번 ㄷㅐㅅ글 쓴 놈', [0, 1, 2, 3, 4, 5], 6)
    """
    check_minority(minority)
    rows = np.flatnonzero(minority).tolist()
    keys = normalizer.batch(texts)[0] if keys is None else keys
    # of a masked comment, the masked text is copied: a changed number would no longer be known as one
    texts = [key if readable(key) != key else text for text, key in zip(texts, keys, strict=True)]
    check_differ(len({keys[row] for row in rows}), len(rows), "augmentation")
    taken = {"", *avoid, *keys}

    def new(copy: str) -> bool:
        before = len(taken)
        taken.add(normalizer(copy))
        return len(taken) > before

    others = np.flatnonzero(~minority).tolist()
    made: list[tuple[str, int, str]] = []
    asked = 0
    for number, step in enumerate(steps):
        method: Method = step.component.target(step)
        share = 1.0  # copies made, divided by copies demanded; the same for every class
        of_step: list[list[tuple[str, int, str]]] = []
        for group, name in [(rows, "the rarer class"), (others, "the more frequent class")][
            : 1 if step.of == "rarer" else 2
        ]:
            sources = [row for row in group if keys[row]]
            wanted = math.ceil(share * step.copies * len(group))
            copies = list(_copies([texts[row] for row in sources], method, step.copies, wanted, new, [seed, number]))
            if not copies:
                raise DataError(
                    f"balance.augment: {step.method} cannot change any of the {len(group)} comments of {name}, "
                    f"because it needs {method.needs}; use another method, or leave {step.method} out"
                )
            of_step.append([(copy, sources[place], step.method) for place, copy in copies])
            share = len(copies) / (step.copies * len(group))
            asked += step.copies * len(group)
        made += [copy for copies_of in of_step[:-1] for copy in copies_of[: math.ceil(share * len(rows) * step.copies)]]
        made += of_step[-1]
    return Augmented(
        [copy for copy, _, _ in made],
        np.array([row for _, row, _ in made], dtype=np.intp),
        [name for _, _, name in made],
        asked,
    )


def check_minority(minority: NDArray[np.bool_]) -> None:
    """Raise a DataError if the rarer class or the rest of the rows has fewer than six rows."""
    rows = int(minority.sum())
    check_rows({"the rarer class": rows, "the more frequent class": len(minority) - rows}, "augmentation")


def _copies(
    texts: list[str], method: Method, copies: int, wanted: int, new: Callable[[str], bool], seeds: list[int]
) -> Iterator[tuple[int, str]]:
    """Yield at most ``wanted`` pairs: the index of a text in ``texts``, and a changed copy of that text.

    Each text gets ``copies`` copies. If some texts cannot be changed, other texts get more copies instead. ``new``
    returns whether a copy differs from all texts so far. ``seeds`` are the random seed and the index of the step.
    """
    method.prepare(texts)
    before: Counter[str] = Counter()
    sources: list[list[int]] = []
    for text in texts:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        sources.append([*seeds, int.from_bytes(digest, "little"), before[text]])
        before[text] += 1

    def written(place: int, number: int) -> str | None:
        rng = np.random.default_rng([*sources[place], number])
        for _ in range(_DRAWS):
            copy = method.variant(texts[place], rng)
            if new(copy):
                return copy
        return None

    left = wanted
    able = list(range(len(texts)))
    if wanted < len(able):
        np.random.default_rng(seeds).shuffle(able)
    number = 0
    while left and able:
        if number == copies:  # from here on, copies make up for missing ones; shuffle to spread them over texts
            np.random.default_rng(seeds).shuffle(able)
        done = []
        for place in able[:left]:
            copy = written(place, number)
            if copy is not None:
                yield place, copy
                done.append(place)
        able = able[left:] + done
        left -= len(done)
        number += 1
