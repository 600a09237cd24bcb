"""Compile the C modules if there is a compiler; toxiclf is slower without them."""

from __future__ import annotations

import os
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags
from setuptools import Distribution, Extension
from setuptools.errors import BaseError

NAMES = ("toxiclf.text._ngrams", "toxiclf.text._prefilter", "toxiclf.models._regression")


class CompiledModules(BuildHookInterface):  # type: ignore[type-arg]
    """Build the C modules in place, unless ``TOXICLF_PURE`` is set."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add the modules to the wheel."""
        if os.environ.get("TOXICLF_PURE"):
            return
        paths = {name: name.replace(".", "/") for name in NAMES}
        libraries = [] if sys.platform == "win32" else ["m"]
        modules = [
            Extension(name, [f"{path}.c"], libraries=libraries, py_limited_api=True) for name, path in paths.items()
        ]
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
        build_data["artifacts"] += [f"{path}.{end}" for path in paths.values() for end in ("*so", "pyd")]
