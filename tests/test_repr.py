"""What a shell and a notebook show of an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import toxiclf
from toxiclf.bundle.manifest import Manifest
from toxiclf.datasets.comments import Comments
from toxiclf.pipeline.save import TrainedModel

Trained = Callable[[str, str], TrainedModel]


@pytest.mark.parametrize("kind", ["one", "two", "exclusive"])
def test_objects_are_shown_in_a_few_lines(trained: Trained, sample: Comments, kind: str) -> None:
    model = trained("ngram_logistic", kind)
    recipe = toxiclf.Recipe.load("random_forest_grid")
    for thing in (model, model.report, model.moderator, sample, recipe, replace(model, _moderator=None)):
        for shown in (repr(thing), str(thing)):
            assert 1 <= len(shown.splitlines()) <= 5
            assert len(shown) < 1000
    assert repr(model).startswith(
        "TrainedModel: ngram_logistic, evaluated on the test set\na"
    )  # average precision or accuracy
    assert len(model._repr_html_()) < 20_000


def test_a_moderator_shows_how_it_decides(trained: Trained) -> None:
    moderator = trained("ngram_logistic", "two").moderator
    manifest: Manifest = moderator.manifest.with_thresholds({"toxic": 0.25, "웃음": 0.5})
    shown = repr(toxiclf.Moderator(manifest, moderator._encoder, moderator._scorer, prior={"toxic": 0.02}))
    assert shown.startswith(
        "<Moderator of ngram_logistic: toxic from 0.250, 웃음 from 0.500; production prevalences of 2.0 % toxic"
    )
    shown = repr(trained("ngram_logistic", "exclusive").moderator)
    assert shown == "<Moderator of ngram_logistic: the highest score of none, toxic, 웃음>"


def test_comments_show_their_numbers_and_escape_their_texts() -> None:
    texts = ["<b>굵게</b>", *(f"댓글 {i}" for i in range(20))]
    comments = Comments(texts, np.eye(21, 2, dtype=np.uint8), ("욕설", "<i>"), source="a & b")
    assert repr(comments) == "<Comments: 21 of a & b: 1 욕설, 1 <i>; 0 rejected rows>"
    html = comments._repr_html_()
    assert "<tr><td>1</td><td>&lt;b&gt;굵게&lt;/b&gt;</td><td>욕설</td></tr>" in html
    assert (html.count("<tr>"), "<i>" in html, "<b>" in html) == (6, False, False)
