"""Ensembles: fit several models to the same comments and combine them by their out-of-fold outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.balance.weights import ClassWeights
from toxiclf.datasets.comments import Comments
from toxiclf.features.texts import TokenizedTexts
from toxiclf.graph import Graph
from toxiclf.models._progress import FitContext
from toxiclf.pipeline._combining import Combination, Floats, combination
from toxiclf.pipeline.fit import PipelineFitter, TrainingMatrix, features_key
from toxiclf.pipeline.fitted import After, Before, FittedModel
from toxiclf.pipeline.training_set import Stage, TrainingSet
from toxiclf.recipe import ModelOptions
from toxiclf.text.encoder import Encoded, TextEncoder, View


def fit_members(
    fitters: Sequence[PipelineFitter], training_set: TrainingSet, validation: TokenizedTexts,
    validation_targets: NDArray[np.uint8], contexts: Sequence[FitContext], fitted: Callable[[], None] = lambda: None,
) -> list[FittedModel]:  # fmt: skip
    """Fit each member of an ensemble; features that several members use are learned once.

    Parameters
    ----------
    fitters, contexts : a fitter and a context for each member.
    fitted : called after each fit.

    Raises
    ------
    DataError : the rows cannot be resampled.
    DivergedError : training of a network diverged.
    """
    keys = [features_key(fitter.recipe, watched=True) for fitter in fitters]
    # a matrix that includes the validation set also serves members without early stopping
    makers = dict(zip(keys, fitters, strict=True))
    makers |= {key: f for key, f in zip(keys, fitters, strict=True) if f.recipe.model.component["watches_validation"]}
    matrices: dict[str, TrainingMatrix] = {}
    members = []
    for key, fitter, context in zip(keys, fitters, contexts, strict=True):
        if key not in matrices:
            matrices[key] = makers[key].matrix(training_set, validation, validation_targets, context)
        members.append(fitter.fit_model(matrices[key], context))
        fitted()
    return members


@dataclass(frozen=True)
class FittedEnsemble:
    """A fitted ensemble: its members and their combination; see :class:`toxiclf.pipeline.fitted.Fitted`.

    Attributes
    ----------
    members, names : all fitted members, and a distinct name for each.
    active_members : members with a weight other than 0; only these are used for scoring.
    combination : computes the ensemble's raw outputs from those of the active members.
    contributions : details for the report: the weights of each member, and the out-of-fold average precision (mean over
        labels) of each member and of the ensemble.
    """

    members: tuple[FittedModel, ...]
    names: tuple[str, ...]
    active_members: tuple[FittedModel, ...]
    combination: Combination
    contributions: Mapping[str, Any]

    @classmethod
    def of(
        cls, members: Sequence[FittedModel], options: ModelOptions, raw: Floats, together: Floats,
        targets: NDArray[np.uint8], *, exclusive: bool, seed: int,
    ) -> FittedEnsemble:  # fmt: skip
        """Make an ensemble of fitted members; those whose weights are all 0 are not used for scoring.

        ``raw`` holds the members' out-of-fold raw outputs, (members, n, n_labels).
        ``together`` holds the out-of-fold raw outputs of the ensemble, (n, n_labels).
        """
        combined = combination(options, raw, targets, exclusive=exclusive, seed=seed)
        weights, names = combined.weights(), member_names(options)
        precisions = [round(float(average_precision_score(targets, outputs)), 4) for outputs in (*raw, together)]
        rows = [
            {"name": name, "weights": [round(weight, 4) for weight in row], "average_precision": precision}
            for name, row, precision in zip(names, weights, precisions[:-1], strict=True)
        ]
        active = [i for i, row in enumerate(weights) if any(row)]
        return cls(
            tuple(members), names, tuple(members[i] for i in active), combined.only(active),
            {"members": rows, "average_precision": precisions[-1]},
        )  # fmt: skip

    @property
    def encoder(self) -> TextEncoder:
        """Text encoder with the inputs of all active members; an input that several members use occurs once."""
        return TextEncoder(self.active_members[0].encoder.preprocessor, _joined_inputs(self.active_members)[0])

    @property
    def origin(self) -> Mapping[str, str]:
        """Origin of the word vectors, from the first active member that has word vectors; empty if none has."""
        return next((member.origin for member in self.active_members if member.origin), {})

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per epoch of each member that is a network; the key ``member`` of a row holds the member's name."""
        return [
            {"member": name, **row}
            for name, member in zip(self.names, self.members, strict=True)
            for row in member.history
        ]

    @property
    def no_graph(self) -> str:
        """Why the ensemble has no ONNX form; empty if it has one."""
        return next((member.no_graph for member in self.active_members if member.no_graph), "")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Row counts of the training set, as given and after each technique, from the member with the most stages."""
        return max((member.stages for member in self.members), key=len)

    @property
    def weights(self) -> list[ClassWeights]:
        """Class weights of the first member whose classes have unequal weights; else of the first member."""
        weighted = (m.weights for m in self.members if any(len(set(entry.weights)) > 1 for entry in m.weights))
        return next(weighted, self.members[0].weights)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Details of the members and their combination for the report, by name, as JSON types."""
        facts: dict[str, Any] = {}
        for member in self.members:
            facts |= member.facts
        return facts | {"ensemble": dict(self.contributions)}

    @property
    def pictures(self) -> Mapping[str, Any]:
        """Points to plot in the members' figures in the report, by name of the figure."""
        return {name: points for member in self.members for name, points in member.pictures.items()}

    def raw(self, rows: TokenizedTexts) -> Floats:
        """Compute raw outputs of tokenized texts with the training libraries, (n, n_labels)."""
        return self.combination.raw(np.stack([member.raw(rows) for member in self.active_members]))

    def raw_of(self, encoded: Encoded) -> Floats:
        """Compute raw outputs of encoded texts with the training libraries, (n, n_labels)."""
        parts = [
            replace(encoded, views={own: encoded.views[joined] for own, joined in names.items()})
            for names in _joined_inputs(self.active_members)[1]
        ]
        return self.combination.raw(
            np.stack([member.raw_of(part) for member, part in zip(self.active_members, parts, strict=True)])
        )

    def around_metric(self, comments: Comments) -> tuple[Before, After]:
        """Return the vectors of comments before and after the learned metric of the first member that has one."""
        return next(member for member in self.members if "metric" in member.facts).around_metric(comments)

    def graph(self, columns: int) -> bytes | None:
        """Build one ONNX graph of the ensemble for ``columns`` labels; return None if there is no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        written: dict[int, str] = {}
        raw = []
        for member, names in zip(self.active_members, _joined_inputs(self.active_members)[1], strict=True):
            with graph.calling(names):
                key = id(member.features)
                if key not in written:
                    written[key] = member.features.write(graph)
                raw.append(member.model.write(graph, written[key]))
        return graph.build(self.combination.write(graph, raw), columns)


def member_names(options: ModelOptions) -> tuple[str, ...]:
    """Name each member after its model; a model that occurs again gets a number (``svm``, ``svm 2``)."""
    names: list[str] = []
    for member in options.fitted_models():
        before = sum(name.partition(" ")[0] == member.name for name in names)
        names.append(f"{member.name} {before + 1}" if before else member.name)
    return tuple(names)


def _joined_inputs(members: Sequence[FittedModel]) -> tuple[dict[str, View], list[dict[str, str]]]:
    """Collect the inputs of all members under distinct names; an input that several members use occurs once.

    Also return, for each member, a dict from the member's input names to the distinct names.
    """
    joined: dict[str, View] = {}
    contents: dict[str, tuple[Any, Any]] = {}
    names_of_members = []
    for member in members:
        names = {}
        for name, view in member.encoder.views.items():
            content = (view.spec(), view.vocabulary_json())
            same = next((known for known, other in contents.items() if other == content), None)
            if same is None:
                same = name if name not in joined else f"{name}{sum(key.startswith(name) for key in joined) + 1}"
                joined[same], contents[same] = view, content
            names[name] = same
        names_of_members.append(names)
    return joined, names_of_members
