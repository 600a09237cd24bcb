"""Write changed copies of comments of the rarer class."""

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

_DRAWS = 10  # for one copy, until it is like no other comment


@dataclass(frozen=True)
class Augmented:
    """Augmented copies of comments.

    Attributes
    ----------
    texts : as written, before normalization; one of a comment that was not normalized is not, either.
    sources : place of the comment that each was made from, intp (len(texts),).
    methods : name of the method that made each.
    asked : how many were asked for, at least len(texts).
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
    """Write changed copies of comments of the rarer class, or of all classes, as each step asks.

    Every copy differs, once normalized, from all given texts, from ``avoid`` and from all other copies, and is not empty. Where a
    comment cannot be varied, others of its class, rarer or not, are varied once more in turn, until the number is made up or
    nothing new comes any more. Of all classes no more are made than leave their shares as they are. All copies are of given
    texts, none of a copy.

    What a copy's draws come from is the seed, the step's place, the source's text (and how many equal ones stand before it) and
    the copy's number: not the other rows. These matter only where a copy equals one of them and is drawn anew, and for which
    comments make up for others. What is empty after normalization is not varied.

    Parameters
    ----------
    texts : of all rows, n.
    minority : which are of the rarer class, bool (n,).
    steps : of a recipe.
    normalizer : decides which texts are equal.
    avoid : normalized texts that no copy may equal, such as those of held-out rows.
    seed : not negative.
    keys : the texts, normalized; None where that is still to be done.

    Raises
    ------
    DataError : there is only one class, or fewer than six rows of one, or those of the rarer are all the same; or a step makes
        no copy at all.

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
        share = 1.0  # of the copies that were asked for, that could be made; all classes get as much of theirs
        of_step: list[list[tuple[str, int, str]]] = []
        for group, name in [(rows, "the rarer class"), (others, "the others")][: 1 if step.of == "rarer" else 2]:
            sources = [row for row in group if keys[row]]
            wanted = math.ceil(share * step.copies * len(group))
            copies = list(_copies([texts[row] for row in sources], method, step.copies, wanted, new, [seed, number]))
            if not copies:
                raise DataError(
                    f"balance.augment: {step.method} cannot change any of the {len(group)} comments of {name}, "
                    f"because it needs {method.needs}; use another method, or leave it out"
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
    """Raise a DataError where there are too few rows, or only those of one class."""
    rows = int(minority.sum())
    check_rows({"the rarer class": rows, "the others": len(minority) - rows}, "augmentation")


def _copies(
    texts: list[str], method: Method, copies: int, wanted: int, new: Callable[[str], bool], seeds: list[int]
) -> Iterator[tuple[int, str]]:
    """Places of texts, each with a copy; first of all in turn, then of others for those that could not be varied."""
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
        if number == copies:  # from here on in the place of others: not always of the first ones
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
