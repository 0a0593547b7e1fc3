"""Every class of error that a caller can provoke; and that no operation answers with one its model doesn't have."""
from botocore.exceptions import ClientError

from world import client, connect, errors, name, refused, role, same, settings

NEW = {"ApplicationName": "new", "RuntimeEnvironment": "FLINK-1_20", "ServiceExecutionRole": role}
SQL_ONLY = {
    "AddApplicationInput",
    "AddApplicationInputProcessingConfiguration",
    "AddApplicationOutput",
    "AddApplicationReferenceDataSource",
    "DeleteApplicationInputProcessingConfiguration",
    "DeleteApplicationOutput",
    "DeleteApplicationReferenceDataSource",
    "DiscoverInputSchema",
}
# These need nothing that is there.
FREE = {"CreateApplication", "ImportSnapshot", "ListApplications", "ListSnapshots", "ListSnapshotOperations"}
model = client.meta.service_model


def method_of(caller, operation):
    names = caller.meta.method_to_api_mapping
    return getattr(caller, next(method for method, api in names.items() if api == operation))


def smallest(shape, member=""):
    """The smallest value that the model allows; of resources one that isn't there."""
    if member.endswith("RoleArn"):
        return role
    if member == "ResourceARN":
        return "arn:aws:kinesisanalytics:us-east-1:000000000000:application/nobody"
    if member.endswith("ARN"):
        return "arn:aws:s3:::nobody"
    if member == "CurrentApplicationVersionId":
        return 1
    kind = shape.type_name
    if kind == "structure":
        return {key: smallest(shape.members[key], key) for key in shape.required_members}
    if kind == "list":
        return [smallest(shape.member)]
    if kind == "string":
        return shape.enum[0] if shape.enum else "03:00" if "Time" in member else "nobody"
    return {"integer": 1, "long": 1, "timestamp": 0, "blob": b"x", "boolean": True}[kind]


def answered(operation, caller, arguments):
    """The class with which an operation refuses; it must be one of its model."""
    try:
        method_of(caller, operation)(**arguments)
    except ClientError as raised:
        modelled = {shape.name for shape in model.operation_model(operation).error_shapes}
        assert type(raised).__name__ in modelled, f"{operation}: {raised!r}"
        return type(raised).__name__
    raise AssertionError(f"{operation} is not refused")


def every_operation():
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        modelled = {error.name for error in model.operation_model(operation).error_shapes}
        arguments = smallest(shape)
        if operation in SQL_ONLY:
            expected = "UnsupportedOperationException" if operation == "DiscoverInputSchema" else "InvalidRequestException"
            same(answered(operation, client, arguments), expected, operation)
            continue
        if operation not in FREE:
            has = "ResourceNotFoundException" in modelled
            expected = "ResourceNotFoundException" if has else "InvalidArgumentException"
            same(answered(operation, client, arguments), expected, operation)
        for missing in shape.required_members:
            rest = {key: value for key, value in arguments.items() if key != missing}
            told = answered(operation, unchecked, rest)
            same(told, "InvalidArgumentException", f"{operation} without {missing}")
        told = answered(operation, unchecked, {**arguments, "ApplicationName": "a b"}) if "ApplicationName" in arguments else None
        assert told in (None, "InvalidArgumentException"), f"{operation}: {told}"


# boto3 checks what is needed before it asks: this one doesn't.
unchecked = connect(validates=False)


def every_class():
    def configured(**configuration):
        return {**NEW, "ApplicationConfiguration": configuration}

    def zipped(content):
        return configured(ApplicationCodeConfiguration={"CodeContentType": "ZIPFILE", "CodeContent": content})

    parallelism = {"ConfigurationType": "CUSTOM", "Parallelism": 1000}
    cases = [
        (errors.CodeValidationException, client.create_application, zipped({"ZipFileContent": b"no zip"})),
        (
            errors.ConcurrentModificationException,
            client.update_application,
            {"ApplicationName": name, "CurrentApplicationVersionId": 99},
        ),
        (errors.InvalidApplicationConfigurationException, client.start_application, {"ApplicationName": "other"}),
        (errors.InvalidArgumentException, client.create_application, {**NEW, "ServiceExecutionRole": f"{role}-none"}),
        (errors.InvalidRequestException, client.update_application, {"ApplicationName": name}),
        (
            errors.LimitExceededException,
            client.create_application,
            configured(FlinkApplicationConfiguration={"ParallelismConfiguration": parallelism}),
        ),
        (errors.ResourceInUseException, client.create_application, {**NEW, "ApplicationName": name}),
        (errors.ResourceNotFoundException, client.describe_application, {"ApplicationName": "nobody"}),
        (
            errors.TooManyTagsException,
            client.create_application,
            {**NEW, "Tags": [{"Key": f"k{i}", "Value": "v"} for i in range(51)]},
        ),
        (
            errors.UnsupportedOperationException,
            client.create_application,
            {**NEW, "RuntimeEnvironment": "SQL-1_0"},
        ),
    ]
    for error, call, arguments in cases:
        refused(error, call, **arguments)
    reader = connect(settings["reader"])
    reader.describe_application(ApplicationName=name)
    try:
        reader.delete_application(ApplicationName=name, CreateTimestamp=0)
    except ClientError as raised:
        same(raised.response["Error"]["Code"], "AccessDeniedException")
        same(raised.response["ResponseMetadata"]["HTTPStatusCode"], 403)
    else:
        raise AssertionError("a reader may delete")
    return len(cases) + 1
