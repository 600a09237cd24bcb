"""Every tokenizer keeps the same promises, whatever the comment holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toxiclf.errors import UsageError
from toxiclf.text.hangul import decompose
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import TOKENIZERS, Tokenizer, tokenizer

ENGINES = {name: tokenizer(name) for name in TOKENIZERS}
HOSTILE = [
    "",
    " ",
    "\x00시발\x00",
    "\ud800가\udc00",
    "\u202e발시\u202c",
    "시\u200b발 ㅅㅣ발 시1발 ㅅ.ㅂ",
    "👨\u200d👩\u200d👧\ufe0f❤\u20e3",
    "\u3164\u115f\uffa0",
    "漢字カナ Ωж ß İ",
    "\u1113\u1176\u11c3 e\u0316\u0301",
    "EOS\tBOS\nEOS",
    "%m\\n %H \\s\\t -O wakati ; rm",
    "=,<>&\"'`$(){}[]",
    "a" * 3000,
    "가" * 3000,
    "가나" * 3000,
    "1 " * 3000,
    "ㅋㅎ" * 3000,
]

every_tokenizer = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
normalized = st.builds(
    Normalizer(repeat_cap=50),
    st.text(
        st.one_of(
            st.sampled_from("가각시발ㅋㅏaA1 .\t\u3000\u200b😀"),
            st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
            st.characters(exclude_categories=()),
        ),
        max_size=40,
    ),
)


@every_tokenizer
@settings(deadline=None, max_examples=200)
@given(text=normalized)
def test_tokens_are_the_text_without_its_white_space(engine: Tokenizer, text: str) -> None:
    (tokens,) = engine.tokenize([text])
    bare = "".join(text.split())
    assert "".join(tokens) == (decompose(bare) if engine.name == "jamo" else bare)
    assert all(tokens)
    assert not any(c.isspace() for token in tokens for c in token)


@every_tokenizer
@settings(deadline=None, max_examples=200)
@given(text=normalized)
def test_spans_point_at_the_tokens(engine: Tokenizer, text: str) -> None:
    (tokens,), spans = engine.tokenize([text]), engine.spans(text)
    assert len(tokens) == len(spans)
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    for token, (start, end) in zip(tokens, spans, strict=True):
        assert token in decompose(text[start:end]) if engine.name == "jamo" else token == text[start:end]


@every_tokenizer
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(normalized, max_size=6))
def test_a_batch_gives_what_its_texts_give_one_by_one(engine: Tokenizer, texts: list[str]) -> None:
    assert engine.tokenize(texts) == [engine.tokenize([text])[0] for text in texts]


@every_tokenizer
def test_hostile_comments_are_tokens_like_any_other(engine: Tokenizer) -> None:
    texts = [Normalizer()(text) for text in HOSTILE]
    tokens = engine.tokenize(texts)
    assert len(tokens) == len(texts)
    assert [len(engine.spans(text)) for text in texts] == [len(found) for found in tokens]
    assert engine.tokenize([*texts, "끝"])[-1] == engine.tokenize(["끝"])[0]  # and nothing of them stays behind


@every_tokenizer
def test_no_texts_give_no_tokens(engine: Tokenizer) -> None:
    assert engine.tokenize([]) == []
    assert engine.tokenize([""]) == [[]]
    assert engine.spans("") == []


@every_tokenizer
def test_threads_share_one_tokenizer(engine: Tokenizer) -> None:
    texts = [f"{i}번째 댓글은 아버지가 방에 들어가신다 ㅋㅋ {'가나다' * (i % 7)}" for i in range(400)]
    wanted = engine.tokenize(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: engine.tokenize(texts[i:] + texts[:i]), range(0, 400, 20)))
    assert found == [wanted[i:] + wanted[:i] for i in range(0, 400, 20)]


@every_tokenizer
def test_a_tokenizer_knows_its_name_and_version(engine: Tokenizer) -> None:
    assert TOKENIZERS[engine.name]().version == engine.version != ""


def test_mecab_finds_morphemes() -> None:
    assert ENGINES["mecab"].tokenize(["식물이 썩었다"]) == [["식물", "이", "썩", "었", "다"]]


def test_an_unknown_tokenizer_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as error:
        tokenizer("mecap")
    assert str(error.value) == "unknown tokenizer 'mecap'; did you mean 'mecab'? known: mecab, jamo, char, whitespace"
