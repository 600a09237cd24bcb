"""The manifest of a bundle: what is in it, how raw outputs become verdicts, and where it came from."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from toxiclf.bundle.calibration import Calibration
from toxiclf.bundle.prevalence import Prior, production_prevalence
from toxiclf.errors import BundleError, UsageError

FORMAT_VERSION = 1
"""Raised by one whenever a reader of the old format would misread a new bundle; old formats stay readable and tested."""

FILES = ("README.md", "model.onnx", "text.json", "vocabulary.json")

_TOLERANCE = 1e-9  # of log-odds, computed anew by another NumPy

_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"')
_BLANK = b'"seal": "' + b"0" * 64 + b'"'


Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]
"""The share of comments that hold a label."""


class FileEntry(BaseModel):
    """Size in bytes and SHA-256 of a file of the bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LabelMap(BaseModel):
    """How columns of a file became labels.

    Attributes
    ----------
    columns : the label columns.
    positive, negative : values of a single column, as named by the user; empty and None where it holds 0 and 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: str | None = None


class Manifest(BaseModel):
    """The schema of ``manifest.json``.

    Attributes
    ----------
    labels, thresholds : one name and one threshold a label.
    negative : the label column's negative value, where labels are exclusive.
    rates : the share of each label among the rows that calibration was fitted on; empty in bundles of before it was kept, and
        where scores are not calibrated.
    prior : the production prevalence of each label, which scores are corrected to; None where they are left at ``rates``.
    model : the model's name.
    text_column, label_map : where text and labels stood in the training file; defaults for files to come.
    recipe_sha256, data_sha256 : of the recipe as TOML and of the training file.
    word_vectors : what they were made from; empty where the model takes none.
    versions : of this package and of the training libraries.
    seal : SHA-256 of the manifest itself, computed with 64 zeros in its place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format_version: Literal[1] = 1
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    thresholds: tuple[Rate, ...]
    negative: str | None
    calibration: Calibration
    rates: tuple[Rate, ...] = ()
    prior: tuple[Rate, ...] | None = None
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
            raise ValueError("labels and their rates differ in number")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels have the same name")
        if set(self.files) != set(FILES):
            raise ValueError(f"files must be {', '.join(FILES)}")
        return self

    @model_validator(mode="after")
    def _shifted_to_the_prior(self) -> Manifest:
        """Scores are for the production prevalence that is named, and for no other."""
        wanted = [0.0] * len(self.labels)
        if self.prior is not None:
            if not self.rates or self.calibration.method == "none":
                raise ValueError("a prior needs calibrated scores, and the rates that they were calibrated at")
            changed = {
                label: wanted
                for label, wanted, rate in zip(self.labels, self.prior, self.rates, strict=True)
                if wanted != rate
            }
            if changed:  # those that training could not have been given are refused
                production_prevalence(changed, self.labels, self.rates, exclusive=self.calibration.exclusive)
            wanted = [label.shift for label in self.calibration.at(self.rates, self.prior).labels]
        for name, label, shift in zip(self.labels, self.calibration.labels, wanted, strict=True):
            if abs(label.shift - shift) > _TOLERANCE:
                for_what = "without a prior" if self.prior is None else "for its prior"
                raise ValueError(
                    f"scores of label '{name}' are shifted by {label.shift:g}; expected {shift:g} {for_what}"
                )
        return self

    @property
    def production_prevalence(self) -> dict[str, float] | None:
        """The production prevalence by label, where scores are corrected to one."""
        return None if self.prior is None else dict(zip(self.labels, self.prior, strict=True))

    def at(self, prior: Prior) -> Manifest:
        """The manifest with scores at another production prevalence; thresholds, and rates of labels that are not named, stay.

        Raises
        ------
        UsageError : scores are not calibrated, the bundle is of before rates were kept, or the prior does not fit the labels.
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

    def to_bytes(self) -> bytes:
        """The manifest as JSON, sealed."""
        blank = self.model_copy(update={"seal": "0" * 64}).model_dump()
        text = json.dumps(blank, ensure_ascii=False, indent=1).encode() + b"\n"
        seal = hashlib.sha256(text).hexdigest().encode()
        return text.replace(_BLANK, b'"seal": "' + seal + b'"')

    @classmethod
    def from_bytes(cls, text: bytes) -> Manifest:
        """Check the seal, then parse.

        Raises
        ------
        BundleError : the seal is missing or broken, or the contents do not fit the schema.
        """
        seals = _SEAL.findall(text)
        if len(seals) != 1:
            raise BundleError(
                "manifest.json has no seal, so toxiclf did not write it or it was cut; train or copy the bundle again"
            )
        if hashlib.sha256(_SEAL.sub(_BLANK, text)).hexdigest().encode() != seals[0]:
            raise BundleError("manifest.json was changed after it was written; train again, or copy the bundle again")
        try:
            content = json.loads(text)
            version = content.get("format_version")
            if isinstance(version, int) and version > FORMAT_VERSION:
                raise BundleError(
                    f"the bundle has format {version}, this toxiclf reads up to {FORMAT_VERSION}; "
                    "update it with: pip install -U toxiclf"
                )
            return cls.model_validate(content)
        except ValidationError as error:
            raise BundleError(f"manifest.json does not fit its schema: {_complaint(error)}; train again") from error
        except (ValueError, AttributeError, RecursionError) as error:
            raise BundleError(f"manifest.json does not fit its schema: {error}") from error


def _complaint(error: ValidationError) -> str:
    """The first complaint as one line, with its place."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
