"""What takes Lambda's place between a source and a function."""

import json
import unittest

import boto3
from moto import mock_aws

from emulator import CREDENTIALS
from sources import Sources

REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def aws(service):
    return boto3.client(service, **CREDENTIALS)


class Function:
    """Records what it is invoked with, and reports what a test wants."""

    def __init__(self):
        self.events, self.fails = [], lambda record: False

    def __call__(self, event):
        self.events.append(event)
        name = lambda it: it.get("messageId") or it["dynamodb"]["SequenceNumber"]  # noqa: E731
        failed = [{"itemIdentifier": name(it)} for it in event["Records"] if self.fails(it)]
        return {"batchItemFailures": failed}


@mock_aws
class BetweenASourceAndAFunction(unittest.TestCase):
    def setUp(self):
        self.function = Function()
        self.sources = Sources.__new__(Sources)
        self.sources.aws, self.sources.invoker = aws, lambda *_: self.function

    def stream(self, **properties):
        created = aws("dynamodb").create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        arn = created["TableDescription"]["LatestStreamArn"]
        return next(self.sources.stream("function", 1, arn, properties))

    def put(self, pk, **attributes):
        aws("dynamodb").put_item(TableName="table", Item={"pk": {"S": pk}, **attributes})

    def passed(self):
        return [[it["dynamodb"]["Keys"]["pk"]["S"] for it in event["Records"]] for event in self.function.events]

    def test_records_that_match_a_filter_are_passed_on_once(self):
        pattern = {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "a"}]}}, "NewImage": {"no": {"S": [{"exists": False}]}}}}
        step = self.stream(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
        self.put("a1", data={"B": b"\xff"})
        self.put("b1")
        self.put("a2", no={"S": ""})
        step()
        self.put("a3")
        step()
        step()
        self.assertEqual(self.passed(), [["a1"], ["a3"]])
        record = self.function.events[0]["Records"][0]
        self.assertEqual((record["eventName"], record["dynamodb"]["NewImage"]["data"]), ("INSERT", {"B": "/w=="}))
        self.assertIsInstance(record["dynamodb"]["ApproximateCreationDateTime"], int)
        self.assertIn(":table/table/stream/", record["eventSourceARN"])

    def test_a_stream_is_repeated_from_the_lowest_reported_record(self):
        step = self.stream(BatchSize=3, **REPORTS)
        for pk in "abcd":
            self.put(pk)
        self.function.fails = lambda record: record["dynamodb"]["Keys"]["pk"]["S"] in "bc"
        with self.assertRaises(RuntimeError):
            step()
        self.function.fails = lambda record: False
        step()
        self.assertEqual(self.passed(), [["a", "b", "c"], ["b", "c", "d"]])

    def test_messages_that_are_not_reported_are_deleted(self):
        sqs = aws("sqs")
        url = sqs.create_queue(QueueName="queue", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for body in ("good", "bad"):
            sqs.send_message(QueueUrl=url, MessageBody=body)
        self.function.fails = lambda record: record["body"] == "bad"
        next(self.sources.queue("function", 1, arn, REPORTS))()
        left = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        self.assertEqual([message["Body"] for message in left], ["bad"])
        records = self.function.events[0]["Records"]
        self.assertEqual({record["eventSourceARN"] for record in records}, {arn})


if __name__ == "__main__":
    unittest.main()
