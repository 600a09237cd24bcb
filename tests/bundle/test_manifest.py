"""The manifest: sealed, checked, then read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle.conftest import BLANK, forge, seal
from tests.conftest import cases
from toxiclf.bundle import store
from toxiclf.bundle.calibration import Calibration, LabelCalibration
from toxiclf.bundle.manifest import FILES, FORMAT_VERSION, CalibratedOn, FileEntry, LabelMap, Manifest
from toxiclf.errors import BundleError, UsageError

NAN, INFINITY = float("nan"), float("inf")
FIXTURE = Path(__file__).parents[1] / "fixtures" / "0.1" / "bundle"
ORIGIN = {"rows": 9, "counts": [4], "data_sha256": "0" * 64, "bundle_seal": "0" * 64}


def test_a_manifest_comes_back_from_its_bytes(bundle: Path) -> None:
    written = (bundle / "manifest.json").read_bytes()
    manifest = Manifest.from_bytes(written)
    assert manifest.to_bytes() == written
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(max_size=9) | st.just(BLANK)
VERSIONS = st.dictionaries(WORDS, WORDS, max_size=3)
SHARES = st.floats(0, 1)
NUMBERS = st.floats(-1e3, 1e3)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests of any names and numbers."""
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    several = st.lists(SHARES, min_size=len(names), max_size=len(names)).map(tuple)
    labels = [LabelCalibration(slope=draw(NUMBERS), intercept=draw(NUMBERS)) for _ in names]
    values = draw(st.lists(WORDS, unique=True, max_size=3))
    return Manifest(
        labels=tuple(names), thresholds=draw(several), negative=None, rates=draw(st.just(()) | several),
        calibration=Calibration(method="platt", exclusive=False, labels=tuple(labels)),
        objective=draw(st.none() | WORDS | SHARES), model=draw(WORDS), text_column=draw(WORDS),
        label_map=LabelMap(columns=(draw(WORDS),), positive=tuple(values[:1]), negative=tuple(values[1:]),
                           separator=draw(st.none() | WORDS.filter(bool))),
        calibrated_on=draw(st.none() | st.builds(CalibratedOn, rows=st.integers(9, 2**53), counts=st.just((9,) * len(names)),
                                                 data_sha256=SHA, bundle_seal=SHA)),
        tokenizer_versions=draw(VERSIONS), word_vectors=draw(VERSIONS), versions=draw(VERSIONS),
        recipe_sha256=draw(SHA), data_sha256=draw(SHA),
        files={name: FileEntry(size=draw(st.integers(0, 2**20)), sha256=draw(SHA)) for name in FILES},
    )  # fmt: skip


@settings(deadline=None, max_examples=cases(15))
@given(manifests(), st.data())
def test_any_manifest_comes_back_and_none_that_was_changed(manifest: Manifest, data: st.DataObject) -> None:
    written = manifest.to_bytes()
    again = Manifest.from_bytes(written)
    assert again.model_dump(exclude={"seal"}) == manifest.model_dump(exclude={"seal"})
    assert again.to_bytes() == written
    at, new = data.draw(st.integers(0, len(written) - 1)), data.draw(st.binary(max_size=3))
    changed = written[:at] + new + written[at + len(new) :]
    if changed != written:
        with pytest.raises(BundleError):
            Manifest.from_bytes(changed)


def test_an_older_format_is_read_and_written_in_the_newest() -> None:
    content = json.loads((FIXTURE / "manifest.json").read_bytes())
    assert content["format_version"] == 1
    assert not {"exclusive_verdict", "score_counts", "objective", "calibrated_on"} & content.keys()
    old = Manifest.from_bytes((FIXTURE / "manifest.json").read_bytes())
    again = Manifest.from_bytes(old.to_bytes())
    assert (old.format_version, again.format_version) == (1, FORMAT_VERSION)
    assert again.model_dump(exclude={"format_version", "seal"}) == old.model_dump(exclude={"format_version", "seal"})


