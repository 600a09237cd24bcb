"""Classify toxic comments, foremost Korean ones, when the toxic ones are rare.

Importing this package is fast: each public class or function is imported from its module when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from toxiclf.errors import MissingExtraError

if TYPE_CHECKING:
    from toxiclf.balance.augmenter import TextAugmenter
    from toxiclf.balance.resampler import Resampler
    from toxiclf.bundle.store import pack
    from toxiclf.datasets.comments import Comments
    from toxiclf.datasets.reading import read_comments
    from toxiclf.errors import BundleError, DataError, TextsError, ToxiclfError, TrainingError, UsageError
    from toxiclf.evaluation.compare import compare
    from toxiclf.evaluation.report import Report
    from toxiclf.features.vectorizers import AverageVectorizer, NgramVectorizer
    from toxiclf.moderator import Moderator, load
    from toxiclf.pipeline.estimator import ToxicClassifier
    from toxiclf.pipeline.recalibrate import CalibratedBundle, calibrate
    from toxiclf.pipeline.save import TrainedModel
    from toxiclf.pipeline.train import train
    from toxiclf.quantification import PrevalenceEstimate, estimate_prevalence
    from toxiclf.recipe import Recipe
    from toxiclf.text.occlusion import TokenEffect
    from toxiclf.verdict import LabelVerdict, Verdict

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported; otherwise it may send telemetry

_HOME = {
    "AverageVectorizer": "features.vectorizers",
    "BundleError": "errors",
    "CalibratedBundle": "pipeline.recalibrate",
    "Comments": "datasets.comments",
    "DataError": "errors",
    "LabelVerdict": "verdict",
    "Moderator": "moderator",
    "NgramVectorizer": "features.vectorizers",
    "PrevalenceEstimate": "quantification",
    "Recipe": "recipe",
    "Report": "evaluation.report",
    "Resampler": "balance.resampler",
    "TextAugmenter": "balance.augmenter",
    "TextsError": "errors",
    "TokenEffect": "text.occlusion",
    "ToxicClassifier": "pipeline.estimator",
    "ToxiclfError": "errors",
    "TrainedModel": "pipeline.save",
    "TrainingError": "errors",
    "UsageError": "errors",
    "Verdict": "verdict",
    "calibrate": "pipeline.recalibrate",
    "compare": "evaluation.compare",
    "estimate_prevalence": "quantification",
    "load": "moderator",
    "pack": "bundle.store",
    "read_comments": "datasets.reading",
    "train": "pipeline.train",
}

__all__ = [
    "AverageVectorizer",
    "BundleError",
    "CalibratedBundle",
    "Comments",
    "DataError",
    "LabelVerdict",
    "Moderator",
    "NgramVectorizer",
    "PrevalenceEstimate",
    "Recipe",
    "Report",
    "Resampler",
    "TextAugmenter",
    "TextsError",
    "TokenEffect",
    "ToxicClassifier",
    "ToxiclfError",
    "TrainedModel",
    "TrainingError",
    "UsageError",
    "Verdict",
    "calibrate",
    "compare",
    "estimate_prevalence",
    "load",
    "pack",
    "read_comments",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata  # only when needed: it loads more slowly than this file

        return metadata.version("toxiclf")
    if name not in _HOME:
        raise AttributeError(f"module 'toxiclf' has no attribute '{name}'")
    try:
        value = getattr(import_module(f"toxiclf.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("toxiclf"):
            raise
        raise MissingExtraError(f"toxiclf.{name} uses {error.name}, which", "train") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
