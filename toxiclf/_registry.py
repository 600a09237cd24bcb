"""Components by kind and name: each is one file, which registers a class or function with :func:`register`.

The registry finds components by walking the folder of their kind, and by the entry-point group ``toxiclf.components`` of
installed packages; there is no list of names. A component's file imports the base install only; it imports heavy libraries
where it uses them.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from toxiclf.errors import UsageError, unknown_name

T = TypeVar("T")
ENTRY_POINTS = "toxiclf.components"


@dataclass(frozen=True)
class Kind:
    """A kind of component: the package whose files hold it, and the traits it may have, with their defaults.

    ``listed``: whether `toxiclf list` and the reference show it; ``extra``: that of components that name none.
    """

    package: str
    traits: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True
    extra: str = ""


KINDS: dict[str, Kind] = {
    "model": Kind(
        "toxiclf.models",
        {
            "takes": "vectors",  # "vectors" (one a comment), "sequences" (of word vectors) or "ngrams"
            "is_network": False,  # trains in epochs; balance.loss has an effect
            "watches_validation": False,  # stops early by the validation set, so it cannot learn from it
            "balances_itself": False,  # draws equally many rows of each class itself, and takes no class weights
            "learns_from_negatives": False,  # learns only from comments without the label
            "has_members": False,  # is an ensemble of other models
            "multi_label": True,  # takes several labels
            "raw_name": "raw output",  # what figures call it
            "weight_name": "weight",  # of an ensemble: what tables call the number that a member has
            "preset": {},  # keys of [model] that its preset sets
        },
        extra="train",
    ),
    "combination": Kind("toxiclf.pipeline._combining", listed=False),  # how members of an ensemble decide together
    "resampler": Kind(
        "toxiclf.balance.resampling",
        {
            "undersamples": False,  # removes rows
            "generates": False,  # makes new rows, not only copies
            "keys": ("ratio",),  # keys of [balance] that have an effect: ratio, neighbours, gan_steps, …
        },
        extra="train",
    ),
    # keys: of the step, of [balance] or of [features], that have an effect
    "augmenter": Kind("toxiclf.balance.augmentation", {"keys": ("rate",)}, extra="train"),
    "loss": Kind("toxiclf.balance.losses", {"keys": ()}, extra="train"),
    "tokenizer": Kind("toxiclf.text.tokenizers"),
    "view": Kind("toxiclf.text.obfuscation"),
    "pooling": Kind("toxiclf.features.pooling", extra="train"),
    "metric-learner": Kind("toxiclf.metric_learning", {"keys": ()}, extra="train"),
    "metric": Kind(
        "toxiclf.evaluation.metrics",
        {
            "lower_is_better": False,
            "production_only": False,  # is defined only for rows weighted to the production prevalence
            # its place in lists of metrics: headline (terminal, Markdown, HTML, compare), production (the table at that
            # prevalence), page (threshold explorer), by_label (differences by label), benchmark (unless a plan names others)
            "shown_in": {},
        },
    ),
    "finding": Kind("toxiclf.evaluation.checks"),
    "figure": Kind(
        "toxiclf.report.figures",
        {
            "title": "",  # heading of a page
            "note": "",  # how to read it
            "by_label": False,  # differs by label
            "wide": False,  # takes the whole width of a page
            "quotes_comments": False,  # shows words of comments; --no-comments leaves it out
            "needs": "",  # what a run must have, in words
        },
    ),
    "format": Kind("toxiclf.report", listed=False),  # a function of the report
}


@dataclass(frozen=True)
class Component:
    """An entry of the registry; ``entry["watches_validation"]`` reads a trait.

    Attributes
    ----------
    name, summary : as lists and help texts show them.
    target : the class or function.
    options : the pydantic model of its own options; None where it has none.
    extra : the extra that installs its library; empty for the base install.
    order : lists are sorted by it, then by name.
    """

    kind: str
    name: str
    summary: str
    target: Any
    options: type[Any] | None
    extra: str
    order: int
    traits: Mapping[str, Any]

    def __getitem__(self, trait: str) -> Any:
        return self.traits[trait]


_COMPONENTS: dict[str, dict[str, Component]] = {kind: {} for kind in KINDS}
_WALKED: set[str] = set()


def register(
    kind: str,
    name: str = "",
    *,
    summary: str,
    options: type[Any] | None = None,
    extra: str = "",
    order: int = 100,
    **traits: Any,
) -> Callable[[T], T]:
    """Make the decorated class or function a component.

    Parameters
    ----------
    kind : of :data:`KINDS`.
    name : as recipes and flags write it; by default the attribute ``name``, else the class's or function's name in snake case.
    summary : one line for lists and help texts.
    options, extra, order : see :class:`Component`.
    traits : of :data:`KINDS`; those left out have their default.

    Raises
    ------
    TypeError : a trait or a name is unknown to the kind, or taken: a mistake of who writes the component.
    """
    unknown = set(traits) - set(KINDS[kind].traits)
    if unknown:
        raise TypeError(f"a {kind} has no trait {', '.join(sorted(unknown))}; it has {', '.join(KINDS[kind].traits)}")

    def add(target: T) -> T:
        own = name or _name_of(target)
        known = _COMPONENTS[kind].get(own)
        if known is not None and known.target.__module__ != target.__module__:
            modules = f"{known.target.__module__} or that of {target.__module__}"
            raise TypeError(f"two components are a {kind} called '{own}'; rename that of {modules}")
        complete = {**KINDS[kind].traits, **traits}
        _COMPONENTS[kind][own] = Component(
            kind, own, summary, target, options, extra or KINDS[kind].extra, order, complete
        )
        return target

    return add


def _name_of(target: Any) -> str:
    own = getattr(target, "name", None)
    return own if isinstance(own, str) else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", target.__name__).lower()


def components(kind: str) -> dict[str, Component]:
    """All components of a kind by name, in order; imports every file of the kind's package."""
    if kind not in _WALKED:
        _import_files(kind)
        _load_entry_points()
        _WALKED.add(kind)
    return dict(sorted(_COMPONENTS[kind].items(), key=lambda entry: (entry[1].order, entry[0])))


