"""Fetching: whatever the network does, a file is either in place whole and verified, or not there."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.datasets.conftest import Reply, Site, answer, send, whole
from tests.machine import PATIENCE, wait_until
from toxiclf.datasets import cards, download, nsmc
from toxiclf.datasets.cards import Card, Part
from toxiclf.datasets.fetch import fetch
from toxiclf.errors import DataError, UsageError
from toxiclf.rows.decoding import OPENERS

Said = list[str]


def get(card: Card, said: Said | None = None, accept: Callable[[Card], bool] = lambda card: False) -> Path:
    """Fetch the card's only part."""
    (fetched,) = fetch(card, accept=accept, say=(said if said is not None else []).append)
    return fetched.path


def refusal(site: Site, *replies: Reply, card: Card | None = None) -> str:
    """The sentence with which a fetch ends, after checking that nothing is in place."""
    site.replies[:] = replies
    card = card or site.card()
    with pytest.raises(DataError) as caught:
        get(card)
    folder = card.cache_path(card.parts[0]).parent
    assert files_in(folder) <= {"LICENCE.txt"}  # neither the file nor a piece of it
    assert card.place(card.parts[0]) is None
    return str(caught.value).replace(site.address, "SITE").replace(str(folder), "CACHE")


def files_in(folder: Path) -> set[str]:
    """Names of the files in a folder but its lock, hidden ones too; none where there is no folder."""
    return {path.name for path in folder.iterdir()} - {".lock"} if folder.is_dir() else set()


def breaks_off(upto: int) -> Reply:
    return lambda handler, content: send(handler, content, upto=upto)


# --- the usual way


def test_a_fetched_file_lies_in_the_cache_and_is_found_there(site: Site, tmp_path: Path) -> None:
    card, said = site.card(), Said()
    path = get(card, said)
    assert path == tmp_path / "cache" / "corpora" / "tiny" / "comments.txt" == card.path(card.parts[0])
    assert path.read_bytes() == site.content
    assert said == [
        "fetching comments.txt (15,000 bytes) from 127.0.0.1",
        "comments.txt: size and SHA-256 match the card",
    ]
    assert re.fullmatch(r"toxiclf/\d+\.\d+\.\d+.*", site.requests[0]["User-Agent"])
    assert files_in(path.parent) == {"comments.txt", "LICENCE.txt"}


def test_progress_ends_at_the_size_of_the_file(site: Site) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(site.card(), accept=lambda card: False, say=Said().append, watch=lambda *state: seen.append(state))
    assert seen == sorted(seen)
    assert seen[-1] == (15_000, 15_000)


def test_a_file_that_is_there_is_not_fetched_again(site: Site) -> None:
    get(site.card())
    (again,) = fetch(site.card(), accept=lambda card: False, say=Said().append)
    assert again.was_there
    assert len(site.requests) == 1


def test_a_file_under_the_variable_is_not_fetched(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cards.ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "comments.txt").write_bytes(site.content)
    assert get(site.card()) == tmp_path / "tiny" / "comments.txt"
    assert not site.requests


def test_a_wrong_file_under_the_variable_is_not_hidden_by_a_fetch(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cards.ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "comments.txt").write_bytes(b"other")
    with pytest.raises(DataError) as caught:
        get(site.card())
    assert str(caught.value) == (
        f"{tmp_path}/tiny/comments.txt does not match the card (5 bytes, expected 15,000); replace it by the file from "
        "https://example.org/tiny, or remove it and run: toxiclf corpora fetch tiny"
    )


def test_a_damaged_file_in_the_cache_is_fetched_again(site: Site) -> None:
    card, said = site.card(), Said()
    path = get(card)
    path.write_bytes(site.content[:-1] + b"!")
    with pytest.raises(DataError, match=r"does not match the card \(SHA-256 .*; run: toxiclf corpora fetch tiny$"):
        card.path(card.parts[0])
    assert get(card, said).read_bytes() == site.content
    assert said[0] == f"{path} does not match the card; fetching it again"


def test_a_redirection_over_the_same_scheme_is_followed(site: Site) -> None:
    site.replies.append(lambda handler, content: answer(handler, 302, Location=f"{site.address}/elsewhere"))
    assert get(site.card()).read_bytes() == site.content


