"""From comments to ids: normalizer, views of disguised words, tokenizers, vocabularies and the text encoder.

Importing the package needs only the base install.
"""
