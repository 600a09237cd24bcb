"""The production prevalence: the share of comments in production that have a label, as far as the user knows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from toxiclf.errors import UsageError

Prior = float | Mapping[str, float]
"""Production prevalence: the share of comments in production that are toxic, or a mapping from label to share."""

LEAST, MOST = 0.000001, 0.999999
"""Bounds of a production prevalence. Nobody can measure a share beyond them, so scores corrected to it would mean
nothing."""


def check_prior(prior: Prior, labels: Sequence[str], *, exclusive: bool) -> dict[str, float]:
    """Check a prior, and return the production prevalence of each label that it names.

    Raises
    ------
    UsageError : a share is below ``LEAST`` or above ``MOST``, a label is unknown, ``prior`` is empty, ``prior`` is a
        single share although there are several labels, or shares of exclusive labels add up to more than ``MOST``.

    >>> check_prior(0.02, ["toxic"], exclusive=False)
    {'toxic': 0.02}
    """
    if isinstance(prior, Mapping):
        named: dict[str, Any] = dict(prior)
        if not named:
            raise UsageError(f"the prior names no label; give it by label, such as {_example(labels)}")
        if unknown := [str(name) or "''" for name in named if name not in labels]:
            raise UsageError(
                f"the prior names {', '.join(unknown)}, but the labels are {', '.join(labels)}; name those"
            )
    elif len(labels) > 1:
        raise UsageError(
            f"the prior is {prior}, but there are {len(labels)} labels; give it by label, such as {_example(labels)}"
        )
    else:
        named = {labels[0]: prior}
    for label, rate in named.items():
        if isinstance(rate, bool) or not isinstance(rate, Real) or not LEAST <= float(rate) <= MOST:
            raise UsageError(
                f"the prior of label '{label}' is {rate}; expected the share of comments in production that hold it, from "
                f"{LEAST:f} to {MOST:f}, such as 0.02 for 2 %"
            )
    rates = {label: float(rate) for label, rate in named.items()}
    if exclusive:
        _check_sum(rates.values())
    return rates


def production_prevalence(
    prior: Prior,
    labels: Sequence[str],
    rates: Sequence[float],
    before: Sequence[float] | None = None,
    *,
    exclusive: bool,
) -> tuple[float, ...]:
    """Return the production prevalence of each label: from ``prior``, or from ``before`` if ``prior`` does not name it.

    Parameters
    ----------
    rates : share of each label among the calibration rows, on which calibration was fitted.
    before : earlier production prevalence of each label; if None, ``rates`` are used instead.

    Raises
    ------
    UsageError : ``prior`` is wrong (see :func:`check_prior`); none or all of the calibration rows have a label that
        ``prior`` names; or labels are exclusive and no calibration row is without a label.

    >>> production_prevalence({"hate": 0.01}, ["toxic", "hate"], [0.3, 0.2], exclusive=False)
    (0.3, 0.01)
    >>> production_prevalence({"hate": 0.01}, ["toxic", "hate"], [0.3, 0.2], (0.02, 0.05), exclusive=False)
    (0.02, 0.01)
    """
    named = check_prior(prior, labels, exclusive=exclusive)
    for label, rate in zip(labels, rates, strict=True):
        if label in named and not 0 < rate < 1:
            raise UsageError(
                f"{'every' if rate else 'no'} calibration comment has the label '{label}', so its scores cannot "
                "be corrected to a production prevalence; label more comments, or leave the label out of the "
                "prior"
            )
    current = rates if before is None else before
    prevalence = tuple(named.get(label, rate) for label, rate in zip(labels, current, strict=True))
    if exclusive:
        _check_sum(prevalence)
        if sum(rates) >= 1:
            raise UsageError(
                "every calibration comment has a label, so scores cannot be corrected to a production prevalence; "
                "add comments that are not toxic, or leave the prior out"
            )
    return prevalence


def in_words(prior: Mapping[str, float]) -> str:
    """Return a phrase that names production prevalences, for messages.

    >>> in_words({"toxic": 0.02}), in_words({"toxic": 0.02, "hate": 0.0005})
    ('production prevalence of 2.0 %', 'production prevalences of 2.0 % toxic, 0.05 % hate')
    """
    if len(prior) == 1:
        return f"production prevalence of {percent(*prior.values())}"
    return f"production prevalences of {', '.join(f'{percent(rate)} {label}' for label, rate in prior.items())}"


def percent(rate: float) -> str:
    """Return a share as a percentage, with up to three significant digits."""
    return f"{np.format_float_positional(100 * rate, precision=3, fractional=False, trim='0')} %"


def _check_sum(rates: Iterable[float]) -> None:
    total = sum(rates)
    if total > MOST + 1e-12:  # tolerance for rounding
        raise UsageError(
            f"the labels exclude each other, but this prior adds up to {percent(total)} and leaves less than one "
            "comment in a million without a label; give lower shares"
        )


def _example(labels: Sequence[str]) -> str:
    """Return an example of a prior by label, as a flag and as a recipe value."""
    shown = labels[:2]
    flag = ",".join(f"{label}=0.02" for label in shown)
    table = ", ".join(f"{json.dumps(label, ensure_ascii=False)} = 0.02" for label in shown)
    return f"--prior {flag}, or in a recipe {{{table}}}"
