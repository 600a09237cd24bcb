"""A bundle that is measured on what it has learned from says so."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toxiclf
from tests.conftest import cases
from toxiclf.datasets.comments import Comments
from toxiclf.evaluation.compare import compare
from toxiclf.evaluation.learned_from import FILE, learned, write
from toxiclf.pipeline.evaluate import evaluate_bundle, save_evaluation
from toxiclf.pipeline.save import TrainedModel
from toxiclf.text.normalize import Normalizer

OLD = Path(__file__).parent.parent / "fixtures" / "0.1"
Trained = Callable[[str, str], TrainedModel]


@pytest.fixture(scope="module")
def run(bundle: Path) -> Path:
    return bundle.parent


@pytest.fixture(scope="module")
def learned_lines(run: Path) -> set[int]:
    return {int(row.split(",")[1]) for row in (run / FILE).read_text("utf-8-sig").splitlines()[1:]}


def test_the_file_names_each_row_that_was_learned_from_and_no_text(
    run: Path, learned_lines: set[int], sample: Comments
) -> None:
    content = (run / FILE).read_text("utf-8-sig")
    assert re.fullmatch("file,line,set,salted_sha256:[0-9a-f]{32}", content.splitlines()[0])
    assert not any(text in content for text in sample.texts)
    tested = {int(row.split(",")[1]) for row in (run / "predictions.csv").read_text("utf-8-sig").splitlines()[1:]}
    assert learned_lines | tested == set(sample.lines.tolist())
    assert not learned_lines & tested
    parts = [row.split(",")[2] for row in content.splitlines()[1:]]
    assert set(parts) == {"training", "validation"}


def test_the_file_of_0_1_is_read(sample: Comments) -> None:
    moderator = toxiclf.load(OLD / "bundle")
    known = learned(OLD / "bundle", moderator.manifest.data_sha256, sample, moderator.normalizer)
    lines = {int(row.split(",")[1]) for row in (OLD / FILE).read_text("utf-8-sig").splitlines()[1:]}
    assert known is not None
    assert set(sample.lines[known].tolist()) == lines
    assert 0 < len(lines) < len(sample)


def test_a_growing_file_is_known_by_the_rows_in_it(run: Path, learned_lines: set[int], sample: Comments) -> None:
    before = [i for i, line in enumerate(sample.lines.tolist()) if line in learned_lines]
    tested = [i for i, line in enumerate(sample.lines.tolist()) if line not in learned_lines]
    mixed = sample.take(np.array([*before[:300], *tested]))
    again = replace(mixed, texts=[f"  {text}  " for text in mixed.texts])  # equal after normalization
    for bundle in (run / "bundle", run):
        report = evaluate_bundle(bundle, again)
        assert report.data["learned_from"] == 300
        assert report.findings[0].code == "duplicate_leak"
        assert report.findings[0].message == (
            f"the model was trained or calibrated on 300 of these {len(mixed)} comments, so the metrics are too optimistic."
        )


ANY_TEXTS = st.lists(st.text(st.characters(exclude_categories=()), max_size=20), min_size=1, max_size=6)


@settings(deadline=None, max_examples=cases(15))
@given(ANY_TEXTS, ANY_TEXTS, st.text(max_size=9))
def test_what_was_learned_from_is_known_whatever_the_texts(ours: list[str], others: list[str], source: str) -> None:
    def comments(texts: list[str]) -> Comments:
        return replace(Comments.of(texts, [0] * len(texts)), source=source)

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "report.json").write_text('{"data": {"sha256": "x"}}', "utf-8")
        write(Path(folder), {"training": comments(ours)}, Normalizer())
        found = learned(Path(folder), "x", comments([*ours, *others]), Normalizer())
    assert found is not None
    known = set(map(Normalizer(), ours))
    assert found.tolist() == [Normalizer()(text) in known for text in [*ours, *others]]


def test_comments_that_are_new_to_it_are_no_finding(run: Path, learned_lines: set[int], sample: Comments) -> None:
    tested = sample.take(np.array([i for i, line in enumerate(sample.lines.tolist()) if line not in learned_lines]))
    report = evaluate_bundle(run / "bundle", tested)
    assert report.data["learned_from"] == 0
    assert "duplicate_leak" not in report.codes()


def test_a_bundle_by_itself_knows_only_its_very_rows(run: Path, sample: Comments, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(run / "bundle", tmp_path / "alone"))
    assert evaluate_bundle(alone, sample).findings[0].code == "duplicate_leak"
    report = evaluate_bundle(alone, sample.take(np.arange(400)))
    assert report.data["learned_from"] is None
    assert "duplicate_leak" not in report.codes()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\x00",
        "file,line\n1,2\n",
        "\ufefffile,line,set,normalized_sha256\n",
        "\ufefffile,line,part,other\na,1,training,x\n",
    ],
)
def test_a_damaged_file_makes_it_unknown(run: Path, sample: Comments, tmp_path: Path, content: str) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / FILE).write_text(content, "utf-8")
    assert evaluate_bundle(copy / "bundle", sample.take(np.arange(400))).data["learned_from"] is None


def test_the_file_of_another_bundle_counts_for_nothing(
    run: Path, saved: Callable[[str, str], Path], two_labels: Comments, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(saved("ngram_logistic", "two"), tmp_path / "other"))
    shutil.copy(run / FILE, other / FILE)
    shutil.copy(run / "report.json", other / "report.json")
    report = evaluate_bundle(other / "bundle", two_labels.take(np.arange(400)))
    assert report.data["learned_from"] is None


def test_compare_says_what_is_not_known(run: Path, sample: Comments, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(run / "bundle", tmp_path / "alone"))
    comments = sample.take(np.arange(60))
    save_evaluation(evaluate_bundle(alone, comments), tmp_path / "a")
    save_evaluation(evaluate_bundle(run / "bundle", comments), tmp_path / "b")
    notes = " ".join(compare([tmp_path / "a", tmp_path / "b"]).notes())
    assert "The models of a may have been trained on these comments" in notes
    assert "duplicate_leak" in compare([tmp_path / "b", tmp_path / "a"]).tables()[0][-1][1]
