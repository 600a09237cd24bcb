"""Start and use the one Java virtual machine of a process, in which konlpy's engines run."""

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
_HEAP = 1024  # default of Java's memory, in MB, as in konlpy
_LEAST = 512  # MB; Kkma alone takes 320, and Java runs for minutes before it reports a lack of memory
_lock = threading.Lock()
_ours = False  # whether toxiclf started the Java machine
_forked = False  # whether this process was forked from one in which Java runs


def check(tokenizer: str) -> Any:
    """Return the package konlpy after checking that it and Java are installed; Java is not started yet.

    Raises
    ------
    MissingExtraError : konlpy or JPype is not installed.
    UsageError : no Java runtime is found, or the environment variable ``TOXICLF_JVM_HEAP_MB`` is not valid.
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
    """Return a Java class of konlpy; the first call starts the Java machine.

    Raises
    ------
    MissingExtraError : konlpy or JPype is not installed.
    UsageError : Java is missing or cannot be started, or other code started a Java machine that cannot load the class.
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
                f"class path; add {jars}/* to it, or make the tokenizer before starting Java"
            ) from error


def _start(tokenizer: str, places: list[str]) -> None:
    global _ours
    import jpype

    library = _library(tokenizer)
    # -Xrs leaves Ctrl-C to Python; the next two leave no files for debuggers in /tmp; below, native access is enabled
    # because Java 24 warns otherwise
    options = [f"-Xmx{_heap()}m", "-Xrs", "-XX:-UsePerfData", "-XX:+DisableAttachMechanism"]
    options += ["-Dfile.encoding=UTF8", "-Xshare:auto", "-Xlog:disable", "-Xlog:all=off"]
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
            f"Install another Java (apt install default-jre-headless), check {HEAP_VARIABLE}, or use mecab or "
            "kiwi, which need no Java"
        ) from error
    _ours = True
    logging.getLogger("jpype").setLevel(logging.ERROR)
    stream = jpype.JClass("java.io.PrintStream")(os.devnull)
    system = jpype.JClass("java.lang.System")  # the engines print what they load, and stack traces
    system.setOut(stream)
    system.setErr(stream)


def most_memory() -> int:
    """Return the memory that the Java machine may take, in MB."""
    import jpype

    return int(jpype.JClass("java.lang.Runtime").getRuntime().maxMemory()) >> 20


def check_room(tokenizer: str, needed: int) -> None:
    """Raise a ``UsageError`` if fewer than ``needed`` MB are left in a Java machine that toxiclf started.

    Without free memory, Java would collect garbage for minutes.
    """
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
    """Return whether the error means that Java or Python ran out of memory."""
    return isinstance(error, MemoryError) or any(
        base.__name__ == "java.lang.OutOfMemoryError" for base in type(error).__mro__
    )


def give_up() -> None:
    """Let the process end without waiting for the Java machine, which may never end once it has run out of memory."""
    import jpype.config

    if _ours and jpype.config.onexit:
        jpype.config.onexit = False
        atexit.register(_stop_references)


def _stop_references() -> None:
    """Stop the Java thread that releases Python objects for Java: if it outlives Python, it aborts the process."""
    import jpype

    with suppress(Exception):
        jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance().stop()


def more_memory(most: int) -> str:
    """Return the part of a message that says how to give Java more than ``most`` MB of memory."""
    if _ours:
        return f"give Java more memory than {most} MB, such as: export {HEAP_VARIABLE}={2 * most}"
    return f"give the Java machine that this program started more memory than {most} MB, such as -Xmx{2 * most}m"


class _Attached:
    """Detaches a thread from Java when the thread ends; each thread keeps one such object in its local storage."""

    def __init__(self) -> None:
        import jpype

        self._jpype = jpype
        self._process = os.getpid()  # a forked process deletes these objects of other threads before it runs its hooks

    def __del__(self) -> None:
        if os.getpid() == self._process and not sys.is_finalizing() and self._jpype.isJVMStarted():
            self._jpype.JClass("java.lang.Thread").detach()


_threads = threading.local()


def _is_started() -> bool:
    jpype = sys.modules.get("jpype")
    return jpype is not None and jpype.isJVMStarted()


def _before_fork() -> None:
    if _is_started():  # import now: it may hang in the forked process, where Java's threads do not survive
        import jpype.config  # noqa: F401

        components("tokenizer")


def _note_fork() -> None:
    global _forked
    if _is_started():
        from jpype import config

        _forked = True
        # JPype would ask Java for each module that is imported from now on, and Java does not run here
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "jpype.imports"]
        config.onexit = False  # so there is nothing to wait for


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_note_fork)


def use_thread() -> None:
    """Prepare the current thread for calls to Java, before its first call.

    Raises
    ------
    UsageError : this process was forked from a process in which Java runs; a call to Java would never return.
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
