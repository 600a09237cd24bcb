"""Full disks, closed pipes, few file descriptors, little memory: a sentence, and what was there before stays whole."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from tests.faults.cases import Case, NotHeldError, NotTriedError, check_nothing_aside, check_said, check_whole, contents
from tests.faults.kills import Target, _check_steps, known, targets
from tests.faults.processes import command, run
from tests.faults.stage import FAST, Stage

_CLONE_NEWNS, _CLONE_NEWUSER, _MS_PRIVATE_ALL = 0x20000, 0x10000000, 0x44000


def _small_disk(place: Path, size: int, inodes: int = 0) -> None:
    """Mount a disk of so many bytes for this process alone."""
    system = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if system.unshare(_CLONE_NEWUSER | _CLONE_NEWNS):
        raise NotTriedError(f"no namespace of one's own is allowed: {os.strerror(ctypes.get_errno())}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    system.mount(b"none", b"/", None, ctypes.c_ulong(_MS_PRIVATE_ALL), None)
    options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
    if system.mount(b"tmpfs", str(place).encode(), b"tmpfs", ctypes.c_ulong(0), options.encode()):
        raise NotTriedError(f"no disk can be mounted: {os.strerror(ctypes.get_errno())}")


def _write_commands(stage: Stage) -> list[Target]:
    comments, bundle = str(stage.comments), str(stage.bundle)
    more = [
        Target("calibrate", None, command("calibrate", bundle, comments, "--out", "out/bundle")),
        Target("evaluate", None, command("evaluate", bundle, comments, "--out", "out/evaluated")),
        Target(
            "figures",
            None,
            command("figures", str(stage.run), "--out", "out/figures", "--only", "precision_recall"),
            steps=True,
        ),
    ]
    return [*targets(stage), *more]


def disk_full(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Every command that writes, on a disk that is too small for bytes or files, or with a limit of the size of a file."""
    commands = [target for target in _write_commands(stage) if not target.name.startswith(("save", "train a network"))]
    for i in range(number):
        random = Random(f"{seed} disk {i}")
        how = ("bytes", "bytes", "files", "limit")[i // len(commands) % 4]
        target = commands[i % len(commands)]
        share = random.random()
        yield Case(f"{i} {target.name}: {how}, {share:.2f} of what it needs", partial(_fill, stage, target, how, share))


def _fill(stage: Stage, target: Target, how: str, share: float, folder: Path) -> None:
    whole = known(target, stage)
    old = whole.before / "out"
    (folder / "out").mkdir()
    after = folder / "after"
    pages = sum(-(-path.stat().st_size // 4096) + 1 for path in old.rglob("*"))
    files = len(list(old.rglob("*"))) + 2
    room = share * 60 * 4096 if target.name.startswith(("train", "predict", "pretrain")) else share * 12 * 4096
    why = folder / "why"

    def limit() -> None:
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * 20_000), int(share * 20_000)))
            return
        try:
            extra = 10**9 if how == "files" else int(room)
            _small_disk(folder / "out", pages * 4096 + extra, files + int(share * 8) if how == "files" else 0)
        except NotTriedError as error:
            why.write_text(str(error))
            os._exit(99)
        shutil.copytree(old, folder / "out", dirs_exist_ok=True)

    def keep() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
        if how != "limit":
            shutil.copytree(folder / "out", after, symlinks=True)

    if how == "limit":
        shutil.copytree(old, folder / "out", dirs_exist_ok=True)
    ended = run(target.new, folder, limit=limit, after=keep)
    if ended.code == 99 and why.exists():
        raise NotTriedError(why.read_text())
    found = contents(folder / "out" if how == "limit" else after)
    if target.name.startswith("fetch") and ended.code == 1:  # a call of Python, which raises
        if "DataError" not in ended.err and "OSError" not in ended.err:
            raise NotHeldError(f"no sentence: {ended.err[-200:]}")
    else:
        check_said(ended, (0, 1, 2, 3))
    output = (_check_steps if target.steps else check_whole)(found, whole.old, whole.new)
    if not ended.code and not target.steps and output is whole.old and whole.old.files != whole.new.files:
        raise NotHeldError("exit code 0, but nothing was written")
    check_nothing_aside(found)


