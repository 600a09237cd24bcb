"""report.html, as people see it: in Debian's Chromium."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toxiclf
from tests import browsing
from tests.machine import needs_chromium
from toxiclf.datasets.comments import Comments
from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
from toxiclf.pipeline.save import TrainedModel
from toxiclf.text.personal import NAMES

pytestmark = needs_chromium

HOSTILE = (
    "<script>window.hacked = 1</script> 시발",
    "</script><script>window.hacked = 2</script> 병신",
    "\"><img src=x onerror='window.hacked = 3'> 꺼져",
    "&lt;b&gt; &amp; <b>굵게</b> 개새끼",
    '=HYPERLINK("http://evil.example","꺼져")',
    "\u202eexe.gnp\u202c 좋은 하루",
    "\ud800 혼자인 글자",
    "긴 " * 50_000,
    "😀😂 시발 놈아",
)


class Browsed(browsing.Browsed):
    """A report that is looked at."""

    def unfold(self) -> None:
        self.page.locator("#list > summary").press("Enter")  # a click may miss it while charts above are drawn

    def cell(self, metric: str, column: int) -> str:
        return str(self.page.locator(f"#explorer-table tr[data-metric={metric}] td").nth(column).inner_text())

    def comments(self) -> list[str]:
        return list(self.page.locator("#rows td.text > .comment:first-child").all_text_contents())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing.chromium() as opened:
        yield opened


@pytest.fixture
def browse(browser: Any) -> Iterator[Callable[..., Browsed]]:
    contexts = []

    def get(file: Path, **options: Any) -> Browsed:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        return Browsed(contexts[-1].new_page(), file)

    yield get
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def run(bundle: Path) -> Path:
    """The folder of a run of one label."""
    return bundle.parent


@pytest.fixture(scope="module")
def opened(browser: Any, run: Path) -> Iterator[Browsed]:
    """Its page, which loads once; each test moves what it looks at."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Browsed(context.new_page(), run / "report.html")
    context.close()


