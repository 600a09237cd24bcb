"""The text half of the scoring path: normalizer, tokenizers, vocabularies, views (base install)."""
