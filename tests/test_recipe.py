"""Recipes: validated, complete, and refused with the nearest known name."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toxiclf import ToxicClassifier
from toxiclf._registry import components
from toxiclf.errors import UsageError
from toxiclf.recipe import Range, Recipe, presets
from toxiclf.recipe.loading import OLD_BEHAVIOR
from toxiclf.recipe.reference import recipe_keys

SVM = {"model": {"name": "svm"}}


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_valid_and_survives_its_own_toml(name: str, tmp_path: Path) -> None:
    recipe = Recipe.load(name)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), "utf-8")
    assert Recipe.load(path) == recipe
    assert Recipe.load(path).sha256() == recipe.sha256()


def test_a_model_name_alone_takes_that_models_preset() -> None:
    assert Recipe.load(model="random_forest").model.name == "random_forest"
    assert Recipe.load().model.name == "ngram_logistic"


def test_a_model_replaces_the_model_of_a_recipe_and_keeps_the_rest() -> None:
    recipe = Recipe.load({"seed": 3, "model": {"name": "svm", "C": 5}}, model="dnn")
    assert (recipe.seed, recipe.model.name) == (3, "dnn")


def test_naming_the_recipes_own_model_keeps_its_options() -> None:
    assert Recipe.load({"model": {"name": "svm", "C": 5}}, model="svm").model.C == 5


@pytest.mark.parametrize(
    ("setting", "section", "key", "value"),
    [
        ("decision.objective=f2", "decision", "objective", "f2"),
        ("decision.objective=recall_at_precision=0.90", "decision", "objective", "recall_at_precision=0.9"),
        ("decision.objective=0.3", "decision", "objective", 0.3),
        ("vectors.unlabeled=corpus:nsmc", "vectors", "unlabeled", ("corpus:nsmc",)),
        ('vectors.unlabeled=["a.txt", "b.txt"]', "vectors", "unlabeled", ("a.txt", "b.txt")),
        ("text.max_tokens=64", "text", "max_tokens", 64),
        ("balance.class_weight={toxic = 3.0}", "balance", "class_weight", {"toxic": 3.0}),
    ],
)
def test_settings_are_toml_or_text(setting: str, section: str, key: str, value: object) -> None:
    recipe = Recipe.load("svm", settings=[setting])
    assert getattr(getattr(recipe, section), key) == value


def test_a_model_may_be_named_in_short() -> None:
    assert Recipe.load({"model": "svm"}).model.name == "svm"
    assert Recipe.load(settings=["model=random_forest"]).model.name == "random_forest"


def test_all_views_are_what_the_text_half_knows() -> None:
    assert Recipe().text.views == Recipe.load(settings=["text.views=all"]).text.views == tuple(components("view"))
    assert Recipe.load("cnn", settings=["text.views=none"]).text.views == ()
    assert Recipe.load(settings=["text.views=jamo"]).text.views == ("jamo",)


def test_every_tokenizer_can_be_named() -> None:
    for name in components("tokenizer"):
        assert Recipe.load("svm", settings=[f"text.tokenizer={name}"]).text.tokenizer == name


def test_one_value_is_taken_where_a_list_is_meant() -> None:
    assert Recipe.load("dnn", settings=["model.units=32"]).model.units == (32,)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"sed": 1}, "unknown recipe key 'sed'; did you mean 'seed'?"),
        ({"split": {"tset": 0.1}}, "unknown recipe key 'split.tset'; did you mean 'split.test'?"),
        ({"model": {"name": "svm", "kernl": "rbf"}}, "unknown recipe key 'model.kernl'; did you mean 'model.kernel'?"),
        ({"model": {"name": "lstn"}}, "unknown model 'lstn'"),
        ({"split": {"test": 1.5}}, "recipe key split.test is 1.5"),
        ({"split": {"test": 0.6, "validation": 0.5}}, "leave no rows to train on"),
        ({"decision": {"objective": "f3"}}, "unknown objective 'f3'; did you mean"),
        ({"decision": {"objective": 1.4}}, "a fixed threshold must lie in [0, 1], not 1.4"),
        ({"decision": {"objective": "recall_at_precision"}}, "needs a rate in (0, 1]"),
        ({"text": {"tokenizer": "mecap"}}, "recipe key text.tokenizer is 'mecap'"),
        ({"text": {"part_of_speech": "NN"}}, "text.part_of_speech has no effect on the model ngram_logistic"),
        ({**SVM, "text": {"tokenizer": "char", "part_of_speech": "NN"}}, "has no effect on the tokenizer char"),
        ({**SVM, "text": {"typo_correction": True}}, "text.typo_correction has no effect on the tokenizer mecab"),
        ({"text": {"views": ["jamos"]}}, "recipe key text.views.0 is 'jamos'"),
        ({**SVM, "vectors": {"kind": "glove"}}, "recipe key vectors.kind is 'glove'"),
        ({**SVM, "vectors": {"buckets": 2000}}, "vectors.buckets has no effect while vectors.kind is 'word2vec'"),
        ({**SVM, "vectors": {"kind": "fasttext", "jamo_ngrams": [4, 3]}}, "vectors.jamo_ngrams is [4, 3]"),
        (
            {**SVM, "vectors": {"pretrained": "ko-comments", "size": 50}},
            "vectors.size has no effect while vectors.pretrained is 'ko-comments'",
        ),
        ({"balance": {"class_weight": {"toxic": -1}}}, "balance.class_weight"),
        ({"seed": -1}, "recipe key seed is -1"),
        ({"vectors": {"unlabeled": "a.txt"}}, "vectors.unlabeled has no effect on the model ngram_logistic"),
        ({"features": {"pooling": "sif"}}, "features.pooling has no effect on the model ngram_logistic"),
        ({"model": {"name": "svm", "kernel": "linear", "gamma": 1}}, "model.gamma has no effect"),
        ({"model": "smv"}, "unknown model 'smv'; did you mean 'svm'?"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(content: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.load(content)
    assert sentence in str(refused.value)


def test_a_preset_that_is_none_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'svm_linear'"):
        Recipe.load("svm_liner")


@pytest.mark.parametrize("depth", [30, 1000, 50_000])
def test_what_is_nested_too_deeply_is_refused_in_a_sentence(depth: int, tmp_path: Path) -> None:
    path, nested = tmp_path / "deep.toml", {}  # type: tuple[Path, dict[str, Any]]
    for _ in range(depth):
        nested = {"a": nested}
    for text in ("text.views" + ".a" * depth + " = 1", f"text.views = {'[' * depth}{']' * depth}"):
        path.write_text(text, "utf-8")
        with pytest.raises(UsageError, match="nested too deeply"):
            Recipe.load(path)
    with pytest.raises(UsageError, match="nested too deeply"):
        Recipe.load(settings=["text.views" + ".a" * depth + "=1"])
    with pytest.raises(UsageError, match="nested too deeply"):
        Recipe.load({"text": {"views": nested}})
    while nested:  # level by level: to free all at once takes Python's own recursion
        nested = nested.pop("a")


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("seed = ", "utf-8")
    with pytest.raises(UsageError, match="is not valid TOML"):
        Recipe.load(path)


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match="write it as key=value"):
        Recipe.load(settings=["decision.objective"])


def test_the_written_recipe_names_every_key() -> None:
    content = tomllib.loads(Recipe.load("svm").to_toml())
    assert set(content) == set(Recipe.model_fields)
    assert content["model"]["gamma"] == "scale"


@pytest.mark.parametrize(
    "settings",
    [
        ['search.space={"model.C" = [1, 10], "model.gamma" = {low = 0.1, high = 1}}'],
        ["search.space.model.C=[1, 10]", "search.space.model.gamma={low = 0.1, high = 1}"],
        ['search.space=[{model = {C = [1, 10]}, "model.gamma" = {low = 0.1, high = 1}}]'],
    ],
)
def test_a_search_space_may_be_written_in_each_way_that_toml_offers(settings: list[str]) -> None:
    recipe = Recipe.load("svm", settings=["search.method=optuna", *settings])
    assert recipe.search.space == ({"model.C": (1, 10), "model.gamma": Range(low=0.1, high=1)},)


def test_one_value_of_a_search_space_is_a_list_of_one() -> None:
    recipe = Recipe.load("svm", settings=["search.method=grid", "search.space.model.kernel=rbf"])
    assert recipe.search.space == ({"model.kernel": ("rbf",)},)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ["search.method=grid"],
            'recipe key search: search.space names no key to try; expected a table such as {"model.C" = [0.1, 1, 10]}',
        ),
        (
            ["search.trials=9"],
            "recipe key search: search.trials has no effect while search.method is 'none'; leave it out",
        ),
        (
            ["search.method=grid", "search.space.model.C=[1]", "search.trials=9"],
            "recipe key search: search.trials has no effect while search.method is 'grid'; leave it out",
        ),
        (
            ["search.method=grid", "search.space.model.C={low = 1, high = 2}"],
            "recipe key search: search.space: a grid needs a list of values for model.C; use method 'optuna' for ranges",
        ),
        (
            ["search.method=grid", "search.space.decision.objective=[f1]"],
            "recipe key search: search.space: decision.objective cannot be searched; set it once, for all trials",
        ),
        (
            ["search.method=grid", "search.space.seed=[1, 2]"],
            "recipe key search: search.space: seed cannot be searched; set it once, for all trials",
        ),
        (
            ["search.method=grid", "search.space.text.max_chars=[100, 200]"],
            "recipe key search: search.space: text.max_chars decides which comments are equal and so changes the folds; "
            "set it once, for all trials",
        ),
    ],
)
def test_a_search_that_cannot_be_run_is_refused_with_its_reason(settings: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe.load("svm", settings=settings)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "given",
    ["{low = 2, high = 1}", "{low = 0, high = 1, log = true}", "{low = 1, high = 9, step = 0}", "{low = 1}", "[]"],
)
def test_a_range_that_holds_nothing_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"^recipe key search.space"):
        Recipe.load("svm", settings=["search.method=optuna", f"search.space.model.C={given}"])


def test_a_changed_recipe_keeps_the_rest() -> None:
    recipe = Recipe.load("svm", settings=["model.C=5", "vectors.size=50"], seed=3)
    changed = recipe.changed({"model.gamma": 0.5, "balance.class_weight": "none"})
    assert (changed.seed, changed.vectors.size, changed.model.C, changed.model.gamma) == (3, 50, 5, 0.5)
    assert recipe.changed({}) == recipe
    assert recipe.changed({"model.name": "dnn", "model.units": [4]}).model.units == (4,)
    with pytest.raises(UsageError, match=r"^unknown recipe key 'vectors.siz'; did you mean 'vectors.size'"):
        recipe.changed({"vectors.siz": 1})


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("5", 'expected a table such as {"model.C" = [0.1, 1, 10]}, or a list of such tables'),
        ("{text = [{max_chars = 3}]}", "text is not a recipe key; write it as SECTION.KEY, such as model.C"),
        ('{model = {C = [1]}, "model.C" = [2]}', "model.C is named twice in one table"),
        ('{"model.C" = []}', "the list of model.C is empty; give it a value to try"),
        ('{"model.C" = {low = 1}}', "the range of model.C has no high; write it as {low = 0.1, high = 10}"),
        ('{"model.C" = {low = "a", high = 2}}', "the range of model.C: low: "),
        ('{"model.C" = {low = true, high = 2}}', "the range of model.C: low: expected a number, not True"),
        (
            '{"model.C" = {low = 1, high = 2, stpe = 1}}',
            "unknown key of the range of model.C 'stpe'; did you mean 'step'?",
        ),
        (
            '{"model.C" = {low = 1, high = 10, step = 4}}',
            "the range of model.C: step is 4; expected a number that divides high - low",
        ),
    ],
)
def test_a_search_space_that_is_none_is_refused_in_a_sentence(space: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe.load("svm", settings=["search.method=optuna", f"search.space={space}"])
    assert str(caught.value).startswith(f"recipe key search.space: {sentence}")


def test_class_weights_may_be_named_by_numbers() -> None:
    assert Recipe.load({"balance": {"class_weight": {0: 1.0, 1: 3.0}}}).balance.class_weight == {"0": 1.0, "1": 3.0}


def test_a_fixed_threshold_may_be_any_kind_of_number() -> None:
    assert Recipe.load({"decision": {"objective": np.float32(0.25)}}).decision.objective == 0.25


FOCAL = {"loss": "focal", "focal_gamma": 1.0}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"model": "svm", "balance": {"loss": "focal"}}, "balance.loss has no effect on the model svm; leave it out"),
        (
            {"balance": {"focal_gamma": 1}},
            "balance.focal_gamma has no effect on the model ngram_logistic; leave it out",
        ),
        (
            {"model": "cnn", "balance": {"focal_gamma": 1}},
            "balance.focal_gamma has no effect while balance.loss is 'crossentropy'; leave it out",
        ),
        (
            {"model": {"name": "lstm", "embedding": "scratch"}, "vectors": {"unlabeled": "corpus:nsmc"}},
            "vectors.unlabeled has no effect while model.embedding is 'scratch'; leave it out",
        ),
        (
            {"model": "dnn_sequence", "vectors": {"window": 3}},
            "vectors.window has no effect while model.embedding is 'scratch'; leave it out",
        ),
        ({"model": "bilstm2", "features": {"pooling": "sif"}}, "features.pooling has no effect on the model bilstm2"),
    ],
)
def test_a_key_without_effect_on_a_network_is_refused(content: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.load(content)
    assert str(refused.value).startswith(sentence)


def test_keys_that_have_an_effect_on_a_network_are_taken() -> None:
    recipe = Recipe.load({"model": "cnn", "balance": FOCAL, "vectors": {"window": 3}})
    assert (recipe.balance.focal_gamma, recipe.vectors.window) == (1.0, 3)
    scratch = Recipe.load({"model": "dnn_sequence", "balance": FOCAL, "vectors": {"size": 8, "min_count": 1}})
    assert (scratch.model.embedding, scratch.vectors.min_count) == ("scratch", 1)
    assert Recipe.load({"model": "dnn", "features": {"pooling": "sif"}}).features.pooling == "sif"


@pytest.mark.parametrize("setting", ["model.clip_norm=0", "model.clip_norm=0.0", "model.clip_norm=none"])
def test_gradients_may_be_left_unclipped(setting: str) -> None:
    assert Recipe.load("lstm", settings=[setting]).model.clip_norm in (0, "none")
    assert Recipe.load("lstm").model.clip_norm == 1


@pytest.mark.parametrize(
    ("model", "setting", "sentence"),
    [
        ("lstm", "model.recurent_activation=tanh", "unknown recipe key 'model.recurent_activation'; did you mean"),
        ("lstm", "model.recurent_dropout=.1", "did you mean 'model.recurrent_dropout'?"),
        ("cnn", "model.filter=3", "unknown recipe key 'model.filter'; did you mean 'model.filters'?"),
        ("cnn", "model.units=3", "unknown recipe key 'model.units'"),
        ("lstm", "model.activation=tan", "recipe key model.activation is 'tan'"),
        ("lstm", "model.pooling=sum", "recipe key model.pooling is 'sum'"),
        ("lstm", "model.clip_norm=-1", "recipe key model.clip_norm is -1"),
        ("lstm", "model.dropout=1.0", "recipe key model.dropout is 1.0"),
        ("cnn", "model.widths=[]", "recipe key model.widths"),
        ("cnn", "model.widths=0", "recipe key model.widths"),
        ("cnn", "balance.loss=focall", "recipe key balance.loss is 'focall'"),
    ],
)
def test_what_a_network_does_not_know_is_refused_by_name(model: str, setting: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.load(model, settings=[setting])
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        ({"class_weight": {"toxic": 0}}, r"the weight of 'toxic' is 0; expected a number above 0"),
        ({"class_weight": {"toxic": 1e300}}, r"at most a million"),
        ({"class_weight": {}}, r"the table is empty"),
        ({"focal_gamma": 0, "loss": "focal"}, r"focal_gamma"),
        (
            {"augment": [{"method": "aeda", "vektors": "x"}]},
            r"augment\.0: unknown key 'vektors'; did you mean 'vectors'",
        ),
        ({"augment": [{"method": "aeda", "copies": 1000000}]}, r"copies"),
        ({"resample": "smote", "ratio": [0.5, 0.6]}, r"one for each resampler that takes a ratio \(smote\)"),
    ],
)
def test_what_cannot_balance_is_refused_with_what_could(balance: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Recipe.load({"model": "dnn", "balance": balance})


def test_none_is_no_technique() -> None:
    for resample in ("none", ["none"], []):
        assert Recipe.load({"balance": {"resample": resample, "augment": "none"}}) == Recipe()


@pytest.mark.parametrize("key", ["balance.augment.copies", "balance.augment.aeda.copies"])
def test_a_key_inside_a_list_is_refused_with_what_to_give(key: str) -> None:
    sentence = r"balance\.augment is a list, so it has no keys of its own; set balance\.augment itself"
    with pytest.raises(UsageError, match=sentence):
        Recipe.load({"balance": {"augment": ["aeda"]}}).changed({key: 2})


@pytest.mark.parametrize(
    "load",
    [
        lambda folder: Recipe.load({"model": "svm", "features": {"metric": "triplet"}}),
        lambda folder: Recipe.load("svm", settings=["features.metric=triplet"]),
        lambda folder: Recipe.load(_file(folder, '[model]\nname = "svm"\n[features]\nmetric = "triplet"\n')),
    ],
    ids=["mapping", "setting", "file"],
)
def test_the_old_name_of_a_key_is_read_with_a_note(load: Any, tmp_path: Path) -> None:
    recipe = load(tmp_path)
    assert recipe.features.metric_learning == "triplet"
    assert recipe.notes[0] == (
        "the recipe key features.metric is now called features.metric_learning; the old name still works"
    )
    assert "metric" not in tomllib.loads(recipe.to_toml())["features"]
    assert Recipe.load(_file(tmp_path, recipe.to_toml())).notes == ()
    assert Recipe.load("svm").changed({"features.metric": "triplet"}).features == recipe.features


@pytest.mark.parametrize("key", OLD_BEHAVIOR)
def test_what_is_new_since_0_1_is_on_except_in_a_recipe_file_without_its_key(key: str, tmp_path: Path) -> None:
    section, _, name = key.partition(".")

    def value(recipe: Recipe) -> Any:
        return recipe.model_dump(mode="json")[section][name]

    today, before = value(Recipe()), OLD_BEHAVIOR[key]
    for recipe in (
        Recipe.load("svm"),
        Recipe.load({"model": "svm"}),
        Recipe.load(model="cnn"),
        Recipe.load("svm_grid"),
    ):
        assert value(recipe) == today != before
        assert recipe.notes == ()
    old = _file(tmp_path, '[model]\nname = "svm"\n')
    recipe = Recipe.load(old)
    assert value(recipe) == before
    assert f"{key} = {json.dumps(before)}" in recipe.notes[0]
    for again in (recipe.changed({"model.C": 2.0}), Recipe.load(recipe, seed=1), Recipe.load(recipe.model_dump())):
        assert value(again) == before
    chosen = Recipe.load(old, settings=[f"{key}={json.dumps(today)}"])
    assert value(chosen) == today
    assert not any(key in note for note in chosen.notes)
    for whole in (recipe, Recipe()):
        read = Recipe.load(_file(tmp_path, whole.to_toml()))
        assert (value(read), read.notes) == (value(whole), ())


@pytest.mark.parametrize(
    "space", [{"features.metric": ["none", "triplet"]}, {"features": {"metric": ["none", "triplet"]}}]
)
def test_the_old_name_of_a_key_may_be_searched(space: dict[str, Any]) -> None:
    recipe = Recipe.load({"model": "svm", "search": {"method": "grid", "space": space}})
    assert recipe.search.space == ({"features.metric_learning": ("none", "triplet")},)
    assert len(recipe.notes) == 1


def _file(folder: Path, content: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize(
    ("model", "has", "lacks"),
    [
        ("svm", ["model.gamma", "features.pooling", "vectors.size"], ["balance.loss", "model.units"]),
        ("ngram_logistic", ["model.jamo", "balance.augment"], ["vectors.size", "text.tokenizer", "features.pooling"]),
        ("lstm", ["model.units", "balance.loss", "text.tokenizer"], ["features.pooling", "model.kernel"]),
        ("vae", ["model.latent", "features.pooling"], ["balance.class_weight", "features.metric_learning"]),
        ("rusboost", ["model.trees", "balance.resample"], ["balance.class_weight"]),
    ],
)
def test_keys_of_a_model_are_those_that_have_an_effect_on_it(model: str, has: list[str], lacks: list[str]) -> None:
    keys = [row.key for row in recipe_keys(model)]
    assert set(has) <= set(keys)
    assert not set(lacks) & set(keys)
    assert len(set(keys)) == len(keys)


def test_every_key_has_a_type_a_default_and_a_sentence() -> None:
    rows = recipe_keys()
    assert {row.key.partition(".")[0] for row in rows} == set(Recipe.model_fields)
    for row in rows:
        assert row.type
        assert row.default
        assert row.meaning[:1].isupper() or row.meaning[:1] == '"', row
        assert "``" not in row.meaning


def test_defaults_of_the_reference_are_those_of_a_recipe() -> None:
    for model in ("ngram_logistic", "cnn", "voting"):
        content = tomllib.loads(Recipe.load({"model": model}).to_toml())
        for row in recipe_keys(model):
            value: Any = content
            for part in row.key.split("."):
                value = value[part]
            if row.key not in ("vectors.pretrained", "model.members"):  # which a recipe writes out
                assert tomllib.loads(f"value = {row.default}")["value"] == value


def test_a_model_that_is_none_has_no_keys() -> None:
    with pytest.raises(UsageError, match=r"unknown model 'smv'; did you mean 'svm'"):
        recipe_keys("smv")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ["features.metric_learning=tripplet"],
            "recipe key features.metric_learning is 'tripplet'; did you mean 'triplet'?",
        ),
        (
            ["features.metric_learning=triplet", "features.metric_temperature=0.2"],
            "features.metric_temperature has no effect on features.metric_learning = triplet; leave it out",
        ),
        (
            ["features.metric_learning=triplet", "features.metric_encoder=dnn"],
            "recipe key features.metric_encoder is 'dnn'",
        ),
        (["features.pooling=max"], "recipe key features.pooling is 'max'"),
    ],
)
def test_components_of_features_are_known_by_name(settings: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        Recipe.load("svm", settings=settings)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("member", ["voting", "vae", "svmm", 3])
def test_what_cannot_be_a_member_is_refused_with_what_can(member: Any) -> None:
    with pytest.raises(UsageError, match=f"unknown member '{member}'") as refused:
        Recipe.load({"model": {"name": "voting", "members": ["svm", member]}})
    known = str(refused.value).partition("known: ")[2]
    assert "svm" in known
    assert "stacking" not in known
    assert "isolation_forest" not in known


@pytest.mark.parametrize("name", ["metric", "metric_learning"])
def test_a_setting_wins_over_the_recipe_by_the_old_name_of_a_key_and_by_the_new(name: str) -> None:
    for given in ("metric", "metric_learning"):
        written = {"model": "svm", "features": {name: "triplet"}}
        recipe = Recipe.load(written, settings=[f"features.{given}=none"])
        assert recipe.features.metric_learning == "none"
        assert bool(recipe.notes) == ("metric" in (name, given))
        assert Recipe.load(written).changed({f"features.{given}": "none"}).features.metric_learning == "none"


def test_a_key_by_both_names_is_refused() -> None:
    both = {"metric": "triplet", "metric_learning": "none"}
    with pytest.raises(
        UsageError, match=r"features\.metric and features\.metric_learning are the same; give features\.metric_l"
    ):
        Recipe.load({"model": "svm", "features": both})


# -- how exclusive labels get their verdict


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        ({}, "arg_max"),
        ({"folds": 3}, "arg_max"),
        ({"objective": "f2"}, "thresholds"),
        ({"objective": "f1"}, "thresholds"),
        ({"exclusive": "thresholds"}, "thresholds"),
        ({"exclusive": "arg_max"}, "arg_max"),
    ],
)
def test_a_recipe_that_names_an_objective_means_thresholds(
    decision: dict[str, Any], verdict: str, tmp_path: Path
) -> None:
    recipe = Recipe.load({"decision": decision})
    assert recipe.decision.exclusive == verdict
    (tmp_path / "saved.toml").write_text(recipe.to_toml(), "utf-8")
    assert Recipe.load(tmp_path / "saved.toml") == recipe  # which names every key
    assert recipe.changed({"seed": 3}).decision == recipe.decision
    assert ToxicClassifier(recipe).set_params(**ToxicClassifier(recipe).get_params()).get_params()


def test_an_objective_set_over_a_saved_recipe_means_thresholds(tmp_path: Path) -> None:
    saved = tmp_path / "saved.toml"
    saved.write_text(Recipe.load().to_toml(), "utf-8")
    for objective in ("f1", "f2"):
        for recipe in (
            Recipe.load(saved, settings=[f"decision.objective={objective}"]),
            Recipe.load(saved).changed({"decision.objective": objective}),
        ):
            assert (recipe.decision.objective, recipe.decision.exclusive) == (objective, "thresholds")


@pytest.mark.parametrize("objective", ["f1", "f2"])
def test_an_objective_beside_arg_max_is_an_error(objective: str, tmp_path: Path) -> None:
    (tmp_path / "saved.toml").write_text(Recipe.load().to_toml(), "utf-8")
    both = {"decision": {"exclusive": "arg_max", "objective": objective}}
    settings = ["decision.exclusive=arg_max", f"decision.objective={objective}"]
    for source, changes in ((both, []), ({"decision": {"exclusive": "arg_max"}}, settings[1:]), (None, settings)):
        with pytest.raises(UsageError, match=r"decision\.objective is for thresholds.*leave one of the two out"):
            Recipe.load(source, settings=changes)


def test_a_recipe_file_of_0_1_keeps_thresholds(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text("[model]\nname = 'svm'\n", "utf-8")
    assert Recipe.load(tmp_path / "old.toml").decision.exclusive == "thresholds"
    assert Recipe.load("svm").decision.exclusive == Recipe.load("svm_linear").decision.exclusive == "arg_max"


@pytest.mark.parametrize(("section", "key"), [("decision", "objective"), ("search", "metric")])
def test_macro_f1_is_read_as_f1_macro(section: str, key: str) -> None:
    content = {"search": {"method": "grid", "space": {"model.C": [1]}}}
    for recipe in (
        Recipe.load({**content, section: {**content.get(section, {}), key: "macro_f1"}}),
        Recipe.load(content, settings=[f"{section}.{key}=macro_f1"]),
        Recipe.load(content).changed({f"{section}.{key}": "macro_f1"}),
    ):
        assert getattr(getattr(recipe, section), key) == "f1_macro"
        assert recipe.notes == (
            f"the value macro_f1 of the recipe key {section}.{key} is now called f1_macro; the old name still works",
        )


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 50_000])
def test_numbers_and_lists_that_python_cannot_read_are_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f"seed = {value}", "utf-8")
    with pytest.raises(UsageError, match=r"is not valid TOML: .* (digits|deeply)"):
        Recipe.load(path)
    with pytest.raises(UsageError, match=r"seed"):
        Recipe.load(settings=[f"seed={value}"])


@pytest.mark.parametrize("key", ["seed", "model.C"])
def test_a_number_that_python_cannot_write_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match=rf"{key}.* is a number of thousands of digits;"):
        Recipe.load(settings=[f"{key}=0x{'f' * 5000}"])
