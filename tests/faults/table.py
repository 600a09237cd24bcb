"""The command line of the campaign, and its table."""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.campaign import FAMILIES, Result, fight
from tests.faults.stage import make

IN_TESTS: dict[str, Sequence[str]] = {
    "a hostile report in Chromium": ("tests/report/test_html.py", "-k", "hostile or nothing_is_loaded or exported"),
    "servers that lie": ("tests/datasets/test_fetch.py",),
    "no network, no foreign file": ("tests/faults/test_no_network.py",),
    "forked processes": ("tests/faults/test_forked.py",),
    "growth of work": ("tests/faults/test_growth.py",),
    "texts that a bundle gives back": ("tests/text/test_personal.py",),
}
"""Families that are tests by themselves: arguments of pytest."""


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").partition("\n")[0])
    parser.add_argument("--family", action="append", choices=[*FAMILIES, *IN_TESTS], metavar="NAME",
                        help=f"only this family; repeatable: {', '.join([*FAMILIES, *IN_TESTS])}")  # fmt: skip
    parser.add_argument("--only", default="", metavar="TEXT", help="only attacks whose name contains this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--share", type=float, default=1.0, help="this share of each family")
    parser.add_argument("--short", action="store_true", help="a few of each family, in seconds")
    parser.add_argument("--budget", type=float, default=30, metavar="MINUTES", help="what is left then is not tried")
    parser.add_argument("--no-tests", action="store_true", help="leave out families that are tests by themselves")
    parser.add_argument("--out", action="append", type=Path, default=[], metavar="FILE", help="table as .csv or .md")
    arguments = parser.parse_args()
    wanted = arguments.family or [*FAMILIES, *([] if arguments.short or arguments.no_tests else IN_TESTS)]
    outs = [path.absolute() for path in arguments.out]
    begun = time.monotonic()
    deadline = begun + arguments.budget * 60
    results: list[Result] = []
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="toxiclf-faults-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "cache").mkdir()
        os.environ["TOXICLF_CACHE"] = str(folder / "cache")
        os.environ.pop("TOXICLF_CORPORA", None)
        os.chdir(folder)
        if attacked := [name for name in wanted if name in FAMILIES]:
            import onnx  # noqa: F401 - attacks use it

            stage = make(folder / "stage", quick=arguments.short)
            _say(f"attacking {_attacked()}; ready after {time.monotonic() - begun:.0f} s")
            for name in attacked:
                family = FAMILIES[name]
                number = family.short if arguments.short else max(1, round(family.full * arguments.share))
                if arguments.only:
                    number = family.full
                if not number:
                    continue
                before = time.monotonic()
                place_of = folder / "cases"
                place_of.mkdir(exist_ok=True)
                found = list(
                    fight(
                        name, family, stage, arguments.seed, number, arguments.jobs, place_of, arguments.only, deadline
                    )
                )
                results += found
                _say(f"{_line(name, found)}  ({time.monotonic() - before:.0f} s)")
        os.chdir(home)
        for name in wanted:
            if name in IN_TESTS:
                found = list(_tests(name, IN_TESTS[name]))
                results += found
                _say(_line(name, found))
    for path in outs:
        path.write_text((as_csv if path.suffix == ".csv" else as_markdown)(results), "utf-8")
    sys.stdout.write(as_markdown(results))
    return int(any(result.outcome == "not held" for result in results))


def _attacked() -> str:
    import toxiclf

    return str(Path(toxiclf.__file__).parent)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _tests(family: str, arguments: Sequence[str]) -> Iterator[Result]:
    """Run tests of the attacked toxiclf; yield a result for each."""
    import toxiclf

    root = Path(toxiclf.__file__).parents[1]
    if not (root / arguments[0]).exists():
        yield Result(family, "all", "not tried", f"{arguments[0]} does not exist")
        return
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not long", f"--junitxml={report}", *arguments]
        subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if not report.exists():
            yield Result(family, "all", "not tried", "pytest wrote no report")
            return
        for test in ElementTree.parse(report).iter("testcase"):
            bad = next((child for child in test if child.tag in ("failure", "error")), None)
            skipped = test.find("skipped")
            name = f"{test.get('classname')}::{test.get('name')}"
            if bad is not None:
                yield Result(family, name, "not held", (bad.get("message") or "")[:200])
            elif skipped is not None:
                yield Result(family, name, "not tried", skipped.get("message") or "")
            else:
                yield Result(family, name, "held")


def _counts(results: Sequence[Result]) -> tuple[int, int, int]:
    outcomes = [result.outcome for result in results]
    held, broken = outcomes.count("held"), outcomes.count("not held")
    return held + broken, held, len(outcomes) - held - broken


def _line(name: str, results: Sequence[Result]) -> str:
    tried, held, left = _counts(results)
    return f"{name}: {held:,} of {tried:,} held" + (f", {left:,} not tried" if left else "")


def _families(results: Sequence[Result]) -> dict[str, list[Result]]:
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(result.family, []).append(result)
    return families


def as_csv(results: Sequence[Result]) -> str:
    """A row for each attack."""
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["family", "case", "outcome", "seconds", "why"])
    for result in results:
        row = [result.family, result.name, result.outcome, f"{result.seconds:.2f}", result.why]
        writer.writerow([re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", cell) for cell in row])
    return text.getvalue().encode("utf-8", "backslashreplace").decode()


def as_markdown(results: Sequence[Result]) -> str:
    """A row for each family; below, what did not hold, and why what was not tried was not."""
    lines = ["| attacks | tried | held |", "|---|---|---|"]
    for name, found in _families(results).items():
        tried, held, left = _counts(found)
        lines.append(f"| {name} | {tried:,} | {held:,}{f' ({left:,} not tried)' if left else ''} |")
    for outcome in ("not held", "not tried"):
        found = [result for result in results if result.outcome == outcome]
        if found:
            lines += ["", f"{outcome.capitalize()}:", ""]
            lines += [f"- {result.family} / {result.name!a}: {result.why!a}" for result in found]
    return "\n".join(lines) + "\n"
