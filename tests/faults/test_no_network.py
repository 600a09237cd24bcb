"""No command looks up a name, opens an IP connection or writes outside the given folders, as the kernel sees it."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tomli_w

from tests.datasets.conftest import Site
from tests.machine import needs_java
from toxiclf.cli import app

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "corpora" / "sample_comments.csv")
CALLS = "network,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
RUN = (
    "import json, sys; from toxiclf.cli import run\n"
    "for command in json.loads(sys.argv[1]):\n"
    "    code = run(command)\n"
    "    if code: sys.exit(code)"
)
QUICK = ["--set", "decision.folds=2", "--set", "vectors.size=8"]
# importing urllib3, as TensorFlow does, asks whether this machine has IPv6: a socket is bound, but never connected
BOUND_ONLY = re.compile(r'socket\(AF_INET6, SOCK_STREAM|bind\(.*"::1"')
WRITES = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TMPFILE|^(?:creat|mkdir|rename|link|symlink)")

Watch = Callable[[Path, list[str]], list[str]]
"""Runs Python with arguments in the folder ``work`` of this one, and returns the faults of the run."""


# --- two ways to watch: strace sees every call, a filter in the kernel needs no tool but sees the network only


def by_strace(folder: Path, code: list[str]) -> list[str]:
    strace, trace = shutil.which("strace"), folder / "trace"
    if strace is None or subprocess.run([strace, "-qq", "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace is not installed, or tracing is not allowed here")
    ended = _python(folder, code, [strace, "-f", "-qq", "-s", "400", "-e", f"trace={CALLS}", "-o", str(trace)])
    assert ended.returncode == 0, ended.stderr
    given = [f"{folder / name}/" for name in ("tmp", "cache", "work")]
    return faults(trace.read_text(errors="replace"), (*given, "/dev/", "/proc/"), folder / "work")


def faults(trace: str, allowed: tuple[str, ...], work: Path) -> list[str]:
    """Calls of a trace by strace that reach for the network, or succeed in writing elsewhere; ``work`` is its folder."""
    found = []
    for line in trace.splitlines():
        call = re.sub(r"^\d+ +", "", line)
        if (re.match(r"\w+\(", call) is None or " = -1 " in call) and not re.match(
            r"(connect|send\w*)\(.*AF_INET", call
        ):
            continue
        is_network = re.match(r"(socket|bind|connect|listen|send\w*|recv\w*)\(", call)
        if (is_network and re.search(r"AF_INET|AF_NETLINK", call) and not BOUND_ONLY.match(call)) or re.search(
            r"nscd|resolve/|resolv\.conf", call
        ):
            found.append(call)
        elif not is_network and WRITES.search(call):
            named = re.findall(r'"((?:[^"\\]|\\.)*)"', call)[-1:]
            if re.match(r"\w+at2?\(\d", call):  # in a folder that was opened
                continue
            if any(not f"{os.path.normpath(work / name)}/".startswith(allowed) for name in named):
                found.append(call)
    return found


REFUSED = {  # calls by machine, the argument that is looked at, and two values that end the process
    "x86_64": (0xC000003E, [(41, 0, (2, 16)), (42, 2, (16, 28)), (44, 5, (16, 28))]),
    "aarch64": (0xC00000B7, [(198, 0, (2, 16)), (203, 2, (16, 28)), (206, 5, (16, 28))]),
}
"""``socket`` of AF_INET or AF_NETLINK, ``connect`` and ``sendto`` with an address of the size of an IPv4 or IPv6 one."""


def by_filter(folder: Path, code: list[str]) -> list[str]:
    if sys.platform != "linux" or platform.machine() not in REFUSED:
        pytest.skip("the filter of system calls is for Linux on x86_64 and aarch64")
    libc = ctypes.CDLL(None)
    program = ctypes.create_string_buffer(_program(*REFUSED[platform.machine()]))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(program))

    def refuse() -> None:  # in the new process, before its program
        no_new_privileges, seccomp, mode_filter = 38, 22, 2
        if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(seccomp, mode_filter, header, 0, 0):
            raise OSError

    try:
        subprocess.run(["true"], preexec_fn=refuse, check=True)
    except subprocess.SubprocessError:
        pytest.skip("this kernel lets no process filter its system calls")
    ended = _python(folder, code, [], refuse)
    if ended.returncode == -signal.SIGSYS:
        return ["the network"]
    assert ended.returncode == 0, ended.stderr
    return []


def _program(architecture: int, refused: list[tuple[int, int, tuple[int, int]]]) -> bytes:
    """The filter, in the language of packet filters: code, jumps if true and if false, and a number."""
    load, equal, end, allowed, killed = 0x20, 0x15, 0x06, 0x7FFF0000, 0x80000000
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (end, 0, 0, allowed)]
    for number, argument, (one, other) in refused:
        lines += [(load, 0, 0, 0), (equal, 0, 4, number), (load, 0, 0, 16 + 8 * argument)]
        lines += [(equal, 1, 0, one), (equal, 0, 1, other), (end, 0, 0, killed)]
    return b"".join(struct.pack("HBBI", *line) for line in [*lines, (end, 0, 0, allowed)])


def _python(
    folder: Path, code: list[str], before: list[str], refuse: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a fresh home and working folder; the home stays empty."""
    for name in ("home", "tmp", "cache", "work"):
        (folder / name).mkdir(exist_ok=True)
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL") if name in os.environ}
    environment = {
        **keep, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "TOXICLF_CACHE": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    done = subprocess.run(
        [*before, sys.executable, *code], cwd=folder / "work", env=environment, capture_output=True, text=True, check=False,
        input="comment\n안녕\n", preexec_fn=refuse,
    )  # fmt: skip
    assert list((folder / "home").iterdir()) == []
    return done


@pytest.fixture(params=[by_strace, by_filter], ids=["strace", "filter"])
def watch(request: pytest.FixtureRequest) -> Watch:
    watch: Watch = request.param
    return watch


@pytest.fixture
def best_watch() -> Watch:
    """strace where it can be used, else the filter."""

    def run(folder: Path, code: list[str]) -> list[str]:
        try:
            return by_strace(folder, code)
        except pytest.skip.Exception:
            return by_filter(folder, code)

    return run


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("socket.socket(type=socket.SOCK_DGRAM)", 2),
        ("socket.socket(socket.AF_INET6).connect_ex(('::1', 9))", 2),
        ("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'', ('::1', 9))", 2),
        ("socket.getaddrinfo('toxiclf.invalid', 80)", 2),
        ("socket.socket(socket.AF_INET6).bind(('::1', 0)); socket.socketpair()", 0),
        ("open('x', 'w').close()", 0),
        ("open('../x', 'w').close()", 1),
        ("open(os.environ['TMPDIR'] + '2', 'w').close()", 1),
    ],
    ids=["IPv4", "IPv6", "datagram", "name", "allowed", "own file", "file outside", "foreign file"],
)  # fmt: skip
@pytest.mark.check
def test_a_fault_is_seen(watch: Watch, tmp_path: Path, code: str, seen: int) -> None:
    """By both ways to watch if ``seen`` is 2, and by strace only if it is 1."""
    code = f"import os, socket, contextlib\nwith contextlib.suppress(OSError): {code}"
    assert bool(watch(tmp_path, ["-c", code])) == (seen == 2 or (seen == 1 and watch is by_strace))


