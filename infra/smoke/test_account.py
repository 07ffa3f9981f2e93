"""The checks for an account, as far as moto can answer them: that their calls are well formed, and what they conclude.

They have not run on AWS.
"""

import io
import json
import unittest
import zipfile

import boto3
from moto import mock_aws

from account import CHECKS, Account, AccountChecks
from emulator import CREDENTIALS
from process import Failed
from report import FAILED, NOT_TRIED, OK, Report

TABLE = "table"
KEY = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


class Parties:
    """What the checks use of those before."""

    name = "smoke-1"

    def __init__(self):
        self.undo, self.events = [], {"poll": {"notified"}}


@mock_aws
class OnAnAccount(unittest.TestCase):
    def setUp(self):
        self.world = Account("ciba", None, 9200)
        self.world.session_of_aws = boto3.Session(**CREDENTIALS)
        self.world.outputs = {"TableName": TABLE}
        self.world.awslambda = self.world.aws("lambda")
        self.world.resources = {
            "ConsentFunction": {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "ciba-consent"},
            "ApiAlarm": {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "ciba-ApiAlarm"},
        }
        self.make()
        self.parties = Parties()
        self.checks = AccountChecks(self.world, self.parties)

    def make(self):
        dynamodb = self.world.aws("dynamodb")
        attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        dynamodb.create_table(
            TableName=TABLE, KeySchema=KEY, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
        )
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = self.world.aws("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName="ciba-consent-role", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="ciba-consent-role", PolicyName="consent", PolicyDocument=policy)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        self.world.awslambda.create_function(
            FunctionName="ciba-consent", Role=role, Code={"ZipFile": code.getvalue()}, Runtime="provided.al2023",
            Handler="bootstrap",
        )

    def test_a_role_that_refuses_nothing_is_found_and_its_copy_removed(self):
        with self.assertRaisesRegex(Failed, "writes a client as well is answered with TransactionCanceledException"):
            self.checks.roles()
        iam = self.world.aws("iam")
        self.assertEqual(iam.list_role_policies(RoleName="smoke-1-consent")["PolicyNames"], ["consent"])
        for step in reversed(self.parties.undo):
            step()
        self.assertEqual([role["RoleName"] for role in iam.list_roles()["Roles"]], ["ciba-consent-role"])

    def test_an_alias_has_to_lead_to_a_version(self):
        awslambda = self.world.awslambda
        awslambda.create_alias(FunctionName="ciba-consent", Name="live", FunctionVersion="$LATEST")
        with self.assertRaisesRegex(Failed, "live of ConsentFunction"):
            self.checks.aliases()
        version = awslambda.publish_version(FunctionName="ciba-consent")["Version"]
        awslambda.update_alias(FunctionName="ciba-consent", Name="live", FunctionVersion=version)
        self.assertEqual(self.checks.aliases(), "1 functions")

    def test_an_alarm_that_is_on_or_missing_is_found(self):
        cloudwatch = self.world.aws("cloudwatch")
        with self.assertRaisesRegex(Failed, "ciba-ApiAlarm.*do not exist"):
            self.checks.alarms()
        cloudwatch.put_metric_alarm(
            AlarmName="ciba-ApiAlarm", Namespace="AWS/ApiGateway", MetricName="5xx", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName="ciba-ApiAlarm", StateValue="OK", StateReason="-")
        self.checks.alarms()
        cloudwatch.set_alarm_state(AlarmName="ciba-ApiAlarm", StateValue="ALARM", StateReason="-")
        with self.assertRaisesRegex(Failed, "ciba-ApiAlarm.*are on"):
            self.checks.alarms()

    def test_a_table_without_ttl_or_recovery_is_found(self):
        dynamodb = self.world.aws("dynamodb")
        with self.assertRaisesRegex(Failed, "TTL is DISABLED"):
            self.checks.table()
        ttl = {"AttributeName": "ttl", "Enabled": True}
        dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=ttl)
        recovery = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=recovery)
        self.checks.table()

    def test_a_function_that_logged_nothing_is_found(self):
        logs = self.world.aws("logs")
        logs.create_log_group(logGroupName="/aws/lambda/ciba-consent")
        logs.create_log_stream(logGroupName="/aws/lambda/ciba-consent", logStreamName="1")
        since = self.world.mark()
        self.assertEqual(self.world.lines("ciba-consent", since), [])
        line = [{"timestamp": self.world.mark(), "message": '{"event":"asked"}'}]
        logs.put_log_events(logGroupName="/aws/lambda/ciba-consent", logStreamName="1", logEvents=line)
        self.assertEqual(self.world.lines("ciba-consent", since), ['{"event":"asked"}'])

    def test_each_check_that_only_aws_can_answer_has_a_method(self):
        for name, why, method in CHECKS:
            self.assertTrue(method is None or callable(getattr(self.checks, method)), name)
            self.assertTrue(why, name)


class TheTable(unittest.TestCase):
    def setUp(self):
        self.report = Report(lambda: 3, lambda mark: [f"a line since {mark}"])

    def test_what_needs_a_failed_check_is_not_tried(self):
        def fails():
            raise Failed("no")

        self.report.check("one", lambda: "well")
        self.report.check("two", fails, ["one"])
        self.report.check("three", lambda: self.fail("tried"), ["one", "two"])
        self.assertEqual([outcome for _, outcome, _ in self.report.rows], [OK, FAILED, NOT_TRIED])
        self.assertTrue(self.report.failed())
        self.assertIn("1 ok, 1 FAILED, 0 not shown by moto, 1 not tried", self.report.table())

    def test_a_failure_does_not_show_a_ticket(self):
        def fails():
            raise OSError("Max retries exceeded with url: /enroll/very-secret (Caused by …)")

        self.report.check("one", fails)
        self.assertNotIn("very-secret", self.report.table())


if __name__ == "__main__":
    unittest.main()