# --- broken connections


def test_a_server_that_is_not_there_is_named_with_the_reason(site: Site) -> None:
    part = {**site.table()["parts"][0], "address": "http://127.0.0.1:9/comments.txt"}
    assert refusal(site, card=site.card(parts=[part])) == (
        "127.0.0.1 cannot be reached or gave an invalid answer (Connection refused); check the connection and run the "
        "same command again"
    )


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_that_breaks_off_leaves_no_file_and_the_next_fetch_brings_it(site: Site, chunked: bool) -> None:
    def without_the_last_chunk(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%b\r\n" % (4_000, content[:4_000]))
        handler.close_connection = True

    again = "check the connection and run the same command again"
    sentence = refusal(site, without_the_last_chunk if chunked else breaks_off(4_000))
    assert sentence == f"127.0.0.1 closed the connection{'' if chunked else ' after 4,000 of 15,000 bytes'}; {again}"
    assert get(site.card()).read_bytes() == site.content


def test_an_overloaded_server_is_named(site: Site) -> None:
    assert refusal(site, lambda handler, content: answer(handler, 503, "점검 중".encode())) == (
        "SITE/comments.txt answered 503 Service Unavailable; check whether the address opens in a browser, and try again later"
    )


def test_a_silent_server_is_left_after_a_while(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SILENCE", 0.3)
    over = threading.Event()

    def silent(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        over.wait(PATIENCE)

    def falls_silent(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        send(handler, content, upto=9_000)
        over.wait(PATIENCE)

    sentences = {refusal(site, reply) for reply in (silent, falls_silent)}
    over.set()
    assert sentences == {"127.0.0.1 sent nothing for 0.3 s; check the connection and run the same command again"}


def test_a_server_that_drips_is_left_after_a_while(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SILENCE", 0.3)
    over = threading.Event()

    def drips(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        send(handler, content, upto=9)
        while not over.wait(0.05):
            handler.wfile.write(b".")

    def drips_headers(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.05):
            handler.wfile.write(b".")

    body, headers = refusal(site, drips), refusal(site, drips_headers)
    over.set()
    assert re.match(r"127.0.0.1 sent only \d+ bytes in \d s; check the connection", body)
    assert headers == "127.0.0.1 did not answer within 0.6 s; check the connection and run the same command again"


def test_a_proxy_that_is_not_there_is_a_sentence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert refusal(site).startswith("127.0.0.1 cannot be reached or gave an invalid answer (Connection refused)")


def test_a_reply_that_is_no_http_prints_nothing_of_it(site: Site) -> None:
    def garbage(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.wfile.write(b"\x1b[31mSSH-2.0\r\n\r\n")
        handler.close_connection = True

    assert refusal(site, garbage) == (
        "127.0.0.1 cannot be reached or gave an invalid answer (BadStatusLine); check the connection and run the same "
        "command again"
    )


# --- wrong files

ELSEWHERE = "so it is not the file that the corpus's card describes; open the address in a browser to see what it is"


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            lambda handler, content: answer(handler, 200, "<html>로그인</html>".encode()),
            f"the file at SITE/comments.txt has 22 bytes, expected 15,000, {ELSEWHERE}",
        ),
        (
            lambda handler, content: answer(handler, 200),
            f"the file at SITE/comments.txt has 0 bytes, expected 15,000, {ELSEWHERE}",
        ),
        (
            lambda handler, content: send(handler, content + b"!"),
            f"the file at SITE/comments.txt has 15,001 bytes, expected 15,000, {ELSEWHERE}",
        ),
        (
            lambda handler, content: answer(handler, 204),
            "SITE/comments.txt answered 204 without the file; check whether it opens in a browser",
        ),
        (
            lambda handler, content: answer(handler, 404, "없어요 ☹".encode()),
            "SITE/comments.txt answered 404 Not Found; check whether the address opens in a browser, and try again later",
        ),
        (
            lambda handler, content: answer(handler, 799),
            "SITE/comments.txt answered 799; check whether the address opens in a browser, and try again later",
        ),
        (
            lambda handler, content: answer(handler, 200, gzip.compress(content), Content_Encoding="gzip"),
            "SITE/comments.txt was sent in an encoding that was not requested; try again later, or without a proxy",
        ),
        (
            lambda handler, content: answer(handler, 302, Location="https://127.0.0.1/comments.txt"),
            "SITE/comments.txt redirects to https://127.0.0.1/comments.txt, but only redirects from https to "
            "https are followed; set a direct https address in the corpus's card",
        ),
        (
            lambda handler, content: answer(handler, 301, Location="http://example.org/comments.txt"),
            "SITE/comments.txt redirects to http://example.org/comments.txt, but only redirects from https to "
            "https are followed; set a direct https address in the corpus's card",
        ),
        (
            lambda handler, content: answer(handler, 301, Location="file:///etc/hostname"),
            "SITE/comments.txt answered 301 Moved Permanently; check whether the address opens in a browser, and try again later",
        ),
    ],
)  # fmt: skip
def test_a_reply_that_is_not_the_file_is_refused_at_once(site: Site, reply: Reply, sentence: str) -> None:
    assert refusal(site, reply) == sentence
    assert len(site.requests) == 1


def test_an_endless_redirection_ends(site: Site) -> None:
    def round_and_round(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        answer(handler, 302, Location="/comments.txt")

    assert "answered 302 Found" in refusal(site, *[round_and_round] * 20)


def test_never_more_is_read_than_the_card_says(site: Site) -> None:
    sent = []

    def endless(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(10_000):
            handler.wfile.write(b"x" * 10_000)
            sent.append(1)

    assert refusal(site, endless) == (
        f"the file at SITE/comments.txt has more than 15,000 bytes, expected 15,000, {ELSEWHERE}"
    )
    assert len(sent) < 10_000


def test_a_server_that_promises_more_than_it_has_gives_no_file(site: Site) -> None:
    short = site.content[:-10]
    lie = partial(send, content=short, Content_Length="15000")
    assert refusal(site, lambda handler, content: lie(handler)).startswith(
        "127.0.0.1 closed the connection after 14,990 of 15,000"
    )


def test_a_wrong_file_of_the_right_size_is_removed_and_never_in_place(site: Site) -> None:
    wrong = b"x" * 15_000
    sums = [hashlib.sha256(content).hexdigest()[:12] for content in (wrong, site.content)]
    sentence = refusal(site, lambda handler, content: send(handler, wrong))
    assert sentence == (
        f"SITE/comments.txt gave a file that does not match the card (SHA-256 {sums[0]}…, expected {sums[1]}…), so it was removed; "
        "try again later, or set TOXICLF_CORPORA to a folder that holds tiny/comments.txt (from https://example.org/tiny)"
    )
    assert get(site.card()).read_bytes() == site.content


@pytest.mark.parametrize(
    "address", ["http://example.org/a", "ftp://127.0.0.1/a", "file:///etc/hostname", "http://localhost.example.org/a"]
)
def test_only_https_is_asked(site: Site, address: str) -> None:
    part = {**site.table()["parts"][0], "address": address}
    assert (
        refusal(site, card=site.card(parts=[part]))
        == f"{address} is not an https address; set one in the corpus's card"
    )


# --- this machine


def test_a_folder_in_the_place_of_the_file_is_named(site: Site) -> None:
    card = site.card()
    path = card.cache_path(card.parts[0])
    path.mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        get(card)
    assert str(caught.value) == f"{path} is a folder; remove it"
    assert not site.requests


def test_a_cache_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    assert refusal(site) == (
        "CACHE cannot be written: Not a directory; fix that, or set TOXICLF_CACHE to another folder"
    )


@pytest.mark.skipif(os.name == "nt", reason="limits of a process are of POSIX")
def test_a_full_disk_is_named_and_no_file_is_in_place(site: Site) -> None:
    import resource

    site.content *= 100
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        sentence = refusal(site)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sentence == (
        f"CACHE/comments.txt cannot be written: {os.strerror(errno.EFBIG)}; fix that, or set TOXICLF_CACHE to another folder"
    )


def test_many_at_once_fetch_once(site: Site) -> None:
    card, said = site.card(), Said()
    waiting = f"another process is fetching to {card.cache_path(card.parts[0]).parent}; waiting for it"

    def slow(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        wait_until(lambda: said.count(waiting) == 3)
        whole(handler, content)

    site.replies.append(slow)
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(get(card, said).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [site.content] * 4
    assert len(site.requests) == 1
    assert said.count(waiting) == 3


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_stopped_fetch_leaves_no_file_and_lets_the_next_one_in(site: Site, stop: signal.Signals, code: int) -> None:
    arriving, released = threading.Event(), threading.Event()

    def stalls(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        send(handler, content, upto=6_000)
        arriving.set()
        released.wait(PATIENCE)

    site.replies.append(stalls)
    card = site.card()
    program = (
        "import sys; from toxiclf.datasets import cards; from toxiclf.datasets.fetch import fetch\n"
        "card = cards.Card.model_validate_json(sys.argv[1])\n"
        "try: fetch(card, accept=lambda card: False, say=print)\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, card.model_dump_json()])
    assert arriving.wait(PATIENCE)
    process.send_signal(stop)
    assert process.wait(PATIENCE) == code
    released.set()
    assert card.place(card.parts[0]) is None
    assert get(card).read_bytes() == site.content
    if stop == signal.SIGINT:
        assert files_in(card.path(card.parts[0]).parent) == {"comments.txt", "LICENCE.txt"}


# --- licences

NON_COMMERCIAL = {"id": "CC-BY-NC-4.0", "address": "https://example.org/nc", "commercial": False}


def test_a_licence_without_commercial_use_must_be_accepted(site: Site) -> None:
    card = site.card(licence=NON_COMMERCIAL)
    with pytest.raises(UsageError) as caught:
        get(card)
    assert str(caught.value) == (
        "the license of corpus:tiny forbids commercial use (CC-BY-NC-4.0, https://example.org/nc); if you accept it, run: "
        "toxiclf corpora fetch tiny --accept-licence"
    )
    assert not site.requests
    assert not card.cache_path(card.parts[0]).parent.exists()


def test_an_accepted_licence_is_kept_beside_the_file_and_not_asked_again(site: Site) -> None:
    card = site.card(licence=NON_COMMERCIAL)
    path = get(card, accept=lambda card: True)
    assert (path.parent / "LICENCE.txt").read_text("utf-8") == (
        "CC-BY-NC-4.0\nhttps://example.org/nc\nKim (2026). Tiny.\n"
    )
    path.unlink()
    assert get(card).exists()
    changed = site.card(licence={**NON_COMMERCIAL, "id": "CC-BY-NC-ND-4.0"})
    path.unlink()
    with pytest.raises(UsageError, match="forbids commercial use"):
        get(changed)


# --- nsmc, built from an archive

TOP = "nsmc-cc0670e"


def archive_of(members: Sequence[tuple[str, bytes]], extra: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """A tar.gz archive as GitHub makes them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for entry in extra:
            archive.addfile(entry)
        for name, content in members:
            info = tarfile.TarInfo(f"{TOP}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def raw(*reviews: tuple[str, str]) -> bytes:
    """A file of upstream's: a list of reviews with more fields than are used, numbers as strings."""
    entries = [
        {
            "review_id": str(i),
            "movie_id": "7",
            "author": "abcd****",
            "review": text,
            "rating": rating,
            "date": "15.08.25",
        }
        for i, (rating, text) in enumerate(reviews)
    ]
    return json.dumps(entries, indent=2).encode()


def built(archive: bytes) -> str:
    output = io.BytesIO()
    nsmc.build(io.BytesIO(archive), output)
    return output.getvalue().decode()


def nsmc_card(site: Site, expected: bytes) -> Card:
    part = {
        "role": "unlabeled", "file": "comments.txt", "rows": 3, "size": len(expected), "built_by": "nsmc",
        "sha256": hashlib.sha256(expected).hexdigest(), "address": f"{site.address}/archive",
    }  # fmt: skip
    return site.card(parts=[part])


def test_reviews_are_folded_and_each_text_comes_once_in_order_of_file_name(tmp_path: Path) -> None:
    archive = archive_of(
        [
            ("raw/10002.json", raw(("1", "셋째"), ("9", "첫째"))),
            ("raw/100015.json", raw(("10", " 둘째\u00a0\n 것\u3000"), ("2", " "), ("3", ""), ("4", "둘째 것"))),
            ("raw/10001.json", raw(("10", "첫째"))),
        ]
    )
    assert built(archive) == "10\t첫째\n10\t둘째 것\n1\t셋째\n"


TEXTS = st.text(st.sampled_from('가나 \t\n\r\x0b\x1c\x1f\x85\xa0\u3000\u200b\u2028😀"\\'), max_size=6)
REVIEWS = st.lists(st.tuples(st.integers(1, 10).map(str), TEXTS), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.from_regex(r"[0-9a-z가-나]{1,3}", fullmatch=True), REVIEWS, min_size=1, max_size=5))
def test_what_is_built_is_what_the_rule_says(files: dict[str, list[tuple[str, str]]], tmp_path: Path) -> None:
    ordered = sorted(files, key=lambda name: f"{name}.json".encode())
    folded = [(rating, " ".join(text.split())) for name in ordered for rating, text in files[name]]
    first = {text: rating for rating, text in reversed(folded) if text}
    expected = [(r, t) for i, (r, t) in enumerate(folded) if t and t not in [text for _, text in folded[:i]]]
    assert {text: rating for rating, text in expected} == first
    archive = archive_of([(f"raw/{name}.json", raw(*reviews)) for name, reviews in files.items()])
    assert built(archive) == "".join(f"{rating}\t{text}\n" for rating, text in expected)


def test_only_ordinary_files_of_the_folder_raw_are_read(tmp_path: Path) -> None:
    link = tarfile.TarInfo(f"{TOP}/raw/1.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    folder = tarfile.TarInfo(f"{TOP}/raw/2.json")
    folder.type = tarfile.DIRTYPE
    others = ["raw/x/1.json", "raw/1.json.txt", "ratings.json", "raw/../../1.json", "code/raw.json"]
    archive = archive_of(
        [*((name, raw(("1", name))) for name in others), ("raw/3.json", raw(("5", "이것만")))], [link, folder]
    )
    assert built(archive) == "5\t이것만\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[1]", "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (TypeError)"),
        (b"{", "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (JSONDecodeError)"),
        (b'[{"rating": "1"}]', "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (KeyError)"),
        (b'[{"rating": "x", "review": "a"}]', "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (ValueError)"),
        (b'[{"rating": Infinity, "review": "a"}]',
         "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (OverflowError)"),
        (b'[{"rating": 1e999, "review": "a"}]',
         "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (OverflowError)"),
        (b'[{"rating": "1", "review": null}]',
         "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (AttributeError)"),
        (b'[{"rating": "1", "review": "\\ud800"}]',
         "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (UnicodeEncodeError)"),
        (b"[" * 100_000, "'nsmc-cc0670e/raw/1.json' of the archive is not a list of reviews (RecursionError)"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_reviews_is_named(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        built(archive_of([("raw/1.json", content)]))
    assert str(caught.value) == sentence


def test_a_member_with_a_wild_name_or_header_is_refused(tmp_path: Path) -> None:
    for name, headers in {"\udcff": {}, "a": {"GNU.sparse.map": "1,x", "GNU.sparse.size": "1"}}.items():
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, errors="surrogateescape") as archive:
            info = tarfile.TarInfo(f"{TOP}/raw/{name}.json")
            info.pax_headers, content = headers, raw(("1", "좋다"))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        with pytest.raises(DataError, match=r"^the archive is damaged \("):
            built(packed.getvalue())


def test_an_archive_without_reviews_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the archive has no files raw/\*\.json; upstream may have changed it"):
        built(archive_of([("README.md", b"moved")]))


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("MOST_UNPACKED", 50_000, "the archive unpacks to more than 50,000 bytes; upstream may have changed it"),
        (
            "_MOST_IN_A_FILE",
            50_000,
            "'nsmc-cc0670e/raw/1.json' of the archive has 100,002 bytes; expected at most 50,000",
        ),
        ("_MOST_MEMBERS", 1, "the archive has more than 1 members; upstream may have changed it"),
    ],
)
def test_a_small_archive_cannot_fill_the_memory(
    limit: str, value: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nsmc, limit, value)
    bomb = archive_of([("raw/1.json", b"[" + b" " * 100_000 + b"]"), ("raw/2.json", b"[]")])
    assert len(bomb) < 2_000
    with pytest.raises(DataError) as caught:
        built(bomb)
    assert str(caught.value) == sentence


def test_a_built_file_is_in_place_after_its_sum_was_checked(site: Site) -> None:
    expected = "10\t가\n1\t나\n".encode()
    site.content = archive_of([("raw/1.json", raw(("10", "가"), ("1", "나"), ("2", "가")))])
    card, said = nsmc_card(site, expected), Said()
    path = get(card, said)
    assert path.read_bytes() == expected
    assert said == [
        "fetching the archive that comments.txt is built from, from 127.0.0.1",
        "building comments.txt from the archive",
        "comments.txt: size and SHA-256 match the card",
    ]
    assert files_in(path.parent) == {"comments.txt", "LICENCE.txt"}


def test_an_archive_of_other_reviews_is_refused_and_fetched_again_next_time(site: Site) -> None:
    good = archive_of([("raw/1.json", raw(("10", "가")))])
    site.content = archive_of([("raw/1.json", raw(("10", "나")))])
    card = nsmc_card(site, "10\t가\n".encode())
    assert "SITE/archive gave a file that does not match the card (SHA-256" in refusal(site, card=card)
    site.content = good
    assert get(card).read_text("utf-8") == "10\t가\n"


@pytest.mark.parametrize("keep", [0, 1, 100, 2_000])
def test_a_damaged_archive_is_removed_and_fetched_again_next_time(site: Site, keep: int) -> None:
    good = archive_of([("raw/1.json", raw(*[("10", f"리뷰 {i}") for i in range(500)]))])
    expected = "".join(f"10\t리뷰 {i}\n" for i in range(500)).encode()
    site.content = good[:keep]
    card = nsmc_card(site, expected)
    assert re.fullmatch(r"the archive is damaged \(.+\); fetch it again", refusal(site, card=card))
    site.content = good
    assert get(card).read_bytes() == expected


def test_an_archive_without_a_length_is_read_to_its_end_and_no_further_than_its_limit(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_length(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    site.content = archive_of([("raw/1.json", raw(("10", "가")))])
    card = nsmc_card(site, "10\t가\n".encode())
    monkeypatch.setattr(nsmc, "MOST_PACKED", len(site.content) - 1)
    most = f"{len(site.content) - 1:,}"
    assert refusal(site, without_length, card=card) == (
        f"the file at SITE/archive has more than {most} bytes, expected at most {most}, {ELSEWHERE}"
    )
    monkeypatch.setattr(nsmc, "MOST_PACKED", len(site.content))
    site.replies.append(without_length)
    assert get(card).read_text("utf-8") == "10\t가\n"


# --- nsmc, at full size


@pytest.fixture(scope="module")
def real_reviews() -> list[str]:
    """The lines ``rating<TAB>text`` of the real file; skips where it is not on this machine."""
    card = cards.load_card("nsmc")
    place = card.place(card.parts[0])
    if place is None:
        pytest.skip(f"nsmc is neither in {cards.ROOT_VARIABLE} nor in the cache")
    opener: Any = OPENERS.get(place.path.suffix, open)
    with opener(place.path, "rb") as file:
        return str(file.read(), "utf-8").removesuffix("\n").split("\n")


def test_the_real_file_has_no_white_space_that_folding_would_change(real_reviews: list[str]) -> None:
    texts = [line.partition("\t")[2] for line in real_reviews]
    assert all(text and text == " ".join(text.split()) for text in texts)
    assert len(set(texts)) == len(texts)


def test_an_archive_of_the_real_reviews_gives_the_real_file(real_reviews: list[str], tmp_path: Path) -> None:
    part: Part = cards.load_card("nsmc").parts[0]
    reviews = [tuple(line.split("\t")) for line in real_reviews]
    files = []
    for number, at in enumerate(range(0, len(reviews), 50)):
        entries = [
            {"review": f" {text.replace(' ', '  ')}", "rating": rating} for rating, text in reviews[at : at + 50]
        ]
        entries.append({"review": reviews[at // 2][1], "rating": "1"})
        files.append((f"raw/{10_000 + number}.json", json.dumps(entries).encode()))
    (tmp_path / "reviews.tsv").write_bytes(built(archive_of(files[::-1])).encode())
    assert cards.difference(tmp_path / "reviews.tsv", part) is None
