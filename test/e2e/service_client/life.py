"""The life of an application whose code lies in a bucket: created, started, updated, rolled back, stopped."""
from world import at_version, client, detail, ended, errors, name, paged, properties, refused, rich, role, same, settings, storage, succeeds, until

LOCATION = {"BucketARN": f"arn:aws:s3:::{settings['bucket']}", "FileKey": "code/counting.zip"}


def code(**location):
    content = {"S3ContentLocation": {**LOCATION, **location}}
    return {"ApplicationCodeConfiguration": {"CodeContentType": "ZIPFILE", "CodeContent": content}}


def not_read(**request):
    message = refused(errors.InvalidArgumentException, client.create_application, **request)
    # The text at which Terraform tries again.
    assert "Please check the role provided or validity of S3 location you provided" in message, message
    return message


def created():
    storage.create_bucket(Bucket=settings["bucket"])
    storage.put_bucket_versioning(Bucket=settings["bucket"], VersioningConfiguration={"Status": "Enabled"})
    with open(settings["bundle"], "rb") as file:
        version = storage.put_object(Bucket=settings["bucket"], Key=LOCATION["FileKey"], Body=file)["VersionId"]
    request = {"ApplicationName": name, "RuntimeEnvironment": "FLINK-2_2", "ServiceExecutionRole": rich["node"]}
    for location, reason in (
        ({"FileKey": "none"}, "none"),
        ({"BucketARN": "arn:aws:s3:::nobodys"}, "NoSuchBucket"),
        ({"ObjectVersion": "none"}, "NoSuchVersion"),
    ):
        message = not_read(**request, ApplicationConfiguration=code(**location))
        assert reason in message, message
    # The node could read it, the role can't.
    poor = not_read(**{**request, "ServiceExecutionRole": role}, ApplicationConfiguration=code())
    assert "millrace access roles aws millrace-application" in poor, poor
    storage.put_object(Bucket=settings["bucket"], Key=LOCATION["FileKey"], Body=b"no zip any more")
    refused(errors.CodeValidationException, client.create_application, **request, ApplicationConfiguration=code())
    of_version = {"ObjectVersion": version}
    answer = client.create_application(
        **request,
        ApplicationConfiguration={**code(**of_version), "EnvironmentProperties": properties("a ")},
        Tags=[{"Key": "team", "Value": "fraud"}],
    )["ApplicationDetail"]
    same(answer, detail())
    same([answer["ApplicationStatus"], answer["ApplicationVersionId"]], ["READY", 1])
    same(answer["CreateTimestamp"].microsecond, 0, "whole seconds")
    described = answer["ApplicationConfigurationDescription"]["ApplicationCodeConfigurationDescription"]
    same(described["CodeContentDescription"]["S3ApplicationCodeLocationDescription"], {**LOCATION, **of_version})
    arn = answer["ApplicationARN"]
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": f"k{i:02}", "Value": "v"} for i in range(49)])
    refused(errors.TooManyTagsException, client.tag_resource, ResourceARN=arn, Tags=[{"Key": "more"}])
    same(len(client.list_tags_for_resource(ResourceARN=arn)["Tags"]), 50, "tags")
    client.untag_resource(ResourceARN=arn, TagKeys=[f"k{i:02}" for i in range(49)])
    same(client.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "team", "Value": "fraud"}])
    # For a list of more than one.
    client.create_application(**{**request, "ApplicationName": "other"})
    same([one["ApplicationName"] for one in paged("list_applications", "ApplicationSummaries")], [name, "other"])


def ran():
    same(succeeds(client.start_application(ApplicationName=name))["Operation"], "StartApplication")
    same(detail()["ApplicationStatus"], "RUNNING")
    updated = client.update_application(
        **at_version(),
        ApplicationConfigurationUpdate={
            "EnvironmentPropertyUpdates": properties("b "),
            "ApplicationSystemRollbackConfigurationUpdate": {"RollbackEnabledUpdate": True},
        },
    )
    same(updated["ApplicationDetail"]["ApplicationVersionId"], 2)
    succeeds(updated)
    for snapshot in ("first", "second"):
        client.create_application_snapshot(ApplicationName=name, SnapshotName=snapshot)
    for snapshot in ("first", "second"):
        until(lambda: status_of(snapshot) == "READY", f"snapshot {snapshot}")
    # It is not in the mode for enhanced ones.
    configuration = errors.InvalidApplicationConfigurationException
    refused(configuration, client.create_snapshot, ApplicationName=name, SnapshotName="e1")
    broken = client.update_application(
        ApplicationName=name,
        ConditionalToken=detail()["ConditionalToken"],
        ApplicationConfigurationUpdate={"EnvironmentPropertyUpdates": properties("c ", broken="for the test")},
    )
    failure = ended(broken["OperationId"])["OperationFailureDetails"]
    assert "broken on purpose: for the test" in failure["ErrorInfo"]["ErrorString"], failure
    succeeds({"OperationId": failure["RollbackOperationId"]})
    back = detail()
    same([back["ApplicationStatus"], back["ApplicationVersionId"]], ["RUNNING", 4])
    same([back["ApplicationVersionRolledBackFrom"], back["ApplicationVersionRolledBackTo"]], [3, 2])
    succeeds(client.stop_application(ApplicationName=name))
    same(detail()["ApplicationStatus"], "READY")


def status_of(snapshot):
    answer = client.describe_application_snapshot(ApplicationName=name, SnapshotName=snapshot)
    return answer["SnapshotDetails"]["SnapshotStatus"]


def history():
    versions = paged("list_application_versions", "ApplicationVersionSummaries", ApplicationName=name)
    same([one["ApplicationVersionId"] for one in versions], [4, 3, 2, 1])
    for version in versions:
        client.describe_application_version(
            ApplicationName=name, ApplicationVersionId=version["ApplicationVersionId"]
        )
    operations = paged("list_application_operations", "ApplicationOperationInfoList", ApplicationName=name)
    same(
        [(one["Operation"], one["OperationStatus"]) for one in operations],
        [
            ("StopApplication", "SUCCESSFUL"),
            ("RollbackApplication", "SUCCESSFUL"),
            ("UpdateApplication", "FAILED"),
            ("UpdateApplication", "SUCCESSFUL"),
            ("StartApplication", "SUCCESSFUL"),
            ("CreateApplication", "SUCCESSFUL"),
        ],
    )
    failed = {"ApplicationName": name, "OperationStatus": "FAILED"}
    same(len(client.list_application_operations(**failed)["ApplicationOperationInfoList"]), 1, "failed operations")
    snapshots = paged("list_application_snapshots", "SnapshotSummaries", ApplicationName=name)
    names = [one["SnapshotName"] for one in snapshots]
    assert {"first", "second"} < set(names), names
    same({one["SnapshotStatus"] for one in snapshots}, {"READY"})
