"""boto3 against the endpoint: puts, gets and SubscribeToShard, a batch for SNS; then a wrong key and an oversized record.

Arguments: endpoint URL, access key, secret key, stream, number of records. Prints one line of JSON.
"""
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, access_key, secret_key, stream, count = sys.argv[1:]
count = int(count)


def kinesis(key, secret):
    return boto3.client(
        "kinesis",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


def refusal(call):
    try:
        call()
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]]
    return None


client = kinesis(access_key, secret_key)
client.create_stream(StreamName=stream, ShardCount=1)
records = [{"Data": b"record-%d" % i, "PartitionKey": "key-%d" % i} for i in range(count)]
answer = client.put_records(StreamName=stream, Records=records)
numbers = [one["SequenceNumber"] for one in answer["Records"]]
shard = answer["Records"][0]["ShardId"]

iterator = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
got = client.get_records(ShardIterator=iterator["ShardIterator"])["Records"]

arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="boto")["Consumer"]["ConsumerARN"]
start = {"Type": "TRIM_HORIZON"}
subscription = client.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=start)
pushed = []
for event in subscription["EventStream"]:
    pushed += event["SubscribeToShardEvent"]["Records"]
    if len(pushed) >= count:
        break
sns = boto3.client(
    "sns",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
)
topic = sns.create_topic(Name="boto")["TopicArn"]
batch = [{"Id": "a", "Message": "m"}, {"Id": "b", "Message": ""}]
published = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=batch)

print(
    json.dumps(
        {
            "put": numbers,
            "got": [one["SequenceNumber"] for one in got],
            "gotData": all(one["Data"] == records[i]["Data"] for i, one in enumerate(got)),
            "pushed": [one["SequenceNumber"] for one in pushed],
            "pushedData": all(one["Data"] == records[i]["Data"] for i, one in enumerate(pushed)),
            "arrival": got[0]["ApproximateArrivalTimestamp"].timestamp(),
            "published": [one["Id"] for one in published["Successful"]],
            "unpublished": [[one["Id"], one["Code"]] for one in published["Failed"]],
            "wrongKey": refusal(lambda: kinesis("AKIDWRONG", "x").list_streams()),
            "wrongSecret": refusal(lambda: kinesis(access_key, "x").list_streams()),
            "oversized": refusal(
                lambda: client.put_record(StreamName=stream, Data=b"x" * (1 << 20), PartitionKey="k")
            ),
        }
    )
)
