"""N-grams that all fits of a run share are those that each fit would have learned from its own texts."""

from __future__ import annotations

import numpy as np
import pytest

from toxiclf.datasets.comments import Comments
from toxiclf.features.texts import TokenizedTexts
from toxiclf.text.encoder import NgramView
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.vocabulary import Ids, NgramVocabulary, Unit

Known = list[set[str]]


def ngrams_of(ids: Ids, vocabulary: NgramVocabulary) -> Known:
    """Return the known n-grams of each text."""
    names = [text[at : at + n] for n, text in vocabulary.ngrams.items() for at in range(0, len(text), n)]
    return [{names[i - 1] for i in ids.flat[a:b]} for a, b in zip(ids.starts[:-1], ids.starts[1:], strict=True)]


@pytest.fixture(scope="module")
def rows(sample: Comments) -> TokenizedTexts:
    return TokenizedTexts.of([*sample.texts[:80], "", "가나다"], Preprocessor(Normalizer()), None)


@pytest.mark.parametrize(("unit", "high"), [("jamo", 4), ("syllable", 3)])
@pytest.mark.parametrize("order", ["all", "ascending", "any"])
def test_a_fit_has_the_ngrams_of_its_own_texts(rows: TokenizedTexts, unit: Unit, high: int, order: str) -> None:
    numbers = np.random.default_rng(0).permutation(len(rows))
    chosen = {"all": np.arange(len(rows)), "ascending": np.sort(numbers[:60]), "any": numbers}[order]
    some, others = rows.take(chosen), rows.take(np.setdiff1d(np.arange(len(rows)), chosen))
    view = some.learn_ngrams(unit, high, 2)
    learned = NgramVocabulary.learn(some.texts, unit, 1, high, 2)
    assert {n: len(text) for n, text in view.vocabulary.ngrams.items()} == {
        n: len(t) for n, t in learned.ngrams.items()
    }
    for texts in (some, others):
        shared = texts.ngrams.ids(view, texts.numbers)
        assert shared is not None
        assert ngrams_of(shared, view.vocabulary) == ngrams_of(learned.ids(texts.texts), learned)
        encoded = view.vocabulary.ids(texts.texts)
        assert (shared.flat.tolist(), shared.starts.tolist()) == (encoded.flat.tolist(), encoded.starts.tolist())
    if order == "all":
        assert view.vocabulary == learned


def test_texts_of_another_run_are_encoded(rows: TokenizedTexts) -> None:
    other = TokenizedTexts.of(["가나다", "나다"], Preprocessor(Normalizer()), None)
    view = rows.learn_ngrams("syllable", 2, 2)
    assert other.ngrams.ids(view, other.numbers) is None
    assert isinstance(view, NgramView)


def test_comments_and_their_copies_share_ngrams(rows: TokenizedTexts) -> None:
    both = rows.joined(TokenizedTexts.of(["가나다", "나다"], Preprocessor(Normalizer()), None))
    first, last = both.take(np.arange(len(rows))), both.take(np.arange(len(rows), len(both)))
    assert first.joined(last).ngrams is both.ngrams
    assert first.joined(last).numbers.tolist() == list(range(len(both)))
