"""Word vectors: reproducible, streamed from disk, shared between runs on the same texts; every Korean word has one."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toxiclf
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.embeddings import store
from toxiclf.embeddings.pretrain import pretrain, vectors_of_rows, vectors_of_unlabeled
from toxiclf.embeddings.pretrained import load_vectors, recipe_vectors
from toxiclf.embeddings.word_vectors import PIECES, WordVectors, random_vectors
from toxiclf.errors import DataError, UsageError
from toxiclf.recipe import Recipe, TextSection, VectorsSection
from toxiclf.text.hangul import decompose, recompose
from toxiclf.text.tokenizers import tokenizer

OPTIONS = {"size": 8, "epochs": 2, "min_count": 2}
FASTTEXT = {**OPTIONS, "kind": "fasttext", "buckets": 1000}
both_kinds = pytest.mark.parametrize("options", [OPTIONS, FASTTEXT], ids=["word2vec", "fasttext"])


@cache
def shipped() -> WordVectors:
    return load_vectors("ko-comments")[0]


def unlabeled(path: Path, said: list[str], **changes: object) -> WordVectors:
    options = VectorsSection.model_validate({**OPTIONS, "unlabeled": str(path), **changes})
    return vectors_of_unlabeled(options, TextSection(), tokenizer("mecab"), said.append)


@pytest.fixture
def texts(sample: Comments, tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt.xz"
    path.write_bytes(lzma.compress("\n".join(sample.texts[:300]).encode()))
    return path


def test_unlabelled_texts_are_trained_on_once(texts: Path) -> None:
    first_said: list[str] = []
    again_said: list[str] = []
    first = unlabeled(texts, first_said)
    again = unlabeled(texts, again_said)
    assert any("one worker" in sentence for sentence in first_said)
    assert again_said == ["word vectors of 300 unlabeled texts: read from the cache"]
    assert first.tokens == again.tokens
    assert (first.matrix == again.matrix).all()
    assert (first.frequencies == again.frequencies).all()


def test_other_texts_or_options_are_other_vectors(texts: Path, tmp_path: Path) -> None:
    first = unlabeled(texts, [])
    assert (unlabeled(texts, [], seed=1).matrix != first.matrix).any()
    assert unlabeled(texts, [], size=4).matrix.shape[1] == 4
    more = tmp_path / "more.txt"
    more.write_text(lzma.decompress(texts.read_bytes()).decode() + "\n오늘 날씨 좋다\n" * 5, "utf-8")
    assert unlabeled(more, []).tokens != first.tokens


@both_kinds
def test_the_seed_reproduces_the_vectors_of_rows(sample: Comments, options: dict[str, object]) -> None:
    tokens = tokenizer("mecab").tokenize(sample.texts[:200])
    section = VectorsSection.model_validate(options)
    first, again, other = (vectors_of_rows(tokens, section, seed) for seed in (0, 0, 1))
    assert (first.matrix == again.matrix).all()
    assert (first.matrix != other.matrix).any()


def test_too_few_texts_are_refused_with_a_sentence() -> None:
    with pytest.raises(DataError, match="no token occurs 5 times"):
        vectors_of_rows([["가"], ["나"]], VectorsSection(min_count=5), 0)


def _damage(folder: Path) -> None:
    (folder / "vectors.safetensors").write_bytes(b"damaged")


def _open_to_all(folder: Path) -> None:
    (folder / "tokens.json").chmod(0o666)


def _give_away(folder: Path) -> None:
    os.chown(folder, 54321, 54321)


def _link(folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(moved)


def _open_to_the_group(folder: Path) -> None:
    for path in (folder, *folder.iterdir()):
        path.chmod(path.stat().st_mode | 0o020)  # as with the umask 002


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX owners")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_damage, "vectors.safetensors is not the file"),
        (_open_to_all, "other users may have written them"),
        (_open_to_the_group, "read from the cache"),
        pytest.param(_give_away, "other users may have written them", marks=pytest.mark.check),
        pytest.param(_link, "other users may have written them", marks=pytest.mark.check),
    ],
)
def test_a_cache_is_used_unless_it_is_damaged_or_of_others(
    texts: Path, change: Callable[[Path], None], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change is _give_away and os.geteuid() != 0:
        pytest.skip("needs root")
    monkeypatch.setenv("TOXICLF_CACHE", str(tmp_path / "cache"))
    first = unlabeled(texts, [], seed=5)
    (folder,) = (tmp_path / "cache" / "vectors").iterdir()
    change(folder)
    said: list[str] = []
    assert same(unlabeled(texts, said, seed=5), first)
    assert any(reason in sentence for sentence in said)
    assert same(store.load(folder)[0], first)
    said.clear()
    assert same(unlabeled(texts, said, seed=5), first)
    assert any("read from the cache" in sentence for sentence in said)


def test_random_vectors_are_of_tokens_that_are_frequent_enough_the_most_frequent_first() -> None:
    rows = [["다", "가", "가"], ["나", "가", "나"], ["라", "마", "마"]]
    vectors = random_vectors(rows, VectorsSection(size=5), 0)
    assert vectors.tokens == ["가", "나", "마"]
    assert vectors.matrix.shape == (3, 5)
    assert vectors.matrix.dtype == np.float32
    assert np.abs(vectors.matrix).max() <= 0.05
    assert vectors.frequencies == pytest.approx([3 / 7, 2 / 7, 2 / 7])
    assert random_vectors(rows, VectorsSection(min_count=3), 0).tokens == ["가"]
    assert len(random_vectors(rows, VectorsSection(min_count=1), 0).tokens) == 5


def test_the_seed_reproduces_random_vectors_and_another_seed_differs() -> None:
    rows = [["가", "나"] * 3]
    first, again, other = (random_vectors(rows, VectorsSection(size=5), seed) for seed in (0, 0, 1))
    assert same(first, again)
    assert first.tokens == other.tokens
    assert (first.matrix != other.matrix).all()


def test_random_vectors_of_no_frequent_token_are_refused_with_a_sentence() -> None:
    with pytest.raises(DataError, match=r"^no token occurs 2 times in the training rows; lower vectors\.min_count$"):
        random_vectors([["가"], ["나"], []], VectorsSection(), 0)


@both_kinds
def test_every_syllable_and_jamo_has_a_vector(sample: Comments, options: dict[str, object]) -> None:
    vectors = vectors_of_rows(
        tokenizer("mecab").tokenize(sample.texts[:200]), VectorsSection.model_validate(options), seed=0
    )
    assert set(PIECES) <= set(vectors.tokens)
    assert len(set(vectors.tokens)) == len(vectors.tokens) == len(vectors.matrix)
    assert np.isfinite(vectors.matrix).all()
    assert np.abs(vectors.matrix).max(axis=1).all()
    assert vectors.frequencies.sum() == pytest.approx(1)


@given(word=st.text(st.sampled_from("가각값뷁힣ㅋㅏㄳ"), min_size=1, max_size=6))
def test_a_korean_word_never_seen_is_made_of_known_pieces(word: str) -> None:
    vectors = shipped()
    ids = vectors.vocabulary.ids([[word]]).flat
    assert "".join(vectors.tokens[i - 1] for i in ids) == word


@given(word=st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=8))
def test_jamo_of_a_word_of_syllables_can_be_read_in_one_way(word: str) -> None:
    assert recompose(decompose(word)) == word


@given(text=st.text(st.sampled_from("가각하ㅋㅏㄱㄳㅣ1a."), max_size=10))
def test_what_is_composed_has_the_same_jamo(text: str) -> None:
    assert decompose(recompose(decompose(text))) == decompose(text)


def test_unlabelled_rows_that_cannot_be_read_are_said_whether_trained_on_or_cached(tmp_path: Path) -> None:
    good = "오늘 날씨 좋다\n".encode() * 3
    (tmp_path / "my texts.txt").write_bytes(good + b"\xff\xff\n" * 2 + b"\xfe\xfe\n" + good)
    trained: list[str] = []
    cached: list[str] = []
    first = unlabeled(tmp_path / "my texts.txt", trained)
    assert same(unlabeled(tmp_path / "my texts.txt", cached), first)
    (sentence,) = (said for said in trained if "rejected" in said)
    assert sentence == (
        "word vectors: 3 rows could not be read and were rejected, most often: byte 0xff is not UTF-8; to write these rows "
        f"to VECTORS/rejected.csv, run: toxiclf pretrain '{tmp_path / 'my texts.txt'}' --out VECTORS"
    )
    assert cached == [sentence, "word vectors of 6 unlabeled texts: read from the cache"]


def test_texts_of_which_none_can_be_read_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xff\n" * 2)
    why = "; 2 rows could not be read and were rejected, most often: byte 0xff is not UTF-8$"
    with pytest.raises(DataError, match="vectors.unlabeled names no text: .*a.txt" + why):
        unlabeled(tmp_path / "a.txt", [])
    with pytest.raises(DataError, match="a.txt: there is no text to train word vectors on" + why):
        pretrained([tmp_path / "a.txt"])


def pretrained(paths: list[Path], **changes: object) -> tuple[WordVectors, store.VectorCard, list[tuple[str, int]]]:
    options = VectorsSection.model_validate({**OPTIONS, **changes})
    found = pretrain([str(path) for path in paths], options, TextSection(), tokenizer("mecab"))
    return found.vectors, found.card, [(source, row.line) for source, row in found.rejected]


@both_kinds
def test_texts_are_the_same_whatever_file_they_stand_in(
    sample: Comments, tmp_path: Path, options: dict[str, object]
) -> None:
    texts = [text.replace("\n", " ") for text in sample.texts[:200]]
    content = "\n".join(texts).encode()
    quoted = "\n".join(["comment,label", *(f'"{text.replace(chr(34), chr(34) * 2)}",0' for text in texts)]).encode()
    files = {
        "a.txt": content, "b.txt.gz": gzip.compress(content), "c.txt.xz": lzma.compress(content), "d.csv": quoted,
    }  # fmt: skip
    made = []
    for name, bytes_ in files.items():
        (tmp_path / name).write_bytes(bytes_)
        made.append(pretrained([tmp_path / name], **options))
    half = len(texts) // 2
    (tmp_path / "e.txt").write_text("\n".join(texts[:half]), "utf-8")
    (tmp_path / "f.txt").write_text("\n".join(texts[half:]), "utf-8")
    made.append(pretrained([tmp_path / "e.txt", tmp_path / "f.txt"], **options))
    for vectors, card, _ in made[1:]:
        assert same(vectors, made[0][0])
        assert card.texts_sha256 == made[0][1].texts_sha256
        assert card.texts == 200


def test_lines_that_do_not_decode_are_counted_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("오늘 날씨 좋다\n".encode() * 3 + b"\xff\xfe\xfd bad\n" + "오늘\n".encode() * 3)
    out = tmp_path / "vectors"
    small = ["--size", "4", "--epochs", "1", "--min-count", "1"]
    assert run(["pretrain", str(tmp_path / "a.txt"), "--out", str(out), "--strict", *small]) == 5
    assert store.load(out)[1].texts == 6
    assert (out / "rejected.csv").read_text("utf-8-sig").splitlines()[1].split(",")[1] == "4"


@pytest.mark.check
def test_pretrain_leaves_vectors_that_a_recipe_takes(
    sample: Comments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(sample.texts), "utf-8")
    out = tmp_path / "vectors"
    small = ["--size", "8", "--epochs", "1", "--min-count", "2", "--quantize", "--set", "vectors.buckets=1000"]
    assert run(["pretrain", str(tmp_path / "texts.txt"), "--out", str(out), "--show", "영화", *small]) == 0
    captured = capsys.readouterr()
    assert "one worker, so the same seed gives the same vectors" in captured.err
    assert captured.out.splitlines()[0] == "neighbour of 영화\tsimilarity"
    assert len(captured.out.splitlines()) == 11
    arguments = ["train", "corpus:sample", "--model", "logistic", "--set", f"vectors.pretrained={out}"]
    assert run([*arguments, "--set", "decision.folds=3", "--out", str(tmp_path / "run")]) == 0
    assert f"word vectors: {out}" in capsys.readouterr().err
    other = [*arguments, "--set", "text.tokenizer=whitespace", "--out", str(tmp_path / "other")]
    assert run(other) == 2
    assert "were trained with text.tokenizer = 'mecab', but the recipe has 'whitespace'" in capsys.readouterr().err
    first = (out / "vectors.safetensors").read_bytes()
    assert run(["pretrain", str(tmp_path / "texts.txt"), "--out", str(out), *small]) == 0
    assert (out / "vectors.safetensors").read_bytes() == first  # one seed, the same vectors


def test_neighbours_of_the_shipped_vectors_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pretrain", "--show", "배우", "--show", "쀍쀍", "--json"]) == 0
    captured = capsys.readouterr()
    assert '"word": "배우"' in captured.out.splitlines()[0]
    assert len(captured.out.splitlines()) == 2
    assert run(["pretrain", "--show", "쀍쀍"]) == 0
    assert "쀍쀍 has no vector of its own; its pieces are used instead: 쀍 + 쀍" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give texts to train on"),
        (["texts.txt"], "--out is missing; give a folder for the vectors"),
        (["--show", "가", "--out", "x"], "--out is for training"),
        (["texts.txt", "--out", "x", "--kind", "glove"], "vectors.kind"),
        (["texts.txt", "--out", "x", "--set", "model.C=1"], "model.C"),
        (["texts.txt", "--out", "x", "--set", "text.views=jamo"], "text.views has no effect on word vectors"),
        (["texts.txt", "--out", "x", "--kind", "word2vec", "--set", "vectors.buckets=1000"], "no effect"),
    ],
)
def test_pretrain_says_what_it_misses(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pretrain", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_pretrain_of_nothing_is_unfit_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.txt").write_text("\n \n", "utf-8")
    assert run(["pretrain", str(tmp_path / "empty.txt"), "--out", str(tmp_path / "v")]) == 3
    assert run(["pretrain", str(tmp_path / "none.txt"), "--out", str(tmp_path / "v")]) == 3
    (tmp_path / "few.txt").write_text("하나 둘 셋", "utf-8")
    assert run(["pretrain", str(tmp_path / "few.txt"), "--out", str(tmp_path / "v")]) == 3
    assert "no token occurs 5 times" in capsys.readouterr().err
    assert not (tmp_path / "v").exists()


def test_the_shipped_vectors_are_small_and_whole() -> None:
    vectors, card = load_vectors("ko-comments")
    assert card is not None
    assert (card.size, card.text.tokenizer, card.quantized, card.workers) == (100, "mecab", True, 1)
    assert card.sources == ("corpus:nsmc",)
    assert set(PIECES) <= set(vectors.tokens)
    folder = Path(store.__file__).parent / "shipped" / "ko-comments"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 8 * 10**6
    assert "CC0" in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ([], "ko-comments"),
        (["vectors.pretrained=auto"], "ko-comments"),
        (["vectors.seed=3"], None),
        (["vectors.size=50"], None),
        (["vectors.size=100"], None),  # the default, but asked for
        (["vectors.kind=fasttext"], None),
        (["vectors.unlabeled=texts.txt"], None),
        (["vectors.pretrained=none"], None),
        (["text.tokenizer=jamo"], None),
        (["text.part_of_speech=NN"], None),
        (["vectors.pretrained=mine"], "mine"),
    ],
)
def test_the_shipped_vectors_are_the_default_until_something_is_trained(
    settings: list[str], source: str | None
) -> None:
    assert Recipe.load("svm", settings=settings).pretrained_vectors == source


def test_a_recipe_says_which_vectors_it_takes_and_a_changed_one_chooses_again() -> None:
    recipe = Recipe.load("svm")
    assert tomllib.loads(recipe.to_toml())["vectors"]["pretrained"] == "ko-comments"
    assert recipe.changed({"model.C": 10}).vectors.pretrained == "ko-comments"
    for value in (50, 100):
        assert recipe.changed({"vectors.size": value}).vectors.pretrained == "none"
    assert recipe.changed({"text.tokenizer": "char"}).vectors.pretrained == "none"
    assert Recipe.load().changed({"model.name": "svm"}).vectors.pretrained == "ko-comments"
    written = tomllib.loads(Recipe.load().to_toml())
    assert Recipe.load(written, model="svm").vectors.pretrained == "ko-comments"


def test_a_model_that_learns_its_vectors_from_scratch_gets_none() -> None:
    assert recipe_vectors(Recipe.load("dnn_sequence"), tokenizer("mecab"), print) is None


@pytest.mark.parametrize("change", [{"tokenizer": "jamo"}, {"part_of_speech": ["NN"]}])
def test_shipped_vectors_of_other_tokens_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(
        UsageError, match="needs the tokenizer mecab with all parts of speech; set it to 'none' or to your own vectors"
    ):
        Recipe.load({"model": {"name": "svm"}, "text": change, "vectors": {"pretrained": "ko-comments"}})


def test_an_unknown_name_of_vectors_is_said() -> None:
    with pytest.raises(DataError, match=r"there are no word vectors 'ko-coments'; give ko-comments, a folder"):
        load_vectors("ko-coments")


def same(one: WordVectors, other: WordVectors) -> bool:
    return (
        one.tokens == other.tokens
        and one.matrix.shape == other.matrix.shape
        and bool((one.matrix == other.matrix).all())
    )


def test_each_spelling_of_the_same_jamo_has_the_vector_of_all() -> None:
    options = VectorsSection.model_validate({**FASTTEXT, "min_count": 2})
    vectors = vectors_of_rows([["시발"] * 5, ["ㅅㅣ발"] * 3, ["다ㅋ"] * 4, ["닼", "ㅎㅏ"]], options, 0)
    of = dict(zip(vectors.tokens, vectors.matrix, strict=True))
    assert vectors.tokens[:3] == ["시발", "다ㅋ", "ㅅㅣ발"]  # and not 닼, which was seen once
    assert (of["시발"] == of["ㅅㅣ발"]).all()
    assert vectors.frequencies[:4] == pytest.approx([5 / 12, 4 / 12, 3 / 12, 0])


def test_report_and_bundle_say_where_the_vectors_came_from(sample: Comments, tmp_path: Path) -> None:
    trained = toxiclf.train(sample, {"model": {"name": "logistic"}, "decision": {"folds": 2}})
    trained.save(tmp_path)
    made = trained.report.data["word_vectors"]
    assert (made["source"], made["kind"]) == ("ko-comments", "fasttext")
    assert len(made["sha256"]) == len(made["texts_sha256"]) == 64
    assert json.loads((tmp_path / "bundle" / "manifest.json").read_text("utf-8"))["word_vectors"] == made
    assert "word vectors: ko-comments" in (tmp_path / "bundle" / "README.md").read_text("utf-8")
    assert toxiclf.load(tmp_path / "bundle").check("오늘 날씨 좋다").score >= 0


@pytest.mark.parametrize("key", ["text.tokenizer", "text.part_of_speech"])
def test_a_search_that_would_compare_vectors_with_tokenizers_is_refused(sample: Comments, key: str) -> None:
    values = {"text.tokenizer": ["mecab", "char"], "text.part_of_speech": [[], ["NN"]]}[key]
    search = {"method": "grid", "folds": 2, "space": {key: values}}
    with pytest.raises(UsageError, match=r"set vectors.pretrained = 'none' so that all use the latter"):
        toxiclf.train(sample, {"model": {"name": "logistic"}, "search": search})


def test_pieces_shorter_than_any_ngram_have_the_mean_of_the_words_that_hold_them(sample: Comments) -> None:
    options = VectorsSection.model_validate({**FASTTEXT, "jamo_ngrams": [5, 6]})
    vectors = vectors_of_rows(tokenizer("mecab").tokenize(sample.texts[:100]), options, seed=0)
    assert np.abs(vectors.matrix).max(axis=1).all()
