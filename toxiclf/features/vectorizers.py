"""scikit-learn transformers that turn texts into features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, check_random_state

from toxiclf.datasets.arrays import checked_texts
from toxiclf.embeddings.pretrained import recipe_vectors
from toxiclf.errors import DataError
from toxiclf.features.pipeline import FeaturePipeline
from toxiclf.features.pooling import Pooling
from toxiclf.features.texts import TokenizedTexts
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_preprocessor, recipe_tokenizer
from toxiclf.text.encoder import NgramView, TextEncoder
from toxiclf.text.normalize import Normalizer
from toxiclf.text.personal import readable
from toxiclf.text.vocabulary import NgramVocabulary

_NORMALIZER = tuple(field.name for field in fields(Normalizer))


def marked_as_texts(tags: Any) -> Any:
    """Set scikit-learn's tags to say that X is a list of strings, not a matrix; return the tags."""
    tags.input_tags.string = tags.input_tags.one_d_array = True
    tags.input_tags.two_d_array = False
    return tags


class _TextVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base class of both vectorizers: prepares comments and computes their features with a ``FeaturePipeline``."""

    _features: FeaturePipeline

    @abstractmethod
    def _learn(self, texts: list[str]) -> TokenizedTexts:
        """Check the parameters, fit the features to the comments, and return the prepared comments."""

    @abstractmethod
    def _matrix(self, rows: TokenizedTexts) -> Any:
        """Return the features of prepared comments, (n, n_features)."""

    def fit(self, X: Any, y: Any = None) -> _TextVectorizer:
        """Fit the vectorizer to comments.

        Parameters
        ----------
        X : list, tuple, Series or array of str, shape (n,)
            The comments.
        y : None
            Not used.

        Returns
        -------
        self

        Raises
        ------
        UsageError, DataError
            A parameter or the comments are not valid.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit the vectorizer to comments and return their features; each comment is prepared only once."""
        return self._matrix(self._fit(X))

    def transform(self, X: Any) -> Any:
        """Return the features of comments, one row each; a comment without known tokens or n-grams is a row of zeros.

        Returns
        -------
        array or CSR matrix of float32, shape (n, n_features)

        Raises
        ------
        UsageError
            ``X`` is not a list of comments.
        """
        check_is_fitted(self)
        return self._matrix(TokenizedTexts.of(checked_texts(X), self._features.encoder.preprocessor, None))

    def _fit(self, X: Any) -> TokenizedTexts:
        texts = checked_texts(X)
        if not texts:
            raise DataError("X has 0 comments, but a minimum of 1 is required")
        return self._learn(texts)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_features")

    def __sklearn_tags__(self) -> Any:
        tags = marked_as_texts(super().__sklearn_tags__())
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, with the encoder as JSON because MeCab cannot be pickled."""
        state = dict(super().__getstate__())
        if "_features" in state:
            state["_features"] = self._features.encoder.to_json(), self._features.numbers
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(
            {"html_entities": False, "mask_personal": False, **state}
        )  # a pickle of version 0.1 lacks it
        if "_features" in state:
            (text, vocabulary), numbers = state["_features"]
            self._features = FeaturePipeline(TextEncoder.from_json(text, vocabulary), numbers)


