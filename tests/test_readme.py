"""What the README and the pages beside it show is what happens: every block is run, in order, in one folder a page."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import typer

from toxiclf._registry import components
from toxiclf.cli import app, run
from toxiclf.datasets.comments import Comments
from toxiclf.recipe import Recipe, presets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
GENERATED = {"docs/reference/cli.md", "docs/reference/recipe.md"}  # by scripts/write_reference.py
# Korean pages have the blocks of their English twins: tests/test_korean_pages.py
ENGLISH = {
    page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md") if not page.name.endswith(".ko.md")
}
PAGES = ["README.md", *sorted(ENGLISH - GENERATED)]
TUTORIAL = "docs/tutorial/your-own-csv.md"
NOT_RUN = {"pip install": "makes the environment that this test runs in"}
# of five folds, each a whole fit, and of thirty epochs: all that is run otherwise than it is shown
FEW_FOLDS, FEW_EPOCHS = ["--set", "decision.folds=2"], ["--set", "model.epochs=3"]
SHELL_SIGNS = re.compile(r"[|<>$&]")


def blocks(page: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def run_shell(block: str) -> None:
    """Commands of toxiclf run in this process, as long as they are plain; all else in a shell that knows toxiclf."""
    for line in block.replace("\\\n", " ").splitlines():
        arguments = shlex.split(line, comments=True)
        if not arguments:
            continue
        if arguments[0] == "toxiclf" and not SHELL_SIGNS.search(line.partition("  #")[0]):
            fewer = [*FEW_FOLDS, *(FEW_EPOCHS if "cnn" in arguments else [])] if arguments[1] == "train" else []
            assert run([*arguments[1:], *fewer]) == 0, line
        else:
            path = f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin:/bin"
            done = subprocess.run(["bash", "-ec", line], env={"PATH": path, "LC_ALL": "C.UTF-8"}, capture_output=True)
            assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"


def write_placeholders(folder: Path, sample: Comments, two_labels: Comments, exclusive: Comments) -> None:
    """The files that commands of the pages name."""
    tables = {
        "comments.csv": (",", ["comment", "label"], sample, sample.targets[:, 0]),
        "other.csv": (",", ["comment", "label"], sample, sample.targets[:, 0]),
        "news.tsv": ("\t", ["comments", "hate"], exclusive, [_value(exclusive, row) for row in exclusive.targets]),
    }
    for name, (delimiter, heading, comments, labels) in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(
                [heading, *([text, label] for text, label in zip(comments.texts, labels, strict=True))]
            )
    with (folder / "forum.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [[text, *row] for text, row in zip(two_labels.texts, two_labels.targets.tolist(), strict=True)]
        csv.writer(file).writerows([["문장", "악플", "혐오"], *lines])
    for name in ("new.csv", "texts.txt"):
        (folder / name).write_text("".join(text.replace("\n", " ") + "\n" for text in sample.texts), "utf-8")


def _value(comments: Comments, row: object) -> str:
    named = [label for label, target in zip(comments.labels, row, strict=True) if target]  # type: ignore[call-overload]
    return named[0] if named else "none"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_written_as_its_language_wants(page: str) -> None:
    for language, block in blocks(page):
        if language == "python":
            compile(block, page, "exec")
        elif language == "toml":
            Recipe.load(tomllib.loads(block))
        elif language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                arguments = shlex.split(line.partition(" || ")[0], comments=True)
                if arguments[:1] == ["toxiclf"]:
                    read_as_toxiclf_does(arguments[1:])


def read_as_toxiclf_does(arguments: list[str]) -> None:
    """Read a command line and the recipe that it makes, without running it."""
    command = typer.main.get_command(app)
    while isinstance(command, typer.core.TyperGroup):
        context = command.make_context("toxiclf", arguments, resilient_parsing=True)
        _, command, arguments = command.resolve_command(context, arguments)
        assert command is not None
    options = command.make_context(command.name, arguments).params
    if command.name == "train" and options["recipe"] is None:
        Recipe.load(None, model=options["model"], settings=options["settings"] or ())


@pytest.mark.check
@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Comments, two_labels: Comments,
    exclusive: Comments,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write_placeholders(tmp_path, sample, two_labels, exclusive)
    for language, block in blocks(page):
        if any(block.startswith(start) for start in NOT_RUN):
            continue
        if language == "python":
            exec(compile(block, page, "exec"), {"__name__": "__main__"})
        elif language == "sh":
            run_shell(block)
        elif language == "toml":  # a recipe: its first line says where it goes
            path = tmp_path / block.splitlines()[0].removeprefix("# --recipe ")
            path.write_text(block, "utf-8")
            assert run(["train", "corpus:sample", "--recipe", str(path), "--out", "runs/recipe", *FEW_FOLDS]) == 0
        elif language != "text":
            pytest.fail(
                f"{page} has a block in {language}: mark it python, sh, toml or text, or say in NOT_RUN why it is not run"
            )


@pytest.mark.check
def test_the_tutorial_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (_, make), *rest = blocks(TUTORIAL)
    exec(compile(make, TUTORIAL, "exec"), {"__name__": "__main__"})
    run_shell(next(block for language, block in rest if language == "sh"))
    printed = next(block for language, block in rest if language == "text")
    assert " ".join(printed.split()) in capsys.readouterr().err


def test_every_finding_is_explained() -> None:
    page = (ROOT / TUTORIAL).read_text("utf-8")
    explained = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(components("finding")) <= set(explained)


def test_every_model_stands_in_the_table_of_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "recipe.md").read_text("utf-8")
    for name in components("model"):
        assert f"| `{name}` |" in page


def test_the_readme_is_short() -> None:
    assert 700 <= len(README.split()) <= 900
    assert len(re.findall(r"^\|", README, re.MULTILINE)) <= 2 + 6


def test_the_documentation_has_at_most_15000_words() -> None:
    """All pages but the reference, the list of licenses and translations, counted as ``wc -w`` counts."""
    docs = ROOT / "docs"
    pages = [page for page in docs.rglob("*.md") if not page.is_relative_to(docs / "reference")]
    pages.remove(docs / "licenses.md")
    words = {page.name: len(page.read_text("utf-8").split()) for page in pages if not page.name.endswith(".ko.md")}
    assert sum(words.values()) <= 15_000, words


def test_every_preset_is_named_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"]) == 0
    assert "toxiclf list presets" in capsys.readouterr().out
    assert run(["list", "presets"]) == 0
    words = set(re.split(r"[^\w]+", capsys.readouterr().out))
    assert set(presets()) <= words


def test_every_command_is_shown() -> None:
    shown = "\n".join((ROOT / page).read_text("utf-8") for page in PAGES)
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"toxiclf {command.name or command.callback.__name__.replace('_', '-')} " in shown
    for group in app.registered_groups:
        assert f"toxiclf {group.name} " in shown
