"""Every tokenizer keeps the same promises, whatever the comment holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import CASES, cases
from tests.machine import JAVA_TOKENIZERS, needs_java
from toxiclf._registry import components
from toxiclf.errors import UsageError
from toxiclf.text.encoder import TokenView
from toxiclf.text.hangul import decompose
from toxiclf.text.normalize import Normalizer
from toxiclf.text.tokenizers import Tokenizer, tokenizer, tokenizer_class
from toxiclf.text.tokenizers.mecab import _MANY
from toxiclf.text.vocabulary import TokenVocabulary

AS_WRITTEN = ("mecab", "jamo", "char", "whitespace")  # the others change forms
TAGGERS = ("mecab", "kiwi", *JAVA_TOKENIZERS)


def of(*names: str) -> Any:
    """The tokenizers with these names, as a test's parameter; where there is Java for those that need it; one of these is quick."""
    marks = {name: [needs_java, pytest.mark.check] for name in JAVA_TOKENIZERS} | {"komoran": [needs_java]}
    return pytest.mark.parametrize(
        "engine", [pytest.param(name, marks=marks.get(name, ())) for name in names], indirect=True
    )


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Tokenizer:
    """A tokenizer by name."""
    return tokenizer(request.param)


every_tokenizer = of(*components("tokenizer"))
every_tagger = of(*TAGGERS)
MANY = 20 * _MANY  # of which each thread's part, a sixteenth of them, is enough for one call of MeCab
HOSTILE = [
    "",
    " ",
    "\n\t ",
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
    "a/SL+b/NNG //SP +/SW",
    "ㅁㄴㅇㄹ허ㅗㅓㅏㅣ ㄷㄱㄷㄱㄷㄱㄷㄱㄷㄱ",
    "ㄷ" * 16,
    "ㅋ" * 100_000,
    "a" * 3000,
    "1" * 3000,
    "가" * 600,
    "가나" * 60,
    "시발놈아" * 20,
    "1 " * 300,
    "ㅋㅎ" * 3000,
]


def normalized(engine: Tokenizer) -> st.SearchStrategy[str]:
    """Comments of any characters; short ones for Kkma, which takes a second for 40 that make no word."""
    return st.builds(
        Normalizer(repeat_cap=50),
        st.text(
            st.one_of(
                st.sampled_from("가각시발ㅋㅏaA1 .\t\u3000\u200b😀"),
                st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
                st.characters(exclude_categories=()),
            ),
            max_size=12 if engine.name == "kkma" else 40,
        ),
    )


def examples(engine: Tokenizer, many: int) -> int:
    """How many examples a tokenizer is worth: Kkma takes long over each."""
    if CASES:
        return cases(many)
    return {"kkma": many // 50, "kiwi": many // 2}.get(
        engine.name, many // 16 if engine.name in JAVA_TOKENIZERS else many
    )


def checked(engine: Tokenizer, many: int, texts: Any, promise: Callable[[Any], None]) -> None:
    """Try a promise on examples."""
    settings(deadline=None, max_examples=max(4, examples(engine, many)))(given(texts)(promise))()


def hold_spans(engine: Tokenizer, text: str) -> None:
    """The promises on spans."""
    (tokens,), spans = engine.tokenize([text]), engine.spans(text)
    assert len(tokens) == len(spans)
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(tokens)
    assert not any(c.isspace() for token in tokens for c in token)


@pytest.mark.hypothesis
@of(*AS_WRITTEN)
def test_tokens_are_the_text_without_its_white_space(engine: Tokenizer) -> None:
    def promise(text: str) -> None:
        (tokens,) = engine.tokenize([text])
        bare = "".join(text.split())
        assert "".join(tokens) == (decompose(bare) if engine.name == "jamo" else bare)

    checked(engine, 200, normalized(engine), promise)


@pytest.mark.hypothesis
@every_tokenizer
def test_each_token_has_a_span_within_the_text(engine: Tokenizer) -> None:
    def promise(text: str) -> None:
        hold_spans(engine, text)
        if engine.name in AS_WRITTEN:
            for token, (start, end) in zip(engine.tokenize([text])[0], engine.spans(text), strict=True):
                assert token in decompose(text[start:end]) if engine.name == "jamo" else token == text[start:end]

    checked(engine, 200, normalized(engine), promise)


@of("kiwi", *JAVA_TOKENIZERS)
def test_a_changed_form_points_at_the_characters_that_it_came_from(engine: Tokenizer) -> None:
    text = "방에 들어갔다 😀 정말 재밌었다"
    shown = [(token, text[start:end]) for token, (start, end) in zip(*_read(engine, text), strict=True)]
    assert {("방", "방"), ("에", "에"), ("정말", "정말")} <= set(shown)
    assert any("갔" in part for _, part in shown)
    assert {part for _, part in shown if "😀" in part} == {"😀"}
    assert any("밌" in part for _, part in shown)


