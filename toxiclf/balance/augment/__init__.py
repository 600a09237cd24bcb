"""Text augmentation: comments of the rarer class, written once more in words that keep their label."""

from toxiclf.balance.augment.making import Augmented, augmented
from toxiclf.balance.augment.registry import AUGMENTERS

__all__ = ["AUGMENTERS", "Augmented", "augmented"]
