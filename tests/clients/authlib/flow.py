"""Two sign-ins with an unmodified Authlib: one is approved and refreshed, one is denied.

  ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; the client uses client_secret_basic
  DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person

Prints one JSON line about the approved sign-in. Ends with a traceback if anything is not as expected.
"""

import json
import os
import time

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL = (
    os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "LOGIN_HINT", "DECIDE_URL")
)
CIBA = "urn:openid:params:grant-type:ciba"


def fetched(url):
    answer = requests.get(url)
    answer.raise_for_status()
    return answer.json()


metadata = fetched(f"{ISSUER}/.well-known/openid-configuration")
keys = KeySet.import_key_set(fetched(metadata["jwks_uri"]))
session = OAuth2Session(
    CLIENT_ID, CLIENT_SECRET, token_endpoint=metadata["token_endpoint"], token_endpoint_auth_method="client_secret_basic"
)


def decide(auth_req_id, action):
    answer = requests.post(f"{DECIDE_URL}/decide", params={"auth_req_id": auth_req_id, "action": action})
    assert answer.ok, answer.text


def ask(binding_message):
    # Authlib has no call for this endpoint; the session authenticates the client as it does at the token endpoint.
    answer = session.post(
        metadata["backchannel_authentication_endpoint"],
        data={
            "scope": "openid profile offline_access",
            "login_hint": LOGIN_HINT,
            "binding_message": binding_message,
            "requested_expiry": "45",
        },
        auth=session.client_auth("client_secret_basic"),
        withhold_token=True,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def poll(request):
    time.sleep(request["interval"])
    return session.fetch_token(grant_type=CIBA, auth_req_id=request["auth_req_id"])


def refused(request, code):
    try:
        poll(request)
    except OAuthError as error:
        assert error.error == code, error
    else:
        raise AssertionError(f"tokens instead of {code}")


def approved():
    request = ask("W4SCT")
    assert request["expires_in"] == 45, request
    refused(request, "authorization_pending")
    decide(request["auth_req_id"], "allow")

    tokens = poll(request)
    token = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": CLIENT_ID}, exp={"essential": True}
    ).validate(token.claims)
    refreshed = session.refresh_token(refresh_token=tokens["refresh_token"])
    assert refreshed["access_token"] != tokens["access_token"]
    userinfo = session.get(metadata["userinfo_endpoint"])
    assert userinfo.status_code == 200, userinfo.text
    return {"sub": token.claims["sub"], "acr": token.claims["acr"], "userinfo_sub": userinfo.json()["sub"]}


def denied():
    request = ask("W5SCT")
    decide(request["auth_req_id"], "deny")
    refused(request, "access_denied")


result = approved()
denied()
print(json.dumps(result))
