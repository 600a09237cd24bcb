"""Write docs/licenses.md: the license of every package that an extra of toxiclf brings, as the package itself states it.

python scripts/write_licenses.py     # in an environment with `.[dev]`; packages of other platforms stay on the page
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licenses.md"
INTRO = """# Licenses of the dependencies

toxiclf is under Apache-2.0.
It installs other packages, each under its own license.
This page lists what they state about themselves; it is no legal advice, and versions may differ.

- **You only score**: the base install brings the packages marked `base`.
  A bundle holds JSON and one ONNX graph, and no code of any of these packages.
  A bundle needs another package only if it was trained with one of these tokenizers:
  `kiwi` needs `[kiwi]`; `okt`, `komoran`, `kkma` and `hannanum` need `[konlpy]`.
- **You train**: `[train]` brings gensim, which is under LGPL-2.1 and learns word vectors.
  The vectors and the bundle hold numbers that it computed, and not its code.
- **You redistribute** an image or a program with these packages in it: the license of each that you ship applies to your copy.
  Check these first: gensim (LGPL-2.1), konlpy (GPL-3.0), and certifi and others (MPL-2.0).
  Many packages carry libraries of others, such as OpenBLAS in numpy and Eigen in kiwipiepy; their texts lie beside the code.
- **konlpy** is under GPL-3 or later and brings Java programs with licenses of their own.
  It runs in a Java runtime, which you install yourself, through JPype (Apache-2.0).
  OpenJDK is under GPL-2 with the Classpath Exception.
  Only `[konlpy]` and `[dev]` install it.
- **korcen** names no license in its metadata; the license file that it brings is Apache-2.0, its description says MIT.
  Ask its author before you ship it.
  Only `[rivals]` and `[dev]` install it, and only benchmarks call it.
  namex, which Keras needs, states its license only in its license file.
- **codespell** (GPL-2.0) checks spelling when toxiclf is developed; only `[dev]` installs it.
- **Corpora** have licenses of their own, too: `toxiclf corpora list` names them.

The table is written by `python scripts/write_licenses.py` from the metadata of the packages, or from their license files.
The last column names the extras that bring a package; every extra includes the packages of the base install.
"""
HEADING = "\n| package | license | brought by |\n|---|---|---|\n"
NAMED = {  # by how a license is named, or how its text begins
    r"apache": "Apache-2.0",
    r"mit\b|mit license|permission is hereby granted": "MIT",
    r"bsd[- ]3|3-clause|new bsd": "BSD-3-Clause",
    r"bsd[- ]2|simplified bsd": "BSD-2-Clause",
    r"bsd": "BSD",
    r"mozilla public license 2|mpl-2": "MPL-2.0",
    r"python software foundation|psf": "PSF-2.0",
    r"isc": "ISC",
    r"gpl v3|gplv3\+": "GPL-3.0-or-later",
    r"lgpl": "LGPL",
}


def packages() -> dict[str, tuple[Distribution, set[str]]]:
    """Return each installed package that base or an extra brings, with the names of the extras, by its normal name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: dict[str, tuple[Distribution, set[str]]] = {}
    for extra, wanted in {"base": project["dependencies"], **project["optional-dependencies"]}.items():
        open_, seen = [Requirement(line) for line in wanted], set()
        while open_:
            requirement = open_.pop()
            name, key = canonicalize_name(requirement.name), str(requirement)
            if key in seen or name == "toxiclf":
                continue
            seen.add(key)
            try:
                package = distribution(name)
            except PackageNotFoundError:  # of another platform
                continue
            found.setdefault(name, (package, set()))[1].add(extra)
            for line in package.requires or ():
                needed = Requirement(line)
                if any(
                    needed.marker is None or needed.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)
                ):
                    open_.append(needed)
    return found


def license_of(package: Distribution) -> str:
    """Return the license that a package states, in short; that of its license file if it states none."""
    data = package.metadata
    if expression := data.get("License-Expression"):
        return str(expression)
    stated = [str(data.get("License") or "").strip()]
    stated += [c.rpartition(" :: ")[2] for c in data.get_all("Classifier") or () if c.startswith("License :: ")]
    for text in filter(None, stated):
        start = " ".join(text.split())[:60]
        if re.match(r"[A-Z][\w.]+-[\w.-]*( (OR|AND) .*)?$", start):  # an SPDX expression
            return start
        for pattern, name in NAMED.items():
            if re.search(rf"\b(?:{pattern})", start, re.IGNORECASE):
                return name
    if any(stated):
        return next(" ".join(text.split())[:40] for text in stated if text)
    for file in package.files or ():
        if re.fullmatch(r"LICEN[SC]E(\.\w+)?", file.name):
            text = file.locate().read_text("utf-8", "replace")
            for pattern, name in NAMED.items():
                if re.search(rf"\b(?:{pattern})", text[:400], re.IGNORECASE):
                    return f"{name} (file)"
    return "none named"


def line_of(name: str, package: Distribution, extras: set[str]) -> str:
    """Return the line of a package in the table."""
    by = "base" if "base" in extras else ", ".join(f"`[{extra}]`" for extra in sorted(extras))
    return f"| `{name}` | {license_of(package)} | {by} |"


def listed() -> dict[str, str]:
    """Return the lines of the table on the page, by package."""
    if not PAGE.exists():
        return {}
    return {line.split("`")[1]: line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")}


def main() -> None:
    """Write the page; lines of packages that are not installed here are kept."""
    lines = listed()
    for name, (package, extras) in packages().items():
        lines[name] = line_of(name, package, extras)
    PAGE.write_text(INTRO + HEADING + "".join(f"{lines[name]}\n" for name in sorted(lines)), "utf-8")


if __name__ == "__main__":
    main()
