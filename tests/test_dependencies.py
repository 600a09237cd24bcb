"""What toxiclf installs: the license of each package is listed, and none has a known vulnerability."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.check
def test_the_license_of_every_installed_package_is_listed() -> None:
    specification = importlib.util.spec_from_file_location("licenses", ROOT / "scripts" / "write_licenses.py")
    assert specification is not None
    assert specification.loader is not None
    licenses = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(licenses)
    page = licenses.PAGE.read_text("utf-8")
    assert page.startswith(licenses.INTRO), "run: python scripts/write_licenses.py"
    brought, listed = licenses.packages(), licenses.listed()
    # a package of another platform is not installed here; its line stays
    elsewhere = {name: line for name, line in listed.items() if name not in brought and not _is_installed(name)}
    lines = {name: licenses.line_of(name, *package) for name, package in brought.items()}
    assert listed == lines | elsewhere, (
        "run: python scripts/write_licenses.py; delete the line of what is no longer brought"
    )
    assert {"numpy", "onnxruntime", "gensim", "konlpy", "korcen"} <= listed.keys()


def _is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def test_scoring_needs_only_permissive_licenses() -> None:
    page = (ROOT / "docs" / "licenses.md").read_text("utf-8")
    base = re.findall(r"^\| `(.+)` \| (.+) \| base \|$", page, re.MULTILINE)
    assert {"numpy", "onnxruntime", "mecab-python3"} <= {name for name, _ in base}
    assert [name for name, stated in base if re.search(r"GPL|MPL|none named", stated)] == []


def vulnerabilities() -> dict[str, list[str]]:
    """Known vulnerabilities of installed packages, by package, as pip-audit says; skips where it does not get its data."""
    if importlib.util.find_spec("pip_audit") is None:
        pytest.skip("pip-audit is not installed; it asks the package index about every package")
    options = ["--skip-editable", "--progress-spinner=off", "--timeout=10", "--format=json", "--desc=off"]
    done = subprocess.run([sys.executable, "-m", "pip_audit", *options], capture_output=True, text=True, check=False)
    if not done.stdout.startswith(
        "{"
    ):  # the exit code is 1 for a vulnerability and for a failure; only an audit prints JSON
        said = " ".join(done.stderr.split())
        assert re.search(r"connect|timed? ?out|resolution|HTTP ?error|SSL", said, re.IGNORECASE), said
        pytest.skip(f"pip-audit cannot reach its data: {said[-200:]}")
    audited = [package for package in json.loads(done.stdout)["dependencies"] if "vulns" in package]
    if not audited:
        pytest.skip("pip-audit found data about no package")
    return {package["name"]: [fault["id"] for fault in package["vulns"]] for package in audited if package["vulns"]}


@pytest.mark.check
def test_no_installed_package_has_a_known_vulnerability() -> None:
    assert vulnerabilities() == {}


SOUND = {"name": "numpy", "version": "2.0", "vulns": []}
FAULTY = {"name": "rich", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
SKIPPED = {"name": "toxiclf", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("code", "packages", "said", "expected"),
    [
        (0, [SOUND, SKIPPED], "No known vulnerabilities found", {}),
        (1, [SOUND, FAULTY, SKIPPED], "Found 1 known vulnerability in 1 package", {"rich": ["PYSEC-1"]}),
        (0, [SKIPPED], "No known vulnerabilities found", pytest.skip.Exception),
        (1, None, "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", pytest.skip.Exception),
        (1, None, "requests.exceptions.ReadTimeout: HTTPSConnection(host='index.example'): Read timed out.", pytest.skip.Exception),
        (2, None, "pip-audit: error: unrecognized arguments: --skip-editable", AssertionError),
    ],
    ids=["sound", "vulnerable", "no data", "no network", "time limit", "usage"],
)  # fmt: skip
def test_what_pip_audit_prints_is_understood(
    code: int, packages: Any, said: str, expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in, since pip-audit itself asks the index about every package."""
    printed = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    (tmp_path / "pip_audit.py").write_text(
        f"import sys; print({printed!r}, end=''); print({said!r}, file=sys.stderr); sys.exit({code})", "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if isinstance(expected, dict):
        assert vulnerabilities() == expected
    else:
        with pytest.raises(expected, match=re.escape(said[-20:]) if packages is None else None):
            vulnerabilities()
