"""The tables of a recipe, but ``[balance]``, ``[model]`` and ``[search]``."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from toxiclf._registry import components
from toxiclf.bundle.live_rate import LEAST, MOST
from toxiclf.errors import unknown_name
from toxiclf.recipe.types import ComponentName, Count, Positive, Section, Share, as_list
from toxiclf.text.tokenizers import tokenizer_class

SHIPPED_VECTORS = ("ko-comments",)
"""Word vectors that are part of the package."""
NgramLength = Annotated[int, Field(ge=1, le=10)]


def _views(value: Any) -> Any:
    """One value where a list is meant; "all" for every one."""
    return tuple(components("view")) if value == "all" else as_list(value)


class SplitSection(Section):
    """``[split]``: shares of all rows.

    ``test = 0`` trains on every row; the report then speaks from the scores that the decision was made on, and says so.
    """

    test: Share = 0.2
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1


class TextSection(Section):
    """``[text]``: how a comment is normalized and cut into tokens."""

    tokenizer: Annotated[str, ComponentName("tokenizer")] = "mecab"
    """What cuts a comment into tokens."""
    part_of_speech: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    """Keep the tokens whose tag, the tokenizer's own, begins with one of these; empty keeps all."""
    typo_correction: bool = False
    """Read misspelt words as what they were meant to be."""
    views: Annotated[tuple[Annotated[str, ComponentName("view")], ...], BeforeValidator(_views)] = ()
    """Add to a comment its disguised words as these views read them; "all" is every view."""
    max_tokens: Count | Literal["auto"] = "auto"
    """Tokens of a comment that are read; "auto" is all that `max_chars` characters give, and for networks over sequences as many as
    all but 0.5 % of the training comments have."""
    max_chars: Count = 2000
    """Characters of a normalized comment that are read."""
    repeat_cap: Count = 3
    """Longest run of one character that is kept."""

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        made, cause = tokenizer_class(self.tokenizer), f"on the tokenizer {self.tokenizer}"
        has_effect = {"part_of_speech": bool(made.tags), "typo_correction": made.corrects_typos}
        return [([key for key, has in has_effect.items() if not has], cause)]


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
    """``[features]``: how the word vectors of a comment become one vector, and what is learned of that before the model.

    ``select`` keeps that many numbers of it, the most important ones of a random forest fitted to the training rows.
    ``metric`` learns ``metric_size`` numbers in which comments of a class are near each other and others are not: by triplets,
    the hardest of those that are not too hard yet within a batch (Schroff, Kalenichenko and Philbin 2015), or by the supervised
    contrastive loss (Khosla et al. 2020). ``metric_encoder``: dense layers of ``metric_units`` and one more over the averaged
    vectors ("mlp"), or the network of that name over sequences of word vectors, with its own default options.
    ``metric_margin`` is of triplets, ``metric_temperature`` of the contrastive loss.
    """

    pooling: Literal["mean", "tfidf", "sif"] = "mean"
    select: Count | Literal["all"] = "all"
    metric: Literal["none", "triplet", "supervised_contrastive"] = "none"
    metric_encoder: Literal["mlp", "cnn", "lstm", "bilstm"] = "mlp"
    metric_size: Annotated[int, Field(ge=2)] = 16
    metric_units: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(as_list)] = (128, 64)
    metric_dropout: Share = 0.3
    metric_margin: Positive = 0.3
    metric_temperature: Positive = 0.1
    metric_batch_size: Annotated[int, Field(ge=8)] = 128
    metric_learning_rate: Positive = 1e-3
    metric_epochs: Count = 50
    metric_patience: Count = 8

    @property
    def of_sequences(self) -> bool:
        """Whether the metric reads sequences of word vectors, and not their average."""
        return self.metric != "none" and self.metric_encoder != "mlp"

    def idle_keys(self) -> list[tuple[list[str], str]]:
        """Keys that have no effect beside the others, and why."""
        if self.metric == "none":
            learned = [key for key in type(self).model_fields if key.startswith("metric_")]
            return [(learned, "while features.metric is 'none'")]
        other = "metric_temperature" if self.metric == "triplet" else "metric_margin"
        idle = [([other], f"on features.metric = {self.metric}")]
        if self.of_sequences:
            of_averages = ["metric_units", "metric_dropout", "pooling", "select"]
            idle.append((of_averages, f"on the metric encoder {self.metric_encoder}"))
        return idle


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


def _prior(value: Any) -> Any:
    """Accept "none", a share, or a share by label; a label that is a number is named by it."""
    if isinstance(value, str) and "=" in value:
        entries = [entry.rpartition("=") for entry in value.strip("{} ").split(",")]
        named = [(label.strip("\"' ") or "toxic", rate.strip()) for label, _, rate in entries]
        quoted = ", ".join(f'"{label}" = {rate}' for label, rate in named)
        raise ValueError(f"'{value}' is text; shares by label are a table, its labels in quotes: {{{quoted}}}")
    for rate in value.values() if isinstance(value, Mapping) else () if value == "none" else (value,):
        if isinstance(rate, bool) or not isinstance(rate, Real) or not LEAST <= float(rate) <= MOST:
            raise ValueError(
                f"expected the share of live comments that are toxic, from {LEAST:f} to {MOST:f}, such as 0.02 for 2 %, "
                f"not {rate!r}"
            )
    return {str(label): rate for label, rate in value.items()} if isinstance(value, Mapping) else value


class DecisionSection(Section):
    """``[decision]``: where scores for calibration and thresholds come from, and what a threshold is chosen for.

    ``source = "auto"`` is "validation" for networks and "out_of_fold" for all other models. ``objective`` is f1, f2, accuracy,
    macro_f1, recall_at_precision=R (the most recall with at least that precision), precision_at_recall=R, flag_rate=R (the most
    recall with at most that share of comments flagged), or a fixed threshold.
    ``prior`` is the share of live comments that are toxic, where it is known (a table by label, where there are several):
    scores, thresholds and shares of flags are then those of live comments, and not of the labelled ones.
    """

    source: Literal["auto", "out_of_fold", "validation"] = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    calibrate: Literal["platt", "isotonic", "none"] = "platt"
    objective: Annotated[str | float, BeforeValidator(_objective)] = "f1"
    prior: Annotated[Literal["none"] | float | dict[str, float], BeforeValidator(_prior)] = "none"

    @model_validator(mode="after")
    def _prior_of_calibrated_scores(self) -> DecisionSection:
        if self.prior != "none" and self.calibrate == "none":
            raise ValueError("decision.prior corrects calibrated scores; set decision.calibrate to platt or isotonic")
        return self
