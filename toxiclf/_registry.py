"""The registry of components (models, resamplers, metrics, …) by kind and name.

A component is a class or function that its file registers with :func:`register`. There is no list of names: the
registry imports all files of a kind's package, and the entry points ``toxiclf.components`` of installed packages. At
its top, a component's file imports only the base install; heavy libraries are imported in the functions that use them.
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
    """A kind of component, such as models or metrics.

    Attributes
    ----------
    package : name of the package whose files define the components.
    traits : facts that each component states about itself, by name, with their default values.
    listed : whether ``toxiclf list`` and the reference show the kind.
    extra : default of :attr:`Component.extra`.
    """

    package: str
    traits: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True
    extra: str = ""


KINDS: dict[str, Kind] = {
    "model": Kind(
        "toxiclf.models",
        {
            "takes": "vectors",  # "vectors" (one per comment), "sequences" (of word vectors) or "ngrams"
            "is_network": False,  # is trained in epochs, with the loss function balance.loss
            "watches_validation": False,  # stops early by the validation set, so it is not trained on that set
            "balances_itself": False,  # samples equally many rows of each class itself, and takes no class weights
            "learns_from_negatives": False,  # is fitted only to comments without the label
            "has_members": False,  # is an ensemble of other models
            "multi_label": True,  # can have several labels
            "raw_name": "raw output",  # name of the raw output in figures
            "weight_name": "weight",  # of an ensemble: name of a member's weight in tables
            "preset": {},  # keys of [model] that its preset sets, with their values
        },
        extra="train",
    ),
    "combination": Kind("toxiclf.pipeline._combining", listed=False),  # how an ensemble combines its members
    "resampler": Kind(
        "toxiclf.balance.resampling",
        {
            "undersamples": False,  # removes rows
            "generates": False,  # makes new rows, not only copies
            "keys": ("ratio",),  # keys of [balance] that it uses: ratio, neighbours, gan_steps, …
        },
        extra="train",
    ),
    # keys: the keys of its step, of [balance] or of [features] that it uses
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
            # what its function takes: "label" (rows of one label; a summary has the mean over labels), "labels" (all
            # labels at once), "classes" (all classes at once: of exclusive labels, or the two of a single label)
            "over": ("label",),
            "one_label": True,  # a report of one label has it, too
            # its position in each list of metrics: headline (terminal, Markdown, HTML, compare, for one label), labels
            # and classes (the same for several labels, and for exclusive ones), production (table at that prevalence),
            # page (threshold explorer), by_label (differences by label), benchmark (default metrics)
            "shown_in": {},
        },
    ),
    "finding": Kind("toxiclf.evaluation.checks"),
    "figure": Kind(
        "toxiclf.report.figures",
        {
            "title": "",  # heading above the figure
            "note": "",  # caption: how to read the figure
            "by_label": False,  # has a chart for each label
            "wide": False,  # takes the whole width of a page
            "quotes_comments": False,  # shows text of comments, so --no-comments leaves it out
            "rows": "evaluated",  # rows that it shows: "evaluated", "decision" (for choosing thresholds), or a name
            "needs": "",  # what a run must have for this figure, in words
        },
    ),
    "format": Kind("toxiclf.report", listed=False),  # functions that render a report or a comparison
}


@dataclass(frozen=True)
class Component:
    """An entry of the registry: a component and its description. ``entry["watches_validation"]`` returns the trait
    ``watches_validation``.

    Attributes
    ----------
    kind : key of :data:`KINDS`.
    name, summary : name and one-line description in lists and help texts.
    target : the registered class or function.
    options : pydantic model of the options that only this component has; None if it has none.
    extra : optional extra that installs the component's library, such as ``train`` in ``pip install toxiclf[train]``;
        empty if the base install is enough.
    order : lists are sorted by this number, then by name.
    traits : values of all traits of the kind, by name; see :class:`Kind`.
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
    """Return a decorator that registers a class or function as a component.

    Parameters
    ----------
    kind : key of :data:`KINDS`.
    name : name in recipes and flags; by default the target's attribute ``name``, else its Python name in snake case.
    summary : one-line description for lists and help texts.
    options, extra, order : see :class:`Component`.
    traits : traits of the kind, see :data:`KINDS`; those left out keep their default value.

    Raises
    ------
    TypeError : the kind has no trait of a given name, or a component of another module has the same name.
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
    """Return all components of a kind by name, sorted by ``order``, then by name.

    The first call for a kind imports every file of its package, and the entry points of installed packages.
    """
    if kind not in _WALKED:
        _import_files(kind)
        _load_entry_points()
        _WALKED.add(kind)
    return dict(sorted(_COMPONENTS[kind].items(), key=lambda entry: (entry[1].order, entry[0])))


def component(kind: str, name: str) -> Component:
    """Return a component by kind and name. If a file of the kind's package has that name, only this file is imported.

    Raises
    ------
    UsageError : no component has this name (the message suggests the nearest one), or a component of an installed
        package cannot be loaded.
    """
    if not isinstance(name, str):
        raise unknown_name(kind.replace("-", " "), name, list(components(kind)))
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
    """Import the components of installed packages; if one fails, this call and each later one raise a UsageError."""
    if ENTRY_POINTS in _WALKED:
        return
    from importlib import metadata  # only when needed: it loads more slowly than this file

    for entry in metadata.entry_points(group=ENTRY_POINTS):
        before = {kind: set(entries) for kind, entries in _COMPONENTS.items()}
        try:
            entry.load()
            for kind in [kind for kind, entries in _COMPONENTS.items() if set(entries) - before[kind]]:
                _import_files(kind)  # raises if a built-in component has the same name
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
