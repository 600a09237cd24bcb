"""Texts that are prepared once are encoded as a bundle encodes them."""

from __future__ import annotations

import pytest

from toxiclf.datasets.comments import Comments
from toxiclf.features.pipeline import FeaturePipeline
from toxiclf.features.texts import TokenizedTexts, encoded
from toxiclf.recipe import Recipe
from toxiclf.recipe.preprocessing import recipe_preprocessor, recipe_tokenizer


@pytest.mark.parametrize("model", ["ngram_logistic", "logistic", "cnn"])
def test_comments_are_encoded_as_the_bundle_encodes_them(model: str, sample: Comments) -> None:
    recipe = Recipe.load(model).changed({"text.views": "all", "text.max_chars": 30})
    comments = Comments([*sample.texts[:60], "", "시1발 " * 40, "ㅋ" * 99], sample.targets[:63], sample.labels)
    preprocessor = recipe_preprocessor(recipe)
    engine = None if model == "ngram_logistic" else recipe_tokenizer(recipe)
    rows = TokenizedTexts.of(comments, preprocessor, engine)
    pretrained = {} if model == "ngram_logistic" else {"vectors": {"pretrained": "none", "size": 4, "epochs": 1}}
    small = Recipe.load({**recipe.model_dump(include={"model", "text"}, exclude_unset=True), **pretrained})
    encoder = FeaturePipeline.learn(small, rows, preprocessor, engine, None).encoder
    expected = encoder.encode(comments.texts)
    for made in (rows.encode(encoder), encoded(comments, encoder)):
        assert made.truncated.tolist() == expected.truncated.tolist()
        assert made.known.tolist() == expected.known.tolist()
        for name, ids in expected.views.items():
            assert made.views[name].flat.tolist() == ids.flat.tolist()
            assert made.views[name].starts.tolist() == ids.starts.tolist()
