"""What the checks need of a stack, wherever it runs: its outputs and parameters, and the project's own programs for it."""

import json
import os
import re
import subprocess

import requests

from process import ROOT, Failed

PROGRAMS = ROOT / "target/debug"
# No program and no call takes longer. Unit: seconds.
PATIENCE = 90


class World:
    """A stack that runs. `aws(service)` makes a client of a service."""

    def describe(self, name):
        """Reads outputs and parameters, and derives the settings of the operator's tool from them."""
        described = self.aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {it["OutputKey"]: it["OutputValue"] for it in described["Outputs"]}
        self.parameters = {it["ParameterKey"]: it["ParameterValue"] for it in described["Parameters"]}
        self.issuer = self.outputs["Issuer"]
        # A parameter is a setting in CamelCase (docs/settings.md).
        settings = {snake(name): value for name, value in self.parameters.items()}
        named = {
            "ISSUER": "Issuer",
            "TABLE_NAME": "TableName",
            "DELIVERY_QUEUE_URL": "DeliveryQueueUrl",
            "DEAD_LETTER_QUEUE_URL": "DeadLetterQueueUrl",
            "EVIDENCE_KEY_ID": "EvidenceKeyArn",
            "ENROLLMENT_KEY_ID": "EnrollmentKeyArn",
        }
        settings |= {setting: self.outputs[name] for setting, name in named.items() if name in self.outputs}
        self.settings = {name: value for name, value in settings.items() if value}
        self.settings |= {"KMS_KEY_ID": f"alias/{name}", "SIGNING_KEY_TAG": name}
        if self.parameters.get("MtlsDomainName"):
            self.settings["MTLS_URL"] = f"https://{self.parameters['MtlsDomainName']}"

    def session(self):
        """An HTTP client that gives up, and does not follow redirects or a proxy."""
        session = requests.Session()
        session.trust_env = False
        send = session.request

        def request(method, url, **options):
            return send(method, url, **{**options, "timeout": PATIENCE, "allow_redirects": False})

        session.request = request
        return session

    def admin(self, *arguments, accepts=(0,)):
        """What `ciba-admin --json` prints."""
        run = subprocess.run(
            [PROGRAMS / "ciba-admin", "--json", *arguments],
            env={**plain_environment(), **self.settings, **self.credentials()},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if run.returncode not in accepts:
            raise Failed(f"ciba-admin {' '.join(arguments[:2])} ended with {run.returncode}: {run.stderr.strip()}")
        return json.loads(run.stdout)


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def plain_environment():
    """For programs that must not find other settings in this one's environment."""
    kept = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
