"""Compile what makes scoring fast where a compiler is; without one, toxiclf gives the same results more slowly."""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags
from setuptools import Distribution, Extension
from setuptools.errors import BaseError

NAMES = ("toxiclf.text._ngrams", "toxiclf.text._prefilter")


class CompiledModules(BuildHookInterface):  # type: ignore[type-arg]
    """Build the C files in their places; ``TOXICLF_PURE`` leaves them out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and let the wheel hold the result."""
        if os.environ.get("TOXICLF_PURE"):
            return
        modules = [Extension(name, [f"{name.replace('.', '/')}.c"], py_limited_api=True) for name in NAMES]
        build = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        build.inplace = build.force = True
        build.ensure_finalized()
        try:
            build.run()
        except BaseError as error:
            self.app.display_warning(
                f"{', '.join(NAMES)} were not compiled: {error}. toxiclf works without them, but more slowly."
            )
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{next(iter(platform_tags()))}"
        build_data["artifacts"] += ["toxiclf/text/_*.so", "toxiclf/text/_*.pyd"]
