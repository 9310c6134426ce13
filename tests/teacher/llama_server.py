"""Stands in for llama-server: `stand_in(folder)` is a PATH on which it lies.

Each answer with examples holds one that was never given before.  LLAMA_STAND_IN says what else it
does: "dead" ends at once, "slow" answers after a second.  It notes each request in requests.log.
"""

import http.server
import json
import os
import sys
import threading
import time
from pathlib import Path


def stand_in(folder: Path) -> str:
    program = folder / "llama-server"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {folder} "$@"\n')
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def main(folder: str, *words: str) -> None:
    options = dict(zip(words[::2], words[1::2], strict=True))
    mode = os.environ.get("LLAMA_STAND_IN", "")
    if mode == "dead":
        sys.exit("error: not enough of everything")
    log, lock = Path(folder) / "requests.log", threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"status": "ok"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock, log.open("a") as file:
                file.write(json.dumps(body) + "\n")
            if mode == "slow":
                time.sleep(1)
            text = self.write(body)
            message = {"role": "assistant", "content": text}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            usage = {"prompt_tokens": 100, "completion_tokens": 20}
            self.answer({"model": options["-m"], "choices": choices, "usage": usage})

        def write(self, body: dict) -> str:
            number = log.read_text().count("\n")
            if body.get("response_format", {}).get("json_schema", {}).get("name") == "answer":
                return json.dumps({"answer": " Yes"})
            example = {"input": f"question {number} of {os.getpid()}", "output": "yes"}
            return json.dumps({"examples": [example]})

        def answer(self, value: dict) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    place = (options["--host"], int(options["--port"]))
    http.server.ThreadingHTTPServer(place, Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
