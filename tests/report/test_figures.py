"""Figures: what a run shows, drawn for a page and for a paper."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

import toxiclf
from tests.conftest import tiny
from toxiclf._registry import component, components
from toxiclf.cli import run
from toxiclf.datasets.comments import Comments
from toxiclf.errors import UsageError
from toxiclf.evaluation.saved import drawable_report
from toxiclf.pipeline.evaluate import evaluate_bundle
from toxiclf.pipeline.save import TrainedModel
from toxiclf.report import _matplotlib, _plotly
from toxiclf.report.chart import Axis, Chart, HeatMap, Panel, Rule, Series
from toxiclf.report.figures import FORMATS, available, charts, write_figures

FIXTURE = Path(__file__).parent.parent / "fixtures" / "0.1"
MAGIC = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}


@pytest.fixture(scope="module")
def learned_run(sample: Comments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with selection, a learned metric and a GAN."""
    recipe = {
        **tiny("logistic"),
        "features": {"select": 10, "metric": "triplet", "metric_size": 4, "metric_units": [8], "metric_epochs": 2},
        "balance": {
            "resample": ["wgan", "smote"], "ratio": [0.5, 1.0], "gan_steps": 20, "gan_units": [8], "class_weight": "none"
        },
    }  # fmt: skip
    return toxiclf.train(sample, recipe).save(tmp_path_factory.mktemp("figures") / "learned")


