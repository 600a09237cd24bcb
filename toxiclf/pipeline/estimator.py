"""``ToxicClassifier``, which trains any recipe as a scikit-learn classifier of texts."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.bundle.prevalence import check_prior, in_words
from toxiclf.bundle.scorer import Scorer
from toxiclf.bundle.verdicts import class_scores
from toxiclf.datasets.arrays import checked_texts, labels_of
from toxiclf.datasets.comments import Comments, check_classes, consistent
from toxiclf.datasets.labels import is_binary
from toxiclf.datasets.splitting import split
from toxiclf.errors import DataError, TrainingError, UsageError
from toxiclf.features.vectorizers import marked_as_texts
from toxiclf.moderator import Moderator
from toxiclf.pipeline.calibrate import CalibratedModel, learn
from toxiclf.pipeline.decision import class_log_odds, margins_of
from toxiclf.pipeline.fitted import DivergedError
from toxiclf.pipeline.save import bundled
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_normalizer
from toxiclf.text.encoder import TextEncoder
from toxiclf.text.given import path_given

Floats = NDArray[np.float64]


class ToxicClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A scikit-learn classifier of comments: trains any recipe, with a list of texts as ``X``.

    ``y`` holds the class of each comment, one of two or more, or is a 0/1 matrix of independent labels. One of the
    classes is not toxic: ``negative`` if it is given, else ``classes_[0]``, the first in sorted order.

    ``predict`` applies a threshold that ``fit`` tunes for ``decision.objective`` on rows that the model did not learn
    from. The result may differ from ``predict_proba(X)[:, 1] > 0.5``: if toxic comments are rare, 0.5 is seldom the
    best threshold. With more than two classes, ``predict`` returns the most probable one. Probabilities assume that
    toxic comments are as common as in ``y``. If they are not, set ``decision__prior`` to the production prevalence or,
    with more than two classes, to a dict from classes to prevalences. The prior corrects probabilities and threshold.

    ``fit`` holds out no test set and ignores ``split.test``, because scikit-learn's cross-validation holds out rows
    itself. It makes no report and no baseline; :func:`toxiclf.train` makes both. Class weights come from the recipe;
    there is no ``sample_weight``. Scikit-learn's cross-validation may put equal comments into different folds: pass
    ``groups`` if comments repeat. To tune the threshold with out-of-fold scores, each ``fit`` trains ``decision.folds``
    more models; set ``decision__folds`` to 2 if only the ranking of comments matters, as in a search.

    Parameters
    ----------
    recipe : str, Path, mapping, Recipe or None
        Name of a preset, path of a TOML file, mapping or :class:`toxiclf.Recipe`; None for the default model. Recipe
        keys are also parameters: ``model__C``, ``decision__objective``, ``seed``, … Everything random depends on
        ``seed``.
    negative : object
        The class that is not toxic. It is required if classes are words, because the first in sorted order may be the
        toxic one, as with "악성" (malicious) and "정상" (normal).

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        The classes in sorted order; 0 … k - 1 for k independent labels.
    moderator_ : Moderator
        The fitted model, of the type that :func:`toxiclf.load` returns.
    rejected_ : array of intp
        Numbers of the rows of ``X`` that were rejected because equal comments have different labels.

    See Also
    --------
    toxiclf.train : trains the same recipes, with a test set and a report.

    Examples
    --------
    >>> import toxiclf
    >>> comments = toxiclf.read_comments("corpus:sample")
    >>> model = toxiclf.ToxicClassifier().fit(comments.texts, comments.targets[:, 0])
    >>> model.predict(["오늘도 좋은 하루 되세요", "꺼져 이 멍청한 새끼야"])
    array([0, 1], dtype=uint8)
    """

    def __init__(self, recipe: str | Path | Mapping[str, Any] | Recipe | None = None, *, negative: Any = None) -> None:
        self.recipe = recipe
        self.negative = negative

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters and, if ``deep``, every recipe key as ``section__key``.

        Examples
        --------
        >>> ToxicClassifier("svm").get_params()["model__kernel"]
        'rbf'
        """
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            with suppress(UsageError):  # no recipe keys if the recipe is not valid; fit raises the error
                for section, value in self._loaded().model_dump(exclude={"search"}).items():  # fit allows no search
                    keys = {f"{section}__{key}": v for key, v in value.items()} if isinstance(value, dict) else {}
                    params |= keys or {section: value}
        return params

    def set_params(self, **params: Any) -> ToxicClassifier:
        """Set parameters or recipe keys, as ``model__C=10`` or ``**{"model.C": 10}``.

        A new ``model__name`` first replaces all options of the model by the preset of the new model. Other keys are set
        after that.

        Raises
        ------
        UsageError
            A key is unknown, or a value is not valid.

        Examples
        --------
        >>> ToxicClassifier("svm").set_params(model__C=10)
        ToxicClassifier(recipe={'model': {'C': 10.0, 'name': 'svm'}})
        """
        own = {name: params.pop(name) for name in ("recipe", "negative") if name in params}
        if params:
            before = Recipe.load(own["recipe"]) if "recipe" in own else self._loaded()
            changed = before.changed({key.replace("__", "."): value for key, value in params.items()})
            own["recipe"] = changed.model_dump(exclude_unset=True)
        for name, value in own.items():
            setattr(self, name, value)
        return self

    def fit(self, X: Any, y: Any) -> ToxicClassifier:
        """Fit the model to labeled comments, calibrate it, and tune its thresholds.

        Parameters
        ----------
        X : list, tuple, Series or array of str, shape (n,)
            The comments.
        y : array of shape (n,), or 0/1 matrix of shape (n, k)
            Class of each comment, or its independent labels; the columns of a DataFrame name the labels.

        Returns
        -------
        self

        Raises
        ------
        UsageError, DataError
            The recipe, the comments or the classes are not valid.
        TrainingError
            Training diverged, or the network has no ONNX form.
        """
        recipe = self._loaded()
        if recipe.search.method != "none":
            raise UsageError(
                f"search.method is {recipe.search.method!r}, but an estimator fits one recipe; search over its keys "
                "with scikit-learn's GridSearchCV, or use toxiclf train"
            )
        texts = checked_texts(X)
        if not texts:
            raise DataError("X has 0 comments, but a minimum of 1 is required")
        labels = labels_of(y, texts, self._place_of_negative)
        if self.negative is not None and len(labels.names) == len(labels.classes):
            raise UsageError("negative names a class, but y is a 0/1 matrix of independent labels; leave negative out")
        recipe = labels.with_names(recipe)
        comments = consistent(labels.comments(texts), recipe_normalizer(recipe))
        learned = _learned(comments, recipe)
        self.classes_, self._order = labels.classes, labels.order
        self.rejected_ = np.array([rejected.line for _, rejected in comments.rejected], dtype=np.intp)
        manifest, self._files = bundled(learned, comments, recipe, _card(learned, comments, recipe))
        self._open(manifest, learned.fitted.encoder)
        if len(self.rejected_):
            warnings.warn(
                f"{len(self.rejected_)} comments were rejected because the same comment has different labels; "
                "see rejected_ and give each comment one label",
                stacklevel=2,
            )
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the class of each comment, (n,), or a 0/1 matrix (n, k) for k independent labels."""
        raw = self._raw(X)
        if self._manifest.negative is not None:
            return np.asarray(self.classes_[self._probabilities(raw).argmax(axis=1)])
        flagged = self._flagged(raw).astype(np.intp)
        return flagged if len(self._manifest.labels) > 1 else np.asarray(self.classes_[self._order[flagged[:, 0]]])

    def predict_proba(self, X: Any) -> Floats:
        """Compute calibrated probabilities: (n, n_classes), where rows sum to 1, or (n, k) for k independent labels."""
        return self._probabilities(self._raw(X))

    def decision_function(self, X: Any) -> Floats:
        """Compute signed distances from the threshold or, for more than two classes, log-odds of the classes.

        They are computed from raw outputs in double precision, so comments keep their order even if probabilities round
        to 1.

        Returns
        -------
        array of float64, shape (n,), (n, k) or (n, n_classes)
            For two classes, (n,): calibrated log-odds minus those of the threshold or, with isotonic calibration, whose
            log-odds can be infinite, raw output minus the lowest raw output that is flagged. The sign is reversed if
            ``classes_[1]`` is the class that is not toxic. Above 0, ``predict`` returns ``classes_[1]``.
            For k independent labels, (n, k): the same distance for each label. Above 0, ``predict`` returns 1.
            For more than two classes, (n, n_classes): log-odds of each class against all others. ``predict`` returns
            the class with the highest.
        """
        raw = self._raw(X)
        if self._manifest.negative is not None:
            log_odds = self._sorted(class_log_odds(raw, self._manifest.calibration))
            return _with_highest(log_odds, self._probabilities(raw))
        margins = margins_of(raw, self._manifest.calibration, self.moderator_.thresholds)
        flagged = self._flagged(raw)  # sets the sign as predict decides; rounding could make them differ
        tiny = np.finfo(float).tiny
        margins = np.where(flagged, np.maximum(margins, tiny), np.minimum(margins, 0.0))
        if margins.shape[1] > 1:
            return margins
        if self._order[0] == 0:
            return margins[:, 0]
        return np.where(flagged[:, 0], -margins[:, 0], np.maximum(-margins[:, 0], tiny))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the fitted model as a bundle for :func:`toxiclf.load` and ``toxiclf predict``; return its folder.

        A name that ends in ``.zip`` gives one file, as :func:`toxiclf.pack` writes it.

        Raises
        ------
        DataError
            The folder holds something other than a bundle.
        """
        check_is_fitted(self)
        place = path_given(folder, "folder", "a folder to write to")
        store.save(place, self._manifest, self._files)
        return place

    def _loaded(self) -> Recipe:
        if not isinstance(self.recipe, str | Path | Mapping | Recipe | None):
            raise UsageError(
                f"recipe is of the type {type(self.recipe).__name__}; expected a preset's name, a path, a mapping or a Recipe"
            )
        return Recipe.load(self.recipe)

    def _place_of_negative(self, classes: list[Any]) -> int:
        """Return the position, in the sorted classes, of the class that is not toxic."""
        if self.negative in classes:
            return classes.index(self.negative)
        listed = ", ".join(map(repr, classes))
        if isinstance(self.negative, str) and classes == list(range(len(classes))):
            warnings.warn(
                f"y holds {listed} instead of names, because a tool of scikit-learn has encoded the classes; 0 is taken as "
                f"the class that is not toxic. If 0 does not stand for {self.negative!r}, predict may differ, but the "
                "ranks of comments do not; to be sure, encode the classes yourself",
                stacklevel=3,
            )
            return 0
        if self.negative is not None:
            raise UsageError(f"negative is {self.negative!r}, which is not in y; give one of {listed}")
        if isinstance(classes[0], str) and not is_binary(classes):
            raise UsageError(f"y holds {listed}; name the class that is not toxic: ToxicClassifier(negative=…)")
        return 0

    def _open(self, manifest: Manifest, encoder: TextEncoder) -> None:
        self.moderator_ = Moderator(manifest, encoder, Scorer(self._files["model.onnx"]))

    @property
    def _manifest(self) -> Manifest:
        return self.moderator_.manifest

    def _raw(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.moderator_.raw(checked_texts(X))

    def _flagged(self, raw: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.asarray(self._manifest.calibration.apply(raw) >= self.moderator_.thresholds)

    def _probabilities(self, raw: NDArray[np.float32]) -> Floats:
        scores = self._manifest.calibration.apply(raw)
        if self._manifest.negative is None and scores.shape[1] > 1:
            return scores.astype(np.float64)
        return self._sorted(class_scores(scores))

    def _sorted(self, columns: Floats) -> Floats:
        """Put ``columns``, whose first is the class that is not toxic, into the order of ``classes_``."""
        return columns[:, np.argsort(self._order)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "moderator_")

    def __sklearn_tags__(self) -> Any:
        tags = marked_as_texts(super().__sklearn_tags__())
        tags.classifier_tags.multi_label = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the manifest in place of the moderator, which ``__setstate__`` rebuilds from the files."""
        state = dict(super().__getstate__())
        if "moderator_" in state:
            state["moderator_"] = self._manifest
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "moderator_" in state:
            text, vocabulary = (json.loads(self._files[name]) for name in ("text.json", "vocabulary.json"))
            self._open(state["moderator_"], TextEncoder.from_json(text, vocabulary))


