"""Ways to write a comment once more, by name."""

from __future__ import annotations

from toxiclf.balance.augmentation._method import Method
from toxiclf.balance.augmentation.aeda import Aeda
from toxiclf.balance.augmentation.eda import Eda
from toxiclf.balance.augmentation.jamo import Jamo
from toxiclf.balance.augmentation.keyboard import Keyboard
from toxiclf.balance.augmentation.obfuscate import Obfuscate
from toxiclf.balance.augmentation.repeat import Repeat
from toxiclf.balance.augmentation.spacing import Spacing

AUGMENTERS: dict[str, type[Method]] = {
    "eda": Eda,
    "aeda": Aeda,
    "keyboard": Keyboard,
    "jamo": Jamo,
    "spacing": Spacing,
    "repeat": Repeat,
    "obfuscate": Obfuscate,
}
"""Keys are those of :data:`toxiclf.recipe.AUGMENT_METHODS`."""