# --- what is watched

TABLE: dict[str, list[list[str]]] = {
    "scoring": [
        ["--help"],
        ["list", "models"],
        ["corpora", "list"],
        ["corpora", "show", "curse"],
        ["corpora", "path", "sample"],
        ["inspect", "BUNDLE"],
        ["pack", "BUNDLE", "bundle.zip"],
        ["predict", "안녕", "--bundle", "bundle.zip"],
        ["predict", SAMPLE, "--bundle", "BUNDLE", "--out", "scores.csv"],
        ["predict", "-", "--bundle", "BUNDLE"],
        ["estimate-prevalence", "BUNDLE", SAMPLE],
    ],
    "lists": [
        ["list", "recipe-keys"],
        ["benchmark", "--show", "curse"],
        ["benchmark", "--init", "plan.toml"],
        ["pretrain", "--show", "ko-comments"],
        ["pretrain", "corpus:sample", "--out", "vectors"],
    ],
    "default": [
        ["train", "corpus:sample", "--out", "run", *QUICK[:2]],
        ["evaluate", "run/bundle", "corpus:sample", "--out", "measured"],
        ["evaluate", "run/bundle", "corpus:sample", "--out", "again"],
        ["compare", "measured", "again", "--out", "compared.md"],
        ["figures", "run", "--out", "figures"],
        ["calibrate", "run/bundle", "corpus:sample", "--out", "calibrated"],
    ],
    "network": [["train", "corpus:sample", "--model", "cnn", "--set", "model.epochs=1", *QUICK[2:], "--out", "run"]],
    "lightgbm": [["train", "corpus:sample", "--model", "lightgbm", *QUICK, "--set", "balance.augment=eda", "--out", "run"]],
    "kiwi": [["train", "corpus:sample", "--model", "svm", *QUICK, "--set", "text.tokenizer=kiwi", "--out", "run"]],
    "okt": [["train", "corpus:sample", "--model", "svm", *QUICK, "--set", "text.tokenizer=okt", "--out", "run"]],
    "xgboost": [["train", "corpus:sample", "--model", "xgboost", *QUICK, "--set", "balance.resample=wgan", "--out", "run"]],
    "search": [
        [
            *("train", "corpus:sample", *QUICK[:2], "--set", "search.method=optuna", "--set", "search.trials=2"),
            *("--set", "search.folds=2", "--set", "search.space.model.C=[0.3, 3]", "--out", "run"),
        ]
    ],
    "benchmark": [["benchmark", "--corpus", "corpus:sample", "--model", "majority", "--seeds", "0..1", "--out", "bench"]],
}  # fmt: skip
MARKS = {"scoring": [], "default": [pytest.mark.check], "okt": [pytest.mark.long, needs_java]}


