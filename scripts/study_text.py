"""What of the text half helps: tokenizers, word vectors, pooling, views of obfuscated words, masks of personal strings.

    python scripts/study_text.py                             # everything that is not in the log yet, then the tables
    python scripts/study_text.py --only views --seeds 0 1    # some of: vectors, pooling, views, disguised, personal, tokenizer
    python scripts/study_text.py --tables                    # the tables alone
    python scripts/study_text.py --examples                  # what each tokenizer makes of ten comments

On corpus:curse and corpus:beep, and for masks on corpus:unsmile, too. Needs $TOXICLF_CORPORA with these and nsmc, and the extras
[kiwi] and [konlpy] (with Java). A quarter of the rows is the test set, split by the seed; equal comments stay together. Each row
of the log is the average precision on the test set of one fit (the mean over the labels, where there are several). Nothing is
chosen here: one thing is changed at a time, and differences are paired by seed. The same command resumes an interrupted study.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

import toxiclf
from toxiclf._registry import components
from toxiclf.benchmark.jobs import disguised
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.datasets.comments import Comments, consistent
from toxiclf.datasets.reading import read_texts
from toxiclf.datasets.splitting import split
from toxiclf.evaluation.statistics import mean_interval
from toxiclf.features.texts import TokenizedTexts
from toxiclf.pipeline.fit import PipelineFitter
from toxiclf.pipeline.training_set import TrainingSet
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer, recipe_preprocessor, recipe_tokenizer
from toxiclf.text.tokenizers import tokenizer

CORPORA = ("curse", "beep")
TEST = 0.25
FEW = 10_000  # reviews of nsmc that every tokenizer gets: kkma would take hours over all of them
SHIPPED: dict[str, Any] = {}
ROWS = {"vectors.pretrained": "none"}
TELLING = (
    "아버지가방에들어가신다",
    "진짜 개쩐다 ㅋㅋㅋㅋ 눈물났음ㅠㅠ",
    "이딴걸 영화라고 만들었냐 시1발",
    "ㅅㅂ 돈아까워 뒤지겠네",
    "존나 재밌어요!! 강추합니다 ^^",
    "병 신 같은 놈들만 모였네",
    "tlqkf 내 시간 돌려줘",
    "댕댕이 너무 커엽다 심쿵",
    "시이이발 꺼어져라 좀",
    "맨유vs첼시 2:1 직관했습니당",
)


@dataclass(frozen=True)
class Cell:
    """One thing that is measured.

    Attributes
    ----------
    table, row : where its figure stands.
    model : name of the model.
    settings : of the recipe.
    corpora : which it is measured on.
    few : train the word vectors on the first reviews of nsmc.
    disguised : the stems in the toxic comments of the test set are written so that they are not found.
    """

    table: str
    row: str
    model: str
    settings: dict[str, Any]
    corpora: tuple[str, ...] = CORPORA
    few: bool = False
    disguised: bool = False


def cells() -> Iterator[Cell]:
    """All that is measured; the first row of a table and model is what the others are compared with."""
    names = sorted(components("tokenizer"), key=lambda name: (name != "mecab", name == "kkma"))  # the slowest last
    for model in ("svm", "cnn"):
        for name in names:
            yield Cell("tokenizer", name, model, {"text.tokenizer": name}, few=True)
    for model in ("svm", "cnn"):
        yield Cell("vectors", "ko-comments (FastText, 8 bits)", model, SHIPPED)
        yield Cell("vectors", "training part, Word2Vec", model, ROWS)
        yield Cell("vectors", "training part, FastText", model, {**ROWS, "vectors.kind": "fasttext"})
        yield Cell("vectors", "nsmc, Word2Vec skip-gram", model, {"vectors.unlabeled": "corpus:nsmc"})
        cbow = {"vectors.unlabeled": "corpus:nsmc", "vectors.architecture": "cbow"}
        yield Cell("vectors", "nsmc, Word2Vec CBOW", model, cbow)
    for vectors, title in ((SHIPPED, "ko-comments"), (ROWS, "training part")):
        for pooling in ("mean", "tfidf", "sif"):
            yield Cell("pooling", f"{pooling}, {title}", "svm", {**vectors, "features.pooling": pooling})
    for model in ("ngram_logistic", "svm", "cnn"):
        yield Cell("views", "none", model, {})
        yield Cell("views", "all", model, {"text.views": "all"})
        for view in components("view") if model == "ngram_logistic" else ():
            yield Cell("views", view, model, {"text.views": view})
    for model in ("ngram_logistic", "svm", "cnn"):
        yield Cell("disguised", "as written, no view", model, {})
        yield Cell("disguised", "disguised, no view", model, {}, disguised=True)
        yield Cell("disguised", "disguised, all views", model, {"text.views": "all"}, disguised=True)
    for row, masked in (("as written", False), ("masked", True)):
        settings = {"text.views": "all", "text.mask_personal": masked}
        yield Cell("personal", row, "ngram_logistic", settings, corpora=(*CORPORA, "unsmile"))


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        nargs="+",
        default=["vectors", "pooling", "views", "disguised", "personal", "tokenizer"],
        metavar="TABLE",
    )
    parser.add_argument("--models", nargs="+", default=["ngram_logistic", "svm", "cnn"], metavar="MODEL")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--log", type=Path, default=Path("runs/study_text.jsonl"))
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    parser.add_argument("--examples", action="store_true", help="print what each tokenizer makes of ten comments")
    options = parser.parse_args()
    if options.examples:
        _print_examples()
        return
    options.log.parent.mkdir(parents=True, exist_ok=True)
    wanted = [cell for cell in cells() if cell.table in options.only and cell.model in options.models]
    if not options.tables:
        for cell in wanted:
            for corpus in cell.corpora:
                for seed in options.seeds:
                    if (key := _key(cell, corpus, seed)) not in _logged(options.log):
                        began = perf_counter()
                        value = _average_precision(cell, corpus, seed)
                        row = {"key": key, "value": value, "seconds": round(perf_counter() - began, 1)}
                        with options.log.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(row, ensure_ascii=False) + "\n")
                        print(*key, f"{value:.4f}", row["seconds"], file=sys.stderr, flush=True)
    _print_tables(wanted, _logged(options.log), options.seeds)


def _key(cell: Cell, corpus: str, seed: int) -> tuple[str, ...]:
    return cell.table, cell.row, cell.model, corpus, str(seed)


def _logged(path: Path) -> dict[tuple[str, ...], float]:
    if not path.exists():
        return {}
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {tuple(row["key"]): row["value"] for row in rows}


@cache
def _comments(corpus: str) -> Comments:
    comments = toxiclf.read_comments(f"corpus:{corpus}/train")
    return consistent(comments, recipe_normalizer(Recipe()))


@cache
def _prepared(corpus: str, text: str) -> TokenizedTexts:
    """A corpus as tokens, made once for all seeds."""
    recipe = Recipe.load({"model": {"name": "logistic"}, "text": json.loads(text)})
    return TokenizedTexts.of(_comments(corpus).texts, recipe_preprocessor(recipe), recipe_tokenizer(recipe), workers=2)


@cache
def _few_reviews() -> str:
    path = Path("runs") / f"nsmc-{FEW}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(islice(read_texts("corpus:nsmc"), FEW)), "utf-8")
    return str(path)


def _average_precision(cell: Cell, corpus: str, seed: int) -> float:
    comments = _comments(corpus)
    recipe = Recipe.load(cell.model, settings=[f"split.test={TEST}"], seed=seed).changed(
        {"text.views": "none", **cell.settings}
    )
    if cell.few:
        recipe = recipe.changed({"vectors.unlabeled": _few_reviews(), "vectors.kind": "fasttext"})
    index = {text: i for i, text in enumerate(comments.texts)}
    parts = split(
        comments, test=recipe.split.test, validation=recipe.split.validation, seed=seed,
        normalizer=recipe_normalizer(Recipe()),
    )  # fmt: skip
    assert parts.test is not None
    keys = {"views", "mask_personal"}
    if cell.model != "ngram_logistic":
        keys |= {"tokenizer", "part_of_speech", "typo_correction"}
    prepared = _prepared(corpus, json.dumps(recipe.text.model_dump(include=keys)))
    train, held_out, test = (
        prepared.take(np.array([index[text] for text in part.texts]))
        for part in (parts.train, parts.validation, parts.test)
    )
    fitter = PipelineFitter.of(recipe, comments.labels, comments.negative, lambda message: None)
    fitted = fitter.fit(TrainingSet(train, parts.train.targets), held_out, parts.validation.targets)
    exclusive = comments.negative is not None
    if cell.disguised:
        texts = disguised(parts.test, seed).texts
        test = TokenizedTexts.of(texts, recipe_preprocessor(recipe), fitter.engine)
    plain = Calibration(method="none", exclusive=exclusive, labels=(LabelCalibration(),) * len(comments.labels))
    scores = plain.apply(fitted.raw(test).astype(np.float32))
    targets = parts.test.targets
    return float(np.mean([average_precision_score(targets[:, j], scores[:, j]) for j in range(targets.shape[1])]))


def _print_tables(wanted: list[Cell], values: dict[tuple[str, ...], float], seeds: list[int]) -> None:
    for table in dict.fromkeys(cell.table for cell in wanted):
        for model in dict.fromkeys(cell.model for cell in wanted if cell.table == table):
            rows = [cell for cell in wanted if (cell.table, cell.model) == (table, model)]
            print(f"\n**{table}, `{model}`**\n")
            corpora = rows[0].corpora
            print("| " + " | ".join(["", *(f"{c} | minus the first row" for c in corpora)]) + " |")
            print("|---" * (1 + 2 * len(corpora)) + "|")
            for cell in rows:
                found: list[str] = []
                for corpus in corpora:
                    ours = [values.get(_key(cell, corpus, seed), np.nan) for seed in seeds]
                    base = [values.get(_key(rows[0], corpus, seed), np.nan) for seed in seeds]
                    found += [_mean(ours), "" if cell is rows[0] else _difference(ours, base)]
                print("| " + " | ".join([cell.row, *found]) + " |")


def _mean(values: list[float]) -> str:
    if np.isnan(values).any():
        return "–"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _difference(ours: list[float], base: list[float]) -> str:
    """Mean of the paired differences, with its 95 % interval (Student's t over seeds, corrected for what splits share)."""
    differences = np.subtract(ours, base)
    if np.isnan(differences).any() or len(differences) < 2:
        return "–"
    low, high = mean_interval(differences, TEST)
    return f"{differences.mean():+.4f} ({low:+.4f} to {high:+.4f})"


def _print_examples() -> None:
    from toxiclf.text.normalize import Normalizer

    texts = Normalizer().batch(TELLING)[0]
    made = {name: tokenizer(name).tokenize(texts) for name in components("tokenizer") if name not in ("jamo", "char")}
    for number, text in enumerate(texts):
        print(f"\n`{text}`\n\n| tokenizer | tokens |\n|---|---|")
        for name, tokens in made.items():
            print(f"| {name} | {' · '.join(tokens[number])} |")


if __name__ == "__main__":
    main()
