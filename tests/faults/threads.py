"""One moderator, shared by 64 threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

from tests.faults.cases import Case, NotHeldError
from tests.faults.stage import TEXTS, Stage

THREADS = 64


def cases(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Every kind of bundle, on one thread and on two, in three ways to use it."""
    ways: dict[str, Callable[[Any, list[str]], Any]] = {
        "score": lambda moderator, texts: moderator.score(texts).tobytes(),
        "check": lambda moderator, texts: moderator.check(texts),
        "explain": lambda moderator, texts: moderator.check(texts[:4], explain=True),
    }
    for kind, bundle in sorted(stage.bundles.items()):
        for name, way in ways.items():
            yield Case(f"{kind}: {name}", partial(_try, bundle, way))


def _try(bundle: Path, way: Callable[[Any, list[str]], Any], folder: Path) -> None:
    import warnings

    import toxiclf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moderator = toxiclf.load(bundle)
    texts = [[f"{text} {i}" if text else "" for text in TEXTS] for i in range(THREADS)]
    alone = [way(moderator, each) for each in texts]
    barrier = Barrier(THREADS)

    def work(i: int) -> Any:
        barrier.wait()
        return way(moderator, texts[i])

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(work, range(THREADS)))
    if together != alone:
        raise NotHeldError("another answer than alone")
