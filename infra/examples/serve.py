"""Serves functions in Python and TypeScript on this machine, in the way of Lambda's invoke API.

Usage: serve.py [--port PORT] [--data FOLDER] [--with-parent] [EXAMPLES]

Each folder of EXAMPLES (default: the folder of this file) with a Python file that defines `handler(event, context)` is
a function of the folder's name: `POST /2015-03-31/functions/user-resolver/invocations` calls the handler in
`user-resolver/resolver.py`. The setting USER_RESOLVER_FUNCTION=http://localhost:9006/user-resolver leads there. A folder with
an `index.mjs` that exports `handler` is a function as well, which runs in Node.js 24 or later: the one of `make tools`, or
`node`.

`make demo HOOKS=infra/examples` and `make up HOOKS=infra/examples` start it.

It listens on the loopback interface only, and answers no web page: whoever may call it may ask for every person.
"""

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

HERE = Path(__file__).resolve().parent
# Lambda's limit for a synchronous invocation. Unit: bytes.
MAX_EVENT = 6 * 1024 * 1024


class Invocations(BaseHTTPRequestHandler):
    """Answers invocations as Lambda does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    functions = {}

    def do_POST(self):
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_EVENT:
            self.close_connection = True
            return self.answer(413, {"Type": "User", "Message": "no event, or too long a one"})
        event = self.rfile.read(length)
        # A page of a browser sends its origin; under another name this machine would be another site to it.
        host = self.headers.get("host", "").rsplit(":", 1)[0]
        if host not in ("localhost", "127.0.0.1") or "origin" in self.headers:
            return self.answer(403, {"Type": "User", "Message": "requested by another site"})
        match urllib.parse.unquote(self.path).split("/"):
            case ["", "2015-03-31", "functions", name, "invocations"] if name in self.functions:
                return self.invoke(name, event)
        missing = {"x-amzn-errortype": "ResourceNotFoundException"}
        return self.answer(404, {"Type": "User", "Message": "no such function"}, missing)

    def invoke(self, name, event):
        """A function that raises is a successful call with an error, as on Lambda."""
        try:
            answer = self.functions[name](json.loads(event), None)
        except Exception as error:
            place = error.__traceback__
            while place.tb_next:
                place = place.tb_next
            # Without the exception's text, which may be about a person.
            where = f"{Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}"
            print(f"{name}: {type(error).__name__} in {where}", file=sys.stderr, flush=True)
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return self.answer(200, failed, {"x-amz-function-error": "Unhandled"})
        return self.answer(200, answer)

    def answer(self, status, body, headers=()):
        body = json.dumps(body).encode()
        self.send_response(status)
        own = {"content-type": "application/json", "content-length": str(len(body))}
        for name, value in {**own, **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: what is worth a line is printed where it happens."""


class NodeFunction:
    """A function that runs in a process of its own, which ends with this one: its standard input closes then."""

    def __init__(self, file):
        installed = HERE.parent.parent / ".tools/bin/node"
        node = installed if installed.exists() else "node"
        command = [node, HERE / "invoke.mjs", file.resolve()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # One event after the other.
        self.lock = threading.Lock()
        if not self.process.stdout.readline():
            sys.exit(f"{file} could not be started")

    def __call__(self, event, _context):
        with self.lock:
            self.process.stdin.write(json.dumps(event).encode() + b"\n")
            self.process.stdin.flush()
            result = json.loads(self.process.stdout.readline())
        if "error" in result:
            # Its name alone: the text may be about a person.
            raise type(result["error"], (Exception,), {})
        return result["answer"]


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def load(folder):
    """Folder name → handler."""
    functions = {}
    for file in sorted(folder.glob("*/*.py")):
        spec = importlib.util.spec_from_file_location(f"{file.parent.name}.{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "handler"):
            functions[file.parent.name] = module.handler
    for file in sorted(folder.glob("*/index.mjs")):
        functions[file.parent.name] = NodeFunction(file)
    return functions


def end_with_parent(server):
    """The other end of standard input closes when the parent is gone, however it ended."""
    while sys.stdin.buffer.read(1024):
        pass
    server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9006, help="default: 9006; 0 selects a free one")
    parser.add_argument("--data", type=Path, help="for the functions' files; default: a new folder, removed at the end")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    parser.add_argument("examples", type=Path, nargs="?", default=Path(__file__).parent)
    arguments = parser.parse_args()
    # So that the temporary folder is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix="ciba-hooks-") as temporary:
        data = arguments.data or Path(temporary)
        data.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("PEOPLE_DATABASE", str(data / "people.db"))
        sys.dont_write_bytecode = True
        Invocations.functions = load(arguments.examples)
        with Server(("127.0.0.1", arguments.port), Invocations) as server:
            for name in Invocations.functions:
                print(f"http://localhost:{server.server_address[1]}/{name}", flush=True)
            if arguments.with_parent:
                threading.Thread(target=end_with_parent, args=[server], daemon=True).start()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                pass


if __name__ == "__main__":
    main()
