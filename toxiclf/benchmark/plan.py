"""The plan of a benchmark: corpora, entries and seeds, from a TOML file, a shipped plan or command-line flags."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from inspect import signature
from itertools import count, product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from toxiclf._registry import KINDS, component, components
from toxiclf.benchmark import plans
from toxiclf.benchmark.rivals import RIVALS
from toxiclf.datasets.reading import read_comments
from toxiclf.datasets.rejected import MAX_REJECTED
from toxiclf.errors import UsageError, unknown_name
from toxiclf.evaluation.metrics import metric_names
from toxiclf.recipe import Recipe
from toxiclf.recipe.loading import toml
from toxiclf.recipe.preprocessing import NORMALIZER_KEYS
from toxiclf.recipe.types import Section, as_list
from toxiclf.rows import source_name

RECALL_AT, UNCALIBRATED = "recall_at_precision_0.9", "brier_uncalibrated"
"""Metrics that only benchmarks compute."""


def default_metrics() -> tuple[str, ...]:
    """Return the metrics that tables show unless a plan names others."""
    first, second, *others = metric_names("benchmark")
    return (first, second, RECALL_AT, *others)


def known_metrics() -> tuple[str, ...]:
    """Return all metrics that a plan may name."""
    return (*metric_names(), RECALL_AT, UNCALIBRATED)


_OF_RIVALS = ("split.", "decision.folds", "decision.objective", "decision.calibrate", *NORMALIZER_KEYS)
"""Recipe keys, or beginnings of keys, that have an effect on a rival."""


def _flat(settings: object) -> object:
    """Return nested settings as one flat dict with dotted keys.

    ``{"split": {"test": 0.4}}`` becomes ``{"split.test": 0.4}``.
    """
    if not isinstance(settings, Mapping):
        return settings
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and "." not in key:
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def _of_one_line(name: str) -> str:
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") for sign in name):
        raise ValueError(f"{name!r} holds line breaks or other control characters; write a name of one line")
    return name


def _spelled_out(entries: object) -> object:
    """Expand the short forms of entries.

    A name becomes an entry for the preset or rival of that name. An entry with ``each`` becomes several, one for each
    component of that kind.
    """
    if not isinstance(entries, list | tuple):
        return entries
    full_entries: list[object] = []
    names = _short_names([entry for entry in entries if isinstance(entry, str)])
    for entry in entries:
        if isinstance(entry, str):
            full_entries.append({"name": names[entry], "rival" if entry in RIVALS else "recipe": entry})
        elif isinstance(entry, Mapping) and "each" in entry:
            kind = entry["each"]
            if kind not in KINDS:
                raise ValueError(str(unknown_name("kind", str(kind), list(KINDS))))
            form = {key: value for key, value in entry.items() if key != "each"}
            full_entries += [_filled(form, name) for name in components(kind)]
        else:
            full_entries.append(entry)
    return full_entries


def _named(corpora: object) -> object:
    """Give corpora without a name the name of their file; files that have the same name get a number."""
    if not isinstance(corpora, list | tuple):
        return corpora
    sources = [one.get("source") if isinstance(one, Mapping) and not one.get("name") else None for one in corpora]
    names = _short_names([source for source in sources if isinstance(source, str)])
    return [
        {**one, "name": names[source]} if isinstance(source, str) else one
        for one, source in zip(corpora, sources, strict=True)
    ]


def _filled(value: Any, name: str) -> Any:
    """Replace each "{}" in a value, and in the values that it contains, by ``name``."""
    if isinstance(value, str):
        return value.replace("{}", name)
    if isinstance(value, Mapping):
        return {key: _filled(inner, name) for key, inner in value.items()}
    return [_filled(inner, name) for inner in value] if isinstance(value, list) else value


def _with_present_names(metrics: Any) -> Any:
    """Rename ``macro_f1``, which early plans name, in a list or the keys of a table of metrics."""
    present = {"macro_f1": "f1_macro"}
    if isinstance(metrics, Mapping):
        return {present.get(name, name): value for name, value in metrics.items()}
    return [present.get(name, name) for name in metrics] if isinstance(metrics, list | tuple) else metrics


Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Name = Annotated[str, AfterValidator(_of_one_line)]
Settings = Annotated[dict[str, Any], BeforeValidator(_flat)]


READING = tuple(key for key in signature(read_comments).parameters if key not in ("source", "by", "part", "like"))
"""Arguments of :func:`toxiclf.read_comments` that each corpus of a plan may set."""


class CorpusEntry(Section):
    """Labeled comments that a benchmark trains and tests on.

    Attributes
    ----------
    name : name in tables; the name of the file or corpus if left out.
    source : a file or ``corpus:NAME``.
    test : test set to use if the corpus comes with its own test set: "own" uses that; with "drawn" each seed draws a
        new one from all comments of the corpus.
    text, label, negative, positive, label_separator, positive_from, header, delimiter, sheet, max_rejected : how to
        read a file, as in :func:`toxiclf.read_comments`.
    any : whether all labels are merged into one label, "toxic", for comments with at least one label.
    rate : share of toxic comments in training and validation set, which is reached by removing random toxic comments.
        The test set stays complete; metrics are also computed with the test set weighted to this share.
    disguised : whether abusive words in toxic comments of the test set are written so that filters misread them.
    """

    name: Name = ""
    source: str
    test: Literal["own", "drawn"] = "own"
    text: str | None = None
    label: Names = ()
    negative: Names = ()
    positive: Names = ()
    label_separator: str | None = None
    positive_from: float | None = None
    header: bool | None = None
    delimiter: str | None = None
    sheet: str | None = None
    max_rejected: Annotated[float, Field(ge=0, le=1)] = MAX_REJECTED
    any: bool = False
    disguised: bool = False
    rate: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """How to read the file, as arguments of :func:`toxiclf.read_comments`."""
        return {key: getattr(self, key) for key in READING}

    @property
    def plain(self) -> str:
        """Name of the corpus without its rate."""
        return self.name or source_name(self.source).removeprefix("corpus:")

    def is_named(self, names: Collection[str]) -> bool:
        """Return whether names of corpora include this one, by its name or its path."""
        return self.plain in names or self.source in names

    @property
    def title(self) -> str:
        """Name of the corpus in tables, with its rate."""
        return self.plain if self.rate is None else f"{self.plain}, {100 * self.rate:g} %"


class Entry(Section):
    """An entry of a benchmark: a recipe or a rival with its settings.

    In a plan, a name such as ``"cnn"`` is short for the preset or rival of that name with default settings. With
    ``each = "resampler"`` one entry is made for each resampler; the resampler's name replaces ``{}`` in name, recipe
    and settings. Other kinds of components work in the same way.

    Attributes
    ----------
    name : name in tables, different for each entry.
    recipe : a preset or a recipe file; None for a rival.
    rival : a classifier of :mod:`toxiclf.benchmark.rivals`; None for a recipe.
    settings : values by recipe key.
    against : name of the entry that this entry is compared with; the plan's baseline if empty.
    corpora : names of the corpora that the entry runs on, without their rates; all corpora if empty.
    published : values that others published for this entry, by metric; tables show them beside the measured values.
    note : remark after the name in tables.
    """

    name: Name
    recipe: str | None = None
    rival: str | None = None
    settings: Settings = Field(default_factory=dict)
    against: str = ""
    corpora: Names = ()
    published: Annotated[
        dict[str, Annotated[float, Field(allow_inf_nan=False)]], BeforeValidator(_with_present_names)
    ] = Field(default_factory=dict)
    note: Name = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Entry:
        if (self.recipe is None) == (self.rival is None):
            raise ValueError(f"the entry '{self.name}' needs a recipe or a rival; give exactly one of them")
        if self.rival is not None and self.rival not in RIVALS:
            raise ValueError(str(unknown_name("rival", self.rival, list(RIVALS))))
        for key in self.settings:
            if key == "seed" or key.startswith("split."):
                raise ValueError(
                    f"the entry '{self.name}' sets {key}, but all entries share one split; set {key} in the settings "
                    "of the plan"
                )
            if self.rival is not None and not key.startswith(_OF_RIVALS):
                raise ValueError(f"the entry '{self.name}' sets {key}, which has no effect on a rival; leave it out")
        return self


class Plan(Section):
    """The plan of a benchmark: every entry runs on every corpus with every seed.

    Attributes
    ----------
    title : title of the tables.
    corpora, entries, seeds : each run combines one of each.
    baseline : name of the entry that all other entries are compared with; the first entry if empty.
    settings : values by recipe key that apply to all entries.
    metrics : metrics that the tables show; ranks are by the first.
    """

    title: Name = "benchmark"
    corpora: Annotated[tuple[CorpusEntry, ...], BeforeValidator(_named)] = Field(min_length=1)
    entries: Annotated[tuple[Entry, ...], BeforeValidator(_spelled_out)] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = (0, 1, 2, 3, 4)
    baseline: str = ""
    settings: Settings = Field(default_factory=dict)
    metrics: Annotated[
        tuple[str, ...], BeforeValidator(_with_present_names), Field(min_length=1, default_factory=default_metrics)
    ]

    @model_validator(mode="after")
    def _names_fit(self) -> Plan:
        for what, names in (
            ("entry", [entry.name for entry in self.entries]), ("corpus", [corpus.title for corpus in self.corpora]),
        ):  # fmt: skip
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} '{twice[0]}' appears twice; give each its own name")
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise ValueError("give at least one seed, and each seed only once")
        if "seed" in self.settings:
            raise ValueError("settings hold a seed; give all seeds as seeds = [0, 1]")
        for metric in self.metrics:
            if metric not in known_metrics():
                raise ValueError(str(unknown_name("metric", metric, known_metrics())))
        names = [entry.name for entry in self.entries]
        for wanted in (self.baseline, *(entry.against for entry in self.entries)):
            if wanted and _entry_name(wanted, names) not in names:
                raise ValueError(f"the baseline '{wanted}' is not an entry; the entries are: {', '.join(names)}")
        known = list(dict.fromkeys(corpus.plain for corpus in self.corpora))
        for entry in self.entries:
            for metric in entry.published:
                if metric not in self.metrics:
                    raise ValueError(f"published of '{entry.name}': {unknown_name('metric', metric, self.metrics)}")
            for wanted in entry.corpora:
                if not any(corpus.is_named((wanted,)) for corpus in self.corpora):
                    raise ValueError(f"the entry '{entry.name}': {unknown_name('corpus', wanted, known)}")
        return self

    @property
    def reference(self) -> str:
        """Name of the entry that others are compared with unless they name another one."""
        names = [entry.name for entry in self.entries]
        return _entry_name(self.baseline, names) if self.baseline else names[0]

    def reference_of(self, entry: Entry) -> str:
        """Return the name of the entry that this entry is compared with."""
        return _entry_name(entry.against, [entry.name for entry in self.entries]) if entry.against else self.reference

    @property
    def test_share(self) -> float:
        """Share of the comments that each seed draws as its test set."""
        return float(Recipe().changed({k: v for k, v in self.settings.items() if k == "split.test"}).split.test)

    def runs(self) -> Iterator[PlannedRun]:
        """Yield all runs, one seed after the other, so that a first complete table is possible early."""
        for seed in self.seeds:
            for corpus in self.corpora:
                for entry in self.entries:
                    if not entry.corpora or corpus.is_named(entry.corpora):
                        yield PlannedRun(corpus, entry, seed, self.settings)


def _entry_name(wanted: str, names: Collection[str]) -> str:
    """Return the name of an entry that may be named by the path of its recipe."""
    return wanted if wanted in names else source_name(wanted)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a benchmark: an entry on a corpus with a seed. ``settings`` are those of the plan."""

    corpus: CorpusEntry
    entry: Entry
    seed: int
    settings: Mapping[str, Any]

    def recipe(self) -> Recipe:
        """Return the recipe of the run; for a rival, the default recipe with those settings that the rival uses.

        Raises
        ------
        UsageError : the settings are not valid.
        """
        common = {
            key: value for key, value in self.settings.items() if self.entry.rival is None or key.startswith(_OF_RIVALS)
        }
        return Recipe.load(self.entry.recipe, seed=self.seed).changed({**common, **self.entry.settings})

    def __str__(self) -> str:
        return f"{self.corpus.title} · {self.entry.name} · seed {self.seed}"


