"""The Kiwi tokenizer, which uses the package kiwipiepy."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from typing import Any

from toxiclf._registry import register
from toxiclf.errors import MissingExtraError, ToxiclfError
from toxiclf.text.tokenizers._analyser import Analyser
from toxiclf.text.tokenizers._bounded import Bounds
from toxiclf.text.tokenizers._contract import Located, Tagged

_TAGS = """
    NNG NNP NNB NR NP VV VV-R VV-I VA VA-R VA-I VX VX-R VX-I VCP VCN MM MMA MMD MMN MAG MAJ IC
    JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM XPN XSN XSV XSV-R XSV-I XSA XSA-R XSA-I XSM XR
    SF SP SS SSO SSC SE SO SW SL SH SN SB UN W_URL W_EMAIL W_HASHTAG W_MENTION W_SERIAL W_EMOJI Z_CODA Z_SIOT
    USER0 USER1 USER2 USER3 USER4
"""
_BATCH = 64  # minimum number of texts for which Kiwi's own threads pay off


@register("tokenizer", summary="Morphemes by Kiwi, which can correct typos", extra="kiwi", order=20)
class KiwiTokenizer(Analyser):
    """Splits texts into morphemes by Kiwi; final consonants that it splits off are written as ordinary jamo (ㄴ다).

    All tokenizers of a process share one engine. It is loaded at first use, which takes two seconds and 230 MB. A
    single text is analyzed in the calling thread while other threads wait, because Kiwi does not release Python's lock.

    >>> KiwiTokenizer().tokenize(["아버지가 방에 들어갔다"])
    [['아버지', '가', '방', '에', '들어가', '었', '다']]
    """

    name = "kiwi"
    tags = tuple(_TAGS.split())
    corrects_typos = True
    bounds = Bounds(text=4000)

    def __init__(self, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> None:
        super().__init__(part_of_speech, typo_correction)
        try:
            import kiwipiepy
            import kiwipiepy_model
        except ImportError as error:
            raise MissingExtraError("tokenizer 'kiwi'", "kiwi") from error
        self.version = f"kiwipiepy {kiwipiepy.__version__}, model {kiwipiepy_model.__version__}"
        self._options = {"compatible_jamo": True, **({"typos": "basic"} if typo_correction else {})}

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text; Kiwi's own threads tokenize a batch of 64 texts or more."""
        if len(texts) < _BATCH:
            return self._tokens(texts)
        pieces = [self._cutter.pieces(text) for text in texts]
        engine = _engine(workers)
        read = [piece.text for pieces_of_text in pieces for piece in pieces_of_text]
        try:
            answers = iter([_pairs(tokens) for tokens in engine.tokenize(read, **self._options)])
        except Exception:  # one text failed: tokenize each on its own
            return self._tokens(texts)
        return [
            [
                token
                for piece in pieces_of_text
                for token, tag in self._finished(piece, next(answers))
                if self.keeps(tag)
            ]
            for pieces_of_text in pieces
        ]

    def _ready(self) -> None:
        _engine()

    def _analysed(self, text: str) -> Sequence[Tagged]:
        return _pairs(_engine().tokenize(text, **self._options))

    def _located(self, text: str) -> Sequence[Located]:
        tokens = _engine().tokenize(text, **self._options)
        return [(token.form, token.tag, token.start, token.start + token.len) for token in tokens]

    def _tokens_of(self, text: str) -> list[str]:
        pieces = self._cutter.pieces(text)
        if len(pieces) == 1 and not self.part_of_speech:
            try:
                tokens = [token.form for token in _engine().tokenize(pieces[0].text, **self._options)]
            except Exception:  # the call below falls back to words
                tokens = []
            if tokens and " " not in "".join(tokens):
                return tokens
        return super()._tokens_of(text)


def _pairs(tokens: Sequence[Any]) -> list[Tagged]:
    return [(token.form, token.tag) for token in tokens]


_lock = threading.Lock()
_loaded: tuple[int, Any] | None = None  # number of threads, engine


def _engine(workers: int = 1) -> Any:
    """Return the Kiwi engine of this process; load it if there is none yet.

    If ``workers`` is above 1 and the engine has another number of threads, it is loaded again with ``workers`` threads.
    """
    global _loaded
    loaded = _loaded
    if loaded is not None and workers in (1, loaded[0]):
        return loaded[1]
    with _lock:
        loaded = _loaded
        if loaded is None or workers not in (1, loaded[0]):
            import kiwipiepy

            try:
                loaded = workers, kiwipiepy.Kiwi(num_workers=workers)
            except Exception as error:
                raise ToxiclfError(
                    f"Kiwi could not load its model ({error}); reinstall it with: "
                    "pip install --force-reinstall kiwipiepy kiwipiepy_model"
                ) from error
            _loaded = loaded
        return loaded[1]


def _forget_engine() -> None:
    """Let a forked process load an engine of its own, because the threads of the first did not survive the fork.

    The first engine is never deleted there: that would wait for its threads forever. Its memory is shared anyway.
    """
    global _loaded, _lock
    if _loaded is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_loaded[1]))
    _loaded = None
    _lock = threading.Lock()  # another thread may have held it when the process was forked


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_engine)
