"""What models share that learn from comments without the label alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toxiclf.errors import DataError

_FEWEST = 2


def unlabelled_rows(targets: NDArray[np.uint8], where: str) -> NDArray[np.intp]:
    """Rows without the label.

    Parameters
    ----------
    targets : (n, 1).
    where : which part they are of, in words.

    Raises
    ------
    DataError : there are hardly any.
    """
    rows = np.flatnonzero(targets[:, 0] == 0)
    if len(rows) < _FEWEST:
        raise DataError(
            f"this model learns from comments without the label, and {where} holds {len(rows)} of them; add such comments, or "
            "choose a model that learns from both kinds"
        )
    return rows
