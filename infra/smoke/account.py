"""A stack in an AWS account, and the checks that only AWS can answer."""

import concurrent.futures
import json
import socket
import ssl
import time
import urllib.parse

import boto3
import botocore.exceptions

from process import Failed, until
from report import NOT_SHOWN, NotTried
from world import World

# Until AWS has told all its parts of a new role. Unit: seconds.
SPREAD = 90
# A flood that the limits of the public documents should end (`DocumentRequestsPerSecond`).
FLOOD, CALLERS = 2000, 40


class Account(World):
    """A deployed stack, with the credentials and region that the AWS CLI would use."""

    has_log_filters = True
    gateway = "by API Gateway"
    is_ours = False

    def __init__(self, stack, client_url, client_port):
        self.stack, self.client_url, self.client_port = stack, client_url, client_port
        self.session_of_aws = boto3.Session()
        self.log_groups = {}

    def aws(self, service):
        return self.session_of_aws.client(service)

    def start(self):
        self.describe(self.stack)
        self.awslambda = self.aws("lambda")
        self.began = self.mark()
        pages = self.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        self.resources = {it["LogicalResourceId"]: it for page in pages for it in page["StackResourceSummaries"]}
        return self.issuer

    def stop(self):
        pass

    def credentials(self):
        found = self.session_of_aws.get_credentials().get_frozen_credentials()
        given = {
            "AWS_REGION": self.session_of_aws.region_name,
            "AWS_ACCESS_KEY_ID": found.access_key,
            "AWS_SECRET_ACCESS_KEY": found.secret_key,
            "AWS_SESSION_TOKEN": found.token,
        }
        return {name: value for name, value in given.items() if value}

    def functions(self):
        """The physical name of each function."""
        found = self.resources.items()
        return {
            name: it["PhysicalResourceId"] for name, it in found if it["ResourceType"] == "AWS::Lambda::Function"
        }

    def log_group(self, function):
        if function not in self.log_groups:
            configuration = self.awslambda.get_function_configuration(FunctionName=function)
            # Without one of its own, a function logs into the group that Lambda calls after it.
            given = configuration.get("LoggingConfig", {})
            self.log_groups[function] = given.get("LogGroup", f"/aws/lambda/{function}")
        return self.log_groups[function]

    def lines(self, function, since):
        found = self.aws("logs").filter_log_events(logGroupName=self.log_group(function), startTime=since, limit=50)
        return [event["message"].strip() for event in found["events"]]

    def not_run(self):
        """The functions that have logged nothing yet. CloudWatch shows a line some seconds later."""
        silent = dict(self.functions())

        def all_heard():
            for name in [name for name, function in silent.items() if self.lines(function, self.began)]:
                del silent[name]
            return not silent

        try:
            until(all_heard, 60, "log lines", every=5)
        except Failed:
            pass
        return sorted(silent)

    def mark(self):
        return int(time.time() * 1000)

    def log(self, mark):
        """What the functions have logged since then, without the lines of Lambda itself."""
        time.sleep(10)  # CloudWatch shows lines some seconds later.
        return [
            f"{name}: {line}"
            for name, function in self.functions().items()
            for line in self.lines(function, mark)
            if line.startswith("{")
        ][-20:]


# What moto does not show: the check, why, and the method below that makes it on an account; without one, it is not tried.
CHECKS = [
    ("API Gateway itself", "the local gateway renames and copies headers as AWS documents it", "gateway"),
    ("a role allows a transaction, and refuses another", "moto knows neither resources nor conditions of IAM", "roles"),
    ("the alias live leads to a version", "the functions run without versions", "aliases"),
    ("429, and which routes it hits", "nothing is throttled", "throttling"),
    ("conflicts between transactions", "it carries out one after the other", None),
    ("alarms", "it has none of the metrics", "alarms"),
    ("TTL and recovery of the table", "it keeps what has expired", "table"),
    ("the event notified, from a log", "it passes no log lines on", "notified"),
    ("TLS 1.2 and 1.3", "the local gateway listens without TLS", "tls"),
    ("mutual TLS, SMS and push messages", "they need a domain, a number and a device", None),
]


def not_shown(report):
    for name, why, _ in CHECKS:
        report.add(name, NOT_SHOWN, why)


