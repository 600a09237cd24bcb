"""A learned model as the manifest and files of its bundle."""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib import metadata

from toxiclf.bundle import store
from toxiclf.bundle.manifest import Manifest
from toxiclf.datasets.comments import Comments
from toxiclf.pipeline.calibrate import Learned
from toxiclf.recipe import Recipe
from toxiclf.text.encoder import TokenView

_USE = """
## Use

```python
import toxiclf

moderator = toxiclf.load("bundle")
moderator.check("댓글")
```

The files are verified against manifest.json before anything is parsed; nothing in them is code.
"""
"""What every model card ends with."""


def bundled(learned: Learned, comments: Comments, recipe: Recipe, card: str) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest of a learned model, and contents by name of the files beside it.

    Parameters
    ----------
    comments : all labelled rows that it came from.
    card : the model card, Markdown.
    """
    assert learned.graph is not None  # else there is nothing to bundle
    encoder = learned.fitted.encoder
    text, vocabulary = encoder.to_json()
    files = {
        "model.onnx": learned.graph,
        "text.json": (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode(),
        "vocabulary.json": (json.dumps(vocabulary, ensure_ascii=False) + "\n").encode(),
        "README.md": (card + _USE).encode(),
    }
    manifest = Manifest(
        labels=comments.labels,
        thresholds=learned.thresholds,
        negative=comments.negative,
        calibration=learned.calibration,
        rates=() if learned.calibration.method == "none" else learned.rates,
        prior=learned.prior,
        model=recipe.model.name,
        text_column=comments.text_column,
        label_map=comments.label_map,
        tokenizer_versions={
            view.tokenizer.name: view.tokenizer.version
            for view in encoder.views.values()
            if isinstance(view, TokenView)
        },
        word_vectors=dict(learned.fitted.origin),
        recipe_sha256=recipe.sha256(),
        data_sha256=comments.sha256(),
        versions=versions(),
        files=store.entries(files),
    )
    return manifest, files


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the training libraries that are installed."""
    return dict(_installed())


@cache
def _installed() -> dict[str, str]:
    """Read once: a benchmark asks for each run."""
    names = (
        "toxiclf", "mecab-python3", "python-mecab-ko-dic", "numpy", "scikit-learn", "gensim", "keras", "tensorflow", "onnx",
        "onnxruntime", "imbalanced-learn", "lightgbm", "xgboost-cpu",
    )  # fmt: skip
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
