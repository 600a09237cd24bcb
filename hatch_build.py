"""Compile the n-gram encoder where a compiler is; without one, toxiclf computes the same by numpy."""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags
from setuptools import Distribution, Extension
from setuptools.errors import BaseError

NAME = "toxiclf.text._ngrams"


class CompiledNgrams(BuildHookInterface):  # type: ignore[type-arg]
    """Build ``_ngrams.c`` in its place; ``TOXICLF_PURE`` leaves it out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and let the wheel hold the result."""
        if os.environ.get("TOXICLF_PURE"):
            return
        extension = Extension(NAME, ["toxiclf/text/_ngrams.c"], py_limited_api=True)
        build = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
        build.inplace = build.force = True
        build.ensure_finalized()
        try:
            build.run()
        except BaseError as error:
            self.app.display_warning(
                f"{NAME} was not compiled: {error}. toxiclf works without it, but scores more slowly."
            )
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{next(iter(platform_tags()))}"
        build_data["artifacts"] += ["toxiclf/text/_ngrams.*.so", "toxiclf/text/_ngrams.pyd"]
