"""Enhanced snapshots: a resource of their own, exported to a bucket, imported from it, restored by ARN."""
from world import at_version, bucket, client, detail, errors, name, paged, refused, rich, role, same, storage, succeeds, until

BUCKET_ARN = f"arn:aws:s3:::{bucket}"


def described(snapshot):
    return client.describe_snapshot(SnapshotName=snapshot)["SnapshotInfoDetails"]


def done(snapshot, operation, status="SUCCESSFUL"):
    def describe():
        answer = client.describe_snapshot_operation(SnapshotName=snapshot, SnapshotOperationId=operation)
        return answer["SnapshotOperationInfoDetails"]

    until(lambda: describe()["SnapshotOperationStatus"] != "IN_PROGRESS", operation)
    same(describe()["SnapshotOperationStatus"], status, describe())
    return describe()


def bring(snapshot, prefix, role_arn=rich["assumed"]):
    return client.import_snapshot(
        SnapshotName=snapshot,
        ImportSourceConfiguration={
            "SourceType": "S3",
            "ImportRoleArn": role_arn,
            "SourceS3PrefixLocation": {"BucketARN": BUCKET_ARN, "KeyPrefix": prefix},
        },
    )["SnapshotOperationId"]


def carry_away(snapshot, prefix, role_arn=rich["node"]):
    return client.export_snapshot(
        SnapshotName=snapshot,
        ExportDestinationConfiguration={
            "DestinationType": "S3",
            "ExportRoleArn": role_arn,
            "DestinationS3PrefixLocation": {"BucketARN": BUCKET_ARN, "KeyPrefix": prefix},
        },
    )["SnapshotOperationId"]


def remove(snapshot):
    created = described(snapshot)["SnapshotCreationTimestamp"]
    client.delete_snapshot(SnapshotName=snapshot, SnapshotCreationTimestamp=created)

    def is_gone():
        try:
            return described(snapshot)["SnapshotStatus"] != "DELETING"
        except errors.ResourceNotFoundException:
            return True

    until(is_gone, f"the end of {snapshot}")


def taken():
    succeeds(
        client.update_application(
            **at_version(),
            ApplicationConfigurationUpdate={
                "ApplicationSnapshotConfigurationUpdate": {
                    "SnapshotsEnabledUpdate": True,
                    "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS",
                }
            },
        )
    )
    succeeds(client.start_application(ApplicationName=name))
    for snapshot in ("e1", "e2"):
        answer = client.create_snapshot(
            ApplicationName=name, SnapshotName=snapshot, Tags=[{"Key": "team", "Value": "fraud"}]
        )
        done(snapshot, answer["SnapshotOperationId"])
        same(described(snapshot)["SnapshotStatus"], "READY")
        same(client.list_tags_for_resource(ResourceARN=answer["SnapshotArn"])["Tags"][0]["Value"], "fraud")
    names = [one["SnapshotName"] for one in paged("list_snapshots", "SnapshotInfoList", SourceApplicationName=name)]
    assert {"e1", "e2"} <= set(names), names
    refused(errors.ResourceInUseException, client.create_snapshot, ApplicationName=name, SnapshotName="e1")


def carried():
    exported = done("e1", carry_away("e1", "exports"))
    prefix = exported["SnapshotDestinationLocationDescription"]["S3PrefixLocation"]["ExportedPrefix"]
    objects = storage.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    exported_bytes = sum(one["Size"] for one in objects)
    assert exported_bytes >= described("e1")["SnapshotSizeInBytes"] > 0, exported_bytes
    # What the node reaches by itself isn't reached for a role that has nothing at AWS.
    refused(errors.InvalidArgumentException, carry_away, snapshot="e1", prefix="exports", role_arn=role)
    refused(errors.InvalidArgumentException, bring, snapshot="brought", prefix=prefix, role_arn=role)
    done("brought", bring("brought", prefix))
    same(described("brought")["SnapshotSizeInBytes"], exported_bytes, "bytes in the bucket")
    done("nothing", bring("nothing", "exports/of-nobody"), "FAILED")
    same(described("nothing")["SnapshotStatus"], "FAILED")
    operations = paged("list_snapshot_operations", "SnapshotOperationInfoList", SnapshotName="e1")
    same([one["SnapshotOperation"] for one in operations], ["ExportSnapshot", "CreateSnapshot"])


def restored_and_removed():
    succeeds(client.stop_application(ApplicationName=name))
    arn = described("brought")["SnapshotArn"]
    restore = {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": arn}
    run = {"ApplicationRestoreConfiguration": restore}
    succeeds(client.start_application(ApplicationName=name, RunConfiguration=run))
    described_run = detail()["ApplicationConfigurationDescription"]["RunConfigurationDescription"]
    same(described_run["ApplicationRestoreConfigurationDescription"], restore)
    succeeds(client.stop_application(ApplicationName=name, Force=True))
    client.delete_application(ApplicationName=name, CreateTimestamp=detail()["CreateTimestamp"])

    def is_gone():
        try:
            return detail()["ApplicationStatus"] != "DELETING"
        except errors.ResourceNotFoundException:
            return True

    until(is_gone, f"the end of {name}")
    # Unlike legacy ones they outlive their application.
    same(described("e1")["SnapshotStatus"], "READY")
    for snapshot in client.list_snapshots()["SnapshotInfoList"]:
        remove(snapshot["SnapshotName"])
    same(client.list_snapshots()["SnapshotInfoList"], [])
