"""What runs on the same rows share is what each would have made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from toxiclf.features.cache import FeatureCache
from toxiclf.recipe import VectorsSection
from toxiclf.text.tokenizers import tokenizer

TEXTS = ["오늘 날씨 좋네요", "날씨가 좋은 날", "\ufffd 이상한 글자 😀", "오늘도 좋은 하루"] * 3


def test_what_was_made_once_is_not_made_again(tmp_path: Path) -> None:
    engine, options = tokenizer("whitespace"), VectorsSection(size=4, epochs=1, pretrained="none")
    made = []
    for keeping in (FeatureCache(), FeatureCache(tmp_path), FeatureCache(tmp_path)):
        tokens = keeping.tokens(TEXTS, engine, 1)
        made.append((tokens, keeping.vectors(tokens, options, 3), keeping.ngrams(TEXTS, "jamo", 2, 2)))
    assert keeping.seconds > 0  # as if it were made anew
    assert len(list(tmp_path.iterdir())) == 3
    for tokens, vectors, ngrams in made[1:]:
        assert tokens == made[0][0]
        assert vectors.tokens == made[0][1].tokens
        assert (vectors.matrix == made[0][1].matrix).all()
        assert (vectors.frequencies == made[0][1].frequencies).all()
        assert vectors.origin == made[0][1].origin
        assert ngrams == made[0][2]
        assert ngrams.ngrams == made[0][2].ngrams


def test_other_rows_seeds_and_options_are_other_things(tmp_path: Path) -> None:
    keeping, engine = FeatureCache(tmp_path), tokenizer("whitespace")
    tokens = keeping.tokens(TEXTS, engine, 1)
    first = keeping.vectors(tokens, VectorsSection(size=4, epochs=1, pretrained="none"), 0)
    other = keeping.vectors(tokens, VectorsSection(size=4, epochs=1, pretrained="none"), 1)
    assert not np.array_equal(first.matrix, other.matrix)
    assert keeping.tokens(TEXTS[:2], tokenizer("jamo"), 1) != keeping.tokens(TEXTS[:2], engine, 1)
    assert keeping.ngrams(TEXTS, "syllable", 2, 2) != keeping.ngrams(TEXTS, "syllable", 1, 2)


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    keeping = FeatureCache(tmp_path)
    keeping.tokens(TEXTS, tokenizer("whitespace"), 1)
    (file,) = tmp_path.iterdir()
    file.write_text("{", "utf-8")
    assert keeping.tokens(TEXTS, tokenizer("whitespace"), 1)[0] == ["오늘", "날씨", "좋네요"]
