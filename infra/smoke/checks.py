"""The checks, in order. They are the same for moto and for an account; what only AWS shows is in account.py."""

import concurrent.futures
import json
import re
import secrets
import subprocess
import threading

import botocore.exceptions

from person import Person, expect
from process import Failed, until
from report import NotTried
from world import PATIENCE, PROGRAMS, plain_environment

CIBA = "urn:openid:params:grant-type:ciba"
SCOPE = "openid profile"

# On an account a rule takes effect some time after it was made, and a new queue can be used a second later.
# Unit: seconds.
WITHIN = 60

MODES = ("poll", "ping", "push")

ROTATION = "key rotation"
DOCTOR = "doctor: nothing but clients and people is missing"
PUBLISHED = "metadata and key set"
CLIENTS = "clients for poll, ping and push"
PEOPLE = "people, told by the stack's topic"
RULE = "a rule for the bus's events"
PASSKEYS = "passkeys, by an operator's tickets"
POLL, PING, PUSH = (f"a whole flow: {mode}" for mode in MODES)


class Someone:
    """A person in the directory, with a browser. `messages` is the queue with what they are told."""

    def __init__(self, sub, key, messages, visitor):
        self.sub, self.key, self.messages, self.visitor = sub, key, messages, visitor


class Checks:
    """The parties of the flows, and what they have so far."""

    def __init__(self, world, report):
        self.world, self.report = world, report
        self.http = world.session()
        # Other runs on the same stack have other names.
        self.name = f"smoke-{secrets.token_hex(4)}"
        self.secrets, self.requests, self.events = {}, {}, {}
        self.people, self.tokens, self.of_keys = [], None, set()
        self.undo = []

    def all(self):
        check = self.report.check
        check(ROTATION, self.rotate_keys)
        check(DOCTOR, self.doctor_before, [ROTATION])
        check(PUBLISHED, self.published, [ROTATION])
        check(CLIENTS, self.create_clients, [PUBLISHED])
        check(PEOPLE, self.create_people, [CLIENTS])
        check(RULE, self.make_rule, [CLIENTS])
        check(PASSKEYS, self.enroll, [PEOPLE])
        check(POLL, lambda: self.flow("poll"), [PASSKEYS])
        check(PING, lambda: self.flow("ping"), [PASSKEYS])
        check(PUSH, lambda: self.flow("push"), [PASSKEYS])
        check("userinfo", self.userinfo, [POLL])
        check("introspection", self.introspect, [POLL])
        check("refresh", self.refresh, [POLL])
        check("revocation", self.revoke, [POLL])
        check("a denial with the page's form", self.denial, [PASSKEYS])
        check("an operator finds and cancels a request", self.cancellation, [PASSKEYS])
        check("a decided request is not decided again", self.second_decision, [PASSKEYS])
        check("of an approval and a denial at once one counts", self.simultaneous_decisions, [PASSKEYS])
        check("of five polls at once one gets the tokens", self.simultaneous_polls, [PASSKEYS])
        check("a transaction with a false condition writes nothing", self.refused_transaction, [CLIENTS])
        check("a challenge arrives as WWW-Authenticate", self.challenge, [PUBLISHED])
        check("a 403 without a challenge arrives unchanged", self.no_challenge, [PASSKEYS])
        check("the keys for logging in on the page", self.login_keys, [PUBLISHED])
        check("evidence", self.evidence, [POLL])
        check("events on the bus", self.all_events, [POLL, RULE])
        check("no delivery was given up", self.deliveries, [CLIENTS])
        check("doctor: no problems", self.doctor_after, [CLIENTS, PEOPLE])
        check("every function of the template has run", self.functions)

    # ---- The operator ------------------------------------------------------------------------------------------

    def rotate_keys(self):
        name = self.world.outputs["KeyRotationFunctionName"]
        answer = self.world.awslambda.invoke(FunctionName=name, Payload=b"{}")
        made = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or "made" not in made:
            raise Failed(f"key rotation failed: {made.get('errorType')}")
        self.of_keys = {item["pk"]["S"] for item in self.items()}
        return f"{len(made['made'])} keys"

    def doctor(self, accepts):
        checks = self.world.admin("doctor", accepts=accepts)["checks"]
        faults = [it for it in checks if it["outcome"] == "fault"]
        return checks, faults

    def doctor_before(self):
        _, faults = self.doctor((0, 1))
        others = [f"{it['check']}: {it['detail']}" for it in faults if it["check"] not in ("clients", "people")]
        if others:
            raise Failed("; ".join(others))

    def doctor_after(self):
        checks, faults = self.doctor((0, 1))
        if faults:
            raise Failed("; ".join(f"{it['check']}: {it['detail']}" for it in faults))
        return f"{len(checks)} checks"

    def create_clients(self):
        for mode in MODES:
            arguments = ["--client-id", f"{self.name}-{mode}", "--client-name", "Smoke Test"]
            arguments += ["--backchannel-token-delivery-mode", mode]
            if mode == "poll":
                arguments += ["--grant-types", CIBA, "--grant-types", "refresh_token", "--scope", f"{SCOPE} offline_access"]
            else:
                if not self.world.client_url:
                    continue
                arguments += ["--backchannel-client-notification-endpoint", self.world.client_url, "--scope", SCOPE]
            self.secrets[mode] = self.world.admin("client", "create", *arguments)["client_secret"]

    def create_people(self):
        """Two: after three requests a person cannot be asked by another client for a while."""
        if int(self.world.parameters["AsksPerTenMinutes"]) < len(MODES):
            raise NotTried(f"AsksPerTenMinutes is less than {len(MODES)}")
        topic, sns = self.world.outputs["NotificationTopicArn"], self.world.aws("sns")
        for number in (1, 2):
            sub = f"{self.name}-{number}"
            key = self.world.admin("person", "create", "--sub", sub, "--topic", topic, "--plain", sub)["person"]
            queue = self.make_queue(f"messages-{number}", topic)
            visitor = Person(self.world.session(), self.world.issuer)
            self.people.append(Someone(sub, key, queue["url"], visitor))
            subscription = sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=queue["arn"],
                # Only what is for this person (docs/notifications.md).
                Attributes={"FilterPolicy": json.dumps({"person": [key]})},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            self.undo.append(lambda arn=subscription: sns.unsubscribe(SubscriptionArn=arn))

    def make_queue(self, name, source):
        """A queue to which `source`, a topic or a rule, may send."""
        sqs = self.world.aws("sqs")
        url = sqs.create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        self.undo.append(lambda: sqs.delete_queue(QueueUrl=url))
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return {"url": url, "arn": arn}

    def received(self, url):
        """The bodies of what is in a queue of this run, which is then gone."""
        sqs = self.world.aws("sqs")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def enroll(self):
        if not self.world.settings.get("RP_ID"):
            raise NotTried("the stack has no RpId, so nobody can approve with a passkey")
        for someone in self.people:
            someone.visitor.enroll(self.world.admin("ticket", "create", "--sub", someone.sub)["link"])
            passkeys = self.world.admin("passkey", "list", "--sub", someone.sub)["passkeys"]
            if len(passkeys) != 1:
                raise Failed(f"a person has {len(passkeys)} passkeys")

    # ---- The client --------------------------------------------------------------------------------------------

    def published(self):
        metadata = expect(self.http.get(f"{self.world.issuer}/.well-known/openid-configuration"), 200, "metadata")
        if metadata["issuer"] != self.world.issuer:
            raise Failed(f"the metadata name the issuer {metadata['issuer']}")
        keys = expect(self.http.get(metadata["jwks_uri"]), 200, "key set")["keys"]
        self.endpoints = metadata
        return ", ".join(sorted(key["alg"] for key in keys))

    def post(self, endpoint, form, mode="poll"):
        auth = (f"{self.name}-{mode}", self.secrets[mode])
        return self.http.post(self.endpoints[endpoint], data=form, auth=auth)

    def ask(self):
        """A request of the polling client to the second person: its handle, and the link in the message."""
        someone = self.people[1]
        self.world.admin("person", "forget-asks", someone.sub)
        form = {"scope": SCOPE, "login_hint": someone.sub, "binding_message": "K7-2931"}
        answer = self.post("backchannel_authentication_endpoint", form)
        return someone.visitor, expect(answer, 200, "a request")["auth_req_id"], self.link(someone)

    def link(self, someone):
        """The link in the next message to a person. The request's key is its last part."""

        def look():
            texts = [body["Message"] for body in self.received(someone.messages)]
            return next(filter(None, (re.search(r"https?://\S+/consent/\S+", text) for text in texts)), None)

        return until(look, WITHIN, "a message with a link")[0]

    def flow(self, mode):
        """The project's own client asks, waits and verifies; the person approves with the passkey."""
        if mode not in self.secrets:
            raise NotTried("a ping or push client needs an address that the functions reach: --client-url")
        someone, scope = self.people[0], f"{SCOPE} offline_access" if mode == "poll" else SCOPE
        command = [PROGRAMS / "ciba-client", "--json", "--no-progress", "--issuer", self.world.issuer]
        command += ["--client-id", f"{self.name}-{mode}", "--mode", mode, "--login-hint", someone.sub]
        command += ["--scope", scope, "--binding-message", "K7-2931"]
        if mode != "poll":
            command += ["--listen", str(self.world.client_port)]
        environment = {**plain_environment(), "CIBA_CLIENT_SECRET": self.secrets[mode]}
        client = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        # Reads on, so that the client never waits for a full pipe.
        output = concurrent.futures.ThreadPoolExecutor(1)
        ended = output.submit(client.communicate, timeout=PATIENCE)
        try:
            link = self.link(someone)
            expect(someone.visitor.decide(link, "approve", scope), 200, "approving")
            printed, said = ended.result(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"the client has no tokens after {PATIENCE} s") from None
        finally:
            client.kill()
            output.shutdown(wait=False)
        if client.returncode != 0:
            raise Failed(f"the client ended with {client.returncode}: {said.strip().splitlines()[-1]}")
        if mode == "ping" and "pinged" not in said:
            raise Failed("the client was not pinged, and polled")
        tokens = json.loads(printed)
        claims = tokens["id_token"]["claims"]
        if (claims["sub"], claims["acr"]) != (someone.sub, "phr"):
            raise Failed(f"the ID token is about {claims['sub']} with {claims['acr']}")
        self.requests[mode] = link
        if mode == "poll":
            self.tokens = tokens["token_response"]
        return f"verified: {', '.join(tokens['id_token']['checked'])}"

    def userinfo(self):
        token = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        answer = self.http.get(self.endpoints["userinfo_endpoint"], headers=token)
        if expect(answer, 200, "userinfo")["sub"] != self.people[0].sub:
            raise Failed("userinfo is about somebody else")

    def introspected(self, token):
        return expect(self.post("introspection_endpoint", {"token": token}), 200, "introspection")["active"]

    def introspect(self):
        if not self.introspected(self.tokens["access_token"]) or self.introspected("nonsense"):
            raise Failed("a token is not what introspection says")

    def refresh(self):
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        fresh = expect(self.post("token_endpoint", form), 200, "refreshing")
        if not self.introspected(fresh["access_token"]):
            raise Failed("the new access token is not active")
        self.tokens |= fresh

    def revoke(self):
        expect(self.post("revocation_endpoint", {"token": self.tokens["refresh_token"]}), 200, "revocation")
        if self.introspected(self.tokens["access_token"]):
            raise Failed("an access token is active after its grant was revoked")

    def poll(self, handle):
        return self.post("token_endpoint", {"grant_type": CIBA, "auth_req_id": handle})

    def denial(self):
        visitor, handle, link = self.ask()
        answer = visitor.decline(link)
        if answer.status_code >= 400:
            raise Failed(f"declining: {answer.status_code}")
        self.refused(self.poll(handle), "access_denied")

    def cancellation(self):
        """The list is a query of the table's index, which may lag a little."""
        _, handle, link = self.ask()
        request = link.rsplit("/", 1)[1]

        def listed():
            found = self.world.admin("request", "list", "--person", self.people[1].sub)["requests"]
            return request in [it["request"] for it in found]

        until(listed, WITHIN, "the request is not listed")
        self.world.admin("request", "cancel", link)
        self.refused(self.poll(handle), "access_denied")

    @staticmethod
    def refused(answer, error):
        body = answer.json()
        if (answer.status_code, body.get("error")) != (400, error):
            raise Failed(f"{answer.status_code} {body.get('error')}, not 400 {error}")

    # ---- What is written, and what is not ----------------------------------------------------------------------

    def second_decision(self):
        visitor, handle, link = self.ask()
        approval, denial = visitor.sign(link, "approve", SCOPE), visitor.sign(link, "deny")
        expect(visitor.send(link, approval), 200, "approving")
        expect(visitor.send(link, denial), 409, "denying what was approved")
        expect(self.poll(handle), 200, "a poll")
        self.refused(self.poll(handle), "invalid_grant")

    def simultaneous_decisions(self):
        """Both are signed while the request is open, and each is one transaction: one of the two is refused."""
        visitor, handle, link = self.ask()
        signed = [visitor.sign(link, "approve", SCOPE), visitor.sign(link, "deny")]
        answers = at_once([lambda body=body: visitor.send(link, body).status_code for body in signed])
        if sorted(answers) != [200, 409]:
            raise Failed(f"an approval and a denial got {answers}")
        if answers[0] == 200:
            expect(self.poll(handle), 200, "a poll")
        else:
            self.refused(self.poll(handle), "access_denied")
        return f"the {'approval' if answers[0] == 200 else 'denial'}"

    def simultaneous_polls(self):
        visitor, handle, link = self.ask()
        expect(visitor.decide(link, "approve", SCOPE), 200, "approving")
        answers = sorted(at_once([lambda: self.poll(handle).status_code] * 5))
        if answers != [200, 400, 400, 400, 400]:
            raise Failed(f"five polls got {answers}")

    def refused_transaction(self):
        dynamodb, table = self.world.aws("dynamodb"), self.world.outputs["TableName"]
        client = {"pk": {"S": f"client#{self.name}-poll"}, "sk": {"S": "client"}}
        other = {"pk": {"S": f"client#{self.name}-other"}, "sk": {"S": "client"}}
        absent = {"ConditionExpression": "attribute_not_exists(pk)"}
        items = [
            {"Put": {"TableName": table, "Item": other, **absent}},
            {"Put": {"TableName": table, "Item": client, **absent, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
        ]
        try:
            dynamodb.transact_write_items(TransactItems=items)
        except botocore.exceptions.ClientError as error:
            reasons = [(it["Code"], "Item" in it) for it in error.response.get("CancellationReasons", [])]
            if reasons != [("None", False), ("ConditionalCheckFailed", True)]:
                raise Failed(f"the reasons are {reasons}") from error
        else:
            raise Failed("the transaction was carried out")
        if "Item" in dynamodb.get_item(TableName=table, Key=other, ConsistentRead=True):
            raise Failed("half of the transaction was carried out")

    def deliveries(self):
        found = self.world.admin("delivery", "list")["deliveries"]
        ours = [it["failure"] for it in found if it["client_id"].startswith(f"{self.name}-")]
        if ours:
            raise Failed(f"{len(ours)} were: {ours}")

    # ---- What a gateway could change ---------------------------------------------------------------------------

    def challenge(self):
        """API Gateway renames the header of a function, and copies it back from another one, as the template says."""
        answer = self.http.get(self.endpoints["userinfo_endpoint"])
        if answer.status_code != 401 or not answer.headers.get("WWW-Authenticate", "").startswith("Bearer "):
            raise Failed(f"{answer.status_code}, and the challenge is {answer.headers.get('WWW-Authenticate')}")
        renamed = "x-amzn-remapped-www-authenticate" in answer.headers
        return f"{self.world.gateway}; also under its other name: {'yes' if renamed else 'no'}"

    def no_challenge(self):
        """What a copy does if there is nothing to copy is not documented. Here something else was signed than is sent."""
        visitor, _, link = self.ask()
        answer = visitor.send(link, {**visitor.sign(link, "approve", SCOPE), "scope": "openid"})
        error = expect(answer, 403, "another scope than was signed")["error"]
        if error != "passkey_not_accepted" or "WWW-Authenticate" in answer.headers:
            raise Failed(f"{error}, with the challenge {answer.headers.get('WWW-Authenticate')}")
        self.world.admin("request", "cancel", link)
        return self.world.gateway

    def login_keys(self):
        """Without a login issuer there is nothing else to see of that function."""
        answer = self.http.get(f"{self.world.issuer}/login/jwks.json")
        return f"{len(expect(answer, 200, 'the login keys')['keys'])}, without a login"

    def functions(self):
        """A function that is new in the template needs a check here."""
        silent = self.world.not_run()
        if silent:
            raise Failed(f"not run: {', '.join(silent)}")

    # ---- Afterwards --------------------------------------------------------------------------------------------

    def evidence(self):
        request = self.requests["poll"].rsplit("/", 1)[1]
        verified = self.world.admin("evidence", "verify", request)
        if verified["verified"] is not True:
            raise Failed(f"evidence is not verified: {verified['evidence']}")
        self.world.admin("evidence", "verify", "--all")
        return "verified, with its witness"

    def make_rule(self):
        events, bus = self.world.aws("events"), self.world.outputs["EventBusName"]
        rule = f"{self.name}-events"
        clients = [f"{self.name}-{mode}" for mode in self.secrets]
        pattern = {"source": ["ciba"], "detail": {"client_id": clients}}
        arn = events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
        self.undo.append(lambda: events.delete_rule(Name=rule, EventBusName=bus))
        queue = self.make_queue("events", arn)
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue["arn"]}])
        self.undo.append(lambda: events.remove_targets(Rule=rule, EventBusName=bus, Ids=["queue"]))
        self.event_queue = queue["url"]

    def all_events(self):
        expected = {"poll": {"requested", "approved", "denied", "cancelled", "redeemed", "refreshed", "revoked"}}
        for mode in self.secrets.keys() - {"poll"}:
            expected[mode] = {"requested", "approved", "redeemed", "delivered"}
        if self.world.has_log_filters:
            for events in expected.values():
                events.add("notified")

        def missing():
            for event in self.received(self.event_queue):
                mode = event["detail"].get("mode", "")
                self.events.setdefault(mode, set()).add(event["detail-type"])
            return {mode: events - self.events.get(mode, set()) for mode, events in expected.items()}

        try:
            until(lambda: not any(missing().values()), WITHIN, "events")
        except Failed:
            lost = {mode: sorted(events) for mode, events in missing().items() if events}
            raise Failed(f"not on the bus: {lost}") from None
        return ", ".join(sorted(set().union(*self.events.values())))

    def clean_up(self):
        """Removes what this run made: subscription, rule, queues, and all items of its clients and its person."""
        errors = []
        for step in reversed(self.undo):
            try:
                step()
            except botocore.exceptions.ClientError as error:
                errors.append(str(error))
        dynamodb, table = self.world.aws("dynamodb"), self.world.outputs["TableName"]
        deleted = 0
        for item in filter(self.is_ours, self.items()):
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
            deleted += 1
        if self.world.is_ours:
            others = {item["pk"]["S"] for item in self.items()} - self.of_keys
            if others:
                raise Failed(f"the table still has {sorted(others)}")
        if errors:
            raise Failed("; ".join(errors))
        return f"{deleted} items were deleted"

    def items(self):
        dynamodb, table = self.world.aws("dynamodb"), self.world.outputs["TableName"]
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def is_ours(self, item):
        """A hint, a ticket, a request and evidence name the person, most of them also the client."""
        texts = {name: value["S"] for name, value in item.items() if "S" in value}
        people = {someone.key for someone in self.people}
        named = {texts.get("person"), texts.get("user"), texts["pk"].partition("#")[2]}
        return texts.get("client_id", "").startswith(f"{self.name}-") or not people.isdisjoint(named)


def at_once(calls):
    """The results of calls that start at the same time."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait(PATIENCE)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as callers:
        return [it.result(PATIENCE) for it in [callers.submit(run, call) for call in calls]]
