"""Bring one file over https to disk: within a size, going on where an earlier try stopped."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from toxiclf.cache import CACHE_VARIABLE
from toxiclf.errors import DataError

Say = Callable[[str], None]
Watch = Callable[[int, int | None], None]
"""Told how many bytes have arrived, and of how many; None where the server does not say."""

_WAITS = (1.0, 2.0, 4.0)  # seconds before each further try
_SILENCE = 30.0  # seconds without a byte
_BLOCK = 2**16
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def download(address: str, path: Path, *, size: int | None, limit: int, say: Say, watch: Watch) -> None:
    """Write the file of an address to ``path``, after what an earlier try has left there.

    Parameters
    ----------
    size : what the file must come to, in bytes; None where it is not known.
    limit : the most bytes that are read.
    say : told when a try failed and another follows.

    Raises
    ------
    DataError : the server has no such file or another one, the network failed several times, or the disk is full. What had
        arrived when the network failed stays in ``path``.
    """
    transfer = _Transfer(address, path, size, limit, watch)
    try:
        for wait in _WAITS:
            try:
                return transfer.attempt()
            except _BrokenOffError as error:
                say(f"{error}; trying again in {wait:g} s")
                time.sleep(wait)
        return transfer.attempt()
    except _BrokenOffError as error:
        raise DataError(f"{error}; {transfer.next_step()}") from error
    except KeyboardInterrupt:
        say(f"stopped; {transfer.next_step()}")
        raise


def is_allowed(address: str) -> bool:
    """Whether files may come from this address: by https, or by http from this machine.

    >>> is_allowed("https://example.org/a"), is_allowed("http://example.org/a"), is_allowed("http://localhost:8000/a")
    (True, False, True)
    """
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns failures of the disk into errors that say what to do."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}; mend that, or set {CACHE_VARIABLE} to another folder"
        ) from error


class _BrokenOffError(Exception):
    """The network failed in a way that may pass."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address that is allowed and has the same scheme."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # else urllib reads the body to its end, however long
        if urlsplit(newurl).scheme != req.type or not is_allowed(newurl):
            raise DataError(
                f"{req.full_url} leads to {newurl}, which is not followed; only https is, and only to https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass
class _Transfer:
    """One file on its way, over several tries."""

    address: str
    path: Path
    size: int | None
    limit: int
    watch: Watch
    tag: str | None = None  # a strong ETag: the version that the bytes so far belong to

    def __post_init__(self) -> None:
        if not is_allowed(self.address):
            raise DataError(f"{self.address} is no https address; mend the card")
        self.host = urlsplit(self.address).hostname

    def attempt(self) -> None:
        """Go on to the end of the file."""
        have = self._have()
        if have == self.size:
            return
        if have > self.limit:
            have = self._start_over()
        response = self._reply(have)
        if response is None:
            return
        with response:
            start, end = self._extent(response, have)
            self._receive(response, start, end)

    def next_step(self) -> str:
        """What the user can do after the network failed."""
        have = self._have()
        if have:
            return f"{have:,} bytes are kept, and the same command goes on from there"
        return "check the connection and run the same command again"

    def _have(self) -> int:
        with writing(self.path):
            return self.path.stat().st_size if self.path.exists() else 0

    def _start_over(self) -> int:
        with writing(self.path):
            self.path.unlink(missing_ok=True)
        return 0

    def _reply(self, have: int) -> Any:
        """The reply to a request for the rest of the file, open; None if there is no rest."""
        request = urllib.request.Request(self.address, headers={"User-Agent": f"toxiclf/{version('toxiclf')}"})
        if have:
            request.add_header("Range", f"bytes={have}-")
            if self.tag is not None:
                request.add_header("If-Range", self.tag)
        opener = urllib.request.build_opener(_SameScheme)
        try:
            with self._network():
                return opener.open(request, timeout=_SILENCE)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                if self.size is None and error.headers.get("Content-Range") == f"bytes */{have}":
                    return None
                self._start_over()
                raise _BrokenOffError(f"{self.host} cannot go on at byte {have:,}") from error
            answer = f"{self.address} answered {error.code} {http.client.responses.get(error.code, '')}".rstrip()
            if error.code in _PASSING:
                raise _BrokenOffError(answer) from error
            raise DataError(f"{answer}; see whether the address opens in a browser, and try again later") from error

    def _extent(self, response: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
        """First byte of the reply, and the end that it promises; None where it promises none."""
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise DataError(
                f"{self.address} was sent in another encoding than was asked for; try again later, or without a proxy"
            )
        start, whole = 0, None
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != have:
                self._start_over()
                raise _BrokenOffError(f"{self.host} sent another part of the file than was asked for")
            start, whole = have, None if found[2] == "*" else int(found[2])
        elif response.status != HTTPStatus.OK:
            raise DataError(
                f"{self.address} answered {response.status}, without the file; see whether it opens in a browser"
            )
        end = None if response.length is None else start + response.length
        whole = end if whole is None else whole
        if whole is not None and (whole > self.limit or (self.size is not None and whole != self.size)):
            raise self._wrong_size(f"has {whole:,} bytes")
        tag = response.headers.get("ETag", "")
        self.tag = tag if tag.startswith('"') else None
        return start, end

    def _receive(self, response: http.client.HTTPResponse, start: int, end: int | None) -> None:
        have = start
        with writing(self.path), self.path.open("ab" if start else "wb") as file:
            for block in self._blocks(response, self.limit - start + 1):  # the byte beyond shows that there is more
                have += len(block)
                if have > self.limit:
                    self._start_over()
                    raise self._wrong_size(f"has more than {self.limit:,} bytes")
                file.write(block)
                self.watch(have, self.size or end)
            file.flush()
            os.fsync(file.fileno())
        expected = self.size if self.size is not None else end
        if expected is not None and have < expected:
            raise _BrokenOffError(f"{self.host} broke off after {have:,} of {expected:,} bytes")

    def _blocks(self, response: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
        while most > 0:
            with self._network():
                block = response.read1(min(_BLOCK, most))
            if not block:
                return
            most -= len(block)
            yield block

    def _wrong_size(self, found: str) -> DataError:
        expected = f"at most {self.limit:,}" if self.size is None else f"{self.size:,}"
        return DataError(
            f"the file at {self.address} {found}, expected {expected}: it is another file than the card's, or a page in its "
            "place; see whether the address opens in a browser"
        )

    @contextmanager
    def _network(self) -> Iterator[None]:
        """Turns failures of the network into :class:`_BrokenOffError`, but for those that no further try mends."""
        try:
            yield
        except (urllib.error.HTTPError, DataError):
            raise
        except TimeoutError as error:
            raise _BrokenOffError(f"{self.host} was silent for {_SILENCE:g} s") from error
        except http.client.IncompleteRead as error:
            raise _BrokenOffError(f"{self.host} broke off") from error
        except (http.client.HTTPException, OSError, ValueError) as error:  # ValueError: an address that is none
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise DataError(
                    f"the certificate of {self.host} cannot be verified ({cause.verify_message}); check this machine's clock, "
                    "its certificates and its proxy"
                ) from error
            if isinstance(cause, TimeoutError):
                raise _BrokenOffError(f"{self.host} was silent for {_SILENCE:g} s") from error
            raise _BrokenOffError(
                f"{self.host} cannot be reached, or does not answer as it should ({_words(cause)})"
            ) from error


def _words(cause: object) -> str:
    """What went wrong, without control characters: some of it may be the server's own words."""
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        return type(cause).__name__
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return "".join(character for character in text if character.isprintable())