# --- standard output and --out


def streams(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Commands whose standard output is full, closed, or a pipe that nobody reads; devices as --out."""
    comments, many, bundle = str(stage.comments), str(stage.many), str(stage.bundle)
    commands = {
        "predict": command("predict", many, "--bundle", bundle),
        "predict --json": command("predict", many, "--bundle", bundle, "--json"),
        "predict a comment": command("predict", "안녕", "--bundle", bundle),
        "train --json": command("train", comments, *FAST, "--out", "run", "--json"),
        "evaluate": command("evaluate", bundle, comments),
        "inspect": command("inspect", bundle),
        "list models": command("list", "models"),
        "corpora list": command("corpora", "list"),
        "benchmark --show": command("benchmark", "--show", "curse"),
        "estimate-prevalence": command("estimate-prevalence", bundle, many),
        "compare": command("compare", str(stage.run), str(stage.other_run)),
        "--help": command("--help"),
        "--version": command("--version"),
    }  # fmt: skip
    found = []
    for name in ("/dev/full", "pipe nobody reads", "closed"):
        found += [Case(f"{each} into {name}", partial(_pour, act, name)) for each, act in commands.items()]
    for device, codes in {"/dev/full": (1, 2), "/dev/null": (0,), "/dev/stdout": (0,)}.items():
        act = command("predict", many, "--bundle", bundle, "--out", device, "--json")
        found.append(Case(f"predict --out {device}", partial(_device, act, codes)))
    yield from (
        found if number >= len(found) else Random(f"{seed} streams").sample(found, number) if number < 20 else found
    )


def _pour(act: Callable[[], object], into: str, folder: Path) -> None:
    ended = run(act, folder, stdout=into)
    if into == "/dev/full":
        check_said(ended, (1, 2))
    elif into == "closed":
        check_said(ended, (0, 1, 2))
    else:
        check_said(ended, (0, 141, -13))
        if "roken pipe" in ended.err:
            raise NotHeldError(f"not quiet: {ended.err[-200:]!r}")


def _device(act: Callable[[], object], codes: tuple[int, ...], folder: Path) -> None:
    ended = run(act, folder)
    check_said(ended, codes)
    if codes == (0,) and left_behind(folder):
        raise NotHeldError(f"left behind: {left_behind(folder)}")


def left_behind(folder: Path) -> list[str]:
    """Names in a folder that should be empty."""
    return [path.name for path in folder.iterdir()]


# --- few descriptors, little memory


def _few(descriptors: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def _little(mebibytes: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mebibytes * 2**20,) * 2)


def _under(
    stage: Stage, seed: int, number: int, *, limits: list[int], set_limit: Callable[[int], None]
) -> Iterator[Case]:
    chosen = [
        target
        for target in _write_commands(stage)
        if "network" not in target.name and target.name.split()[0] in ("train", "predict", "pretrain", "calibrate")
    ]
    for i in range(number):
        target = chosen[i % len(chosen)]
        value = limits[i // len(chosen) % len(limits)]
        yield Case(f"{i} {target.name}: {value}", partial(_limited, stage, target, partial(set_limit, value)))


def _limited(stage: Stage, target: Target, limit: Callable[[], None], folder: Path) -> None:
    whole = known(target, stage)
    shutil.copytree(whole.before, folder, dirs_exist_ok=True)
    ended = run(target.new, folder, limit=limit)
    check_said(ended, (0, 1, 2, 3, 4))
    found = contents(folder / "out")
    check_whole(found, whole.old, whole.new)
    check_nothing_aside(found)


def descriptors(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Commands that may open only a few files at a time."""
    return _under(stage, seed, number, limits=[5, 6, 7, 8, 9, 10, 12, 16, 24], set_limit=_few)


def memory(stage: Stage, seed: int, number: int) -> Iterator[Case]:
    """Commands that may have only some more memory than an idle process."""
    return _under(stage, seed, number, limits=[8, 32, 96, 256], set_limit=_little)
