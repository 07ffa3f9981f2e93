"""What of a template reaches moto, and how it is read."""

import copy
import unittest

import boto3
from moto import mock_aws

import stack
from emulator import CREDENTIALS, PARAMETERS

API = "http://localhost:1"


def aws(service):
    return boto3.client(service, **CREDENTIALS)


@mock_aws
class WhatTheTemplateSays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = stack.transformed()

    def made(self, change=lambda resources: None, **parameters):
        template = copy.deepcopy(self.template)
        change(template["Resources"])
        return stack.Stack(aws, template, {**PARAMETERS, **parameters}, API)

    def table(self, made):
        name = made.evaluated["Table.name"]
        return name, aws("dynamodb").describe_table(TableName=name)["Table"]

    def test_table_is_that_of_the_template(self):
        made = self.made()
        name, table = self.table(made)
        properties = self.template["Resources"]["Table"]["Properties"]
        for member in ("KeySchema", "AttributeDefinitions"):
            self.assertEqual(table[member], properties[member])
        kept = ("IndexName", "KeySchema", "Projection")
        indexes = [{member: index[member] for member in kept} for index in table["GlobalSecondaryIndexes"]]
        self.assertEqual(indexes, properties["GlobalSecondaryIndexes"])
        self.assertEqual(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES")
        self.assertIs(table["DeletionProtectionEnabled"], True)
        ttl = aws("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        self.assertEqual((ttl["TimeToLiveStatus"], ttl["AttributeName"]), ("ENABLED", "ttl"))

    def test_changes_of_the_template_reach_moto(self):
        def change(resources):
            table = resources["Table"]["Properties"]
            table["GlobalSecondaryIndexes"][0]["IndexName"] = "by-somebody"
            table["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"] = ["scope"]
            table["TimeToLiveSpecification"]["AttributeName"] = "until"
            table["StreamSpecification"]["StreamViewType"] = "KEYS_ONLY"
            resources["DeliveryQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] = 7
            resources["DeliveryQueue"]["Properties"]["VisibilityTimeout"] = 11
            resources["EvidenceKey"]["Properties"]["KeySpec"] = "ECC_NIST_P384"
            resources["EventBus"]["Properties"]["Name"] = "another"

        made = self.made(change)
        name, table = self.table(made)
        [index] = table["GlobalSecondaryIndexes"]
        self.assertEqual((index["IndexName"], index["Projection"]["NonKeyAttributes"]), ("by-somebody", ["scope"]))
        self.assertEqual(table["StreamSpecification"]["StreamViewType"], "KEYS_ONLY")
        ttl = aws("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        self.assertEqual(ttl["AttributeName"], "until")
        url = made.evaluated["DeliveryQueueUrl"]
        queue = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        self.assertEqual(queue["VisibilityTimeout"], "11")
        self.assertIn('"maxReceiveCount": 7', queue["RedrivePolicy"])
        key = aws("kms").describe_key(KeyId=made.evaluated["EvidenceKeyArn"])["KeyMetadata"]
        self.assertEqual((key["KeySpec"], key["KeyUsage"]), ("ECC_NIST_P384", "SIGN_VERIFY"))
        self.assertEqual(made.evaluated["EventBusName"], "another")
        self.assertIn("another", [bus["Name"] for bus in aws("events").list_event_buses()["EventBuses"]])

    def test_functions_get_the_environment_of_the_template(self):
        made = self.made(PollIntervalSeconds="7")
        environments = made.environments()
        asking = environments["backchannel-authentication"]
        self.assertEqual((asking["ISSUER"], asking["POLL_INTERVAL_SECONDS"]), (API, "7"))
        self.assertEqual(asking["CONSENT_URL"], f"{API}/consent")
        self.assertEqual(asking["TABLE_NAME"], self.table(made)[0])
        self.assertEqual(environments["events"]["EVENT_BUS"], stack.NAME)
        for function in stack.of_type(self.template, "AWS::Lambda::Function").values():
            wanted = function["Properties"]["Environment"]["Variables"].keys()
            self.assertEqual(environments[stack.binary(function)].keys(), wanted)

    def test_an_unconditional_output_of_something_unknown_is_refused(self):
        template = copy.deepcopy(self.template)
        template["Outputs"]["New"] = {"Value": {"Fn::GetAtt": ["Api", "ApiId"]}}
        with self.assertRaisesRegex(RuntimeError, "New"):
            stack.Stack(aws, template, PARAMETERS, API)

    def test_mappings_name_their_functions_and_sources(self):
        made = self.made()
        mappings = {(function, arn.split(":")[2]) for _, function, _, arn, _ in made.mappings()}
        self.assertLessEqual({("events", "dynamodb"), ("client-notification", "sqs")}, mappings)


if __name__ == "__main__":
    unittest.main()
