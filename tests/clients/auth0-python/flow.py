"""Two sign-ins with an unmodified auth0-python: one is approved, one is denied.

  ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; LOGIN_HINT is the person's sub, the client uses client_secret_post
  DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person

Prints one JSON line about the approved sign-in. Ends with a traceback if anything is not as expected.
"""

import json
import os
import time
from urllib.parse import urlsplit

import jwt
import requests
from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.get_token import GetToken

ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL = (
    os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "LOGIN_HINT", "DECIDE_URL")
)

# The SDK adds https:// before the domain and its own paths after it; it does not use discovery.
DOMAIN = urlsplit(ISSUER).netloc
login = BackChannelLogin(DOMAIN, CLIENT_ID, client_secret=CLIENT_SECRET)
token = GetToken(DOMAIN, CLIENT_ID, client_secret=CLIENT_SECRET)
# The SDK posts a form to /bc-authorize and JSON to /oauth/token, so the client is registered with token_endpoint_json.
keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")


def decide(auth_req_id, action):
    answer = requests.post(f"{DECIDE_URL}/decide", params={"auth_req_id": auth_req_id, "action": action})
    assert answer.ok, answer.text


def ask(binding_message):
    request = login.back_channel_login(
        binding_message=binding_message,
        # The form in Auth0's documentation, with a slash after the domain.
        login_hint=json.dumps({"format": "iss_sub", "iss": f"https://{DOMAIN}/", "sub": LOGIN_HINT}),
        scope="openid profile",
        requested_expiry=45,
        audience="https://api.example.com",
    )
    assert request["expires_in"] == 45, request
    return request


def refused(request, code):
    try:
        token.backchannel_login(request["auth_req_id"])
    except Auth0Error as error:
        assert (error.status_code, error.error_code) == (400, code), error
    else:
        raise AssertionError(f"tokens instead of {code}")


def approved():
    request = ask("W4SCT")
    time.sleep(request["interval"])
    refused(request, "authorization_pending")
    decide(request["auth_req_id"], "allow")

    time.sleep(request["interval"])
    tokens = token.backchannel_login(request["auth_req_id"])
    # The SDK returns the ID token of this grant without validating it, and its TokenVerifier supports only RSA and HMAC.
    key = keys.get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key, algorithms=["ES256"], issuer=ISSUER, audience=CLIENT_ID)
    access = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return {"sub": claims["sub"], "acr": claims["acr"], "audience": access["aud"]}


def denied():
    request = ask("W5SCT")
    decide(request["auth_req_id"], "deny")
    refused(request, "access_denied")


result = approved()
denied()
print(json.dumps(result))