def _read(engine: Tokenizer, text: str) -> tuple[list[str], list[tuple[int, int]]]:
    return engine.tokenize([text])[0], engine.spans(text)


@of("hannanum", "kkma")
def test_what_is_read_in_short_points_at_all_of_it(engine: Tokenizer) -> None:
    text = "진짜 " + "ㄷ" * 16 + " 끝"
    spans = engine.spans(text)
    assert max(end for _, end in spans[:-1]) == 19
    assert spans[-1] == (20, 21)


@pytest.mark.hypothesis
@every_tokenizer
def test_a_batch_gives_what_its_texts_give_one_by_one(engine: Tokenizer) -> None:
    def promise(texts: list[str]) -> None:
        assert engine.tokenize(texts) == [engine.tokenize([text])[0] for text in texts]

    checked(engine, 50, st.lists(normalized(engine), max_size=6), promise)


@every_tokenizer
def test_hostile_comments_are_tokens_like_any_other(engine: Tokenizer) -> None:
    longest = 24 if engine.name == "kkma" else None  # which takes a second for some longer ones
    texts = [Normalizer()(text)[:longest] for text in HOSTILE]
    wanted = engine.tokenize(["끝"])[0]
    *tokens, last = engine.tokenize([*texts, "끝"])
    assert last == wanted  # and nothing of them stays behind
    assert len(tokens) == len(texts)
    assert [bool(found) for found in tokens] == [bool(text) for text in texts]
    assert [len(engine.spans(text)) for text in texts] == [len(found) for found in tokens]


@every_tokenizer
def test_what_no_normalizer_has_seen_does_not_crash(engine: Tokenizer, capfd: pytest.CaptureFixture[str]) -> None:
    for text in HOSTILE:
        if len(text) < 100 or engine.name not in JAVA_TOKENIZERS:  # which have read the longer ones above
            hold_spans(engine, text)
    assert capfd.readouterr() == ("", "")


@every_tokenizer
def test_no_texts_give_no_tokens(engine: Tokenizer) -> None:
    assert engine.tokenize([]) == []
    assert engine.tokenize([], workers=2) == []
    assert engine.tokenize([""]) == [[]]
    assert engine.spans("") == []


