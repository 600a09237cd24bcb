"""``TextAugmenter``: text augmentation as a sampler for imbalanced-learn pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from imblearn.base import BaseSampler
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, column_or_1d

from toxiclf.balance._fitness import checked_random_state
from toxiclf.balance.augmentation import augmented, check_minority
from toxiclf.balance.weights import rarer_rows
from toxiclf.datasets.arrays import checked_texts
from toxiclf.errors import DataError, UsageError
from toxiclf.features.vectorizers import marked_as_texts
from toxiclf.recipe import SHIPPED_VECTORS, Recipe
from toxiclf.text.given import mapping_given
from toxiclf.text.normalize import Normalizer


class TextAugmenter(BaseSampler):  # type: ignore[misc]  # imbalanced-learn has no types
    """An imbalanced-learn sampler that adds changed copies of comments of the rarer classes.

    The rarer classes are all but the most frequent one. If ``y`` is a 0/1 matrix of independent labels, a row belongs
    to the rarer classes if it has a label that less than half of all rows have.
    :func:`toxiclf.balance.augmentation.augmented` describes the copies.

    Parameters
    ----------
    method : str
        Name of the augmentation method, as ``toxiclf list augmenters`` shows it.
    copies : int
        Number of copies of each comment.
    of : {"rarer", "all"}
        Comments that are copied: those of the rarer classes ("rarer") or of all classes ("all"). With "all", traces of
        the method do not reveal the class.
    rate : float or "auto"
        Share of a comment's words or syllables that change, in (0, 1]; "auto" is the method's own default.
    similarity, vectors : float, str
        Lowest cosine similarity that makes a word a synonym, and the name or path of the word vectors for it. Only
        "eda" uses them.
    options : mapping or None
        Options that only this method has, by name; None for its defaults.
    max_chars, repeat_cap : int
        Longest text, and longest run of one character, that the normalizer keeps. Comments are equal if they are equal
        after normalization.
    mask_personal : bool
        Whether copies have a mask in place of each personal string, such as a telephone number.
    random_state : int, RandomState or None
        Random seed; with None the copies differ from call to call.

    Attributes
    ----------
    source_indices_ : array of intp, shape (n + n_copies,)
        For each returned row, its index in ``X``; for a copy, the index of the comment that was copied.

    See Also
    --------
    toxiclf.Resampler : adds or removes rows of a feature matrix.

    Examples
    --------
    >>> X = ["안녕하세요", "반가워요", "좋은 아침"] * 4 + [f"{n}번 놈 꺼져라" for n in range(6)]
    >>> X_more, y_more = TextAugmenter("spacing", random_state=0).fit_resample(X, [0] * 12 + [1] * 6)
    >>> X_more[-2:], y_more[-2:]
    (['4번 놈꺼져라', '5번놈 꺼져라'], [1, 1])
    """

    _sampling_type = "bypass"
    _parameter_constraints: dict[str, Any] = {}  # the recipe checks them  # noqa: RUF012

    def __init__(
        self,
        method: str = "eda",
        *,
        copies: int = 1,
        of: str = "rarer",
        rate: float | str = "auto",
        similarity: float = 0.6,
        vectors: str = SHIPPED_VECTORS[0],
        options: Mapping[str, Any] | None = None,
        max_chars: int = 2000,
        repeat_cap: int = 3,
        mask_personal: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__()
        self.method = method
        self.copies = copies
        self.of = of
        self.rate = rate
        self.similarity = similarity
        self.vectors = vectors
        self.options = options
        self.max_chars = max_chars
        self.repeat_cap = repeat_cap
        self.mask_personal = mask_personal
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the given comments followed by the copies, with the classes of both.

        Parameters
        ----------
        X : list, tuple, Series or array of str, shape (n,)
            The comments.
        y : array-like, shape (n,), or 0/1 matrix, shape (n, k)
            The class of each comment, or a column for each independent label.

        Returns
        -------
        X, y : list, Series or array
            Comments and classes, of the same types as those given, except that a tuple becomes an array.

        Raises
        ------
        UsageError
            A parameter, ``X`` or ``y`` is not valid.
        DataError
            The comments of the rarer classes, or all other comments, are fewer than six or cannot be changed by the
            method; or all comments of the rarer classes are the same.
        """
        return super().fit_resample(X, y)  # type: ignore[no-any-return]

    def _check_X_y(self, X: Any, y: Any) -> tuple[NDArray[np.object_], NDArray[Any], bool]:  # noqa: N802
        texts = np.array(checked_texts(X), dtype=object)
        check_consistent_length(texts, y)
        if not len(texts):
            raise DataError("X has 0 comments, but a minimum of 1 is required")
        values = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        if values.ndim != 2 or values.shape[1] == 1:
            values = column_or_1d(values)
        elif not np.isin(values, (0, 1)).all():
            raise UsageError(
                "y has several columns; expected one class for each comment, or a 0/1 matrix of independent labels"
            )
        check_minority(rarer_rows(values))
        return texts, values, False

    def _fit_resample(self, X: NDArray[np.object_], y: NDArray[Any]) -> tuple[NDArray[np.object_], NDArray[Any]]:
        names = ("method", "copies", "of", "rate", "similarity", "vectors")
        step = {**{name: getattr(self, name) for name in names}, **mapping_given(self.options, "options")}
        text = {name: getattr(self, name) for name in ("max_chars", "repeat_cap", "mask_personal")}
        recipe = Recipe.load({"balance": {"augment": [step]}, "text": text})
        state = checked_random_state(self.random_state)
        seed = self.random_state if isinstance(self.random_state, Integral) else state.randint(2**31 - 1)
        made = augmented(
            X.tolist(), rarer_rows(y), recipe.balance.augment, normalizer=Normalizer(**text), avoid=(), seed=int(seed)
        )
        self.source_indices_ = np.concatenate([np.arange(len(X), dtype=np.intp), made.sources])
        return np.array([*X, *made.texts], dtype=object), y[self.source_indices_]

    def __sklearn_tags__(self) -> Any:
        tags = marked_as_texts(super().__sklearn_tags__())
        tags.input_tags.sparse = tags.input_tags.dataframe = False
        return tags
