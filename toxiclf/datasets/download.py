"""Download one file by https, up to a size limit."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from toxiclf.errors import DataError

Watch = Callable[[int, int | None], None]
"""Called with the number of bytes received and of the whole file; None if the server does not say."""


class Output(Protocol):
    """A stream that bytes are written to."""

    def write(self, block: bytes, /) -> int:
        """Write a block."""


_SILENCE = 30.0  # seconds without a byte
_BLOCK = 2**16


def download(address: str, file: Output, *, size: int | None, limit: int, watch: Watch) -> None:
    """Download a file into a stream.

    Parameters
    ----------
    address : str
        By https; by http from this machine alone.
    size : int or None
        Expected size in bytes; None if it is not known.
    limit : int
        The most bytes that are read.

    Raises
    ------
    DataError
        The server has no such file or one of another size, or the network failed.
    OSError
        The stream cannot be written.
    """
    if not is_allowed(address):
        raise DataError(f"{address} is not an https address; fix the card")
    arrived = 0
    for block, total in _blocks(address, size, limit):
        arrived += len(block)
        file.write(block)
        watch(arrived, total)


def is_allowed(address: str) -> bool:
    """Whether files may come from this address: by https, or by http from this machine.

    >>> is_allowed("https://example.org/a"), is_allowed("http://example.org/a"), is_allowed("http://localhost:8000/a")
    (True, False, True)
    """
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))


def _blocks(address: str, size: int | None, limit: int) -> Iterator[tuple[bytes, int | None]]:
    """The file block by block, each with the size of the whole."""
    host, arrived = urlsplit(address).hostname, 0
    expected = f"at most {limit:,}" if size is None else f"{size:,}"
    wrong_size = (
        f"the file at {address} has {{}} bytes, expected {expected}: it is not the file of the card; open the "
        "address in a browser to see what it is"
    )
    request = urllib.request.Request(address, headers={"User-Agent": f"toxiclf/{version('toxiclf')}"})
    with _network(address), urllib.request.build_opener(_SameScheme).open(request, timeout=_SILENCE) as response:
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
        while block := response.read1(min(_BLOCK, limit - arrived + 1)):  # the byte beyond shows that there is more
            arrived += len(block)
            if arrived > limit:
                raise DataError(wrong_size.format(f"more than {limit:,}"))
            yield block, total
        if total is not None and arrived < total:
            raise _failure(f"{host} closed the connection after {arrived:,} of {total:,} bytes")


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address that is allowed and has the same scheme."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # else urllib reads the body to its end, however long
        if urlsplit(newurl).scheme != req.type or not is_allowed(newurl):
            raise DataError(
                f"{req.full_url} redirects to {newurl}, but only redirects from https to https are followed; fix "
                "the card"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _network(address: str) -> Iterator[None]:
    """Turns failures of server and network into sentences."""
    host = urlsplit(address).hostname
    try:
        yield
    except DataError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"{address} answered {error.code} {http.client.responses.get(error.code, '')}".rstrip()
        raise DataError(f"{answer}; check whether the address opens in a browser, and try again later") from error
    except (http.client.HTTPException, OSError, ValueError) as error:  # ValueError: an address that is none
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
    """What went wrong, without control characters: some of it may be the server's own words."""
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        return type(cause).__name__
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return "".join(character for character in text if character.isprintable())