@every_tokenizer
def test_threads_share_one_tokenizer(engine: Tokenizer) -> None:
    count = {"kkma": 8, "kiwi": 100}.get(engine.name, 32 if engine.name in JAVA_TOKENIZERS else 400)
    texts = [f"{i}번째 댓글은 방에 간다 ㅋㅋ {'가나다' * (i % 3)}" for i in range(count)]
    wanted = engine.tokenize(texts)
    turns = range(0, count, count // 4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: engine.tokenize(texts[i:] + texts[:i]), turns))
    assert found == [wanted[i:] + wanted[:i] for i in turns]


@every_tokenizer
def test_more_workers_give_the_same_in_the_same_order(engine: Tokenizer) -> None:
    count = 150 if engine.name in ("kkma", "kiwi") else 400 if engine.name in JAVA_TOKENIZERS else MANY
    texts = [f"{i} 좋다{'!' * (i % 3)} {'ㅋ' * (i % 4)}" for i in range(count)]
    texts[3] = texts[-2] = "\ud800 "
    assert engine.tokenize(texts, workers=2) == engine.tokenize(texts)


@every_tokenizer
def test_a_tokenizer_knows_its_name_and_version(engine: Tokenizer) -> None:
    assert tokenizer_class(engine.name)().version == engine.version != ""


@pytest.mark.hypothesis
@every_tagger
def test_a_text_with_tags_has_the_same_tokens(engine: Tokenizer) -> None:
    def promise(text: str) -> None:
        tagged = engine.tagged(text)
        assert [token for token, _ in tagged] == engine.tokenize([text])[0]
        assert {part for _, tag in tagged for part in tag.split("+") if part not in "*"} <= set(engine.tags)

    checked(engine, 100, normalized(engine), promise)
    promise("아버지가 방에 들어가셨다. 진짜 ㅋㅋㅋ 대박!! 😀 3번 best")


@every_tagger
def test_part_of_speech_keeps_those_tokens_and_their_spans(engine: Tokenizer) -> None:
    text = "아버지가 방에 들어가신다"
    kept = tokenizer(engine.name, part_of_speech=["N"])
    wanted = [(token, span) for (token, tag), span in zip(engine.tagged(text), engine.spans(text), strict=True)
              if tag.startswith("N")]  # fmt: skip
    assert [token for token, _ in wanted] == ["아버지", "방"]
    assert list(zip(*_read(kept, text), strict=True)) == wanted
    assert kept.tokenize(["방에", text, ""] + ["방에"] * 130, workers=2)[1:4] == [["아버지", "방"], [], ["방"]]


@every_tagger
def test_an_unknown_part_of_speech_is_refused_with_the_known_ones(engine: Tokenizer) -> None:
    near = engine.tags[0]
    with pytest.raises(UsageError, match=f"part of speech of {engine.name} '{near}Q'; did you mean '{near}'"):
        tokenizer(engine.name, part_of_speech=[near + "Q"])


@every_tagger
def test_an_empty_part_of_speech_is_refused(engine: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"an entry of part_of_speech is empty, .* leave out part_of_speech"):
        tokenizer(engine.name, part_of_speech=["N", ""])


@of("kiwi")
def test_a_text_that_an_engine_fails_on_gives_its_words_but_not_for_lack_of_memory(
    engine: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(engine, ValueError("what is this"), monkeypatch)
    assert engine.tagged("방에 간다") == [("방에", ""), ("간다", "")]
    assert engine.spans("방에 간다") == [(0, 2), (3, 5)]
    fail_with(engine, MemoryError(), monkeypatch)
    for read in (engine.tagged, engine.spans):
        with pytest.raises(MemoryError):
            read("방에 간다")


@of(*JAVA_TOKENIZERS)
def test_java_s_lack_of_memory_is_a_sentence_and_gives_no_other_tokens(
    engine: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jpype.config

    engine.tokenize(["가다"])  # which starts Java
    monkeypatch.setattr(jpype.config, "onexit", True)
    fail_with(engine, jpype.JClass("java.lang.IllegalStateException")("what is this"), monkeypatch)
    assert engine.tokenize(["방에 간다"]) == [["방에", "간다"]]
    fail_with(engine, jpype.JClass("java.lang.OutOfMemoryError")("Java heap space"), monkeypatch)
    for read in (lambda text: engine.tokenize([text]), engine.tagged, engine.spans):
        with pytest.raises(
            UsageError, match=r"has run out of memory; give Java more memory than \d+ MB, such as: export"
        ):
            read("방에 간다")
    assert not jpype.config.onexit  # nobody waits for it at the end


def fail_with(engine: Tokenizer, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine fail on every text."""

    def failing(text: str) -> None:
        raise error

    for name in ("_analysed", "_untagged", "_located"):
        monkeypatch.setattr(engine, name, failing)


@of("jamo", "char", "whitespace")
def test_tokenizers_without_tags_refuse_to_choose_by_them(engine: Tokenizer) -> None:
    for ask in (lambda: tokenizer(engine.name, part_of_speech=["N"]), lambda: engine.tagged("가")):
        with pytest.raises(UsageError, match=r"has no parts of speech.* use mecab, kiwi, okt"):
            ask()


def test_kiwi_reads_a_typo_as_what_was_meant() -> None:
    assert tokenizer("kiwi").tokenize(["외않되"])[0][0] == "외"
    corrected = tokenizer("kiwi", typo_correction=True)
    assert corrected.tokenize(["외않되"])[0][0] == "왜"
    assert corrected.tokenize(["외않되"] * 100, workers=2) == corrected.tokenize(["외않되"]) * 100


@of(*(name for name in components("tokenizer") if name != "kiwi"))
def test_others_refuse_to_correct_typos(engine: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"does not correct typos; .* use kiwi"):
        tokenizer(engine.name, typo_correction=True)


def test_mecab_finds_morphemes() -> None:
    assert tokenizer("mecab").tokenize(["식물이 썩었다"]) == [["식물", "이", "썩", "었", "다"]]


def test_an_unknown_tokenizer_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as error:
        tokenizer("mecap")
    assert (
        str(error.value)
        == f"unknown tokenizer 'mecap'; did you mean 'mecab'? known: {', '.join(components('tokenizer'))}"
    )


def test_many_texts_on_two_cores_are_tokens_as_they_are_one_by_one() -> None:
    texts = [f"{i}번째 방에 간다 ㅋㅋ" for i in range(MANY)]
    for number, odd in enumerate(("", " ", "NUL\x00 가나", "두\n줄", "\r가\r", "\ud800", "가" * 3000, "😀 ㅋㅋ")):
        texts[7 + 3 * number] = texts[-1 - number] = odd
    engine = tokenizer("mecab")
    wanted = [engine.tokenize([text])[0] for text in texts]
    assert engine.tokenize(texts, workers=2) == engine.tokenize_part(texts) == wanted
    with ThreadPoolExecutor(1) as pool:  # beside other threads
        assert pool.submit(engine.tokenize, texts).result() == wanted
    view = TokenView(engine, TokenVocabulary(["방", "간다"]))
    assert (view.encode(texts, 2)[0].flat == view.encode(texts)[0].flat).all()
