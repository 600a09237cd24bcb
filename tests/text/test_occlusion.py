"""Which tokens move a score: measured by removing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from toxiclf.text.normalize import Normalizer
from toxiclf.text.occlusion import occluded, strongest
from toxiclf.text.tokenizers import tokenizer

WORDS = tokenizer("whitespace").spans


class Scorer:
    """Two labels: the share of 0.9 for each of two words that the text has. It counts the characters that it scores."""

    def __init__(self) -> None:
        self.characters = 0

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.characters += sum(map(len, texts))
        rows = [[0.9 * ("바보" in text), 0.9 * ("웃음" in text)] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, 2)


@pytest.mark.parametrize("n", [1, 59, 60, 61, 500, 5000])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_the_tokens_that_matter_are_found_anywhere_in_bounded_work(n: int, place: float) -> None:
    score = Scorer()
    words = [f"낱말{i}" for i in range(n)]
    words[round(place * (n - 1))] = "바보"
    text = " ".join(words)
    (found,) = occluded([text], Normalizer(max_chars=10**6), WORDS, score)
    effects = {text[a:b]: effect.tolist() for (a, b), effect in zip(found.spans, found.effects, strict=True)}
    assert effects.pop("바보") == [pytest.approx(0.9), 0]
    assert not any(map(any, effects.values()))
    assert len(found.spans) >= min(n, 6)
    assert score.characters <= 200 * len(text)


def test_comments_are_measured_as_if_each_were_alone() -> None:
    texts = ["바보 웃음", "", "가 " * 200 + "웃음", "나"]
    together = occluded(texts, Normalizer(), WORDS, Scorer())
    for text, found in zip(texts, together, strict=True):
        (alone,) = occluded([text], Normalizer(), WORDS, Scorer())
        assert (found.text, found.spans) == (alone.text, alone.spans)
        assert np.array_equal(found.effects, alone.effects)
    assert occluded([], Normalizer(), WORDS, Scorer()) == []


def test_a_token_that_an_engine_gives_twice_is_measured_once() -> None:
    (found,) = occluded(["갔다"], Normalizer(), lambda text: [(0, 1), (0, 1), (1, 2)], Scorer())
    assert found.spans == ((0, 1), (1, 2))


def test_the_strongest_tokens_are_given_as_they_are_written() -> None:
    original = "  ㅋㅋㅋㅋㅋㅋ  바\u200b보  ＡＢ"
    normalized = Normalizer().with_offsets(original)
    (found,) = occluded([normalized.text], Normalizer(), WORDS, Scorer())
    (token,) = strongest(found, 0, original, normalized)
    assert (token.text, original[token.start : token.end]) == ("바\u200b보", "바\u200b보")
    assert strongest(found, 1, original, normalized) == ()