class AccountChecks:
    """The checks of `CHECKS`, after those of `Checks`, whose parties they use."""

    def __init__(self, world, checks):
        self.world, self.checks = world, checks

    def all(self, report):
        for name, why, method in CHECKS:
            report.check(name, getattr(self, method) if method else self.without)

    @staticmethod
    def without():
        raise NotTried("there is no check for it yet")

    def gateway(self):
        """What is not there is answered by API Gateway, in a form of its own."""
        answer = self.checks.http.get(f"{self.world.issuer}/nothing")
        if (answer.status_code, answer.json()) != (404, {"message": "Not Found"}):
            raise Failed(f"{answer.status_code} for a path without a route")

    def roles(self):
        """A copy of the consent function's role, which this account may assume, for as long as this takes."""
        iam, sts, undo = self.world.aws("iam"), self.world.aws("sts"), self.checks.undo
        function = self.world.functions()["ConsentFunction"]
        role = self.world.awslambda.get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[1]
        me = sts.get_caller_identity()
        root = me["Arn"].split(":")
        principal = f"arn:{root[1]}:iam::{me['Account']}:root"
        trust = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
        copy = f"{self.checks.name}-consent"
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=copy, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        undo.append(lambda: iam.delete_role(RoleName=copy))
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            allowed = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            iam.put_role_policy(RoleName=copy, PolicyName=policy, PolicyDocument=json.dumps(allowed))
            undo.append(lambda name=policy: iam.delete_role_policy(RoleName=copy, PolicyName=name))

        def assumed():
            try:
                return sts.assume_role(RoleArn=arn, RoleSessionName="smoke")["Credentials"]
            except botocore.exceptions.ClientError as error:
                return None if error.response["Error"]["Code"] == "AccessDenied" else reraise(error)

        given = until(assumed, SPREAD, "the role cannot be assumed", every=3)
        dynamodb = boto3.client(
            "dynamodb",
            region_name=self.world.session_of_aws.region_name,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        # As a decision writes it, on items that do not exist: allowed, and refused by its own condition.
        updates = [self.update(f"{kind}#{self.checks.name}", kind) for kind in ("request", "user")]
        until(
            lambda: self.refusal(dynamodb, updates) == "TransactionCanceledException",
            SPREAD,
            "the role does not allow the transaction of a decision",
            every=3,
        )
        # The same, and beside it an item that this function never writes.
        refusal = self.refusal(dynamodb, [*updates, self.update(f"client#{self.checks.name}", "client")])
        if refusal != "AccessDeniedException":
            raise Failed(f"a transaction that writes a client as well is answered with {refusal}")
        return "each item of a transaction counts"

    def update(self, pk, sk):
        return {
            "Update": {
                "TableName": self.world.outputs["TableName"],
                "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
                "UpdateExpression": "SET smoke = :smoke",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": {":smoke": {"S": "smoke"}},
            }
        }

    @staticmethod
    def refusal(dynamodb, items):
        """The error of a transaction that cannot succeed."""
        try:
            dynamodb.transact_write_items(TransactItems=items)
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return "success"

    def aliases(self):
        for name, function in self.world.functions().items():
            alias = self.world.awslambda.get_alias(FunctionName=function, Name="live")
            if not alias["FunctionVersion"].isdigit():
                raise Failed(f"live of {name} is {alias['FunctionVersion']}")
        return f"{len(self.world.functions())} functions"

    def throttling(self):
        """A flood at the key set, and meanwhile a call of the token endpoint."""
        keys = self.checks.endpoints["jwks_uri"]
        throttled = []

        def call(_):
            if not throttled:
                answer = self.checks.http.get(keys)
                if answer.status_code == 429:
                    throttled.append(answer.text)

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(call, range(FLOOD)))
        other = self.checks.poll("nothing").status_code
        if not throttled:
            raise NotTried(f"{FLOOD} requests did not exceed the limit")
        if other != 400:
            raise Failed(f"the token endpoint answers {other} during a flood at the key set")
        return f"its body is {throttled[0][:80]}"

    def alarms(self):
        """Of a new stack the alarm of key rotation is on for an hour."""
        pages = self.world.aws("cloudwatch").get_paginator("describe_alarms").paginate()
        ours = {it["PhysicalResourceId"] for it in self.world.resources.values() if "Alarm" in it["ResourceType"]}
        states = {
            alarm["AlarmName"]: alarm["StateValue"]
            for page in pages
            for alarm in page["MetricAlarms"]
            if alarm["AlarmName"] in ours
        }
        raised = [name for name, state in states.items() if state == "ALARM" and "KeyRotation" not in name]
        if raised or states.keys() != ours:
            raise Failed(f"{raised} are on, and {sorted(ours - states.keys())} do not exist")
        return f"{len(states)}, none is on"

    def table(self):
        called = {"TableName": self.world.outputs["TableName"]}
        dynamodb = self.world.aws("dynamodb")
        ttl = dynamodb.describe_time_to_live(**called)["TimeToLiveDescription"]["TimeToLiveStatus"]
        backups = dynamodb.describe_continuous_backups(**called)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        if (ttl, recovery) != ("ENABLED", "ENABLED"):
            raise Failed(f"TTL is {ttl}, recovery is {recovery}")
        return "both are on; nothing was waited for"

    def notified(self):
        """Beside the other events, in `Checks.all_events`."""
        if "notified" not in set().union(*self.checks.events.values(), set()):
            raise Failed("no event of this kind came")

    def tls(self):
        host = urllib.parse.urlparse(self.world.issuer).hostname
        found = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context()
            context.minimum_version = context.maximum_version = version
            try:
                with socket.create_connection((host, 443), timeout=20) as plain:
                    with context.wrap_socket(plain, server_hostname=host) as encrypted:
                        found.append(f"{encrypted.version()} with {encrypted.cipher()[0]}")
            except ssl.SSLError:
                found.append(f"no {version.name}")
        if not found[0].startswith("TLSv1.2"):
            raise Failed("; ".join(found))
        return "; ".join(found)


def reraise(error):
    raise error