@pytest.fixture(scope="module")
def network_run(sample: Comments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a history, and errors of comments."""
    return toxiclf.train(sample, tiny("autoencoder")).save(tmp_path_factory.mktemp("figures") / "network")


@pytest.mark.check
def test_all_figures_of_a_run_are_drawn_again_from_its_folder(
    learned_run: Path, network_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: set[str] = set()
    for folder in (learned_run, network_run):
        assert not (folder / "figures").exists()
        page = (folder / "report.html").read_text("utf-8")
        of_page = re.findall(r'<figure id="figure-(\w+)"', page)
        assert run(["figures", str(folder), "--format", "png", "--out", str(tmp_path / folder.name)]) == 0
        printed = capsys.readouterr()
        files = [Path(line) for line in printed.out.splitlines()]
        assert [file.stem for file in files] == of_page
        assert all(file.read_bytes().startswith(MAGIC["png"]) for file in files)
        for name in set(components("figure")) - set(of_page):
            assert f"this run has no figure {name}, which needs {component('figure', name)['needs']}" in printed.err
        drawn |= set(of_page)
    assert drawn == set(components("figure")) - {"class_confusion"}  # these runs have one label


@pytest.mark.check
@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_run_gives_the_same_file(bundle: Path, tmp_path: Path, kind: str) -> None:
    report = drawable_report(bundle)  # a bundle in its run's folder names the run
    first, again = (write_figures(report, tmp_path / part, ["roc", "tokens"], kind=kind) for part in "ab")
    assert [path.name for path in first] == [f"roc.{kind}", f"tokens.{kind}"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes().startswith(MAGIC[kind])
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.check
def test_each_label_has_a_panel_or_one_label_is_chosen(
    trained: Callable[..., TrainedModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained("ngram_logistic", "two").save(tmp_path / "run")
    command = ["figures", str(folder), "--out", str(tmp_path / "out"), "--only", "roc, confusion", "--only", "slices"]
    assert run(command) == 0
    both = len((tmp_path / "out" / "roc.svg").read_bytes())
    assert run([*command, "--label", "웃음"]) == 0
    assert len((tmp_path / "out" / "roc.svg").read_bytes()) < both
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"roc.svg", "confusion.svg", "slices.svg"}
    capsys.readouterr()
    assert run([*command, "--label", "웃"]) == 2
    assert "unknown label '웃'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--only", "rok"], "unknown figure 'rok'; did you mean 'roc'?"),
        (["--format", "pgn"], "unknown format 'pgn'; did you mean 'png'?"),
        (["--only", "history"], "there is nothing to draw: this run has no figure history, which needs a network"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], sentence: str
) -> None:
    assert run(["figures", str(bundle.parent), "--out", str(tmp_path / "out"), *flags]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_figures_go_to_no_file(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    for out in (taken, taken / "figures"):
        assert run(["figures", str(bundle.parent), "--only", "roc", "--out", str(out)]) == 2
        assert f"{out} cannot be created" in capsys.readouterr().err


@pytest.mark.check
def test_a_pdf_is_written_without_a_word_of_its_fonts(bundle: Path, tmp_path: Path) -> None:
    command = ["figures", str(bundle.parent), "--only", "confusion", "--format", "pdf", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "toxiclf", *command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.check
def test_a_run_of_an_earlier_version_is_drawn_as_far_as_it_goes(learned_run: Path, tmp_path: Path) -> None:
    """Version 0.1 wrote neither a format number nor points of figures."""
    said: list[str] = []
    written = write_figures(drawable_report(FIXTURE), tmp_path / "old", kind="png", say=said.append)
    assert {"precision_recall", "calibration", "threshold", "slices", "tokens"} <= {file.stem for file in written}
    assert "this run has no figure lengths, which needs lengths of comments, which older runs did not save" in said
    shutil.copytree(learned_run, tmp_path / "run")
    path = tmp_path / "run" / "report.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({key: content[key] for key in content if key not in ("format", "figure_data")}), "utf-8")
    said.clear()
    write_figures(
        drawable_report(tmp_path / "run"), tmp_path / "out", ["importance", "metric_learning"], say=said.append
    )
    assert said == [
        "this run has no figure metric_learning, which needs a learned metric; older runs did not save its points"
    ]


@pytest.mark.check
def test_a_run_that_diverged_has_its_history(sample: Comments, tmp_path: Path) -> None:
    recipe = {**tiny("cnn"), "model": {**tiny("cnn")["model"], "learning_rate": 1e6, "activation": "relu"}}
    model = toxiclf.train(sample, recipe)
    assert model.diverged
    report = drawable_report(model.save(tmp_path / "run"))
    assert "history" in available(report)
    assert "roc" not in available(report)
    assert (write_figures(report, tmp_path, ["history"])[0]).read_bytes().startswith(MAGIC["svg"])


@pytest.mark.parametrize("last", [(0.5, 0.7), (math.nan, math.nan), (math.inf, math.nan), (3e38, math.nan)])
def test_a_history_is_drawn_however_it_ends(
    last: tuple[float, float], trained: Callable[..., TrainedModel], tmp_path: Path
) -> None:
    rows = [
        {"epoch": epoch, "loss": loss, "validation_average_precision": precision}
        for epoch, (loss, precision) in enumerate([(0.6, 0.5), last], start=1)
    ]
    for history in (rows, rows[1:]):
        report = trained("ngram_logistic").report.with_rows(None, history)
        assert report.figure("history").data
        assert write_figures(report, tmp_path, ["history"], kind="png")[0].read_bytes().startswith(MAGIC["png"])


def test_where_no_font_has_hangul_boxes_stand_for_it(
    trained: Callable[..., TrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_matplotlib, "_KOREAN_FONTS", ())
    _matplotlib.korean_fonts.cache_clear()
    _matplotlib._characters.cache_clear()
    try:
        said: list[str] = []
        write_figures(trained("ngram_logistic", "two").report, tmp_path, ["roc", "threshold"], say=said.append)
        assert said == [
            "no installed font has all characters of roc, threshold, so some appear as boxes; install one, such as "
            "fonts-nanum for Hangul, and draw again"
        ]
    finally:
        _matplotlib.korean_fonts.cache_clear()
        _matplotlib._characters.cache_clear()


@pytest.mark.check
def test_every_part_of_a_chart_is_drawn_by_both(tmp_path: Path) -> None:
    odd = "<b>$x_1$</b> & 놈\n둘"
    series = [
        Series("line", [0, 1, 2], [1, None, 2], odd, dash="dashdot", markers=True, hover=[odd] * 3),
        Series("step", [0, 1, 2], [1, 2, 1], "second", second_axis=True),
        Series("points", [1.0], [1.0], "dot", cross=True, error_x=([0.1], [0.2]), error_y=([0.0], [0.3])),
    ]
    axis = Axis(odd, (0, 3), percent=True, reversed=True)
    bars = [Series("bars", ["a", odd], [1, 2], name, labels=["1", odd]) for name in ("one", "other")]
    heat = HeatMap([[0.0, 1.0]], [[odd, "two"]])
    parts = [
        Chart(
            [
                Panel(
                    axis,
                    Axis(odd, whole=True),
                    series,
                    rules=[Rule(1, odd), Rule(1, lying=True)],
                    second_y=odd,
                    note=odd,
                )
            ]
        ),
        Chart(
            [Panel(series=bars, title=odd, bars_overlap=False), Panel(Axis(hidden=True), series=series[2:])],
            share_y=True,
        ),
        Chart([Panel(Axis(ticks=[odd, "b"]), Axis(ticks=[odd]), heat_map=heat)], legend=False, height=300),
    ]
    for number, chart in enumerate(parts):
        content = _plotly.draw(chart)
        assert go.Figure(content).data  # as plotly knows it
        drawn = json.dumps(content, ensure_ascii=False, allow_nan=False)
        assert "&lt;b&gt;$x" in drawn
        assert "<b>$x" not in drawn  # text, and no markup
        for kind in FORMATS:
            _matplotlib.write(tmp_path / f"{number}.{kind}", [(odd, chart)])
            assert (tmp_path / f"{number}.{kind}").read_bytes().startswith(MAGIC[kind])


def test_settings_of_matplotlib_change_no_figure(tmp_path: Path) -> None:
    import matplotlib

    chart = Chart([Panel(Axis("x"), Axis("y"), [Series("line", [0, 1], [0, 1], "line")])])
    _matplotlib.write(tmp_path / "before.svg", [("", chart)])
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "lines.linewidth": 9, "axes.grid": True}):
        _matplotlib.write(tmp_path / "after.svg", [("", chart)])
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "after.svg").read_bytes() == (tmp_path / "before.svg").read_bytes()


def test_nothing_is_loaded_before_something_is_drawn() -> None:
    code = (
        "import sys, pkgutil, importlib, toxiclf.report\n"
        "for module in pkgutil.walk_packages(toxiclf.report.__path__, 'toxiclf.report.'): importlib.import_module(module.name)\n"
        "from toxiclf._registry import components\n"
        "components('figure'), components('format')\n"
        "print([name for name in ('plotly', 'matplotlib', 'jinja2', 'sklearn', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_line_of_the_threshold_is_the_first_shape(trained: Callable[..., TrainedModel]) -> None:
    """The page's slider moves it."""
    report = trained("ngram_logistic").report
    figure: Any = report.figure("threshold")
    assert figure.layout.shapes[0].x0 == report.thresholds["toxic"]


@pytest.mark.check
def test_a_run_of_evaluate_has_no_training_to_show(bundle: Path, sample: Comments) -> None:
    report = evaluate_bundle(bundle, sample)
    assert {"roc", "lengths", "tokens"} <= set(available(report))
    assert charts(report, "class_balance") == [None]
    with pytest.raises(UsageError, match="no figure 'class_balance'"):
        report.figure("class_balance")


def test_the_result_table_in_latex(trained: Callable[..., TrainedModel]) -> None:
    text = component("format", "latex").target(trained("ngram_logistic", "two").report)
    assert text.startswith("% The test set: 171 comments\n\\begin{tabular}{l")
    assert "average\\_precision" in text
    assert "웃음 & " in text
    assert "\\bottomrule\n\\end{tabular}" in text


@pytest.mark.check
def test_exclusive_classes_have_a_confusion_matrix(saved: Callable[[str, str], Path]) -> None:
    folder = saved("ngram_logistic", "exclusive")
    report = drawable_report(folder)
    assert report.class_confusion is not None
    counts = report.class_confusion["counts"]
    assert report.class_confusion["classes"] == ["none", "toxic", "웃음"]
    assert sum(map(sum, counts)) == report.data["sets"]["test"]["rows"]
    right = sum(counts[i][i] for i in range(3))
    assert report.summary["accuracy"]["value"] == pytest.approx(right / sum(map(sum, counts)))
    assert {"class_confusion", "confusion"} <= set(report.figures())
    assert "threshold" not in report.figures()  # none decides
    (chart,) = charts(report, "class_confusion")
    assert chart is not None
    heat_map = chart.panels[0].heat_map
    assert heat_map is not None
    assert heat_map.texts[1][1].split("\n")[0] == f"{counts[1][1]:,}"
    page = (folder / "report.html").read_text("utf-8")
    assert 'id="figure-class_confusion"' in page
    assert "Threshold explorer" not in page
    line = f"| toxic | {' | '.join(str(count) for count in counts[1])} |"
    assert line in (folder / "report.md").read_text("utf-8")
    assert "The verdict on a comment is the class with the highest score" in (folder / "report.md").read_text("utf-8")
