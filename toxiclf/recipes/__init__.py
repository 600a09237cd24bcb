"""Recipes that are part of the package: each TOML file here is a preset with the name of its file."""
