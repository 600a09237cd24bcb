"""The tables of a recipe, but ``[model]`` and ``[search]``."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from toxiclf.errors import unknown_name
from toxiclf.recipe.types import Count, NotNegative, Positive, Section, Share, as_list

SHIPPED_VECTORS = ("ko-comments",)
"""Word vectors that are part of the package."""
NgramLength = Annotated[int, Field(ge=1, le=10)]
ViewName = Literal["jamo", "separators", "lookalikes", "yamin", "keyboard", "stretched", "homoglyphs"]
VIEWS: tuple[str, ...] = get_args(ViewName)
"""Ways to read what was written to be misread."""


def _views(value: Any) -> Any:
    """One value where a list is meant; "all" for every one."""
    return VIEWS if value == "all" else as_list(value)


class SplitSection(Section):
    """``[split]``: shares of all rows.

    ``test = 0`` trains on every row; the report then speaks from the scores that the decision was made on, and says so.
    """

    test: Share = 0.2
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1


class TextSection(Section):
    """``[text]``: see :class:`toxiclf.text.normalize.Normalizer`.

    ``part_of_speech`` keeps the tokens whose tag (the tokenizer's own) begins with one of these; empty keeps all.
    ``typo_correction`` is of kiwi. ``views`` add to a comment those of its words that a view reads otherwise:
    :mod:`toxiclf.text.obfuscation`. ``max_tokens = "auto"`` keeps all tokens that ``max_chars`` characters give; for networks over
    sequences as many as all but 0.5 % of the training comments have.
    """

    tokenizer: Literal["mecab", "kiwi", "okt", "komoran", "hannanum", "kkma", "jamo", "char", "whitespace"] = "mecab"
    part_of_speech: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    typo_correction: bool = False
    views: Annotated[tuple[ViewName, ...], BeforeValidator(_views)] = ()
    max_tokens: Count | Literal["auto"] = "auto"
    max_chars: Count = 2000
    repeat_cap: Count = 3


class VectorsSection(Section):
    """``[vectors]``: word vectors as they come, else trained on the ``unlabeled`` texts alone, else on the training rows.

    ``pretrained`` is "ko-comments" (shipped with the package), a folder that ``toxiclf pretrain`` wrote, a file in word2vec's
    format, or "none". "auto" is "ko-comments" where no other key of this table is given and tokens are made as those of
    ko-comments were (mecab, all parts of speech), else "none"; the recipe then holds the one that it is. ``jamo_ngrams``
    (shortest, longest) and ``buckets`` are of FastText.
    ``seed`` is the vectors' own, so that runs with different recipe seeds share vectors of unlabeled texts; vectors of
    training rows draw on the recipe's seed as well. "auto" is ``min_count`` 5 and ``epochs`` 5 for unlabeled texts, 2 and 20
    for training rows.
    """

    pretrained: Annotated[str, Field(min_length=1)] = "auto"
    kind: Literal["word2vec", "fasttext"] = "word2vec"
    architecture: Literal["skip_gram", "cbow"] = "skip_gram"
    size: Count = 100
    window: Count = 5
    min_count: Count | Literal["auto"] = "auto"
    epochs: Count | Literal["auto"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    unlabeled: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    jamo_ngrams: tuple[NgramLength, NgramLength] = (3, 6)
    buckets: Annotated[int, Field(ge=1000, le=10**8)] = 500_000

    @model_validator(mode="after")
    def _ngrams_in_order(self) -> VectorsSection:
        if self.jamo_ngrams[0] > self.jamo_ngrams[1]:
            raise ValueError(
                f"vectors.jamo_ngrams is {list(self.jamo_ngrams)}; expected the shortest first, such as [3, 6]"
            )
        return self


class FeaturesSection(Section):
    """``[features]``: how the word vectors of a comment become one vector."""

    pooling: Literal["mean", "tfidf", "sif"] = "mean"


def _named(value: Any) -> Any:
    """Classes that are numbers are named by them, as in scikit-learn's ``{0: 1.0, 1: 3.0}``."""
    return {str(key): weight for key, weight in value.items()} if isinstance(value, Mapping) else value


class BalanceSection(Section):
    """``[balance]``: "balanced" weighs a row of class c by n / (k · n_c), k classes.

    A table gives weights by name of label, and of the negative value ("negative" unless the label column names it).
    ``loss`` is of networks: cross-entropy, or focal, (1 - p) ** ``focal_gamma`` times that, p being the probability of what is true
    (Lin et al. 2017), which makes light of what is known already; with class weights, rare classes are favoured twice.
    """

    class_weight: Annotated[Literal["balanced", "none"] | dict[str, Positive], BeforeValidator(_named)] = "balanced"
    loss: Literal["crossentropy", "focal"] = "crossentropy"
    focal_gamma: NotNegative = 2.0


_RATED_OBJECTIVES = {"recall_at_precision": 0.9, "precision_at_recall": 0.9, "flag_rate": 0.02}  # with an example each
_OBJECTIVES = ("f1", "f2", "accuracy", "macro_f1", *(f"{name}={rate}" for name, rate in _RATED_OBJECTIVES.items()))


def _objective(value: Any) -> Any:
    """Accept a name, ``NAME=rate`` or a fixed threshold."""
    if not isinstance(value, bool) and isinstance(value, Real):  # NumPy's numbers, too
        threshold = float(value)
        if not 0 <= threshold <= 1:
            raise ValueError(f"a fixed threshold must lie in [0, 1], not {value}; name an objective to have it tuned")
        return threshold
    name, equals, rate = str(value).partition("=")
    if name in _OBJECTIVES and not equals:
        return name
    if name in _RATED_OBJECTIVES:
        try:
            if 0 < float(rate) <= 1:
                return f"{name}={float(rate):g}"
        except ValueError:
            pass
        raise ValueError(f"{name} wants a rate in (0, 1], such as {name}={_RATED_OBJECTIVES[name]}")
    raise ValueError(str(unknown_name("objective", value, _OBJECTIVES)))


class DecisionSection(Section):
    """``[decision]``: where scores for calibration and thresholds come from, and what a threshold is chosen for.

    ``source = "auto"`` is "validation" for networks and "out_of_fold" for all other models. ``objective`` is f1, f2, accuracy,
    macro_f1, recall_at_precision=R (the most recall with at least that precision), precision_at_recall=R, flag_rate=R (the most
    recall with at most that share of comments flagged), or a fixed threshold.
    """

    source: Literal["auto", "out_of_fold", "validation"] = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    calibrate: Literal["platt", "isotonic", "none"] = "platt"
    objective: Annotated[str | float, BeforeValidator(_objective)] = "f1"
