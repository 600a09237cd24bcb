"""Download a file over HTTPS, up to a size limit."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from toxiclf.errors import DataError

Watch = Callable[[int, int | None], None]
"""Function that takes the number of bytes received and the size of the file, or None if its size is unknown."""


class Output(Protocol):
    """Stream to which bytes can be written."""

    def write(self, block: bytes, /) -> int:
        """Write a block of bytes; return how many were written."""


_SILENCE = 30.0  # seconds without a byte before the download fails; also the time for the headers
_LEAST_RATE = 1024.0  # bytes a second, on average, after the first _SILENCE seconds
_LONGEST = 3600.0  # seconds that a download may take
_BLOCK = 2**16


def download(address: str, file: Output, *, size: int | None, limit: int, watch: Watch) -> None:
    """Download a file and write it to a stream, block by block.

    Parameters
    ----------
    address : str
        HTTPS address, or HTTP address of this machine.
    size : int or None
        Expected size in bytes; None if it is not known.
    limit : int
        Maximum size of the file in bytes.
    watch : callable
        Called after each block with the number of bytes received so far and the size of the file (None if unknown).

    Raises
    ------
    DataError
        The address is not allowed, the server has no such file or one of another size, or the network failed.
    OSError
        The stream cannot be written.
    """
    if not is_allowed(address):
        raise DataError(f"{address} is not an https address; set one in the corpus's card")
    arrived = 0
    for block, total in _blocks(address, size, limit):
        arrived += len(block)
        file.write(block)
        watch(arrived, total)


def is_allowed(address: str) -> bool:
    """Return whether files may be downloaded from an address: over HTTPS, or over HTTP from this machine.

    >>> is_allowed("https://example.org/a"), is_allowed("http://example.org/a"), is_allowed("http://localhost:8000/a")
    (True, False, True)
    """
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))


def _blocks(address: str, size: int | None, limit: int) -> Iterator[tuple[bytes, int | None]]:
    """Yield the file in blocks, each with the size of the whole file (None if it is unknown)."""
    host, arrived = urlsplit(address).hostname, 0
    expected = f"at most {limit:,}" if size is None else f"{size:,}"
    wrong_size = (
        f"the file at {address} has {{}} bytes, expected {expected}, so it is not the file that the corpus's "
        "card describes; open the address in a browser to see what it is"
    )
    request = urllib.request.Request(address, headers={"User-Agent": f"toxiclf/{version('toxiclf')}"})
    with _network(address), _answer(request) as response:
        began = time.monotonic()
        if response.status != HTTPStatus.OK:
            raise DataError(
                f"{address} answered {response.status} without the file; check whether it opens in a browser"
            )
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DataError(
                f"{address} was sent in an encoding that was not requested; try again later, or without a proxy"
            )
        promised = response.length
        if promised is not None and (promised > limit or size not in (None, promised)):
            raise DataError(wrong_size.format(f"{promised:,}"))
        total = promised if size is None else size
        while block := response.read1(min(_BLOCK, limit - arrived + 1)):  # one byte more shows that it is too long
            arrived += len(block)
            spent = time.monotonic() - began
            if spent > _LONGEST or arrived < _LEAST_RATE * (spent - _SILENCE):
                raise _failure(f"{host} sent only {arrived:,} bytes in {spent:.0f} s")
            if arrived > limit:
                raise DataError(wrong_size.format(f"more than {limit:,}"))
            yield block, total
        if total is not None and arrived < total:
            raise _failure(f"{host} closed the connection after {arrived:,} of {total:,} bytes")


def _answer(request: urllib.request.Request) -> Any:
    """Send the request and return the server's response, whose headers must be complete in time.

    A thread waits for them, because the time limit of a socket begins anew with each byte.
    """
    found: SimpleQueue[Any] = SimpleQueue()

    given_up = threading.Event()

    def ask() -> None:
        try:
            answer = urllib.request.build_opener(_SameScheme).open(request, timeout=_SILENCE)
        except BaseException as error:  # raised again where it is waited for
            traceback.clear_frames(error.__traceback__)  # they hold the socket
            found.put(error)
            return
        if given_up.is_set():
            answer.close()
        else:
            found.put(answer)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = found.get(timeout=2 * _SILENCE)
    except Empty:
        given_up.set()
        raise _failure(f"{urlsplit(request.full_url).hostname} did not answer within {2 * _SILENCE:g} s") from None
    if isinstance(answer, BaseException):
        try:
            raise answer
        finally:
            del answer  # the error refers to this frame: a cycle would keep the socket open
    return answer


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Redirect handler that follows only redirects to an allowed address with the same scheme."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # otherwise urllib would read the whole body, however long
        if urlsplit(newurl).scheme != req.type or not is_allowed(newurl):
            raise DataError(
                f"{req.full_url} redirects to {newurl}, but only redirects from https to https are followed; "
                "set a direct https address in the corpus's card"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _network(address: str) -> Iterator[None]:
    """Convert errors of server and network in the ``with`` block to a ``DataError`` that says what to do."""
    host = urlsplit(address).hostname
    try:
        yield
    except DataError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"{address} answered {error.code} {http.client.responses.get(error.code, '')}".rstrip()
        raise DataError(f"{answer}; check whether the address opens in a browser, and try again later") from error
    except (http.client.HTTPException, OSError, ValueError) as error:  # ValueError: not a valid address
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DataError(
                f"the certificate of {host} cannot be verified ({cause.verify_message}); check this machine's clock, its "
                "certificates and its proxy"
            ) from error
        if isinstance(cause, TimeoutError):
            raise _failure(f"{host} sent nothing for {_SILENCE:g} s") from error
        if isinstance(cause, http.client.IncompleteRead):
            raise _failure(f"{host} closed the connection") from error
        raise _failure(f"{host} cannot be reached or gave an invalid answer ({_words(cause)})") from error


def _failure(sentence: str) -> DataError:
    return DataError(f"{sentence}; check the connection and run the same command again")


def _words(cause: object) -> str:
    """Describe an error in words, without control characters, because some of the text may come from the server."""
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        return type(cause).__name__
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return "".join(character for character in text if character.isprintable())
