"""A web server on this machine, and corpora whose cards lead there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from toxiclf.datasets import cards
from toxiclf.datasets.cards import Card

Reply = Callable[[BaseHTTPRequestHandler, bytes], None]


def whole(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """All of the file."""
    send(handler, content)


def send(handler: BaseHTTPRequestHandler, content: bytes, *, upto: int | None = None, **headers: str) -> None:
    """The file, broken off at ``upto``, with headers added or changed (``Content_Length="7"``)."""
    handler.send_response(200)
    for name, value in ({"Content_Length": str(len(content))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content[:upto])
    handler.close_connection = True


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Any other answer."""
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


@dataclass
class Site:
    """What the server has, how it answers the next requests (then :func:`whole`), and the headers of those that came."""

    address: str
    content: bytes = "나쁜 말|1\n좋은 말 함|0\n".encode() * 500
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def card(self, **changes: Any) -> Card:
        """A card of one file, which is on the server."""
        return cards.Card.model_validate(self.table(**changes))

    def table(self, **changes: Any) -> dict[str, Any]:
        """The content of that card."""
        part = {
            "role": "train", "file": "comments.txt", "rows": 1000, "size": len(self.content),
            "sha256": hashlib.sha256(self.content).hexdigest(), "address": f"{self.address}/comments.txt",
        }  # fmt: skip
        return {
            "name": "tiny", "title": "A tiny corpus", "citation": "Kim (2026). Tiny.", "upstream": "https://example.org/tiny",
            "licence": {"id": "MIT", "address": "https://example.org/MIT", "commercial": True},
            "text": "text", "labels": ["label"], "parts": [part],
        } | changes  # fmt: skip


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A server, an empty cache of its own, no folder of corpora, and no proxy."""
    monkeypatch.setenv("TOXICLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(cards.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.requests.append(dict(self.headers))
            reply = found.replies.pop(0) if found.replies else whole
            try:
                reply(self, found.content)
            except (BrokenPipeError, ConnectionResetError):  # the other side has heard enough
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
