"""Links between pages lead somewhere, and the documentation site builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
_FENCE = re.compile(r"^(```+|~~~+).*?^\1`*[ ]*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\]\([^)]*\))*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def links(text: str) -> list[str]:
    """Targets of inline links and images, code left out."""
    return _LINK.findall(_CODE.sub("code", _FENCE.sub("", text)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Anchors of a page's headings, as GitHub and MyST make them."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    found = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)) | set(re.findall(r"^\((\S+)\)=$", text, re.MULTILINE))
    for heading in re.findall(r"^#{1,6} +(.+?)(?: +#+)? *$", text, re.MULTILINE):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = sum(other == slug or re.fullmatch(re.escape(slug) + r"-\d+", other) is not None for other in found)
        found.add(f"{slug}-{count}" if slug in found else slug)
    return frozenset(found)


def broken(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    bad = []
    for target in links(page.read_text("utf-8")):
        if _ADDRESS.match(target):
            continue
        path, _, anchor = unquote(target).partition("#")
        place = (page.parent / path).resolve() if path else page
        missing_anchor = anchor and place.suffix == ".md" and place.is_file() and anchor not in anchors(place)
        if not place.exists() or missing_anchor:
            bad.append(target)
    return bad


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_and_anchors_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `b` & c\n\n## Twice\n\n## Twice\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[ok](other.md#a-b--c) [ok](other.md#twice-1) [no](other.md#twice-2) ![no](no.png)\n`[code](none.md)`\n"
        "[ok](https://example.org/none.md) [no](#none)\n\n```sh\n[ -e x ](none.md)\n```\n",
        "utf-8",
    )
    assert broken(page) == ["other.md#twice-2", "no.png", "#none"]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    listed = {"index.md"}
    for toctree in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL):
        for entry in toctree.splitlines():
            if entry and not entry.startswith(":"):
                listed |= {str(page.relative_to(DOCS)) for page in DOCS.glob(f"{entry}.md")}
    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} == listed


def test_the_citation_names_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


@pytest.mark.check
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    missing = [name for name in ("sphinx", "myst_parser", "furo", "numpydoc") if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; run: pip install '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "api.html").is_file()
