"""What must not be lost: tables, queues, the bucket for dead records, secrets."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.logical_ids import name_resource
from infra_cdk.constructs.table import ServiceTable
from infra_cdk.stages import Stage

_LISTED = ("customer_id", "channel", "sentiment")
"""What a listing shows of an interaction; the text stays in the table."""


class DataStack(cdk.Stack):
    """State and the queues between functions. Nothing here runs code."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(
            scope,
            stage.physical_name("data"),
            description=f"CustomerAI Insights Platform ({stage.name}): tables and queues",
            termination_protection=stage.retain_data,
        )
        self.interactions = ServiceTable(
            self,
            "interactions",
            stage=stage,
            partition_key="pk",
            sort_key="id",
            expires_at="expires_at",
            stream=True,
            indexes={
                "by_customer": _LISTED,
                "by_channel": _LISTED,
                "by_sentiment": _LISTED,
                "pending": ("received_at",),
            },
        )
        self.rollups = ServiceTable(self, "rollups", stage=stage, partition_key="pk", sort_key="sk")
        self.idempotency = ServiceTable(
            self, "idempotency", stage=stage, partition_key="pk", expires_at="expires_at"
        )
        # What each tenant has set for itself, such as its taxonomy: pk tenant, sk which setting.
        self.settings = ServiceTable(
            self, "settings", stage=stage, partition_key="pk", sort_key="sk"
        )
        self.analysis = self._queue_with_dead_letters(
            stage,
            "analysis",
            # AWS's advice for queues that Lambda reads: six times the function's timeout.
            visibility=cdk.Duration.seconds(6 * stage.size("analysis_queue").timeout_s),
            receives=stage.analysis.receives_before_dead,
        )
        self.dead_records = self._dead_records()
        self.dead_records_arn = self.export_value(
            self.dead_records.bucket_arn, name=f"{self.stack_name}:DeadRecordsBucketArn"
        )
        self.cursor_secret = self._secret(
            stage,
            "cursor",
            "Signs the cursors of paginated lists",
            unrotated="It protects no access: a cursor is checked against the caller's tenant as "
            "well. A new value only makes clients start their list again.",
        )
        self.origin_secret = None
        if stage.edge is not None:
            self.origin_secret = self._secret(
                stage,
                "origin",
                "What CloudFront shows to the API",
                unrotated="It is no client's credential: without a token it opens nothing. "
                "CloudFront takes a new value from a deployment, not from a rotation.",
            )

    def _queue_with_dead_letters(
        self, stage: Stage, thing: str, *, visibility: cdk.Duration, receives: int
    ) -> sqs.Queue:
        dead = sqs.Queue(
            self,
            f"{thing.title()}Dead",
            queue_name=stage.physical_name(f"{thing}-dead"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        name_resource(dead, f"{thing.title()}DeadQueue")
        queue = sqs.Queue(
            self,
            thing.title(),
            queue_name=stage.physical_name(thing),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=visibility,
            retention_period=cdk.Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=receives, queue=dead),
        )
        name_resource(queue, f"{thing.title()}Queue")
        return queue

    def _dead_records(self) -> s3.Bucket:
        # CloudFormation names it and leaves it behind: only an empty bucket could be deleted with
        # its stack. A name of ours would be taken when the stack is created again.
        bucket = s3.Bucket(
            self,
            "DeadRecords",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(90))],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        name_resource(bucket, "DeadRecordsBucket")
        accept(
            bucket,
            "S1",
            "Only Lambda and one function write here, and only records that failed; CloudTrail's "
            "data events show who reads. Access logs would need a second bucket that grows for "
            "ever.",
        )
        return bucket

    def _secret(
        self, stage: Stage, thing: str, purpose: str, *, unrotated: str
    ) -> secretsmanager.Secret:
        """A value that nobody chooses; `unrotated` is why it stays the same."""
        secret = secretsmanager.Secret(
            self,
            thing.title(),
            secret_name=stage.physical_name(thing),
            description=purpose,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=64
            ),
            removal_policy=(
                cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY
            ),
        )
        name_resource(secret, f"{thing.title()}Secret")
        accept(secret, "SMG4", unrotated)
        return secret
