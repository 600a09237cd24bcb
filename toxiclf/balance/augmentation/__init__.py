"""Text augmentation: adds changed copies of comments of the rarer class, with the same label.

Each augmentation method is a subclass of :class:`Method` that registers itself. Its file has the method's name.
"""

from toxiclf.balance.augmentation._making import Augmented, augmented, check_minority
from toxiclf.balance.augmentation._method import Generator, Method

__all__ = ["Augmented", "Generator", "Method", "augmented", "check_minority"]
