"""N-grams of the training texts of a run, which are learned and encoded once for all its fits."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from toxiclf.features.cache import FeatureCache
from toxiclf.text.encoder import NgramView
from toxiclf.text.vocabulary import Ids, NgramVocabulary, Unit

_Rows = NDArray[np.intp]
_MOST = 4  # sets of options whose n-grams are in memory: two units, and what a search tries next


class SharedNgrams:
    """N-grams learned once from all texts; each fit keeps those that are in enough of its own texts.

    An n-gram that is in ``min_comments`` texts of a fold is in at least as many of all texts. So it is enough to learn
    n-grams from all texts, and to count in how many texts of the fold each one is. The set of n-grams is the same as if
    it were learned from the fold alone; ids follow the order in which n-grams appear in all texts.

    Parameters
    ----------
    texts : preprocessed texts.
    cache : cache from which n-grams of all texts are read, if it has them.
    """

    def __init__(self, texts: Sequence[str], cache: FeatureCache) -> None:
        self._texts, self.cache = texts, cache
        self._encoded: dict[tuple[Unit, int, int], tuple[NgramVocabulary, Ids]] = {}
        self._numbers: WeakKeyDictionary[NgramView, tuple[Ids, NDArray[np.int32] | None]] = WeakKeyDictionary()

    def learn(self, rows: _Rows, unit: Unit, high: int, min_comments: int) -> NgramView:
        """Return the view of the n-grams of 1 to ``high`` units that are in at least ``min_comments`` of some texts.

        Parameters
        ----------
        rows : indices of the texts, all different.
        """
        vocabulary, ids = self._all(unit, high, min_comments)
        numbers = None
        others = np.ones(len(ids), dtype=np.bool_)
        others[rows] = False
        if others.sum() != len(ids) - len(rows):
            raise ValueError("rows must be different from each other")
        if others.any():
            counts = np.bincount(ids.flat, minlength=len(vocabulary) + 1)
            counts -= np.bincount(ids.take(np.flatnonzero(others)).flat, minlength=len(counts))
            is_known = counts >= min_comments
            numbers = np.where(is_known, np.cumsum(is_known), 0).astype(np.int32)
            vocabulary = vocabulary.subset(is_known[1:])
        view = NgramView(vocabulary)
        self._numbers[view] = ids, numbers
        return view

    def ids(self, view: NgramView, rows: _Rows) -> Ids | None:
        """Return the ids that ``view`` gives some of the texts; None if it was not learned from these texts."""
        ids, numbers = self._numbers.get(view, (None, None))
        if ids is None:
            return None
        some = ids if np.array_equal(rows, np.arange(len(ids))) else ids.take(rows)
        if numbers is None:
            return some
        flat = numbers[some.flat]
        unknown = np.flatnonzero(flat == 0)
        return Ids(flat[flat > 0], some.starts - np.searchsorted(unknown, some.starts))

    def _all(self, unit: Unit, high: int, min_comments: int) -> tuple[NgramVocabulary, Ids]:
        key = unit, high, min_comments
        if key not in self._encoded:
            if len(self._encoded) == _MOST:
                del self._encoded[next(iter(self._encoded))]
            vocabulary = self.cache.ngrams(self._texts, unit, high, min_comments)
            self._encoded[key] = vocabulary, vocabulary.ids(self._texts)
        return self._encoded[key]