def test_every_command_is_watched() -> None:
    groups = {(group.name,): group.typer_instance for group in app.registered_groups}
    names = {
        (*path, command.name or command.callback.__name__.replace("_", "-"))
        for path, typer in {(): app, **groups}.items()
        if typer is not None
        for command in typer.registered_commands
        if command.callback is not None
    }
    run = [command for commands in TABLE.values() for command in commands]
    assert {name for name in names if not any(tuple(c[: len(name)]) == name for c in run)} == {("corpora", "fetch")}


@pytest.mark.parametrize("group", [pytest.param(name, marks=MARKS.get(name, [pytest.mark.long])) for name in TABLE])
def test_no_command_reaches_the_network(best_watch: Watch, bundle: Path, tmp_path: Path, group: str) -> None:
    assert best_watch(tmp_path, ["-c", RUN, json.dumps(TABLE[group]).replace("BUNDLE", str(bundle))]) == []


@pytest.mark.check
def test_the_filter_ends_no_command_that_scores(bundle: Path, tmp_path: Path) -> None:
    assert by_filter(tmp_path, ["-c", RUN, json.dumps(TABLE["scoring"]).replace("BUNDLE", str(bundle))]) == []


@pytest.mark.long
def test_the_python_interface_reaches_no_network(best_watch: Watch, tmp_path: Path) -> None:
    code = "import toxiclf; toxiclf.train('corpus:sample', {'decision': {'folds': 2}}).save('run'); "
    assert best_watch(tmp_path, ["-c", f"{code} toxiclf.load('run/bundle').check(['안녕', '꺼져'])"]) == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Site]:
    """A server of the file of a card."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        site = Site(f"http://127.0.0.1:{server.server_port}")
        (tmp_path / "served").mkdir()
        (tmp_path / "served" / "comments.txt").write_bytes(site.content)
        yield site
        server.shutdown()


@pytest.mark.check
def test_fetching_asks_only_the_host_of_the_corpus(server: Site, tmp_path: Path) -> None:
    (tmp_path / "corpora" / "cards").mkdir(parents=True)
    (tmp_path / "corpora" / "cards" / "tiny.toml").write_bytes(tomli_w.dumps(server.table()).encode())
    code = "import os, pathlib; from toxiclf.datasets import cards; cards.corpora_folder = lambda: pathlib.Path('../corpora')\n"
    found = by_strace(tmp_path, ["-c", code + RUN, json.dumps([["corpora", "fetch", "tiny"]])])
    connected = [call for call in found if not call.startswith("socket(AF_INET, SOCK_STREAM")]
    port = server.address.rpartition(":")[2]
    assert [call for call in connected if f'sin_port=htons({port}), sin_addr=inet_addr("127.0.0.1")' not in call] == []
    assert connected
    assert (tmp_path / "cache" / "corpora" / "tiny" / "comments.txt").read_bytes() == server.content