def load_plan(source: str | Path) -> Plan:
    """Load a shipped plan by name, or a plan from a TOML file.

    Raises
    ------
    UsageError : the plan does not exist or is not valid.
    """
    name = str(source)
    if name in plans.names():
        return parsed(tomllib.loads(shipped_text(name)), name)
    path = Path(source)
    if not path.is_file():
        if path.suffix != ".toml":
            raise unknown_name("plan", name, plans.names())
        raise UsageError(
            f"the plan {path} does not exist; give a TOML file, or a shipped plan by name: {', '.join(plans.names())}"
        )
    try:
        return parsed(toml(path.read_text("utf-8-sig")), name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}; give comments with --corpus") from error


def parsed(content: Mapping[str, Any], name: str) -> Plan:
    """Make a plan from the content of its TOML file; ``name`` is for messages.

    Raises
    ------
    UsageError : a key is unknown or a value is not valid.
    """
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        complaint = error.errors()[0]
        where = ".".join(str(part) for part in complaint["loc"])
        message = complaint["msg"].removeprefix("Value error, ")
        if complaint["type"] in ("tuple_type", "list_type"):
            message = f"write a list in brackets, not {complaint['input']!r}"
        raise UsageError(f"{name}: {f'{where}: ' if where else ''}{message}") from None


