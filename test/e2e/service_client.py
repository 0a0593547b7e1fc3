"""boto3 against managed applications: the life of one, with what must be refused on the way.

Arguments: endpoint URL, access key, secret key, bundle. Prints one line of JSON: what was seen, by name.
"""
import json
import sys
import time

import boto3
from botocore.config import Config

url, access_key, secret_key, bundle = sys.argv[1:]
with open(bundle, "rb") as file:
    code = file.read()

client = boto3.client(
    "kinesisanalyticsv2",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
    config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
)
role = "arn:aws:iam::000000000000:role/millrace-application"
name = "boto"
seen = {}


def refusal(error, call, **arguments):
    """True when the call raises the very class; boto3 has one for each error of the model."""
    try:
        call(**arguments)
    except error as raised:
        answer = raised.response
        return [answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]]
    return None


def detail():
    return client.describe_application(ApplicationName=name)["ApplicationDetail"]


def statuses_until(last, seconds=60):
    """Every status on the way, as Terraform polls for them."""
    statuses = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = detail()["ApplicationStatus"]
        if statuses[-1:] != [status]:
            statuses.append(status)
        if status == last:
            return statuses
        time.sleep(0.05)
    raise TimeoutError(f"{name} is not {last}: {statuses}")


def operation_status(operation):
    answer = client.describe_application_operation(ApplicationName=name, OperationId=operation)
    return answer["ApplicationOperationInfoDetails"]["OperationStatus"]


def code_of(content):
    return {"ApplicationCodeConfiguration": {"CodeContentType": "ZIPFILE", "CodeContent": content}}


request = {"ApplicationName": name, "RuntimeEnvironment": "FLINK-2_2", "ServiceExecutionRole": role}
configuration = {
    **code_of({"ZipFileContent": code}),
    "EnvironmentProperties": {"PropertyGroups": [{"PropertyGroupId": "counting", "PropertyMap": {"prefix": "a"}}]},
}
created = client.create_application(
    **request, ApplicationConfiguration=configuration, Tags=[{"Key": "team", "Value": "fraud"}]
)["ApplicationDetail"]
seen["created"] = [created["ApplicationStatus"], created["ApplicationVersionId"]]
seen["sameAsDescribed"] = created == detail()
described = created["ApplicationConfigurationDescription"]
seen["snapshots"] = described["ApplicationSnapshotConfigurationDescription"]
seen["codeSize"] = described["ApplicationCodeConfigurationDescription"]["CodeContentDescription"]["CodeSize"]

errors = client.exceptions
seen["inUse"] = refusal(errors.ResourceInUseException, client.create_application, **request)
seen["notFound"] = refusal(errors.ResourceNotFoundException, client.describe_application, ApplicationName="none")
other = {**request, "ApplicationName": "other"}
seen["badName"] = refusal(
    errors.InvalidArgumentException, client.create_application, **{**request, "ApplicationName": "a b"}
)
seen["badCode"] = refusal(
    errors.CodeValidationException,
    client.create_application,
    **other,
    ApplicationConfiguration=code_of({"ZipFileContent": b"no zip"}),
)
seen["noSql"] = refusal(
    errors.UnsupportedOperationException, client.create_application, **{**other, "RuntimeEnvironment": "SQL-1_0"}
)
seen["tooManyTags"] = refusal(
    errors.TooManyTagsException,
    client.create_application,
    **other,
    Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(51)],
)
parallelism = {"ConfigurationType": "CUSTOM", "Parallelism": 1000}
seen["limit"] = refusal(
    errors.LimitExceededException,
    client.create_application,
    **other,
    ApplicationConfiguration={"FlinkApplicationConfiguration": {"ParallelismConfiguration": parallelism}},
)
seen["stale"] = refusal(
    errors.ConcurrentModificationException,
    client.update_application,
    ApplicationName=name,
    CurrentApplicationVersionId=7,
)
seen["noVersion"] = refusal(errors.InvalidRequestException, client.update_application, ApplicationName=name)
client.create_application(**other)
seen["noCode"] = refusal(
    errors.InvalidApplicationConfigurationException, client.start_application, ApplicationName="other"
)
# Newer operations and those of SQL applications: known to boto3, refused by class.
seen["sqlOnly"] = refusal(
    errors.InvalidRequestException,
    client.delete_application_output,
    ApplicationName=name,
    CurrentApplicationVersionId=1,
    OutputId="1",
)
pages = client.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 1})
seen["listed"] = [[one["ApplicationName"] for one in page["ApplicationSummaries"]] for page in pages]

started = client.start_application(ApplicationName=name)["OperationId"]
seen["starting"] = statuses_until("RUNNING")
seen["started"] = operation_status(started)
configuration_update = {
    "EnvironmentPropertyUpdates": {"PropertyGroups": [{"PropertyGroupId": "counting", "PropertyMap": {"prefix": "b"}}]}
}
updated = client.update_application(
    ApplicationName=name,
    ConditionalToken=detail()["ConditionalToken"],
    ApplicationConfigurationUpdate=configuration_update,
)
seen["updated"] = [updated["ApplicationDetail"]["ApplicationVersionId"]]
seen["updating"] = statuses_until("RUNNING")
seen["updated"].append(operation_status(updated["OperationId"]))
stopped = client.stop_application(ApplicationName=name)["OperationId"]
seen["stopping"] = statuses_until("READY")
seen["stopped"] = operation_status(stopped)
pages = client.get_paginator("list_application_operations").paginate(
    ApplicationName=name, PaginationConfig={"PageSize": 2}
)
seen["operations"] = [one["Operation"] for page in pages for one in page["ApplicationOperationInfoList"]]

arn = created["ApplicationARN"]
client.tag_resource(ResourceARN=arn, Tags=[{"Key": "cost", "Value": "1"}])
client.untag_resource(ResourceARN=arn, TagKeys=["team"])
seen["tags"] = client.list_tags_for_resource(ResourceARN=arn)["Tags"]

created_at = detail()["CreateTimestamp"]
client.delete_application(ApplicationName=name, CreateTimestamp=created_at)
client.delete_application(
    ApplicationName="other",
    CreateTimestamp=client.describe_application(ApplicationName="other")["ApplicationDetail"]["CreateTimestamp"],
)
seen["deleting"] = []
try:
    seen["deleting"] = statuses_until("none")
except errors.ResourceNotFoundException:
    seen["gone"] = True
print(json.dumps(seen))
