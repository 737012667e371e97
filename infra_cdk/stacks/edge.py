"""CloudFront in front of the API. Apart from the service, because no emulator has it."""

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from infra_cdk.constructs.acknowledgment import accept
from infra_cdk.constructs.edge_policies import EdgePolicies
from infra_cdk.constructs.http_api import ORIGIN_HEADER
from infra_cdk.constructs.logical_ids import name_resource
from infra_cdk.stages import Edge, Stage

_DOMAIN = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
# CloudFront takes certificates from this region only, wherever the stack is.
_CERTIFICATE = r"arn:[a-z-]+:acm:us-east-1:\d{12}:certificate/.+"


class EdgeStack(cdk.Stack):
    """One distribution. What no behaviour names is treated like a tenant's data."""

    def __init__(self, scope: Construct, stage: Stage, edge: Edge, api_domain: str) -> None:
        super().__init__(
            scope,
            stage.physical_name("edge"),
            description=f"CustomerAI Insights Platform ({stage.name}): CloudFront",
        )
        origin = origins.HttpOrigin(
            api_domain,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            # CloudFront replaces what a client sends under this name.
            custom_headers={ORIGIN_HEADER: _origin_secret(stage)},
            keepalive_timeout=cdk.Duration.seconds(60),
        )
        domain = certificate = None
        if edge.own_domain:
            domain = self._asked("Domain", _DOMAIN, "where clients call")
            certificate = self._certificate()
        policies = EdgePolicies(self)
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=stage.physical_name("api"),
            default_behavior=policies.tenants(origin),
            additional_behaviors={
                "/openapi.json": policies.description(origin),
                "/docs*": policies.documentation(origin),
                "/health": policies.liveness(origin),
            },
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            domain_names=[domain] if domain else None,
            certificate=certificate,
            # CloudFront's own certificate has a floor of its own, and no other.
            minimum_protocol_version=(
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if certificate else None
            ),
        )
        name_resource(distribution, "Distribution")
        _accept_what_is_left_out(distribution, own_domain=edge.own_domain)
        cdk.CfnOutput(
            self,
            "Url",
            value=f"https://{domain or distribution.distribution_domain_name}",
            description="Where clients call",
        )
        if domain:
            cdk.CfnOutput(
                self,
                "DistributionDomain",
                value=distribution.distribution_domain_name,
                description="What the domain's record has to point to",
            )

    def _certificate(self) -> certificates.ICertificate:
        arn = self._asked("CertificateArn", _CERTIFICATE, "the domain's certificate in us-east-1")
        return certificates.Certificate.from_certificate_arn(self, "Certificate", arn)

    def _asked(self, parameter: str, pattern: str, meaning: str) -> str:
        """A parameter that whoever deploys has to give."""
        return cdk.CfnParameter(
            self,
            parameter,
            description=f"The edge's {parameter}: {meaning}",
            allowed_pattern=pattern,
            constraint_description=meaning,
        ).value_as_string


def _origin_secret(stage: Stage) -> str:
    """What CloudFormation puts in, by the name of the data stack's secret: no template has it."""
    return cdk.SecretValue.secrets_manager(stage.physical_name("origin")).unsafe_unwrap()


def _accept_what_is_left_out(distribution: cloudfront.Distribution, *, own_domain: bool) -> None:
    accept(distribution, "CFR1", "The platform's clients may be anywhere: no country is refused.")
    accept(
        distribution,
        "CFR2",
        "Every guarded route asks for a token and every open one has a throttle. A firewall's "
        "rules and price are the choice of the account that deploys.",
    )
    accept(
        distribution,
        "CFR3",
        "Each request that concerns a tenant goes on to API Gateway, which logs it without "
        "addresses. CloudFront's logs would keep addresses and query strings.",
    )
    if not own_domain:
        accept(
            distribution,
            "CFR4",
            "CloudFront's own domain has CloudFront's own certificate and TLS versions: only a "
            "domain of one's own can ask for newer ones, as stage prod does.",
        )
