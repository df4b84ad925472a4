"""Capture in a process of its own, for whoever must not wait or crash with it.

``python -m mien.core.worker`` reads one request from stdin, a JSON object in one line:
    {"input": ..., "output": "take.csv", "faces": 1, "device": "auto", "start": null, "end": null}
and, if wanted, "fps" and "neutral" ([first, last] or a file); see ``capture``.  It answers in
lines on stdout, each a JSON object with "event": "progress", then "done", "error" or "cancelled";
with "live": true also "live" for each frame that shows the face, with "read" (s, as time.time())
and "signals"; with "picture": true also "picture" now and then, with "pixels" (see ``preview``).
A line {"cancel": true} or the end of stdin cancels, which leaves no file; {"finish": true} ends
the recording of a webcam and keeps it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TextIO

from .capture import Cancelled, Progress, capture, check_output, save
from .errors import UserError

OPTIONS: Final = ("faces", "device", "start", "end", "fps", "neutral")
_DIGITS: Final = 4  # of a signal that goes out live


def main() -> int:
    """Serve one request; 0 when done or cancelled, 2 on an error."""
    # Libraries print to stdout as they like: they get stderr, and the events the real stdout.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)

    def tell(event: str, **what: Any) -> None:
        print(json.dumps({"event": event, **what}), file=events, flush=True)

    requests = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - stdin, but UTF-8
    try:
        tell("done", **_serve(requests, tell))
    except Cancelled:
        tell("cancelled")
    except UserError as error:
        tell("error", message=str(error))
        return 2
    except Exception as error:
        tell("error", message=f"Capture failed ({error!r}): please report this with the footage.")
        raise
    return 0


def _serve(requests: TextIO, tell: Callable[..., None]) -> dict[str, Any]:
    request = _read(requests.readline())
    unknown = set(request) - {"input", "output", "live", "picture", *OPTIONS}
    if unknown or not {"input", "output"} <= set(request):
        raise UserError(f'A request names "input" and "output" and, if wanted, {OPTIONS}.')
    check_output(request["output"], request.get("faces") or 1)
    cancel, finish = threading.Event(), threading.Event()
    threading.Thread(target=_listen, args=(requests, cancel, finish), daemon=True).start()
    options = {name: request[name] for name in OPTIONS if request.get(name) is not None}
    last: list[Progress] = []

    def note(now: Progress) -> None:
        last[:] = [now]
        tell("progress", **dataclasses.asdict(now))

    def live(read: float, signals: dict[str, float]) -> None:
        short = {name: round(value, _DIGITS) for name, value in signals.items()}
        tell("live", read=read, signals=short)

    def picture(pixels: str) -> None:
        tell("picture", pixels=pixels)

    takes = capture(
        request["input"],
        progress=note,
        cancelled=cancel.is_set,
        finished=finish.is_set,
        live=live if request.get("live") else None,
        picture=picture if request.get("picture") else None,
        **options,
    )
    paths = save(takes, request["output"])
    return {
        "output": str(paths[0]),
        "outputs": [str(path) for path in paths],
        "faces": len(takes),
        "frames": len(takes[0]),
        "seen": int(takes[0].success.sum()),
        **{name: getattr(last[0], name) for name in ("fps", "provider", "note", "seconds")},
    }


def _read(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise UserError("The worker expects one line of JSON on stdin: see mien.core.worker.")
    return request


def _listen(requests: TextIO, cancel: threading.Event, finish: threading.Event) -> None:
    for line in requests:
        message = _read(line) if line.strip() else {}
        if message.get("cancel"):
            break
        if message.get("finish"):
            finish.set()
    cancel.set()


if __name__ == "__main__":
    sys.exit(main())
