"""What toxiclf installs: the license of each package is listed, and none has a known vulnerability."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.check
def test_the_license_of_every_installed_package_is_listed() -> None:
    specification = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "write_licences.py")
    assert specification is not None
    assert specification.loader is not None
    licences = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(licences)
    page = licences.PAGE.read_text("utf-8")
    assert page.startswith(licences.INTRO), "run: python scripts/write_licences.py"
    missing = sorted(licences.packages().keys() - licences.listed().keys())
    assert missing == [], "run: python scripts/write_licences.py"
    assert {"numpy", "onnxruntime", "gensim", "konlpy", "korcen"} <= licences.listed().keys()


def test_scoring_needs_only_permissive_licenses() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    base = re.findall(r"^\| `(.+)` \| (.+) \| base \|$", page, re.MULTILINE)
    assert {"numpy", "onnxruntime", "mecab-python3"} <= {name for name, _ in base}
    assert [name for name, stated in base if re.search(r"GPL|MPL|none named", stated)] == []


@pytest.mark.check
def test_no_installed_package_has_a_known_vulnerability() -> None:
    if importlib.util.find_spec("pip_audit") is None:
        pytest.skip("pip-audit is not installed; it asks the package index about every package")
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner=off", "--timeout=10", "--format=json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.startswith("{"):
        pytest.skip(f"pip-audit cannot reach its data: {' '.join(done.stderr.split())[-200:]}")
    audited = [package for package in json.loads(done.stdout)["dependencies"] if "vulns" in package]
    if not audited:
        pytest.skip("pip-audit found data about no package")
    assert {package["name"]: package["vulns"] for package in audited if package["vulns"]} == {}