def component(kind: str, name: str) -> Component:
    """One component; if a file has its name, only that file is imported.

    Raises
    ------
    UsageError : there is none of that name; the sentence names the nearest.
    """
    if name not in _COMPONENTS[kind] and kind not in _WALKED and name.isidentifier() and not name.startswith("_"):
        package = import_module(KINDS[kind].package)
        if hasattr(package, "__path__") and find_spec(f"{package.__name__}.{name}") is not None:
            import_module(f"{package.__name__}.{name}")
    if name not in _COMPONENTS[kind]:
        known = components(kind)
        if name not in known:
            raise unknown_name(kind.replace("-", " "), name, list(known))
    return _COMPONENTS[kind][name]


def _import_files(kind: str) -> None:
    package = import_module(KINDS[kind].package)
    for module in pkgutil.iter_modules(getattr(package, "__path__", []), f"{package.__name__}."):
        if not module.name.rpartition(".")[2].startswith("_"):
            import_module(module.name)


def _load_entry_points() -> None:
    """Import the components of installed packages; one that cannot be loaded is an error at each call, not only at the first."""
    if ENTRY_POINTS in _WALKED:
        return
    from importlib import metadata  # takes longer than the rest of this file

    for entry in metadata.entry_points(group=ENTRY_POINTS):
        before = {kind: set(entries) for kind, entries in _COMPONENTS.items()}
        try:
            entry.load()
            for kind in [kind for kind, entries in _COMPONENTS.items() if set(entries) - before[kind]]:
                _import_files(kind)  # which finds out whether one of them has taken the name
        except (Exception, SystemExit) as error:
            for kind, entries in _COMPONENTS.items():
                for name in set(entries) - before[kind]:
                    if not entries[name].target.__module__.startswith(f"{__package__}."):
                        del entries[name]
            raise UsageError(
                f"the component '{entry.name}' of an installed package ({entry.value}) cannot be loaded: {error}; repair that "
                "package or remove it"
            ) from error
    _WALKED.add(ENTRY_POINTS)
