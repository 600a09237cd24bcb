"""The flag --prior, which several commands share."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import typer

from toxiclf.errors import UsageError

if TYPE_CHECKING:
    from toxiclf.bundle.live_rate import Prior  # which loads NumPy; --help does not need it

PRIOR = typer.Option(
    "--prior",
    metavar="SHARE|LABEL=SHARE[,…]",
    help="Correct scores to live comments of which this share is toxic, such as 0.02 for 2 %; in place of the bundle's own.",
)


def prior(text: str | None) -> Prior | None:
    """What the flag says: a share, or shares by label.

    Raises
    ------
    UsageError : it is neither.

    >>> prior("0.02"), prior("toxic=0.02, hate=0.01")
    (0.02, {'toxic': 0.02, 'hate': 0.01})
    """
    if text is None:
        return None
    shares: dict[str, float] = {}
    for entry in next(csv.reader([text or " "], skipinitialspace=True)):
        label, equals, share = entry.rpartition("=")
        try:
            value = float(share)
        except ValueError:
            raise UsageError(
                f"--prior {text}: expected the share of live comments that are toxic, such as 0.02 for 2 %, or shares by label, "
                "such as toxic=0.02,hate=0.01"
            ) from None
        if not equals and entry == text:
            return value
        if equals and not label.strip():
            raise UsageError(
                f"--prior {text}: no label stands before '={share}'; give {share.strip()} alone, or with a label, such as "
                f"toxic={share.strip()}"
            )
        if not equals or label.strip() in shares:
            raise UsageError(f"--prior {text}: name each label once, such as toxic=0.02,hate=0.01")
        shares[label.strip()] = value
    return shares
