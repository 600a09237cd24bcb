"""The documentation site: Sphinx with MyST Markdown and the Furo theme; ``make docs`` builds it into ``build/docs``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the package of this checkout, whatever is installed

project = "toxiclf"
author = copyright = "the toxiclf contributors"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
html_title = f"toxiclf {version}"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"]
html_theme = "furo"
html_copy_source = False
exclude_patterns = ["_build"]

# GitHub's anchors, so that links to a heading work there, here and in tests/test_links.py
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings give types in words
autodoc_default_options = {"members": True, "exclude-members": "model_config, model_post_init, set_score_request"}
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_class_members_toctree = False
# docstrings may name what is not public: it has no page
nitpick_ignore_regex = [("py:.*", r"toxiclf\.(balance|datasets|evaluation|features|recipe|text)\..*")]


def _unlink_files_outside(app: Sphinx, doctree: nodes.document) -> None:
    """Show links to pages outside docs/, such as CONTRIBUTING.md, as their text: the site does not have these pages."""
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link.get("reftype") != "myst":
            continue
        target = link["reftarget"].partition("#")[0]
        if link.get("refdomain") == "doc":
            is_outside = target not in app.env.found_docs
        else:  # of an included page of the repository's root
            is_outside = bool(target) and (ROOT / target).is_file()
        if is_outside:
            link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    """Register the handler."""
    app.connect("doctree-read", _unlink_files_outside)