def test_no_byte_of_a_manifest_can_change(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = (bundle / "manifest.json").read_bytes()

    def parsed(*arguments: object, **named: object) -> None:
        pytest.fail("a changed manifest was parsed before its seal was checked")

    monkeypatch.setattr(json, "loads", parsed)
    for at, byte in enumerate(written):
        for other in {byte ^ 1, byte ^ 0x20, byte ^ 0xFF}:
            with pytest.raises(BundleError, match=r"has no seal|was changed after"):
                Manifest.from_bytes(written[:at] + bytes([other]) + written[at + 1 :])
    for cut in range(len(written)):
        with pytest.raises(BundleError, match=r"has no seal|was changed after"):
            Manifest.from_bytes(written[:cut])
    for longer in (written + b" ", b" " + written, written + written):
        with pytest.raises(BundleError, match=r"has no seal|was changed after"):
            Manifest.from_bytes(longer)


def test_a_manifest_with_two_seals_is_refused(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["versions"]["seal"] = manifest["seal"]
    with pytest.raises(BundleError, match="no seal"):
        Manifest.from_bytes(json.dumps(manifest).encode())


@pytest.mark.parametrize("newer", [FORMAT_VERSION + 1, 99])
def test_a_newer_format_asks_for_an_update(bundle: Path, tmp_path: Path, newer: int) -> None:
    with pytest.raises(BundleError) as error:
        store.read(forge(bundle, tmp_path / "forged", {}, ("format_version",), newer))
    assert str(error.value) == (
        f"the bundle has format {newer}, this toxiclf reads up to {FORMAT_VERSION}; install a newer toxiclf"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format_version",), 0),
        (("format_version",), "1"),
        (("format_version",), None),
        (("format_version",), True),
        (("labels",), []),
        (("labels",), "toxic"),
        (("labels",), [1]),
        (("labels",), ["toxic", "toxic"]),
        (("labels",), ["toxic", "other"]),
        (("thresholds",), []),
        (("thresholds",), [0.5, 0.5]),
        (("thresholds",), [NAN]),
        (("thresholds",), [INFINITY]),
        (("thresholds",), [-0.1]),
        (("thresholds",), [1.1]),
        (("thresholds",), ["0.5"]),
        (("thresholds",), [True]),
        (("negative",), 0),
        (("negative",), "clean"),
        (("exclusive_verdict",), "arg_max"),
        (("calibration", "exclusive"), True),
        (("calibration", "exclusive"), "no"),
        (("calibrated_on",), {**ORIGIN, "rows": 0}),
        (("calibrated_on",), {**ORIGIN, "rows": "9"}),
        (("calibrated_on",), {**ORIGIN, "counts": []}),
        (("calibrated_on",), {**ORIGIN, "counts": [10]}),
        (("calibrated_on",), {**ORIGIN, "counts": [-1]}),
        (("calibrated_on",), {**ORIGIN, "bundle_seal": "none"}),
        (("label_map", "separator"), ""),
        (("label_map",), {"columns": ["label"], "separator": ",", "positive_from": 0.5}),
        (("label_map",), {"columns": ["label"], "positive": ["1"], "positive_from": 0.5}),
        (("label_map",), {"columns": ["label"], "positive": ["1"], "negative": ["1"]}),
        (("label_map",), {"columns": ["one", "two"], "negative": ["1"]}),
        (("label_map", "positive_from"), "0.5"),
        (("label_map", "positive_from"), NAN),
        (("objective",), 2),
        (("calibration",), None),
        (("calibration", "method"), "pickle"),
        (("calibration", "labels"), []),
        (("calibration", "labels", 0, "slope"), NAN),
        (("calibration", "labels", 0, "intercept"), -INFINITY),
        (("calibration", "labels", 0, "shift"), NAN),
        (("rates",), [0.3, 0.3]),
        (("rates",), [1.1]),
        (("rates",), [NAN]),
        (("rates",), None),
        (("prior",), [0.3, 0.3]),
        (("prior",), []),
        (("prior",), [-0.1]),
        (("prior",), 0.02),
        (("score_counts",), [{"edges": [0.0], "toxic": [1, 2], "others": [3, 4]}] * 2),
        (("score_counts",), [{"edges": [0.0], "toxic": [1], "others": [3, 4]}]),
        (("score_counts",), [{"edges": [0.0], "toxic": [0, 0], "others": [3, 4]}]),
        (("score_counts",), [{"edges": [0.0], "toxic": [-1, 2], "others": [3, 4]}]),
        (("score_counts",), [{"edges": [1.0, 0.0], "toxic": [1, 2, 3], "others": [3, 4, 5]}]),
        (("score_counts",), [{"edges": [NAN], "toxic": [1, 2], "others": [3, 4]}]),
        (("score_counts",), [{"edges": [1e39], "toxic": [1, 2], "others": [3, 4]}]),  # above every float32
        (("versions",), {"python": 3}),
        (("more",), 1),
        (("files",), {}),
        (("files", "model.onnx", "size"), -1),
        (("files", "model.onnx", "size"), NAN),
        (("files", "model.onnx", "size"), 10**17),
        (("files", "model.onnx", "size"), 10**40),
        (("files", "model.onnx", "sha256"), "0"),
        (("files", "model.onnx", "sha256"), "0" * 64),
        (("files", "../model.onnx"), {"size": 1, "sha256": "0" * 64}),
        (("files", "/etc/passwd"), {"size": 1, "sha256": "0" * 64}),
        (("files", "more.bin"), {"size": 1, "sha256": "0" * 64}),
    ],
)
def test_nonsense_is_refused_whoever_sealed_it(
    bundle: Path, tmp_path: Path, path: tuple[Any, ...], value: object
) -> None:
    with pytest.raises(BundleError):
        store.read(forge(bundle, tmp_path / "forged", {}, path, value))


@pytest.mark.parametrize(
    "text",
    [
        BLANK,
        f"[1]\n{BLANK}",
        f"[{{{BLANK}}}]",
        f"{{{BLANK}}}",
        f'{{{BLANK}, "labels": {"[" * 100_000}}}',
        f'{{{BLANK}, "labels": {"9" * 10_000}}}',
        f'{{{BLANK}, "labels": ["\\ud800"]}}',
        f"{{{BLANK}, 'labels': 1}}",
    ],
    ids=["seal", "more than json", "list", "nothing in it", "deep", "long number", "surrogate", "quotes"],
)
def test_what_is_no_manifest_is_refused_whoever_sealed_it(copy: Path, text: str) -> None:
    seal(copy, text)
    with pytest.raises(BundleError, match="does not fit its schema"):
        store.read(copy)


def older(written: bytes, folder: Path, **changes: object) -> Manifest:
    """The manifest as it was before rates were kept."""
    content = json.loads(written)
    for name in ("rates", "prior"):
        del content[name]
    for label in content["calibration"]["labels"]:
        del label["shift"]
    seal(folder, json.dumps({**content, **changes, "seal": "0" * 64}))
    return Manifest.from_bytes((folder / "manifest.json").read_bytes())


def test_a_manifest_of_before_prevalences_is_read(bundle: Path, tmp_path: Path) -> None:
    written = (bundle / "manifest.json").read_bytes()
    manifest, now = older(written, tmp_path), Manifest.from_bytes(written)
    assert (manifest.rates, manifest.prior) == ((), None)
    assert manifest.calibration == now.calibration
    assert manifest.thresholds == now.thresholds
    with pytest.raises(UsageError, match=r"does not record the share of toxic comments .*; train it again"):
        manifest.at(0.02)


def test_rates_and_production_prevalence_come_back_from_the_bytes(bundle: Path) -> None:
    manifest = Manifest.from_bytes((bundle / "manifest.json").read_bytes())
    assert len(manifest.rates) == 1
    assert manifest.production_prevalence is None
    live = Manifest.from_bytes(manifest.at(0.02).to_bytes())
    assert live.production_prevalence == {"toxic": 0.02}
    assert live.rates == manifest.rates
    assert live.thresholds == manifest.thresholds
    assert live.at(0.1).calibration == manifest.at({"toxic": 0.1}).calibration


def test_scores_that_are_no_probabilities_have_no_production_prevalence(bundle: Path) -> None:
    content = json.loads((bundle / "manifest.json").read_bytes())
    content["calibration"]["method"] = "none"
    with pytest.raises(UsageError, match=r"not calibrated.*decision\.calibrate = platt or isotonic"):
        Manifest.model_validate(content).at(0.02)


def edited(bundle: Path, folder: Path, shift: float | None = None, **changes: object) -> Manifest:
    """The manifest at a production prevalence of 2 %, with other entries, and sealed as toxiclf would."""
    manifest = Manifest.from_bytes((bundle / "manifest.json").read_bytes()).at(0.02)
    content = {**json.loads(manifest.to_bytes()), **changes, "seal": "0" * 64}
    if shift is not None:
        content["calibration"]["labels"][0]["shift"] = shift
    seal(folder, json.dumps(content))
    return Manifest.from_bytes((folder / "manifest.json").read_bytes())


@pytest.mark.parametrize(
    ("shift", "changes", "sentence"),
    [
        (None, {"rates": []}, "labels, rates and priors differ in number"),
        (
            None,
            {"rates": [], "prior": []},
            "a prior needs calibrated scores, and rates: the share of each label at calibration",
        ),
        (0.0, {"rates": [], "prior": []}, "a prior needs calibrated scores"),
        (
            None,
            {"prior": [0.9]},
            r"the log-odds of label 'toxic' are shifted by -2\.\S+; expected \S+ for the bundle's prior",
        ),
        (
            None,
            {"prior": None},
            r"the log-odds of label 'toxic' are shifted by -2\.\S+; expected 0 without a prior",
        ),
        (0.0, {}, r"are shifted by 0; expected -2\."),
        (1e-8, {"prior": None}, "expected 0 without a prior"),
        (None, {"rates": [0.0]}, "no calibration comment has the label 'toxic'"),
        (None, {"rates": [1.0]}, "every calibration comment has the label 'toxic'"),
        (None, {"prior": [0.0]}, "the prior of label 'toxic' is 0.0; expected the share"),
        (None, {"prior": [1e-300]}, "the prior of label 'toxic' is 1e-300; expected the share"),
    ],
)
def test_a_prior_that_scores_are_not_for_is_refused_whoever_sealed_it(
    bundle: Path, tmp_path: Path, shift: float | None, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BundleError, match=f"^manifest.json does not fit its schema: .*{sentence}.*; train again$"):
        edited(bundle, tmp_path, shift, **changes)


def test_a_prior_of_scores_that_are_not_calibrated_is_refused_whoever_sealed_it(bundle: Path, tmp_path: Path) -> None:
    content = json.loads((bundle / "manifest.json").read_bytes())
    uncalibrated = {**content["calibration"], "method": "none"}
    with pytest.raises(BundleError, match="a prior needs calibrated scores"):
        edited(bundle, tmp_path, calibration=uncalibrated, prior=content["rates"])


def test_a_prior_that_is_the_share_of_training_shifts_nothing(bundle: Path, tmp_path: Path) -> None:
    rates = json.loads((bundle / "manifest.json").read_bytes())["rates"]
    assert edited(bundle, tmp_path, 0.0, prior=rates).prior == tuple(rates)
    assert edited(bundle, tmp_path).prior == (0.02,)
