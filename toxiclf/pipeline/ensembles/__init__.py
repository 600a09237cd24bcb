"""Models that decide together: fitted side by side, put together by what each says of comments it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from toxiclf.balance.pool import Pool, Stage
from toxiclf.balance.weights import ClassWeights
from toxiclf.features.features import Prepared
from toxiclf.graph import Graph
from toxiclf.models._ensemble import EnsembleOptions
from toxiclf.models._progress import FitContext
from toxiclf.pipeline.ensembles.combining import Combination, Floats, combination
from toxiclf.pipeline.fit import Features, Fitted, Fitter, features_key
from toxiclf.text.encoder import Encoded, TextEncoder, View


def fit_members(
    fitters: Sequence[Fitter], pool: Pool, held_out: Prepared, held_out_targets: NDArray[np.uint8],
    context: Sequence[FitContext],
) -> list[Fitted]:  # fmt: skip
    """Fit each member; those that learn from the same features share them.

    Parameters
    ----------
    fitters, context : one a member.

    Raises
    ------
    DivergedError : training of a network diverged.
    """
    keys = [features_key(fitter.recipe, watched=True) for fitter in fitters]
    # features that one member wants with those of the validation part will do for members that do not look at it
    makers = dict(zip(keys, fitters, strict=True))
    makers |= {key: f for key, f in zip(keys, fitters, strict=True) if f.recipe.model.component["watches_validation"]}
    made: dict[str, Features] = {}
    fitted = []
    for key, fitter, around in zip(keys, fitters, context, strict=True):
        if key not in made:
            made[key] = makers[key].features(pool, held_out, held_out_targets, around)
        fitted.append(fitter.fit_model(made[key], around))
    return fitted


@dataclass(frozen=True)
class FittedEnsemble:
    """Fitted members and their combination; offers what :class:`toxiclf.pipeline.fit.Fitted` does.

    Attributes
    ----------
    members, names : fitted side by side, each with a name of its own.
    heard : the members that have a say.
    combined : how those decide together.
    told : what a report says of all members: weights, and average precision on rows that each did not learn from, the mean over
        labels; and that of all together.
    """

    members: tuple[Fitted, ...]
    names: tuple[str, ...]
    heard: tuple[Fitted, ...]
    combined: Combination
    told: Mapping[str, Any]

    @classmethod
    def of(
        cls, members: Sequence[Fitted], options: EnsembleOptions, raw: Floats, together: Floats,
        targets: NDArray[np.uint8], *, exclusive: bool, seed: int,
    ) -> FittedEnsemble:  # fmt: skip
        """Put members together by their out-of-fold outputs ``raw``; ``together`` are the ensemble's, cross-fitted."""
        combined = combination(options, raw, targets, exclusive=exclusive, seed=seed)
        weights, names = combined.weights(), member_names(options)
        precisions = [round(float(average_precision_score(targets, outputs)), 4) for outputs in (*raw, together)]
        told = [
            {"name": name, "weights": [round(weight, 4) for weight in row], "average_precision": precision}
            for name, row, precision in zip(names, weights, precisions[:-1], strict=True)
        ]
        heard = [i for i, row in enumerate(weights) if any(row)]
        facts = {"members": told, "average_precision": precisions[-1]}
        return cls(tuple(members), names, tuple(members[i] for i in heard), combined.only(heard), facts)

    @property
    def encoder(self) -> TextEncoder:
        """All views of those that are heard, equal ones once."""
        return TextEncoder(self.heard[0].encoder.preprocessor, _joined_views(self.heard)[0])

    @property
    def origin(self) -> Mapping[str, str]:
        """Of the word vectors of the first that has some."""
        return next((member.origin for member in self.heard if member.origin), {})

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch of each member that is a network, with its name."""
        return [
            {"member": name, **row}
            for name, member in zip(self.names, self.members, strict=True)
            for row in member.history
        ]

    @property
    def no_graph(self) -> str:
        """Why there is no ONNX form."""
        return next((member.no_graph for member in self.heard if member.no_graph), "")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Of the member to which most was done."""
        return max((member.stages for member in self.members), key=len)

    @property
    def weights(self) -> list[ClassWeights]:
        """Class weights of the first member that takes some."""
        weighted = (m.weights for m in self.members if any(len(set(entry.weights)) > 1 for entry in m.weights))
        return next(weighted, self.members[0].weights)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the members and their combination have to tell, as JSON types."""
        own: dict[str, Any] = {}
        for member in self.members:
            own |= member.facts
        own["ensemble"] = dict(self.told)
        return own

    @property
    def pictures(self) -> Mapping[str, Any]:
        """Points of the members' figures."""
        return {name: points for member in self.members for name, points in member.pictures.items()}

    def raw(self, rows: Prepared) -> Floats:
        """Raw outputs of prepared rows by the training libraries, (n, n_labels)."""
        return self.combined.raw(np.stack([member.raw(rows) for member in self.heard]))

    def raw_of(self, encoded: Encoded) -> Floats:
        """The same of encoded rows."""
        own = _joined_views(self.heard)[1]
        parts = [
            replace(encoded, views={view: encoded.views[joined] for view, joined in names.items()}) for names in own
        ]
        return self.combined.raw(
            np.stack([member.raw_of(part) for member, part in zip(self.heard, parts, strict=True)])
        )

    def seen(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Comments before and after the metric of the first member that has one."""
        return next(member for member in self.members if "metric" in member.facts).seen(texts)

    def graph(self, columns: int) -> bytes | None:
        """All members and their combination as one ONNX graph; None where one has no ONNX form."""
        if self.no_graph:
            return None
        graph = Graph()
        written: dict[int, str] = {}
        raw = []
        for member, names in zip(self.heard, _joined_views(self.heard)[1], strict=True):
            with graph.calling(names):
                key = id(member.representation)
                if key not in written:
                    written[key] = member.representation.write(graph)
                raw.append(member.model.write(graph, written[key]))
        return graph.build(self.combined.write(graph, raw), columns)


def member_names(options: EnsembleOptions) -> tuple[str, ...]:
    """Names of the members; of two with the same model the second has a number."""
    names: list[str] = []
    for member in options.members:
        before = sum(name.partition(" ")[0] == member.name for name in names)
        names.append(f"{member.name} {before + 1}" if before else member.name)
    return tuple(names)


def _joined_views(members: Sequence[Fitted]) -> tuple[dict[str, View], list[dict[str, str]]]:
    """Views of all members under names of their own, equal ones once; and for each member what its views are called there."""
    joined: dict[str, View] = {}
    contents: dict[str, tuple[Any, Any]] = {}
    own = []
    for member in members:
        names = {}
        for name, view in member.encoder.views.items():
            content = (view.spec(), view.vocabulary_json())
            found = next((known for known, other in contents.items() if other == content), None)
            if found is None:
                found = name if name not in joined else f"{name}{sum(key.startswith(name) for key in joined) + 1}"
                joined[found], contents[found] = view, content
            names[name] = found
        own.append(names)
    return joined, own