@pytest.fixture(scope="module")
def hostile(bundle: Path, sample: Comments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on comments that would like to be more than text, all of them labelled otherwise than they look."""
    few = [*sample.texts[:60], *HOSTILE]
    scores = toxiclf.load(bundle).check(few)
    wrong = [int(not verdict.is_toxic) for verdict in scores]
    targets = [*sample.targets[:60, 0].tolist(), *wrong[60:]]
    comments = Comments(
        few, np.array(targets, dtype=np.uint8)[:, None], ("toxic",), source="<img src=y onerror=alert(1)>.csv"
    )
    folder = tmp_path_factory.mktemp("hostile")
    save_evaluation(evaluate_bundle(bundle, comments), folder)
    return folder


def test_the_slider_moves_the_numbers_to_what_the_report_gives_there(run: Path, opened: Browsed) -> None:
    report = json.loads((run / "report.json").read_text("utf-8"))
    curve = report["analysis"]["thresholds"]["labels"]["toxic"]
    page = opened.page
    saved = report["labels"]["toxic"]["threshold"]
    assert page.locator("#low-value").inner_text() == f"{saved:.4f}"
    for at in (0, len(curve["threshold"]) // 3, len(curve["threshold"]) // 2, len(curve["threshold"]) - 1):
        page.locator("#low").fill(str(at))
        tp, fp = curve["tp"][at], curve["fp"][at]
        fn, tn = curve["toxic"] - tp, curve["others"] - fp
        assert page.locator("#low-value").inner_text() == f"{curve['threshold'][at]:.4f}"
        assert [opened.cell(key, 0) for key in ("tp", "fp", "fn", "tn")] == [f"{n:,}" for n in (tp, fp, fn, tn)]
        expected = {
            "precision": tp / (tp + fp) if tp + fp else None, "recall": tp / (tp + fn), "specificity": tn / (tn + fp),
            "f1": 2 * tp / (2 * tp + fp + fn), "f2": 5 * tp / (5 * tp + 4 * fn + fp),
        }  # fmt: skip
        for metric, value in expected.items():
            shown = opened.cell(metric, 0)
            assert shown == "–" if value is None else abs(float(shown) - value) < 0.00051
    page.locator("#reset").click()
    assert page.locator("#low-value").inner_text() == f"{saved:.4f}"
    counts = report["confusion"]["toxic"]
    assert [opened.cell(key, 2) for key in ("tp", "fp", "fn", "tn")] == [
        f"{counts[k]:,}" for k in ("tp", "fp", "fn", "tn")
    ]
    assert opened.cell("recall", 2).startswith(f"{report['labels']['toxic']['recall']['value']:.3f}")


def test_the_keyboard_scrolls_every_wide_table(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert (
        page.count('<div class="scroll"')
        == page.count('<div class="scroll" tabindex="0" role="region" aria-label="')
        > 2
    )


def test_a_production_prevalence_shows_what_a_moderator_would_see(run: Path, opened: Browsed) -> None:
    counts = json.loads((run / "report.json").read_text("utf-8"))["confusion"]["toxic"]
    written = re.search(r'id="production-sentence"[^>]*>([^<]+)<', (run / "report.html").read_text("utf-8"))
    assert written is not None
    opened.page.reload()
    assert opened.page.locator("#production-sentence").inner_text() == unescape(
        written[1]
    )  # what stands there without a script
    opened.page.locator("#rate").fill("3")
    right = 300 * counts["tp"] / (counts["tp"] + counts["fn"])
    wrong = 9700 * counts["fp"] / (counts["fp"] + counts["tn"])
    assert opened.page.locator("#production-sentence").inner_text() == (
        f"Of 10,000 comments with 3 % toxic you would see {round(right) + round(wrong):,} flags, {round(right):,} of them "
        f"right, and miss {300 - round(right):,}."
    )
    assert opened.page.locator("#rate2").input_value() == "3"
    flags = float(opened.cell("flags", 1).replace(",", ""))
    assert abs(flags - sum(float(opened.cell(key, 1).replace(",", "")) for key in ("tp", "fp"))) <= 1


def test_two_thresholds_allow_review_and_block(run: Path, opened: Browsed) -> None:
    page = opened.page
    assert not page.locator("#high").is_visible()
    page.locator("#two").check()
    assert page.locator("#high").is_visible()
    page.locator("#low").fill("20")
    page.locator("#high").fill("120")
    numbers = [
        int(n.replace(",", ""))
        for n in re.findall(
            r"[\d,]+(?= would be blocked| reviewed| allowed)", page.locator("#explorer-sentence").inner_text()
        )
    ]
    assert abs(sum(numbers) - 10_000) <= 1
    page.locator("#high").focus()
    page.locator("#high").fill("5")  # blocking from below where review begins: review begins there, too
    assert page.locator("#low").input_value() == "5"
    page.locator("#two").uncheck()


def test_nothing_is_loaded_and_nothing_complains(run: Path, opened: Browsed) -> None:
    for plot in opened.page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    for tab in opened.page.locator("[data-kind]").all():
        tab.click()
    assert opened.console == []
    assert set(opened.requests) == {(run / "report.html").as_uri()}
    blocked = opened.page.evaluate("fetch('https://example.org').then(() => 'loaded', () => 'blocked')")
    assert blocked == "blocked"
    assert any("Content Security Policy" in line for line in opened.console)
    assert (run / "report.html").stat().st_size < 6_000_000


def test_hostile_comments_stay_text(hostile: Path, browse: Callable[..., Browsed]) -> None:
    browsed = browse(hostile / "report.html")
    page = browsed.page
    browsed.unfold()
    seen: list[str] = []
    for kind in ("false_positives", "false_negatives"):
        page.locator(f"[data-kind={kind}]").click()
        while page.locator("#more").is_visible():
            page.locator("#more").click()
        seen += browsed.comments()
    assert any(text == HOSTILE[0] for text in seen)
    assert any(text == HOSTILE[1] for text in seen)
    assert any(text.startswith('"><img src=x') for text in seen)
    assert any("<b>굵게</b>" in text for text in seen)
    assert not any("\u202e" in text for text in seen)  # would turn around what stands beside it
    assert any(text.startswith("긴 긴 긴") and len(text) < 2000 for text in seen)
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    assert browsed.console == []
    assert "<img src=y onerror=alert(1)>.csv" in page.locator(".lead").inner_text()


@pytest.mark.check
def test_comments_are_searched_sorted_and_exported(
    hostile: Path, browse: Callable[..., Browsed], tmp_path: Path
) -> None:
    browsed = browse(hostile / "report.html")
    page = browsed.page
    page.locator("[data-kind=least_certain]").click()
    page.locator("#search").fill("굵게")
    assert len(browsed.comments()) == 1
    page.locator("#search").fill("그런 말은 어디에도 없다")
    assert browsed.comments() == []
    page.locator("#search").fill("")
    browsed.unfold()
    page.locator("[data-sort=score]").click()
    scores = [float(cell) for cell in page.locator("#rows td[data-name=score]").all_text_contents()]
    assert scores == sorted(scores)
    page.locator("[data-sort=score]").click()
    assert page.locator("[data-sort=score]").get_attribute("aria-pressed") == "true"
    page.locator("#search").fill("hyperlink")
    with page.expect_download() as waiting:
        page.locator("#export").click()
    waiting.value.save_as(tmp_path / "export.csv")
    (row,) = csv.DictReader((tmp_path / "export.csv").read_text("utf-8-sig").splitlines())
    assert row["text"] == "'" + HOSTILE[4].replace("http://evil.example", f" {NAMES['url']} ")  # no formula
    assert row["relabelled"] == ""
    assert row["line"] == str(61 + 4)


@pytest.mark.check
def test_marks_stand_on_the_tokens_that_were_left_out(hostile: Path, browse: Callable[..., Browsed]) -> None:
    page = browse(hostile / "report.html").page
    page.locator("[data-kind=least_certain]").click()
    page.locator("#search").fill("😀😂")
    marks = page.locator("#rows .comment mark").all_text_contents()
    assert "시발" in marks
    assert all(mark == mark.strip() and "\ufffd" not in mark for mark in marks)


@pytest.mark.check
def test_what_was_ticked_is_exported_whatever_is_searched_for(
    hostile: Path, browse: Callable[..., Browsed], tmp_path: Path
) -> None:
    browsed = browse(hostile / "report.html")
    page = browsed.page
    browsed.unfold()
    page.locator("[data-kind=least_certain]").click()
    page.locator("#search").fill("굵게")
    page.locator("#rows tbody input[type=checkbox]").check()
    page.locator("#search").fill("혼자인")
    with page.expect_download() as waiting:
        page.locator("#export").click()
    waiting.value.save_as(tmp_path / "export.csv")
    (row,) = csv.DictReader((tmp_path / "export.csv").read_text("utf-8-sig").splitlines())
    assert "굵게" in row["text"]


@pytest.mark.check
def test_rows_of_one_class_promise_nothing(bundle: Path, browse: Callable[..., Browsed], tmp_path: Path) -> None:
    comments = Comments(
        [f"좋은 하루 {i}" for i in range(12)], np.zeros((12, 1), np.uint8), ("toxic",), source="one.csv"
    )
    save_evaluation(evaluate_bundle(bundle, comments), tmp_path)
    browsed = browse(tmp_path / "report.html")
    browsed.page.locator("#rate").fill("5")
    assert "production cannot be estimated" in browsed.page.locator("#production-sentence").inner_text()
    assert "have only one class" in browsed.page.locator(".cards").first.inner_text()
    assert browsed.console == []


def test_comments_are_veiled_until_they_are_asked_for_and_the_keyboard_works(run: Path, opened: Browsed) -> None:
    page = opened.page
    page.locator("[data-kind=false_positives]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-kind=false_negatives]").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowRight")
    first = page.locator("#rows .comment.veiled").first
    assert not first.is_visible()
    opened.unfold()
    assert first.evaluate("e => getComputedStyle(e).filter") == "blur(6px)"
    first.focus()
    page.keyboard.press("Enter")
    page.locator("#search").focus()
    assert first.evaluate("e => getComputedStyle(e).filter") == "none"
    page.locator("#unveil").check()
    assert page.locator("#rows .comment.veiled").last.evaluate("e => getComputedStyle(e).filter") == "none"
    before = page.locator("#low-value").inner_text()
    page.locator("#low").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#low-value").inner_text() > before


@pytest.mark.check
def test_it_is_readable_at_the_width_of_a_phone_in_the_dark(run: Path, browse: Callable[..., Browsed]) -> None:
    browsed = browse(run / "report.html", viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = browsed.page
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    browsed.unfold()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#production-sentence").is_visible()
    assert all(
        box["x"] >= 0 and box["x"] + box["width"] <= 361
        for box in (s.bounding_box() for s in page.locator("section").all())
    )
    cut = """[...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1
        && getComputedStyle(box, "::before").content === "none").map((box) => box.innerHTML)"""
    assert page.evaluate(cut) == []  # a table with hidden columns says so
    bands = """[...document.querySelectorAll("figure")].map((figure) =>
        figure.getBoundingClientRect().bottom - figure.querySelector(".main-svg").getBoundingClientRect().bottom)"""
    assert max(page.evaluate(bands)) < 20
    names = page.locator("#figure-slices .ytick").all_text_contents()
    widths = page.evaluate(
        "[...document.querySelectorAll('#figure-slices .ytick')].map((t) => t.getBoundingClientRect().width)"
    )
    assert names
    assert max(widths) < 120  # of 360: the intervals have more than half
    cells = page.evaluate("document.querySelector('#figure-confusion .plot').data[0].colorscale.map((step) => step[1])")
    assert cells == ["#243140", "#3f76b5"]  # white text is readable on both


@pytest.mark.check
@pytest.mark.parametrize("kind", ["two", "exclusive"])
def test_each_label_has_its_own_numbers(
    kind: str, trained: Callable[..., TrainedModel], browse: Callable[..., Browsed], tmp_path: Path
) -> None:
    model = trained("ngram_logistic", kind)
    model.save(tmp_path)
    browsed = browse(tmp_path / "report.html")
    for place, label in enumerate(model.report.labels):
        browsed.page.locator("#label").select_option(str(place))
        counts = model.report.confusion[label]
        if kind == "two":  # the highest score decides on exclusive labels, and no threshold
            assert browsed.cell("tp", 2) == f"{counts['tp']:,}"
            assert browsed.page.locator("#low-value").inner_text() == f"{model.report.thresholds[label]:.4f}"
        assert f"'{label}'" in browsed.page.locator("#production-sentence").inner_text()
        assert f"{counts['fp']:,} flagged, but" in browsed.page.locator("#kind-note").inner_text()
    for plot in browsed.page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
    assert browsed.console == []


@pytest.mark.check
def test_a_run_that_diverged_has_a_page(browse: Callable[..., Browsed], sample: Comments, tmp_path: Path) -> None:
    recipe = {
        "model": {"name": "lstm", "units": 8, "epochs": 2, "learning_rate": 1e6, "activation": "relu"},
        "vectors": {"size": 8, "epochs": 1},
    }
    model = toxiclf.train(sample, recipe)
    assert model.diverged
    model.save(tmp_path)
    browsed = browse(tmp_path / "report.html")
    assert "Training diverged" in browsed.page.locator(".verdict").inner_text()
    assert browsed.console == []
