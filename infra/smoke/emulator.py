"""moto's server with the stack in it, and the functions of this workspace behind the local gateway."""

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request

import boto3

import stack
from process import FILES, ROOT, Failed, Process, free_port
from sources import Sources
from world import World

# moto accepts anything; the functions refuse to start without.
CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "MOTO", "aws_secret_access_key": "moto"}
# As `make deploy` does at its end, and with passkeys on this machine.
PARAMETERS = {"RpId": "localhost", "OperatorName": "Smoke Test", "DeletionProtection": "true"}

# What the programs say that run the functions.
OF_CARGO = re.compile(r"\s*(INFO|Blocking|Compiling|Finished|Running)\b|AWS_LAMBDA_MAX_CONCURRENCY")

SERVICES = ["DYNAMODB", "SNS", "KMS", "SQS", "EVENTBRIDGE"]


class Emulator(World):
    """Everything that runs. It is stopped by `stop`."""

    # The event `notified` comes from a log.
    has_log_filters = False
    gateway = "by the local gateway"
    # Nobody else uses the table.
    is_ours = True

    def __init__(self):
        self.processes, self.sources, self.log_file = [], None, None
        self.client_port = free_port()
        self.client_url = f"http://localhost:{self.client_port}/ciba"

    def start(self):
        url = self.start_moto()
        self.aws = lambda service: boto3.client(service, endpoint_url=url, **CREDENTIALS)
        self.api_port = free_port()
        self.stack = stack.Stack(
            self.aws, stack.transformed(), PARAMETERS, f"http://localhost:{self.api_port}"
        )
        credentials = {
            "AWS_REGION": CREDENTIALS["region_name"],
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        }
        self.endpoints = {**credentials, **{f"AWS_ENDPOINT_URL_{service}": url for service in SERVICES}}
        invoke_url = self.start_functions()
        self.awslambda = boto3.client("lambda", endpoint_url=invoke_url, **CREDENTIALS)
        self.sources = Sources(self.stack, self.aws, invoke_url, CREDENTIALS)
        self.describe(stack.NAME)

    def credentials(self):
        return self.endpoints

    def start_moto(self):
        port = free_port()
        process = Process("moto", [sys.executable, ROOT / "infra/smoke/moto_server.py", "-H", "127.0.0.1", "-p", port])
        self.processes.append(process)
        url = f"http://127.0.0.1:{port}"
        process.starts(lambda: answers(f"{url}/moto-api/"), 60)
        return url

    def start_functions(self):
        folder = FILES / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        for program, variables in self.stack.environments().items():
            lines = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
            (folder / f"{program}.env").write_text("".join(lines))
        common = folder / "common.json"
        common.write_text(json.dumps(self.endpoints))
        command = [ROOT / "target/debug/ciba-local", "serve", "--environment", common]
        command += ["--api-port", self.api_port, "--watch-port", free_port()]
        runner = {f"CARGO_TARGET_{host()}_RUNNER": f"{ROOT}/infra/smoke/run_function.sh {folder}"}
        process = Process("functions", command, {**os.environ, **runner})
        self.processes.append(process)
        process.starts(lambda: "  log " in process.text(), 300)
        rows = dict(line.strip().rsplit(None, 1) for line in process.text().splitlines() if line.startswith("  "))
        self.log_file = rows["log"]
        return rows["functions"]

    def not_run(self):
        """The functions of which no process was started."""
        with open(self.log_file, encoding="utf-8", errors="replace") as log:
            started = set(re.findall(r'starting lambda function instance function="([^"]+)"', log.read()))
        return sorted(set(self.stack.functions.values()) - started)

    def deliveries(self):
        """How the event source mappings have fared so far."""
        if self.sources.errors:
            raise Failed("; ".join(self.sources.errors))
        return f"{len(self.sources.threads)}, which invoked {', '.join(sorted(self.sources.invoked))}"

    def stop(self):
        """In the opposite order: the functions' calls would fail without moto."""
        if self.sources:
            self.sources.stop()
        for process in reversed(self.processes):
            process.stop()

    def mark(self):
        return os.path.getsize(self.log_file) if self.log_file else 0

    def log(self, mark):
        """The last lines that functions logged since then, or died with. Functions log no secrets."""
        if not self.log_file:
            return []
        with open(self.log_file, "rb") as file:
            file.seek(mark)
            lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if not OF_CARGO.match(line)][-20:]


def host():
    """The name of this machine's target in the names of Cargo's settings."""
    about = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    [triple] = re.findall(r"^host: (.*)$", about, re.MULTILINE)
    return triple.upper().replace("-", "_")


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError:
        return False
