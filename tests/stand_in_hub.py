"""A server with the hub's file layout, for tests: python stand_in_hub.py FOLDER prints its address
and serves until its input closes.

FOLDER/{datasets,models}/<name>/<commit>/<files>; the newest commit is the last by name.  A file
GATED in a repository refuses all,
a file MOVED names the repository that its name now leads to.
"""

import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(sys.argv[1])
API = re.compile(
    r"/api/(datasets|models)/(.+?)(?:/(revision|tree|paths-info)/([^/?]+)(?:/([^?]*))?)?"
)
FILE = re.compile(r"/(datasets/)?(.+?)/resolve/([^/]+)/(.+)")


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer()

    do_HEAD = do_POST = do_GET  # noqa: N815 - http.server's names

    def answer(self):
        self.sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        with (ROOT / "log").open("a") as log:
            log.write(f"{self.command} {self.path}\n")
        path = self.path.partition("?")[0]
        if found := API.fullmatch(path):
            self.api(*found.groups())
        elif found := FILE.fullmatch(path):
            self.file("datasets" if found[1] else "models", *found.groups()[1:])
        else:
            self.reply(200 if path == "/" else 404)

    def commit(self, kind, name, revision):
        repo = ROOT / kind / name
        if not repo.is_dir() or not name:
            return self.refuse(404, "RepoNotFound")
        if (repo / "GATED").exists():
            return self.refuse(403, "GatedRepo")
        commits = sorted(p for p in repo.iterdir() if p.is_dir())
        wanted = commits[-1] if revision in {None, "main"} else repo / revision
        return wanted if wanted.is_dir() else self.refuse(404, "RevisionNotFound")

    def refuse(self, status, error):
        self.reply(status, error=error)

    def api(self, kind, name, what, revision, under):
        if (moved := ROOT / kind / name / "MOVED").exists():
            self.reply(307, location=f"/api/{kind}/{moved.read_text()}")
            return
        if not (commit := self.commit(kind, name, revision)):
            return
        files = [self.entry(commit, p) for p in sorted(commit.rglob("*")) if p.is_file()]
        if what == "tree":
            folder = commit / unquote(under or "")
            inner = sorted(
                folder.rglob("*") if "recursive=true" in self.path.lower() else folder.glob("*")
            )
            self.reply(200 if folder.is_dir() else 404, [self.entry(commit, p) for p in inner])
        elif what == "paths-info":
            wanted = self.sent.decode()
            self.reply(200, [f for f in files if f["path"] in wanted])
        else:
            siblings = [{"rfilename": f["path"]} for f in files]
            self.reply(
                200,
                {
                    "_id": "0",
                    "id": name,
                    "sha": commit.name,
                    "private": False,
                    "tags": [],
                    "siblings": siblings,
                },
            )

    def entry(self, commit, path):
        if path.is_dir():
            return {
                "type": "directory",
                "oid": "0",
                "size": 0,
                "path": path.relative_to(commit).as_posix(),
            }
        blob = path.read_bytes()
        return {
            "type": "file",
            "oid": hashlib.sha1(blob).hexdigest(),
            "size": len(blob),
            "path": path.relative_to(commit).as_posix(),
        }

    def file(self, kind, name, revision, file):
        if not (commit := self.commit(kind, name, revision)):
            return
        path = commit / file
        if not path.is_file():
            self.reply(404, error="EntryNotFound", commit=commit.name)
        else:
            blob = path.read_bytes()
            self.reply(200, blob, commit=commit.name, etag=hashlib.sha1(blob).hexdigest())

    def reply(self, status, body=b"", error=None, commit=None, etag=None, location=None):
        blob = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "X-Error-Code": error,
            "X-Repo-Commit": commit,
            "ETag": etag and f'"{etag}"',
            "Location": location,
        }.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(blob)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(blob)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
