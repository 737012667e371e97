"""What CloudFront keeps, what it hands on, and what it adds to answers."""

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

_YEARS_2 = cdk.Duration.days(730)
_METHODS = cloudfront.AllowedMethods
_HTTPS_ONLY = cloudfront.ViewerProtocolPolicy.HTTPS_ONLY

# An answer of the API is data: no browser has a reason to load, run or frame anything for it.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# The documentation is Swagger UI from its CDN, started by one script in the page, which is allowed
# by its digest. It draws with inline styles and asks the API that it came from.
_SWAGGER_UI = (
    "default-src 'none'; "
    "script-src https://cdn.jsdelivr.net '{script}'; "
    "style-src https://cdn.jsdelivr.net 'unsafe-inline'; "
    "img-src 'self' data: https://fastapi.tiangolo.com; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
).format(script="sha256-P28/j37f0MgfkZ2lTEH5bnnfZ8YlHZ4cHtK+EWL/Qhw=")


class EdgePolicies(Construct):
    """The behaviours that paths may have."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(scope, "Policies")
        self._per_caller = self._cache_per_caller()
        self._shared = self._cache_shared()
        self._hand_on = cloudfront.OriginRequestPolicy(
            self,
            "HandOn",
            comment="Everything but the host, by which API Gateway knows its own, and cookies",
            header_behavior=cloudfront.OriginRequestHeaderBehavior.deny_list("Host"),
            query_string_behavior=cloudfront.OriginRequestQueryStringBehavior.all(),
            cookie_behavior=cloudfront.OriginRequestCookieBehavior.none(),
        )
        self._answers = self._security_headers("Answers", _NOTHING)
        self._pages = self._security_headers("Pages", _SWAGGER_UI)

    def tenants(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """For whatever may hold a tenant's data: each call goes to the API, answers compressed."""
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=_METHODS.ALLOW_ALL,
            cache_policy=self._per_caller,
            origin_request_policy=self._hand_on,
            response_headers_policy=self._answers,
            viewer_protocol_policy=_HTTPS_ONLY,
            compress=True,
        )

    def description(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """For what is the same for everybody."""
        return self._public(origin, self._answers)

    def documentation(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """For the page that shows the description: the same for everybody, and it runs scripts."""
        return self._public(origin, self._pages)

    def liveness(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """For what is true now."""
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=_METHODS.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            response_headers_policy=self._answers,
            viewer_protocol_policy=_HTTPS_ONLY,
        )

    def _public(
        self, origin: cloudfront.IOrigin, headers: cloudfront.ResponseHeadersPolicy
    ) -> cloudfront.BehaviorOptions:
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=_METHODS.ALLOW_GET_HEAD,
            cache_policy=self._shared,
            response_headers_policy=headers,
            viewer_protocol_policy=_HTTPS_ONLY,
            compress=True,
        )

    def _cache_per_caller(self) -> cloudfront.CachePolicy:
        """Keeps nothing by itself, and could hand nothing to another caller if it did.

        CloudFront compresses only under a policy that could keep something, hence the second. It
        would take an answer that asks to be kept, and serve the same token, query and headers.
        """
        return cloudfront.CachePolicy(
            self,
            "PerCaller",
            comment="Nothing is kept unless the answer says so, and then for its own caller",
            min_ttl=cdk.Duration.seconds(0),
            default_ttl=cdk.Duration.seconds(0),
            max_ttl=cdk.Duration.seconds(1),
            header_behavior=cloudfront.CacheHeaderBehavior.allow_list(
                "Authorization", "Accept", "Consistency"
            ),
            query_string_behavior=cloudfront.CacheQueryStringBehavior.all(),
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )

    def _cache_shared(self) -> cloudfront.CachePolicy:
        return cloudfront.CachePolicy(
            self,
            "Shared",
            comment="The API's description, for minutes",
            min_ttl=cdk.Duration.minutes(1),
            default_ttl=cdk.Duration.minutes(5),
            max_ttl=cdk.Duration.minutes(10),
            header_behavior=cloudfront.CacheHeaderBehavior.none(),
            query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )

    def _security_headers(
        self, name: str, content_security_policy: str
    ) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            name,
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=_YEARS_2, include_subdomains=True, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=content_security_policy, override=True
                ),
            ),
        )
