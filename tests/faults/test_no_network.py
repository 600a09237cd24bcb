"""No command looks up a name, opens an IP connection or writes outside the given folders, as the kernel sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALLS = "network,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
RUN = "import sys; from toxiclf.cli import main; main(sys.argv[1:])"
QUICK = ["--set", "decision.folds=2", "--set", "vectors.size=8"]
# importing urllib3, as TensorFlow does, asks whether this machine has IPv6: a socket is bound, but never connected
BOUND_ONLY = re.compile(r'socket\(AF_INET6, SOCK_STREAM|bind\(.*"::1"')
WRITES = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TMPFILE|^(?:creat|mkdir|rename|link|symlink)")


@pytest.fixture(scope="module")
def strace() -> str:
    found = shutil.which("strace")
    if found is None or subprocess.run([found, "-qq", "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace is not installed, or tracing is not allowed here")
    return found


def faults(trace: str, allowed: tuple[str, ...]) -> list[str]:
    """Calls that reach for the network, or succeed in writing elsewhere, of a trace by strace."""
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
            named = re.findall(r'"((?:[^"\\]|\\.)*)"', call)
            if any(name.startswith("/") and not name.startswith(allowed) for name in named[-1:]):
                found.append(call)
    return found


def traced(strace: str, folder: Path, code: list[str]) -> list[str]:
    """Run Python in a fresh home and working folder, and return the faults of the run."""
    for name in ("home", "tmp", "cache", "work"):
        (folder / name).mkdir(exist_ok=True)
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL") if name in os.environ}
    environment = {
        **keep, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "TOXICLF_CACHE": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    trace = folder / "trace"
    done = subprocess.run(
        [strace, "-f", "-qq", "-s", "400", "-e", f"trace={CALLS}", "-o", str(trace), sys.executable, *code],
        cwd=folder / "work", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list((folder / "home").iterdir()) == []
    outside = [str(folder / name) for name in ("tmp", "cache", "work")]
    return faults(trace.read_text(errors="replace"), (*outside, "/dev/", "/proc/", "/tmp/hsperfdata_"))


def test_scoring_reaches_no_network_and_writes_nothing(strace: str, bundle: Path, tmp_path: Path) -> None:
    assert traced(strace, tmp_path, ["-c", RUN, "predict", "안녕", "--bundle", str(bundle)]) == []


@pytest.mark.check
def test_the_python_interface_reaches_no_network(strace: str, tmp_path: Path) -> None:
    code = "import toxiclf; toxiclf.train('corpus:sample', {'decision': {'folds': 2}}).save('run'); "
    assert traced(strace, tmp_path, ["-c", f"{code} toxiclf.load('run/bundle').check(['안녕', '꺼져'])"]) == []


@pytest.mark.check
def test_a_fault_is_seen(strace: str, tmp_path: Path) -> None:
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9)); open('../x', 'w').close()"
    assert len(traced(strace, tmp_path, ["-c", code])) == 2
    assert traced(strace, tmp_path, ["-c", f"open({str(tmp_path / 'x')!r}, 'w').close()"]) != []


@pytest.mark.long
@pytest.mark.parametrize(
    "commands",
    [
        [["list", "models"], ["corpora", "list"], ["pretrain", "corpus:sample", "--out", "vectors"]],
        [
            ["train", "corpus:sample", "--out", "run", *QUICK[:2]],
            ["inspect", "run/bundle"],
            ["evaluate", "run/bundle", "corpus:sample", "--out", "measured"],
            ["evaluate", "run/bundle", "corpus:sample", "--out", "again"],
            ["compare", "measured", "again", "--out", "compared.md"],
            ["figures", "run", "--out", "figures"],
            ["estimate-prevalence", "run/bundle", str(ROOT / "corpora" / "sample_comments.csv")],
            ["calibrate", "run/bundle", "corpus:sample", "--out", "calibrated"],
        ],
        [
            [
                "train",
                "corpus:sample",
                "--model",
                "cnn",
                "--set",
                "model.epochs=1",
                "--set",
                "vectors.size=8",
                "--out",
                "run",
            ]
        ],
        [["train", "corpus:sample", "--model", "lightgbm", *QUICK, "--out", "run"]],
        [["train", "corpus:sample", "--model", "svm", *QUICK, "--set", "text.tokenizer=kiwi", "--out", "run"]],
        [["train", "corpus:sample", "--model", "xgboost", *QUICK, "--set", "balance.resample=wgan", "--out", "run"]],
        [
            [
                "train",
                "corpus:sample",
                *QUICK[:2],
                "--set",
                "search.method=optuna",
                "--set",
                "search.trials=2",
                "--set",
                "search.folds=2",
                "--set",
                "search.space.model.C=[0.3, 3]",
                "--out",
                "run",
            ]
        ],
        [["benchmark", "--corpus", "corpus:sample", "--model", "majority", "--seeds", "0..1", "--out", "bench"]],
    ],
    ids=["lists", "default", "network", "lightgbm", "kiwi", "xgboost", "search", "benchmark"],
)
def test_no_command_reaches_the_network(strace: str, tmp_path: Path, commands: list[list[str]]) -> None:
    for command in commands:
        assert traced(strace, tmp_path, ["-c", RUN, *command]) == [], command
