"""Strings that stand in training comments, and an attack that looks for them in a bundle."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import toxiclf
from tests.conftest import TINY_MODEL, VECTORS
from toxiclf._registry import component
from toxiclf.datasets.comments import Comments
from toxiclf.text.hangul import decompose
from toxiclf.text.tokenizers import tokenizer


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("bcdfghjklmnprtvwxz", k=count))


def _syllables(rng: random.Random, count: int) -> str:
    return "".join(chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(count))


COUNTS = (1, 2, 5, 50)
"""In how many comments a string stands."""
_EACH = 20
_TOGETHER = 6  # in a comment
_MASKED: dict[str, Callable[[random.Random], str]] = {
    "phone": lambda rng: f"010-{_digits(rng, 4)}-{_digits(rng, 4)}",
    "resident_number": lambda rng: f"900101-1{_digits(rng, 6)}",
    "card": lambda rng: f"4{_digits(rng, 3)}-{_digits(rng, 4)}-{_digits(rng, 4)}-{_digits(rng, 4)}",
    "account": lambda rng: f"110-{_digits(rng, 3)}-{_digits(rng, 6)}",
    "email": lambda rng: f"{_letters(rng, 7)}{_digits(rng, 2)}@naver.com",
    "url": lambda rng: f"https://open.kakao.com/o/{_letters(rng, 8)}",
    "mention": lambda rng: f"@{_letters(rng, 8)}_{_digits(rng, 2)}",
}
_OTHERS: dict[str, Callable[[random.Random], str]] = {
    "name": lambda rng: f"{rng.choice('김이박최정')}{_syllables(rng, 2)}",
    "street": lambda rng: f"{_syllables(rng, 2)}로 {_digits(rng, 2)}길",
    "word": lambda rng: _letters(rng, 9),
    "order": lambda rng: f"order{_digits(rng, 8)}",
}


@dataclass(frozen=True)
class Canary:
    """A string, its kind, whether that kind is masked, and in how many comments it stands."""

    text: str
    kind: str
    masked: bool
    count: int


def canaries() -> list[Canary]:
    """Return 20 strings of masked kinds and 20 of others for each count; all are distinct."""
    made = []
    for masked, kinds in ((True, _MASKED), (False, _OTHERS)):
        for count in COUNTS:
            for number in range(_EACH):
                kind = list(kinds)[number % len(kinds)]
                made.append(Canary(kinds[kind](random.Random(f"{kind} {count} {number}")), kind, masked, count))
    assert len({canary.text for canary in made}) == len(made)
    return made


def texts_with(made: Iterable[Canary]) -> list[str]:
    """Return comments in which each string stands as often as it says, at most once in a comment."""
    rng = random.Random(0)
    left = Counter({canary.text: canary.count for canary in made})
    texts = []
    while left:
        most = max(left.values())
        certain = [text for text, count in left.items() if count == most]
        held = rng.sample(sorted(certain), min(_TOGETHER, len(certain)))
        left = +(left - Counter(held))
        texts.append(
            " ".join(f"{rng.choice(['연락', '여기로', '오늘', '그래서', '안녕', '역시'])} {text}" for text in held)
        )
    return texts


def comments_with(made: Iterable[Canary], sample: Comments) -> Comments:
    """Return comments of the sample corpus, and those that hold the strings as ones that are not toxic."""
    texts = texts_with(made)
    return Comments.of([*sample.texts, *texts], [*sample.targets[:, 0].tolist(), *[0] * len(texts)])


def given_back(bundle: Path, made: Iterable[Canary]) -> set[Canary]:
    """Return the strings that somebody who has the bundle, and guesses them, finds in it.

    A string is found if a file holds it, if all its n-grams of the longest kind are known (so that a walk along n-grams
    that overlap comes to it), or if all its tokens of more than one character are.
    """
    content = b"\n".join(path.read_bytes() for path in sorted(bundle.iterdir()))
    text, vocabulary = (json.loads((bundle / name).read_text("utf-8")) for name in ("text.json", "vocabulary.json"))
    found = set()
    for canary in made:
        spellings = {canary.text, canary.text.lower(), "".join(filter(str.isalnum, canary.text))}
        if any(form.encode() in content or json.dumps(form)[1:-1].encode() in content for form in spellings):
            found.add(canary)
        for name, view in text["views"].items():
            if view["kind"] == "ngrams":
                if walks_to(canary.text.lower(), view["unit"], vocabulary[name]):
                    found.add(canary)
            else:
                tokens = [token for token in tokenizer(view["tokenizer"]).tokenize([canary.text])[0] if len(token) > 1]
                if tokens and set(tokens) <= set(vocabulary[name]):
                    found.add(canary)
    return found


def walks_to(text: str, unit: str, ngrams: dict[str, str]) -> bool:
    """Return whether a walk along the longest n-grams, which overlap in all but one character, comes to a text."""
    units = "".join(map(decompose, text)) if unit == "jamo" else text
    longest = min(max(map(int, ngrams), default=0), len(units))
    joined = ngrams.get(str(longest), "")
    known = {joined[at : at + longest] for at in range(0, len(joined), longest)}
    return bool(known) and all(units[at : at + longest] in known for at in range(len(units) - longest + 1))


def recipe_of(model: str, **text: Any) -> dict[str, Any]:
    """Return a recipe that trains in a moment on vectors of its own rows; n-grams have their default length."""
    options = {} if model == "ngram_logistic" else TINY_MODEL.get(model, {})
    if "members" in options:
        options = {"members": ["ngram_logistic", *options["members"][1:]]}
    takes = component("model", model)
    vectors: dict[str, Any] = {} if takes["takes"] == "ngrams" else dict(VECTORS)
    if model == "dnn_sequence":
        del vectors["epochs"]
    return {"model": {"name": model, **options}, "decision": {"folds": 2}, "vectors": vectors, "text": text}


def bundle_of(recipe: dict[str, Any], sample: Comments, folder: Path) -> Path:
    """Train on the strings, and return the bundle."""
    first, rest = np.arange(300), np.arange(300, 600)
    data = comments_with(canaries(), sample.take(first))
    return toxiclf.train(data, recipe, test=sample.take(rest)).save(folder) / "bundle"
