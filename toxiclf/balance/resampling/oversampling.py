"""Resamplers that add rows to the rarer class: copies of its rows, or new rows near them."""

from __future__ import annotations

from typing import Any

from toxiclf._registry import register
from toxiclf.balance.resampling._settings import Settings


@register("resampler", summary="Random copies of rows of the rarer class", order=10)
def random_over(settings: Settings) -> Any:
    """Return a sampler that repeats random rows of the rarer class until the ratio is reached.

    Source: Batista, Prati and Monard 2004, "A Study of the Behavior of Several Methods for Balancing Training Data".
    """
    from imblearn.over_sampling import RandomOverSampler

    return RandomOverSampler(sampling_strategy=settings.sampling_strategy, random_state=settings.seed)


@register(
    "resampler", summary="New rows between a row of the rarer class and its nearest neighbors of that class",
    generates=True, keys=("ratio", "neighbours"), order=30
)  # fmt: skip
def smote(settings: Settings) -> Any:
    """Return SMOTE, which makes new rows between a row of the rarer class and its nearest neighbors of that class.

    Source: Chawla et al. 2002, "SMOTE: Synthetic Minority Over-sampling Technique".
    """
    from imblearn.over_sampling import SMOTE

    return SMOTE(**settings.of_smote)


@register(
    "resampler", summary="SMOTE from rows of the rarer class near the more frequent class",
    generates=True, keys=("ratio", "neighbours"), order=40,
)  # fmt: skip
def borderline_smote(settings: Settings) -> Any:
    """Return Borderline-SMOTE: SMOTE only from rows of the rarer class near the border between the classes.

    At least half of the neighbors of such a row, but not all, belong to the more frequent class.

    Source: Han, Wang and Mao 2005, "Borderline-SMOTE: A New Over-Sampling Method in Imbalanced Data Sets Learning".
    """
    from imblearn.over_sampling import BorderlineSMOTE

    return BorderlineSMOTE(**settings.of_smote)


@register(
    "resampler", summary="SMOTE from support vectors of the rarer class",
    generates=True, keys=("ratio", "neighbours"), order=50
)  # fmt: skip
def svm_smote(settings: Settings) -> Any:
    """Return SVM-SMOTE: SMOTE from the support vectors of the rarer class.

    If a support vector has few neighbors in the more frequent class, its new rows lie beyond it, away from its
    neighbors in the rarer class.

    Source: Nguyen, Cooper and Kamei 2011, "Borderline over-sampling for imbalanced data classification".
    """
    from imblearn.over_sampling import SVMSMOTE

    return SVMSMOTE(**settings.of_smote)


@register(
    "resampler", summary="SMOTE with more new rows near the more frequent class",
    generates=True, keys=("ratio", "neighbours"), order=60
)  # fmt: skip
def adasyn(settings: Settings) -> Any:
    """Return ADASYN: SMOTE in which a row gets more new rows if more of its neighbors are in the more frequent class.

    Source: He et al. 2008, "ADASYN: Adaptive synthetic sampling approach for imbalanced learning".
    """
    from imblearn.over_sampling import ADASYN

    return ADASYN(
        sampling_strategy=settings.sampling_strategy, n_neighbors=settings.neighbours, random_state=settings.seed
    )


@register(
    "resampler", summary="SMOTE, then removal of both rows of each Tomek link",
    generates=True, keys=("ratio", "neighbours"), order=70
)  # fmt: skip
def smote_tomek(settings: Settings) -> Any:
    """Return SMOTE followed by the removal of both rows of each Tomek link.

    A Tomek link is a pair of rows of different classes that are each other's nearest neighbors.

    Source: Batista, Bazzan and Monard 2003, "Balancing Training Data for Automated Annotation of Keywords".
    """
    from imblearn.combine import SMOTETomek

    return SMOTETomek(smote=smote(settings), random_state=settings.seed)


@register(
    "resampler", summary="SMOTE, then removal of rows that have a near neighbor of another class",
    generates=True, keys=("ratio", "neighbours"),
    order=80,
)  # fmt: skip
def smote_enn(settings: Settings) -> Any:
    """Return SMOTE followed by edited nearest neighbors.

    This second method removes each row that has a row of another class among its three nearest neighbors.

    Source: Batista, Prati and Monard 2004, "A Study of the Behavior of Several Methods for Balancing Training Data".
    """
    from imblearn.combine import SMOTEENN

    return SMOTEENN(smote=smote(settings), random_state=settings.seed)
