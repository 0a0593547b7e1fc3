"""A service, its clients, and what each script needs of them."""
import json
import sys
import time

import boto3
from botocore.config import Config

settings = json.loads(sys.argv[1])
role = settings["role"]
rich = settings["rich"]
bucket = settings["bucket"]
name = "boto"
LIMIT_SECONDS = 60
count = 0


def connect(key=settings, validates=True):
    made = boto3.client(
        "kinesisanalyticsv2",
        endpoint_url=settings["url"],
        region_name="us-east-1",
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=validates),
    )
    made.meta.events.register("before-call.kinesis-analytics-v2", counted)
    return made


def counted(**_):
    global count
    count += 1


client = connect()
errors = client.exceptions
storage = boto3.client(
    "s3",
    endpoint_url=settings["storage"],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(s3={"addressing_style": "path"}),
)


def same(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, not {expected!r}")


def refused(error, call, **arguments):
    """The call raises that very class, which boto3 has for each error of the model, with status 400 and a message."""
    try:
        call(**arguments)
    except error as raised:
        same(type(raised), error)
        same(raised.response["ResponseMetadata"]["HTTPStatusCode"], 400, error)
        assert len(raised.response["Error"]["Message"]) > 10, raised
        return raised.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__} is not refused: {error.__name__}")


def until(condition, what):
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


def detail():
    return client.describe_application(ApplicationName=name)["ApplicationDetail"]


def at_version():
    return {"ApplicationName": name, "CurrentApplicationVersionId": detail()["ApplicationVersionId"]}


def ended(operation):
    """The end of an operation on the application."""

    def describe():
        answer = client.describe_application_operation(ApplicationName=name, OperationId=operation)
        return answer["ApplicationOperationInfoDetails"]

    until(lambda: describe()["OperationStatus"] != "IN_PROGRESS", operation)
    return describe()


def succeeds(answer):
    operation = ended(answer["OperationId"])
    same(operation["OperationStatus"], "SUCCESSFUL", operation)
    return operation


def paged(operation, result, **arguments):
    """All that a paginator finds, which has to be the same one by one as on one page."""
    paginator = client.get_paginator(operation)
    whole = getattr(client, operation)(**arguments, Limit=50)[result]
    pages = list(paginator.paginate(**arguments, PaginationConfig={"PageSize": 1}))
    same([one for page in pages for one in page[result]], whole, operation)
    assert len(pages) >= len(whole) > 1, f"{operation}: {len(pages)} pages of {len(whole)}"
    return whole


def properties(prefix, **more):
    return {"PropertyGroups": [{"PropertyGroupId": "counting", "PropertyMap": {"prefix": prefix, **more}}]}