def shipped_text(name: str) -> str:
    """Return the TOML text of a shipped plan.

    Raises
    ------
    UsageError : there is no such plan.
    """
    if name not in plans.names():
        raise unknown_name("plan", name, plans.names())
    return files(plans).joinpath(f"{name}.toml").read_text("utf-8")


def template() -> str:
    """Return the TOML text of a commented plan to start from."""
    return files("toxiclf.benchmark").joinpath("template.toml").read_text("utf-8")


def of_flags(
    corpora: Sequence[str], models: Sequence[str], seeds: Sequence[int], *, resample: Sequence[str] = (),
    augment: Sequence[str] = (), settings: Mapping[str, Any] | None = None, baseline: str = "",
    columns: Mapping[str, Any] | None = None,
) -> Plan:  # fmt: skip
    """Make a plan from command-line flags.

    Each model, resampler and augmentation method together are an entry, and so is each rival. ``columns`` says how to
    read the corpora.

    Raises
    ------
    UsageError : a name is unknown.
    """
    for kind, names in (("resampler", resample), ("augmenter", augment)):
        for name in names:
            if name != "none":
                component(kind, name)
    entries: list[dict[str, Any]] = []
    model_names = _short_names(models)
    for model in models:
        if model in RIVALS:  # rivals are neither resampled nor augmented
            entries.append({"name": model, "rival": model})
            continue
        for resampler, augmenter in product(resample or ("none",), augment or ("none",)):
            techniques = {"balance.resample": resampler, "balance.augment": augmenter}
            keys = {key: name for key, name in techniques.items() if name != "none"}
            entries.append({
                "name": ", ".join([model_names[model], *keys.values()]), "recipe": model,
                "settings": {"balance.class_weight": "none", **keys} if keys else {},
            })  # fmt: skip
    content = {
        "corpora": [{"source": source, **(columns or {})} for source in corpora],
        "entries": entries, "seeds": list(seeds), "settings": dict(settings or {}),
        "baseline": model_names.get(baseline, baseline),
    }  # fmt: skip
    return parsed(content, "the flags")


def _short_names(sources: Sequence[str]) -> dict[str, str]:
    """Return a name without folders for each source; files that have the same name get a number."""
    names: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        name, taken = source_name(source).removeprefix("corpus:"), list(names.values())
        numbered = (f"{name} ({number})" for number in count(2))
        names[source] = name if name not in taken else next(other for other in numbered if other not in taken)
    return names
