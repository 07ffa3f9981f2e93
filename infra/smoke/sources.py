"""What Lambda does for event source mappings, on moto: reads streams and queues, and invokes the functions that the
template names.

A batch that fails is repeated after a pause, as on AWS, but not for ever: then the smoke test fails with what was said.
"""

import base64
import datetime
import json
import threading
import time

import boto3
import botocore.config
from moto.events.models import EventPattern

# How often a batch is tried again, and after how long. Unit: seconds.
RETRIES, PAUSE = 5, 1.0
LOOK_EVERY = 0.2
# For the start of a function's process. Unit: seconds.
START = 60


class Sources:
    """Runs all mappings of a stack until it is stopped."""

    def __init__(self, stack, aws, invoke_url, credentials):
        self.aws, self.invoke_url, self.credentials = aws, invoke_url, credentials
        self.stopping = threading.Event()
        self.errors = []
        self.invoked = set()
        self.threads = []
        for name, function, timeout, arn, properties in stack.mappings():
            run = self.stream if ":dynamodb:" in arn else self.queue
            self.start(name, run, function, timeout, arn, properties)

    def start(self, name, run, *arguments):
        def loop():
            failures = 0
            for step in run(*arguments):
                if self.stopping.is_set():
                    return
                try:
                    step()
                    failures = 0
                except Exception as error:  # Whatever it is, it is what this mapping has to report.
                    failures += 1
                    if failures > RETRIES:
                        self.errors.append(f"{name}: {error}")
                        return
                    self.stopping.wait(PAUSE)
                self.stopping.wait(LOOK_EVERY)

        thread = threading.Thread(target=loop, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(15)

    def stream(self, function, timeout, arn, properties):
        """Steps that pass new records on, in the order of the writes, each only after those before."""
        records, waiting = Records(self.aws("dynamodbstreams"), arn), []
        invoke = self.invoker(function, timeout)
        matches = patterns(properties)

        def step():
            waiting.extend(record for record in records.new() if matches(record))
            while waiting:
                batch = waiting[: properties.get("BatchSize", 100)]
                failed = failures(invoke({"Records": batch}), properties)
                numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
                places = [numbers.index(number) for number in failed]
                done = min(places, default=len(batch))
                del waiting[:done]
                if places:
                    raise RuntimeError(f"{function} reported {len(places)} of {len(batch)} records as failed")

        while True:
            yield step

    def queue(self, function, timeout, arn, properties):
        """Steps that pass on what is due in a queue."""
        sqs = self.aws("sqs")
        url = queue_url(sqs, arn)
        invoke = self.invoker(function, timeout)

        def step():
            received = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=min(10, properties.get("BatchSize", 10)), AttributeNames=["All"]
            ).get("Messages", [])
            if not received:
                return
            failed = failures(invoke({"Records": [as_event(it, arn) for it in received]}), properties)
            for message in received:
                if message["MessageId"] not in failed:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

        while True:
            yield step

    def invoker(self, function, timeout):
        """Invokes this function, and returns what it answers."""
        # A repetition is decided above, as Lambda decides it.
        config = botocore.config.Config(read_timeout=timeout + START, retries={"max_attempts": 0})
        awslambda = boto3.client("lambda", endpoint_url=self.invoke_url, config=config, **self.credentials)

        def invoke(event):
            self.invoked.add(function)
            payload = awslambda.invoke(FunctionName=function, Payload=json.dumps(event))["Payload"].read()
            answer = json.loads(payload or b"null")
            if isinstance(answer, dict) and "errorType" in answer:
                raise RuntimeError(f"{function}: {answer['errorType']}")
            return answer

        return invoke


class Records:
    """A reader of a stream, from its beginning."""

    def __init__(self, streams, arn):
        self.streams, self.arn, self.iterators = streams, arn, {}

    def new(self):
        """What has been written since the last call, in the form in which Lambda passes it on."""
        description = self.streams.describe_stream(StreamArn=self.arn)["StreamDescription"]
        for shard in description["Shards"]:
            if shard["ShardId"] not in self.iterators:
                self.iterators[shard["ShardId"]] = self.streams.get_shard_iterator(
                    StreamArn=self.arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )["ShardIterator"]
        found = []
        for shard, iterator in self.iterators.items():
            if iterator:
                page = self.streams.get_records(ShardIterator=iterator)
                self.iterators[shard] = page.get("NextShardIterator")
                found.extend(page["Records"])
        return [json.loads(json.dumps({**record, "eventSourceARN": self.arn}, default=plain)) for record in found]


def plain(value):
    """Times are whole seconds in an event, and bytes base64."""
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    return base64.b64encode(value).decode()


def patterns(properties):
    """Whether a record matches one of these filters. moto's own reading of patterns, which EventBridge shares with Lambda."""
    filters = properties.get("FilterCriteria", {}).get("Filters", [])
    read = [EventPattern.load(it["Pattern"]) for it in filters]
    return lambda record: not read or any(pattern.matches_event(record) for pattern in read)


def failures(answer, properties):
    """What a function reports as failed, if it may."""
    if "ReportBatchItemFailures" not in properties.get("FunctionResponseTypes", []) or not answer:
        return []
    return [failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []]


def as_event(message, arn):
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


def queue_url(sqs, arn):
    return sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
