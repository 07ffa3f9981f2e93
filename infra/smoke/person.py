"""A person in front of a browser: reads the pages and decides, with a passkey of a software authenticator.

A passkey needs nothing beside the stack itself. A login would need a login issuer whose keys the functions can fetch.
"""

import base64
import hashlib
import html
import json
import re
import secrets
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from process import Failed

# What a browser sends with every request for a page.
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}

# Flags of authenticator data (WebAuthn 6.1): present, verified, may be synchronised, and is.
FLAGS = 0b0001_1101
HAS_CREDENTIAL = 0b0100_0000


def encode(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One passkey for ES256, of a kind that is synchronised and does not count. It has no attestation."""

    def __init__(self, origin):
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(20)
        self.user_handle = None

    def create(self, options):
        """What `navigator.credentials.create()` answers."""
        self.user_handle = decode(options["user"]["id"])
        public = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        credential = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor(cose)
        data = self.data(options["rp"]["id"], FLAGS | HAS_CREDENTIAL) + credential
        client_data = self.client_data("webauthn.create", options["challenge"])
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self.answer(client_data, attestationObject=encode(attestation), transports=["internal", "hybrid"])

    def get(self, challenge, rp_id):
        """What `navigator.credentials.get()` answers."""
        client_data, data = self.client_data("webauthn.get", encode(challenge)), self.data(rp_id, FLAGS)
        signed = data + hashlib.sha256(client_data).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": data, "signature": signature, "userHandle": self.user_handle}
        return self.answer(client_data, **{name: encode(value) for name, value in parts.items()})

    def client_data(self, kind, challenge):
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    @staticmethod
    def data(rp_id, flags):
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, 0)

    def answer(self, client_data, **response):
        identifier = encode(self.credential_id)
        return {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {"clientDataJSON": encode(client_data), **response},
            "clientExtensionResults": {},
        }


def cbor(value):
    """RFC 8949, as much of it as an authenticator speaks."""

    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        size, form = (24, ">B") if number < 0x100 else (25, ">H")
        return bytes([major << 5 | size]) + struct.pack(form, number)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    return head(5, len(value)) + b"".join(cbor(key) + cbor(it) for key, it in value.items())


class Person:
    """A person with a browser. `http` is a session of requests."""

    def __init__(self, http, issuer):
        self.http = http
        self.authenticator = Authenticator(issuer)

    def enroll(self, link):
        """Creates a passkey behind the link of a ticket."""
        page = self.page(link)
        options = json.loads(attribute(page, "data-options"))
        answer = self.http.post(link, json={"registration": self.authenticator.create(options)})
        expect(answer, 200, "creating a passkey")

    def page(self, link):
        answer = self.http.get(link, headers=BROWSER)
        if answer.status_code != 200:
            raise Failed(f"the page answers {answer.status_code}")
        return answer.text

    def decide(self, link, decision, scope=""):
        """Signs what the page shows and sends the decision; returns the answer. `scope` is in the page's order."""
        return self.send(link, self.sign(link, decision, scope))

    def sign(self, link, decision, scope=""):
        page = self.page(link)
        parts = b"".join(struct.pack(">I", len(part)) + part for part in (scope.encode(), decision.encode()))
        shown = decode(attribute(page, "data-shown"))
        challenge = hashlib.sha256(b"ciba decision 1\0" + shown + parts).digest()
        body = {
            "client_id": attribute(page, "data-client"),
            "decision": decision,
            "language": "en",
            "passkey": self.authenticator.get(challenge, attribute(page, "data-rp")),
        }
        if decision == "approve":
            body["scope"] = scope
        return body

    def send(self, link, decision):
        return self.http.post(f"{link}/decision", json=decision)

    def decline(self, link):
        """Sends the page's form, which needs no passkey."""
        token = re.search(r'name="form_token" value="([^"]*)"', self.page(link))
        if not token:
            raise Failed("the page has no form")
        form = {"decision": "deny", "form_token": html.unescape(token[1])}
        return self.http.post(f"{link}/decision", data=form, headers={**BROWSER, "Sec-Fetch-Site": "same-origin"})


def attribute(page, name):
    found = re.search(rf' {name}="([^"]*)"', page)
    if not found:
        raise Failed(f"the page has no {name}")
    return html.unescape(found[1])


def expect(answer, status, what):
    """The body of an answer with this status. A failure shows the error code and nothing else of the body."""
    if answer.status_code != status:
        try:
            error = answer.json().get("error")
        except ValueError:
            error = None
        raise Failed(f"{what}: {answer.status_code} {error or ''}, not {status}")
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
