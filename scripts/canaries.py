#!/usr/bin/env python
"""Print how many strings a bundle of each kind gives back, by how often they stood in the training comments.

python scripts/canaries.py                # every model
python scripts/canaries.py svm cnn
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import toxiclf
from toxiclf._registry import components

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.canaries import COUNTS, bundle_of, canaries, given_back, recipe_of


def main() -> None:
    """Print a table: model, and how many of 20 masked and of 20 other strings come back, by how often they stood."""
    sample = toxiclf.read_comments("corpus:sample")
    print("| model | " + " | ".join(f"{what}, {count}×" for what in ("masked", "other") for count in COUNTS) + " |")
    print("|---" * (1 + 2 * len(COUNTS)) + "|")
    for model in sys.argv[1:] or components("model"):
        with tempfile.TemporaryDirectory() as folder:
            back = given_back(bundle_of(recipe_of(model), sample, Path(folder) / "run"), canaries())
        cells = Counter((canary.masked, canary.count) for canary in back)
        row = " | ".join(str(cells[masked, count]) for masked in (True, False) for count in COUNTS)
        print(f"| {model} | {row} |", flush=True)


if __name__ == "__main__":
    main()
