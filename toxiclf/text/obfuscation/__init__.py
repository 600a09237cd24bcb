"""Words written so that they are not found, and how they may be read.

Nothing here changes a text: each rule adds readings of some of its words.
"""

from toxiclf.text.obfuscation.reading import ALL, RULES, Reading, Rule, expanded, read_raw, readings

__all__ = ["ALL", "RULES", "Reading", "Rule", "expanded", "read_raw", "readings"]