class AverageVectorizer(ClassNamePrefixFeaturesOutMixin, _TextVectorizer):  # type: ignore[misc]
    """Transformer that turns comments into averaged word vectors.

    The features are exactly those that ``toxiclf.train`` gives ``logistic``, ``svm``, ``random_forest`` and ``dnn``.

    Parameters
    ----------
    tokenizer : str
        Tokenizer: "mecab", "kiwi", …; for this and the next three parameters see :class:`toxiclf.recipe.TextSection`.
    part_of_speech : str or sequence of str
        Tags; only tokens whose tag begins with one of them are kept. Empty keeps all tokens.
    typo_correction : bool
        Whether the tokenizer corrects typos; only "kiwi" can.
    views : str or sequence of str
        Views that read disguised words; "all" for every view, "none" for none.
    pooling : {"mean", "tfidf", "sif"}
        How a comment's word vectors are averaged; see :mod:`toxiclf.features.pooling`.
    pretrained : str
        Ready-made word vectors: "ko-comments", a folder or a file; "none" trains word vectors. With ready-made
        vectors, ``random_state`` has no effect, and the parameters from ``kind`` to ``buckets`` must keep their
        defaults. See :class:`toxiclf.recipe.VectorsSection`.
    kind, architecture : str
        "word2vec" or "fasttext"; "skip_gram" or "cbow".
    size, window : int
        Dimensions of a word vector; number of tokens on each side of a token that count as its neighbors in training.
    min_count, epochs : int or "auto"
        Number of times that a token must occur to get its own vector; number of passes over the texts.
    unlabeled : str or sequence of str
        Files of texts to train on; empty to train on the comments themselves.
    jamo_ngrams, buckets : (int, int) and int
        Only for "fasttext": shortest and longest n-gram of jamo; number of hashed n-gram vectors.
    max_tokens : int or "auto"
        Maximum number of tokens of a comment that are read; "auto" reads all.
    max_chars, repeat_cap : int
        Maximum number of characters of a comment that are read; longest run of one character, longer runs are cut.
    html_entities : bool
        Whether HTML entities such as ``&lt;`` are decoded.
    mask_personal : bool
        Whether telephone numbers, e-mail addresses and other personal strings each become one token.
    random_state : int, RandomState or None
        Seed for training word vectors.

    See Also
    --------
    NgramVectorizer : turns comments into n-grams, which need no word vectors.

    Examples
    --------
    >>> texts = ["오늘 날씨 좋다", "날씨가 정말 좋네요", ""]
    >>> AverageVectorizer().fit_transform(texts).shape
    (3, 100)
    >>> AverageVectorizer(pretrained="none", size=8, min_count=1, epochs=2).fit_transform(texts).shape
    (3, 8)
    """

    def __init__(
        self,
        *,
        tokenizer: str = "mecab",
        part_of_speech: str | Sequence[str] = (),
        typo_correction: bool = False,
        views: str | Sequence[str] = "all",
        pooling: str = "mean",
        pretrained: str = "ko-comments",
        kind: str = "word2vec",
        architecture: str = "skip_gram",
        size: int = 100,
        window: int = 5,
        min_count: int | str = "auto",
        epochs: int | str = "auto",
        unlabeled: str | Sequence[str] = (),
        jamo_ngrams: Sequence[int] = (3, 6),
        buckets: int = 500_000,
        max_tokens: int | str = "auto",
        max_chars: int = 2000,
        repeat_cap: int = 3,
        html_entities: bool = True,
        mask_personal: bool = True,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.part_of_speech = part_of_speech
        self.typo_correction = typo_correction
        self.views = views
        self.pooling = pooling
        self.pretrained = pretrained
        self.kind = kind
        self.architecture = architecture
        self.size = size
        self.window = window
        self.min_count = min_count
        self.epochs = epochs
        self.unlabeled = unlabeled
        self.jamo_ngrams = jamo_ngrams
        self.buckets = buckets
        self.max_tokens = max_tokens
        self.max_chars = max_chars
        self.repeat_cap = repeat_cap
        self.html_entities = html_entities
        self.mask_personal = mask_personal
        self.random_state = random_state

    def _learn(self, texts: list[str]) -> TokenizedTexts:
        recipe = self._recipe()
        preprocessor, engine = recipe_preprocessor(recipe), recipe_tokenizer(recipe)
        rows = TokenizedTexts.of(texts, preprocessor, engine)
        vectors = recipe_vectors(recipe, engine, lambda message: None)
        self._features = FeaturePipeline.learn(recipe, rows, preprocessor, engine, vectors)
        return rows

    def _recipe(self) -> Recipe:
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        text = ("tokenizer", "part_of_speech", "typo_correction", "views", "max_tokens", *_NORMALIZER)
        vectors = (
            "pretrained", "kind", "architecture", "size", "window", "min_count", "epochs", "unlabeled", "jamo_ngrams", "buckets",
        )  # fmt: skip
        seeds = {"seed": seed} if self.pretrained == "none" else {}
        return Recipe.load(
            {
                "model": {"name": "logistic"},
                "text": {name: getattr(self, name) for name in text},
                "vectors": {**seeds, **{name: getattr(self, name) for name in vectors}},
                "features": {"pooling": self.pooling},
            }
        )

    def _matrix(self, rows: TokenizedTexts) -> NDArray[np.float32]:
        matrix: NDArray[np.float32] = self._features.matrix(rows)
        return matrix

    @property
    def _n_features_out(self) -> int:
        numbers = self._features.numbers
        assert isinstance(numbers, Pooling)
        return numbers.vectors.size


class NgramVectorizer(_TextVectorizer):
    """Transformer that turns a comment into a row with 1 for each n-gram of jamo or syllables that it holds, else 0.

    The n-grams are those that ``toxiclf.train`` gives its ``ngram_logistic`` model.

    Parameters
    ----------
    jamo, syllable : int
        Maximum length of an n-gram of jamo, and of an n-gram of syllables; the minimum is 1.
    min_comments : int
        Number of comments that must hold an n-gram; rarer n-grams are left out.
    views : str or sequence of str
        Views that read disguised words; "all" for every view, "none" for none. See :class:`toxiclf.recipe.TextSection`.
    max_chars, repeat_cap : int
        Maximum number of characters of a comment that are read; longest run of one character, longer runs are cut.
    html_entities : bool
        Whether HTML entities such as ``&lt;`` are decoded.
    mask_personal : bool
        Whether telephone numbers, e-mail addresses and other personal strings each become one token.
    sparse_output : bool
        Whether the features are a SciPy CSR matrix; if False, they are an array. Both are float32.

    See Also
    --------
    AverageVectorizer : turns comments into averaged word vectors.

    Examples
    --------
    >>> vectorizer = NgramVectorizer(jamo=1, syllable=2, min_comments=2)
    >>> vectorizer.fit_transform(["정말 좋아", "좋아"]).toarray()[:, -2:]
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    >>> vectorizer.get_feature_names_out()[-2:]
    array(['syllable:좋아', 'syllable:아 '], dtype=object)
    """

    def __init__(
        self,
        *,
        jamo: int = 6,
        syllable: int = 4,
        min_comments: int = 3,
        views: str | Sequence[str] = "all",
        max_chars: int = 2000,
        repeat_cap: int = 3,
        html_entities: bool = True,
        mask_personal: bool = True,
        sparse_output: bool = True,
    ) -> None:
        self.jamo = jamo
        self.syllable = syllable
        self.min_comments = min_comments
        self.views = views
        self.max_chars = max_chars
        self.repeat_cap = repeat_cap
        self.html_entities = html_entities
        self.mask_personal = mask_personal
        self.sparse_output = sparse_output

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the n-gram of each column, such as "jamo:ㅈㅗ" or "syllable:조"; ``input_features`` is not used.

        The mask of a personal string is named as in reports, such as "syllable:⟨전화⟩".
        """
        check_is_fitted(self)
        names = [
            f"{view}:{readable(text[begin : begin + n])}"
            for view, vocabulary in self._vocabularies().items()
            for n, text in vocabulary.ngrams.items()
            for begin in range(0, len(text), n)
        ]
        return np.array(names, dtype=object)

    def _learn(self, texts: list[str]) -> TokenizedTexts:
        options = {name: getattr(self, name) for name in ("jamo", "syllable", "min_comments")}
        text = {name: getattr(self, name) for name in ("views", *_NORMALIZER)}
        recipe = Recipe.load({"model": options, "text": text})
        preprocessor = recipe_preprocessor(recipe)
        rows = TokenizedTexts.of(texts, preprocessor, None)
        self._features = FeaturePipeline.learn(recipe, rows, preprocessor, None, None)
        return rows

    def _matrix(self, rows: TokenizedTexts) -> Any:
        import scipy.sparse as sp

        matrix = sp.hstack(list(self._features.matrix(rows).values()), format="csr")
        return matrix if self.sparse_output else matrix.toarray()

    def _vocabularies(self) -> dict[str, NgramVocabulary]:
        views = self._features.encoder.views
        return {name: view.vocabulary for name, view in views.items() if isinstance(view, NgramView)}
