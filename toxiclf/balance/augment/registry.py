"""Ways to write a comment once more, by name."""

from __future__ import annotations

from toxiclf.balance.augment.aeda import Aeda
from toxiclf.balance.augment.eda import Eda
from toxiclf.balance.augment.jamo import Jamo
from toxiclf.balance.augment.keyboard import Keyboard
from toxiclf.balance.augment.method import Method
from toxiclf.balance.augment.obfuscate import Obfuscate
from toxiclf.balance.augment.repeat import Repeat
from toxiclf.balance.augment.spacing import Spacing

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
