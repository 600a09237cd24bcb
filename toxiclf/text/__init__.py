"""From comments to ids: normalizer, views that read disguised words, tokenizers, vocabularies and the text encoder.

Importing the package needs only the base install.
"""
