"""Text augmentation: changed copies of comments of the rarer class that keep their label.

A method is a subclass of :class:`Method` that registers itself; its file has its name.
"""

from toxiclf.balance.augmentation._making import Augmented, augmented, check_minority
from toxiclf.balance.augmentation._method import Generator, Method

__all__ = ["Augmented", "Generator", "Method", "augmented", "check_minority"]
