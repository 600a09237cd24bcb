"""The one Java virtual machine of a process, with konlpy's engines on its class path."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from toxiclf._registry import components
from toxiclf.errors import MissingExtraError, UsageError

HEAP_VARIABLE = "TOXICLF_JVM_HEAP_MB"
_HEAP = 1024  # megabytes, konlpy's own default
_LEAST = 512  # Kkma alone takes 320; short of memory, Java is busy for minutes before it says so
_lock = threading.Lock()
_ours = False  # whether the machine is one that we started
_forked = False  # whether it runs in the process that this one was forked from


def check(tokenizer: str) -> Any:
    """Konlpy, if it and Java are there; the machine is not started yet.

    Raises
    ------
    MissingExtraError : konlpy or JPype is not installed.
    UsageError : no Java runtime is found.
    """
    try:
        import jpype
        import konlpy
    except ImportError as error:
        raise MissingExtraError(f"tokenizer '{tokenizer}'", "konlpy") from error
    if not jpype.isJVMStarted():
        _library(tokenizer)
        _heap()
    return konlpy


def class_named(tokenizer: str, name: str) -> Any:
    """A Java class of konlpy's; the machine is started by the first to ask.

    Raises
    ------
    UsageError : Java cannot be started, or another program's machine cannot load the class.
    """
    import jpype

    konlpy = check(tokenizer)
    with _lock:
        jars = Path(konlpy.__file__).parent / "java"
        places = [str(jars / "bin"), *sorted(map(str, jars.glob("*.jar")))]
        if not jpype.isJVMStarted():
            _start(tokenizer, places)
        try:
            return jpype.JClass(name)
        except TypeError:
            for place in places:
                jpype.addClassPath(place)
        try:
            return jpype.JClass(name)
        except TypeError as error:
            raise UsageError(
                f"tokenizer '{tokenizer}' cannot use the Java machine that this program started: konlpy's jars are not on its "
                f"class path; add {jars}/* to it, or make the tokenizer first"
            ) from error


def _start(tokenizer: str, places: list[str]) -> None:
    global _ours
    import jpype

    library = _library(tokenizer)
    # without signals of its own, so that Ctrl-C stays Python's; Java 24 warns of native code that is not announced
    options = [f"-Xmx{_heap()}m", "-Xrs", "-Dfile.encoding=UTF8", "-Xshare:auto", "-Xlog:disable", "-Xlog:all=off"]
    try:
        jpype.startJVM(
            *options,
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+IgnoreUnrecognizedVMOptions",
            jvmpath=library,
            classpath=places,
            convertStrings=True,
            ignoreUnrecognized=True,
            interrupt=False,
        )
    except Exception as error:
        raise UsageError(
            f"tokenizer '{tokenizer}' needs Java, and {library} cannot be started ({_first_line(error)}). "
            f"Install another, such as: apt install default-jre-headless, check {HEAP_VARIABLE}, or use mecab or "
            "kiwi, which need no Java"
        ) from error
    _ours = True
    logging.getLogger("jpype").setLevel(logging.ERROR)
    stream = jpype.JClass("java.io.PrintStream")(os.devnull)
    system = jpype.JClass("java.lang.System")  # the engines print what they load, and traces of what they catch
    system.setOut(stream)
    system.setErr(stream)


def most_memory() -> int:
    """Megabytes that the machine may take."""
    import jpype

    return int(jpype.JClass("java.lang.Runtime").getRuntime().maxMemory()) >> 20


def check_room(tokenizer: str, needed: int) -> None:
    """Raise a UsageError where a machine of ours lacks so many megabytes: filled up, it collects garbage for minutes on end."""
    import jpype

    if not _ours or not needed:
        return
    runtime = jpype.JClass("java.lang.Runtime").getRuntime()
    runtime.gc()
    most = most_memory()
    left = most - ((int(runtime.totalMemory()) - int(runtime.freeMemory())) >> 20)
    if left < needed:
        raise UsageError(
            f"tokenizer '{tokenizer}' needs {needed} MB of Java's memory, but {left} are left; "
            f"{more_memory(most)}, and start again"
        )


def lacks_memory(error: BaseException) -> bool:
    """Whether the machine had no memory left."""
    return isinstance(error, MemoryError) or any(
        base.__name__ == "java.lang.OutOfMemoryError" for base in type(error).__mro__
    )


def give_up() -> None:
    """Let the process end without waiting for the machine: one that has run out of memory may never end by itself."""
    import jpype.config

    if _ours and jpype.config.onexit:
        jpype.config.onexit = False
        atexit.register(_stop_references)


def _stop_references() -> None:
    """Stop the thread by which Java tells Python what it has forgotten: where Python is gone already, it aborts the process."""
    import jpype

    with suppress(Exception):
        jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance().stop()


def more_memory(most: int) -> str:
    """What gives Java more memory than so many megabytes."""
    if _ours:
        return f"give Java more memory than {most} MB, such as: export {HEAP_VARIABLE}={2 * most}"
    return f"give the Java machine that this program started more memory than {most} MB, such as -Xmx{2 * most}m"


class _Attached:
    """Goes when its thread ends, and has Java forget the thread, which attached itself by its first call."""

    def __init__(self) -> None:
        import jpype

        self._jpype = jpype

    def __del__(self) -> None:
        if not (_forked or sys.is_finalizing()) and self._jpype.isJVMStarted():
            self._jpype.JClass("java.lang.Thread").detach()


_threads = threading.local()


def _is_started() -> bool:
    jpype = sys.modules.get("jpype")
    return jpype is not None and jpype.isJVMStarted()


def _before_fork() -> None:
    if _is_started():  # an import may hang in the forked process, where Java's own threads do not live on
        components("tokenizer")


def _note_fork() -> None:
    global _forked
    if _is_started():
        from jpype import config

        _forked = True
        config.onexit = False  # there is no machine here to wait for


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_note_fork)


def use_thread() -> None:
    """Say that the thread is about to call Java.

    Raises
    ------
    UsageError : Java runs in the process that this one was forked from; a call would never come back.
    """
    if _forked:
        raise UsageError(
            "konlpy's tokenizers run in Java, which does not work in a forked process; start processes with "
            'multiprocessing.get_context("spawn"), or use mecab or kiwi'
        )
    if not hasattr(_threads, "attached"):
        _threads.attached = None if threading.current_thread() is threading.main_thread() else _Attached()


def _library(tokenizer: str) -> str:
    import jpype

    try:
        return str(jpype.getDefaultJVMPath())
    except Exception as error:
        raise UsageError(
            f"tokenizer '{tokenizer}' needs Java, and none is found; install a runtime, such as: apt install "
            "default-jre-headless (or set JAVA_HOME), or use mecab or kiwi, which need no Java"
        ) from error


def _heap() -> int:
    given = os.environ.get(HEAP_VARIABLE, "")
    if not given:
        return _HEAP
    if not given.isascii() or not given.isdigit() or not _LEAST <= int(given) <= 2**20:
        raise UsageError(
            f"{HEAP_VARIABLE} is '{given}'; expected the megabytes that Java may take, {_LEAST} or more: set it to such a number, "
            f"or unset it for {_HEAP}"
        )
    return int(given)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
