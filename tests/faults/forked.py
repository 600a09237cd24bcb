"""Tokenize in a process that another one started: ``python forked.py TOKENIZER STATE THREADS METHOD ...``.

STATE is what the first process did before: "loaded" made the tokenizer, "used" tokenized, "busy" tokenizes in a second
thread meanwhile. METHOD is a start method of multiprocessing. It prints a line for each method: the tokens as JSON, or
the sentence that says what to do.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from toxiclf.errors import UsageError
from toxiclf.text.tokenizers import tokenizer as tokenizer_named

TEXT = "아버지가 방에 들어갔다"
MANY = 65  # from 64 texts on, Kiwi uses threads of its own
PATIENCE = 300.0  # seconds; a child that works takes some 5, and a minute or more where many processes run


def work(tokenizer: Any, threads: int, answer: Any) -> None:
    """Tokenize one text and a batch in each of some threads, and send the tokens of the text."""
    try:
        with ThreadPoolExecutor(threads) as pool:
            both = list(
                pool.map(lambda _: (tokenizer.tokenize([TEXT]), tokenizer.tokenize([TEXT] * MANY)), range(threads))
            )
        assert all(one * MANY == many for one, many in both)
        answer.send(both[0][0][0])
    except UsageError as error:
        answer.send(str(error))
    answer.close()


def tell(answer: object) -> None:
    """Write an answer as a line of JSON."""
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Start a process by each method, and print what it answers."""
    name, state, threads, *methods = sys.argv[1:]
    tokenizer = tokenizer_named(name)
    stop = threading.Event()
    if state != "loaded":
        tokenizer.tokenize([TEXT])
    if state == "busy":
        threading.Thread(target=lambda: [tokenizer.tokenize([TEXT]) for _ in iter(stop.is_set, True)]).start()
    for method in methods:
        context = multiprocessing.get_context(method)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(tokenizer, int(threads), sender))
        process.start()
        sender.close()
        try:
            tell(receiver.recv() if receiver.poll(PATIENCE) else "it hangs")
        except EOFError:
            tell("it died")
        process.join(PATIENCE)
        if process.exitcode != 0:
            tell(f"it ended with {process.exitcode}")
            process.kill()
    stop.set()
    os._exit(0)  # what the first process does at its end is not the subject


if __name__ == "__main__":
    main()
