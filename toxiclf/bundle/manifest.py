"""The manifest of a bundle: its files, how raw outputs become verdicts, and what the model was trained from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.prevalence import Prior, production_prevalence
from toxiclf.bundle.score_counts import ScoreCounts
from toxiclf.bundle.strict_json import parsed
from toxiclf.bundle.verdicts import ExclusiveVerdict
from toxiclf.errors import BundleError, UsageError

FORMAT_VERSION = 2
"""Format number of bundles. It rises by one when older versions would misread or refuse a new bundle; old bundles stay
readable: a key that they lack means what was done before there was this key."""

LARGEST = {"README.md": 2**22, "model.onnx": 2**31 - 1, "text.json": 2**20, "vocabulary.json": 2**27}
"""Most bytes of each file of a bundle; a graph cannot be larger, because Protocol Buffers cannot."""

FILES = tuple(LARGEST)

_TOLERANCE = 1e-9  # of log-odds, which another version of NumPy may compute slightly differently

_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"')
_BLANK = b'"seal": "' + b"0" * 64 + b'"'


Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]
"""Share of comments that have a label."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(BaseModel):
    """The size in bytes and the SHA-256 of a file in the bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: Annotated[int, Field(ge=0, le=2**53)]
    sha256: Sha256


def _as_values(value: object) -> object:
    """Convert the single value, or null, of an old bundle to values."""
    return (
        ()
        if value is None
        else (value,)
        if isinstance(value, str)
        else tuple(value)
        if isinstance(value, list)
        else value
    )


class LabelMap(BaseModel):
    """The mapping from label columns of the training file to labels.

    Attributes
    ----------
    columns : names of the label columns.
    positive : values of a single label column that mean toxic; empty if label columns hold 0 and 1, or if each value is
        a label.
    negative : values of a single label column that mean not toxic, if the user named them or labels are exclusive. In
        old bundles, this is one value or null.
    separator : what separates several values in a cell of a single label column; "list" for lists, and null if each
        cell holds one value.
    positive_from : smallest number in a label column that means toxic; null if label columns do not hold numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: Annotated[tuple[str, ...], BeforeValidator(_as_values)] = ()
    separator: Annotated[str, Field(min_length=1)] | None = None
    positive_from: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_way_to_read_labels(self) -> LabelMap:
        values = self.positive or self.negative or self.separator is not None
        if values and (self.positive_from is not None or len(self.columns) > 1):
            raise ValueError("values and separators need a single label column, and no positive_from")
        if set(self.positive) & set(self.negative):
            raise ValueError("a value means both toxic and not toxic")
        return self