def _learned(comments: Comments, recipe: Recipe) -> CalibratedModel:
    check_classes(comments)
    if recipe.decision.prior != "none":
        check_prior(recipe.decision.prior, comments.labels, exclusive=comments.exclusive)  # before anything is fitted
    normalizer = recipe_normalizer(recipe)
    parts = split(comments, test=0, validation=recipe.split.validation, seed=recipe.seed, normalizer=normalizer)
    try:
        learned = learn(parts, recipe, lambda message: None)
    except DivergedError as error:
        raise TrainingError(f"{error}; {error.divergence.cure}") from error
    if learned.graph is None:
        raise TrainingError(
            f"the network cannot be used after training: {learned.fitted.no_graph}; choose another activation"
        )
    return learned


def _with_highest(log_odds: Floats, probabilities: Floats) -> Floats:
    """Make the log-odds of the most probable class the highest, in rows where rounding ranked another class higher."""
    predicted = probabilities.argmax(axis=1)
    rows = np.flatnonzero(log_odds.argmax(axis=1) != predicted)
    log_odds[rows, predicted[rows]] = np.nextafter(log_odds[rows].max(axis=1), np.inf)
    return log_odds


def _card(learned: CalibratedModel, comments: Comments, recipe: Recipe) -> str:
    """Return the text of a model card without metrics, because no test set was held out."""
    labels = [
        f"- {label}: {count:,} of {len(comments):,} comments; threshold {threshold:.4f}"
        for (label, count), threshold in zip(comments.counts().items(), learned.thresholds, strict=True)
    ]
    rate = []
    if learned.prior is not None:
        words = in_words(dict(zip(comments.labels, learned.prior, strict=True)))
        rate = ["", f"Scores and thresholds are corrected to the {words}."]
    front = [
        "---", "language: ko", "library_name: toxiclf", "pipeline_tag: text-classification",
        "tags: [toxic-comments, onnx]", "---", "",
    ]  # fmt: skip
    text = [
        f"# {recipe.model.name}", "",
        "Fitted by toxiclf.ToxicClassifier, which keeps no test set. Measure the model with cross-validation, or with "
        "`toxiclf evaluate` on comments that it was not trained on.", "",
        *labels, *rate, "", "## Recipe", "", "```toml", recipe.to_toml().rstrip(), "```",
    ]  # fmt: skip
    return "\n".join([*front, *text]) + "\n"
