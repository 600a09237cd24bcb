"""Compile the C modules if there is a compiler; toxiclf is slower without them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags
from setuptools import Distribution, Extension

PATHS = ("toxiclf/text/_ngrams", "toxiclf/text/_prefilter", "toxiclf/models/_regression")


class CompiledModules(BuildHookInterface):
    """Build the C modules in place, unless ``TOXICLF_PURE`` is set."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add the modules to the wheel."""
        if self.target_name != "wheel":
            return
        for old in self._built():
            old.unlink()
        if os.environ.get("TOXICLF_PURE", "0") in ("", "0"):
            libraries = [] if sys.platform == "win32" else ["m"]
            modules = [
                Extension(
                    path.replace("/", "."), [f"{path}.c"], libraries=libraries, py_limited_api=True, optional=True
                )
                for path in PATHS
            ]
            build = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
            build.inplace = build.force = True
            build.ensure_finalized()
            build.run()  # warns of an optional module that cannot be built
        built = self._built()
        if len(built) < len(PATHS):
            self.app.display_warning(
                f"{len(PATHS) - len(built)} of {len(PATHS)} C modules are left out: toxiclf is slower."
            )
        if built:
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{next(iter(platform_tags()))}"
            build_data["artifacts"] += [path.relative_to(self.root).as_posix() for path in built]

    def _built(self) -> list[Path]:
        return [
            file for path in PATHS for end in (".*so", ".pyd", ".*.pyd") for file in Path(self.root).glob(path + end)
        ]