class CalibratedOn(BaseModel):
    """The comments that a bundle was calibrated on after training.

    Attributes
    ----------
    rows, counts : number of comments, and of those with each label.
    data_sha256 : SHA-256 of their texts, targets and labels, as ``Comments.sha256`` computes it.
    bundle_seal : seal of the bundle that was calibrated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    rows: Annotated[int, Field(ge=1, le=2**53)]
    counts: tuple[Annotated[int, Field(ge=0)], ...]
    data_sha256: Sha256
    bundle_seal: Sha256


class Manifest(BaseModel):
    """The manifest of a bundle, which is the schema of ``manifest.json``.

    Attributes
    ----------
    labels, thresholds : name and decision threshold of each label.
    calibration : the mapping from raw outputs to scores.
    negative : value of the label column that means not toxic, if labels are exclusive; else None.
    exclusive_verdict : "arg_max" if the verdict on a comment is the one class with the highest score, which needs
        exclusive labels; "thresholds" if a label is flagged where its score reaches its threshold, as in bundles
        without this key.
    rates : share of each label among the rows that calibration was fitted on; empty if scores are not calibrated, and
        in old bundles, which do not record these shares.
    prior : production prevalence of each label, to which scores are corrected; None if they are not corrected.
    score_counts : for each label, counts of the held-out rows by raw output; empty if labels are exclusive, and in old
        bundles.
    objective : objective of the thresholds, see :class:`toxiclf.recipe.DecisionSection`; None in old bundles.
    calibrated_on : the comments that calibration and thresholds come from; None if they come from training.
    model : name of the model.
    text_column, label_map : the columns with text and labels in the training file. In a file that the bundle later
        scores or is evaluated on, the same columns are the default.
    recipe_sha256 : SHA-256 of the whole recipe, including defaults, as ``Recipe.sha256`` computes it.
    data_sha256 : SHA-256 of the texts, targets and labels of the labeled rows, as ``Comments.sha256`` computes it.
    tokenizer_versions : version of each tokenizer, by name; empty if the model takes no tokens.
    word_vectors : origin of the word vectors; empty if the model takes none.
    versions : versions of Python, toxiclf and its libraries in training, by name.
    files : size and SHA-256 of each other file of the bundle, by name.
    seal : SHA-256 of ``manifest.json`` with 64 zeros in place of the seal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format_version: Annotated[int, Field(ge=1, le=FORMAT_VERSION)] = FORMAT_VERSION
    labels: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    thresholds: tuple[Rate, ...]
    negative: str | None
    exclusive_verdict: ExclusiveVerdict = "thresholds"
    calibration: Calibration
    rates: tuple[Rate, ...] = ()
    prior: tuple[Rate, ...] | None = None
    score_counts: tuple[ScoreCounts, ...] = ()
    objective: str | Rate | None = None
    calibrated_on: CalibratedOn | None = None
    model: str
    text_column: str
    label_map: LabelMap
    tokenizer_versions: dict[str, str]
    word_vectors: dict[str, str] = {}
    recipe_sha256: str
    data_sha256: str
    versions: dict[str, str]
    files: dict[str, FileEntry]
    seal: str = "0" * 64

    @model_validator(mode="after")
    def _one_of_each(self) -> Manifest:
        if not len(self.labels) == len(self.thresholds) == len(self.calibration.labels):
            raise ValueError("labels, thresholds and calibrations differ in number")
        if len(self.rates) not in (0, len(self.labels)) or (
            self.prior is not None and len(self.prior) != len(self.rates)
        ):
            raise ValueError("labels, rates and priors differ in number")
        if len(self.score_counts) not in (0, len(self.labels)):
            raise ValueError("labels and score counts differ in number")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels have the same name")
        if self.calibration.exclusive != (self.negative is not None):
            raise ValueError("labels exclude each other if, and only if, there is a negative value")
        if self.negative in self.labels:
            raise ValueError("the negative value is a label, too")
        if self.arg_max and not self.calibration.exclusive:
            raise ValueError("the verdict arg_max needs labels that exclude each other")
        if self.calibration.exclusive and sum(self.rates) > 1 + _TOLERANCE:
            raise ValueError("rates of labels that exclude each other add up to more than 1")
        origin = self.calibrated_on
        if origin and (len(origin.counts) != len(self.labels) or max(origin.counts) > origin.rows):
            raise ValueError("calibrated_on needs one count for each label, and none above its number of rows")
        if set(self.files) != set(FILES):
            raise ValueError(f"files must be {', '.join(FILES)}")
        if too_large := [name for name in FILES if self.files[name].size > LARGEST[name]]:
            raise ValueError(f"{too_large[0]} may have at most {LARGEST[too_large[0]]:,} bytes")
        return self

    @model_validator(mode="after")
    def _shifted_to_the_prior(self) -> Manifest:
        """Check that each label's shift in ``calibration`` is the one that ``prior`` requires: 0 without a prior."""
        wanted = [0.0] * len(self.labels)
        if self.prior is not None:
            if not self.rates or self.calibration.method == "none":
                raise ValueError("a prior needs calibrated scores, and rates: the share of each label at calibration")
            changed = {
                label: wanted
                for label, wanted, rate in zip(self.labels, self.prior, self.rates, strict=True)
                if wanted != rate
            }
            if changed:  # raises for a prior that training would have refused
                production_prevalence(changed, self.labels, self.rates, exclusive=self.calibration.exclusive)
            wanted = [label.shift for label in self.calibration.at(self.rates, self.prior).labels]
        for name, label, shift in zip(self.labels, self.calibration.labels, wanted, strict=True):
            if abs(label.shift - shift) > _TOLERANCE:
                for_what = "without a prior" if self.prior is None else "for the bundle's prior"
                raise ValueError(
                    f"the log-odds of label '{name}' are shifted by {label.shift:g}; expected {shift:g} {for_what}"
                )
        return self

    @property
    def arg_max(self) -> bool:
        """Whether the verdict on a comment is the one class with the highest score."""
        return self.exclusive_verdict == "arg_max"

    @property
    def production_prevalence(self) -> dict[str, float] | None:
        """Production prevalence by label, to which scores are corrected; None if they are not corrected."""
        return None if self.prior is None else dict(zip(self.labels, self.prior, strict=True))

    def at(self, prior: Prior) -> Manifest:
        """Return a copy of the manifest with scores corrected to another production prevalence.

        Thresholds stay the same, and so does the prevalence of labels that ``prior`` does not name.

        Raises
        ------
        UsageError : scores are not calibrated, an old bundle has no ``rates``, or the prior does not fit the labels.
        """
        if self.calibration.method == "none":
            raise UsageError(
                "scores of this bundle are not calibrated, so they cannot be corrected to a production "
                "prevalence; train with decision.calibrate = platt or isotonic, or leave the prior out"
            )
        if not self.rates:
            raise UsageError(
                "this bundle does not record the share of toxic comments at its calibration, so its scores "
                "cannot be corrected to a production prevalence; train it again, or leave the prior out"
            )
        prevalence = production_prevalence(
            prior, self.labels, self.rates, self.prior, exclusive=self.calibration.exclusive
        )
        return self.model_copy(update={"calibration": self.calibration.at(self.rates, prevalence), "prior": prevalence})

    def with_thresholds(self, thresholds: float | Mapping[str, float]) -> Manifest:
        """Return a copy of the manifest with other thresholds: one for all labels, or those of the labels named.

        Thresholds then decide, even if the class with the highest score was the verdict before.

        Raises
        ------
        UsageError : a threshold is not a number in [0, 1], a label is unknown, or no label is named.
        """
        named: dict[str, Any] = dict(
            thresholds if isinstance(thresholds, Mapping) else dict.fromkeys(self.labels, thresholds)
        )
        unknown = [repr(name) for name in named if name not in self.labels]
        if unknown or not named:
            raise UsageError(
                f"thresholds are given for {', '.join(unknown) or 'no label'}; the labels are {', '.join(self.labels)}: "
                "give a threshold by label, or one number for all"
            )
        for label, value in named.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
                raise UsageError(
                    f"the threshold of label '{label}' is {value}; expected a number in [0, 1], such as 0.6"
                )
        changed = (float(named.get(*pair)) for pair in zip(self.labels, self.thresholds, strict=True))
        return self.model_copy(update={"thresholds": tuple(changed), "exclusive_verdict": "thresholds"})

    def to_bytes(self) -> bytes:
        """Return the manifest as UTF-8 JSON in the newest format, with its :attr:`seal` computed."""
        blank = self.model_copy(update={"format_version": FORMAT_VERSION, "seal": "0" * 64}).model_dump()
        text = json.dumps(blank, ensure_ascii=False, indent=1).encode() + b"\n"
        seal = hashlib.sha256(text).hexdigest().encode()
        return text.replace(_BLANK, b'"seal": "' + seal + b'"')

    @classmethod
    def from_bytes(cls, text: bytes) -> Manifest:
        """Check the seal of a ``manifest.json``, then parse it.

        Raises
        ------
        BundleError : the seal is missing or wrong, the format is newer, or the contents do not fit the schema.
        """
        seals = _SEAL.findall(text)
        if len(seals) != 1:
            raise BundleError(
                "manifest.json has no seal: it was cut short, or not written by toxiclf; train again, or copy the bundle again"
            )
        if hashlib.sha256(_SEAL.sub(_BLANK, text)).hexdigest().encode() != seals[0]:
            raise BundleError("manifest.json was changed after it was written; train again, or copy the bundle again")
        try:
            content = parsed("manifest.json", text)
            version = content.get("format_version")
            if isinstance(version, int) and version > FORMAT_VERSION:
                raise BundleError(
                    f"the bundle has format {version}, this toxiclf reads up to {FORMAT_VERSION}; "
                    "install a newer toxiclf"
                )
            return cls.model_validate_json(text, strict=True)  # strict: nothing is converted, such as "1" to 1
        except ValidationError as error:
            raise BundleError(f"manifest.json does not fit its schema: {_complaint(error)}; train again") from error
        except (ValueError, AttributeError, RecursionError) as error:
            raise BundleError(f"manifest.json does not fit its schema: {error}") from error


def _complaint(error: ValidationError) -> str:
    """Return the first validation error as one line, with the path of the wrong key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
