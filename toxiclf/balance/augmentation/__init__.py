"""Text augmentation: comments of the rarer class, written once more in words that keep their label."""

from toxiclf.balance.augmentation._making import Augmented, augmented
from toxiclf.balance.augmentation._registry import AUGMENTERS

__all__ = ["AUGMENTERS", "Augmented", "augmented"]
