"""The cache and its network: who gets in, what gets out, and what functions are told."""

import re
from typing import Any

import pytest

from tests.infra.templates import Assembly, Template, as_list, as_text

CACHED = {
    "interactions_api",
    "sentiment_api",
    "analytics_api",
    "analysis_queue",
    "rollup_stream",
}
PORT = 6379
GATEWAYS = {"dynamodb", "s3"}
# Lambda itself writes logs and connects functions; a connection to the cache needs no call.
ASKED_OF_NO_ENDPOINT = {"logs", "ec2", "elasticache"}


def group(cache: Template) -> dict[str, Any]:
    (found,) = cache.of_type("AWS::ElastiCache::ReplicationGroup").values()
    return found


def endpoints(cache: Template) -> dict[str, dict[str, Any]]:
    """The network's endpoints by the service that they lead to."""
    found = {
        as_text(endpoint["ServiceName"]).rpartition('".')[2].partition('"')[0]: endpoint
        for endpoint in cache.of_type("AWS::EC2::VPCEndpoint").values()
    }
    return {name.removesuffix(".runtime"): endpoint for name, endpoint in found.items()}


def exported(template: Template, imported: dict[str, str]) -> Any:
    (value,) = (
        output["Value"]
        for output in template.body["Outputs"].values()
        if output.get("Export", {}).get("Name") == imported["Fn::ImportValue"]
    )
    return value


@pytest.mark.parametrize(
    ("stage_name", "node", "nodes", "zones"),
    [("dev", "cache.t4g.micro", 2, 2), ("prod", "cache.m7g.large", 3, 3)],
)
def test_a_replica_takes_over_in_another_zone(
    assembly: Assembly, stage_name: str, node: str, nodes: int, zones: int
) -> None:
    cache = assembly.template(stage_name, "cache")
    found = group(cache)
    assert (found["CacheNodeType"], found["NumCacheClusters"]) == (node, nodes)
    assert found["AutomaticFailoverEnabled"] is found["MultiAZEnabled"] is True
    subnets = cache.of_type("AWS::EC2::Subnet").values()
    placed = {as_text(subnet["AvailabilityZone"]) for subnet in subnets}
    assert len(placed) == len(subnets) == zones


def test_the_engine_is_valkey_and_forgets_what_is_asked_for_least(cache: Template) -> None:
    assert group(cache)["Engine"] == "valkey"
    parameters = cache.resources[group(cache)["CacheParameterGroupName"]["Ref"]]["Properties"]
    assert parameters["Properties"] == {"maxmemory-policy": "allkeys-lfu"}
    assert group(cache)["SnapshotRetentionLimit"] == 0


def test_the_cache_is_encrypted_and_keeps_no_password(cache: Template) -> None:
    found = group(cache)
    assert found["TransitEncryptionEnabled"] is found["AtRestEncryptionEnabled"] is True
    assert found["TransitEncryptionMode"] == "required"
    assert "AuthToken" not in found
    (users,) = cache.of_type("AWS::ElastiCache::UserGroup").values()
    assert found["UserGroupIds"] == [{"Ref": "CacheUsers"}]
    ((logical_id, user),) = cache.of_type("AWS::ElastiCache::User").items()
    assert users["UserIds"] == [{"Ref": logical_id}]
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert "Passwords" not in user
    # IAM knows the user by both names.
    assert user["UserId"] == user["UserName"]


def test_the_user_can_neither_empty_nor_reconfigure_the_cache(cache: Template) -> None:
    (user,) = cache.of_type("AWS::ElastiCache::User").values()
    rules = user["AccessString"].split()
    assert "-@all" in rules
    granted = rules[rules.index("-@all") + 1 :]
    forbidden = granted.index("-@dangerous")
    assert not {"+@all", "+@admin", "+@dangerous"} & set(granted)
    # Later rules win: what is dangerous comes back for INFO alone.
    assert granted[forbidden + 1 :] == ["+info"]


def test_functions_that_use_the_cache_run_in_its_network(
    service: Template, cache: Template
) -> None:
    inside = {
        name: function["VpcConfig"]
        for name, function in service.functions().items()
        if "VpcConfig" in function
    }
    assert set(inside) == CACHED
    for placed in inside.values():
        (group_id,) = placed["SecurityGroupIds"]
        assert exported(cache, group_id) == {"Fn::GetAtt": ["FunctionsGroup", "GroupId"]}
        subnets = {exported(cache, subnet)["Ref"] for subnet in placed["SubnetIds"]}
        assert subnets == set(cache.of_type("AWS::EC2::Subnet"))


def test_functions_are_told_where_to_write_and_where_to_read(
    service: Template, cache: Template
) -> None:
    (user,) = cache.of_type("AWS::ElastiCache::User").values()
    told = {"CACHE_URL": "PrimaryEndPoint.Address", "CACHE_READER_URL": "ReaderEndPoint.Address"}
    for name, function in service.functions().items():
        variables = function["Environment"]["Variables"]
        if name not in CACHED:
            assert not [variable for variable in variables if variable.startswith("CACHE_")]
            continue
        assert variables["CACHE_IAM_NAME"] == group(cache)["ReplicationGroupId"]
        for variable, endpoint in told.items():
            before, host, after = variables[variable]["Fn::Join"][1]
            assert before == f"rediss://{user['UserName']}@"
            assert exported(cache, host) == {"Fn::GetAtt": ["Cache", endpoint]}
            assert after == f":{PORT}"


def test_functions_connect_to_this_cache_as_this_user_only(
    service: Template, cache: Template
) -> None:
    (user,) = cache.of_type("AWS::ElastiCache::User").values()
    expected = {
        f":replicationgroup:{group(cache)['ReplicationGroupId']}",
        f":user:{user['UserId']}",
    }
    for name in CACHED:
        connects = [
            resource["Fn::Join"][1][-1]
            for action, resource in service.statements(name)
            if action == "elasticache:Connect"
        ]
        assert set(connects) == expected


def test_the_stage_without_a_cache_has_no_network_either(local: Template) -> None:
    for function in local.functions().values():
        assert "VpcConfig" not in function
        assert not [name for name in function["Environment"]["Variables"] if "CACHE" in name]


def test_nothing_leads_to_the_internet(cache: Template) -> None:
    for kind in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Route", "EIP"):
        assert not cache.of_type(f"AWS::EC2::{kind}")
    for subnet in cache.of_type("AWS::EC2::Subnet").values():
        assert subnet["MapPublicIpOnLaunch"] is False


def test_there_is_an_endpoint_for_whatever_functions_inside_call_and_for_nothing_else(
    service: Template, cache: Template
) -> None:
    called = {action.partition(":")[0] for name in CACHED for action, _ in service.statements(name)}
    assert set(endpoints(cache)) == called - ASKED_OF_NO_ENDPOINT
    for name, endpoint in endpoints(cache).items():
        assert endpoint["VpcEndpointType"] == ("Gateway" if name in GATEWAYS else "Interface")


def test_endpoints_answer_in_every_subnet_under_the_services_own_name(cache: Template) -> None:
    subnets = set(cache.of_type("AWS::EC2::Subnet"))
    tables = set(cache.of_type("AWS::EC2::RouteTable"))
    for name, endpoint in endpoints(cache).items():
        if name in GATEWAYS:
            assert {table["Ref"] for table in endpoint["RouteTableIds"]} == tables
        else:
            assert endpoint["PrivateDnsEnabled"] is True
            assert {subnet["Ref"] for subnet in endpoint["SubnetIds"]} == subnets


def test_endpoints_let_this_accounts_calls_through_for_the_stages_own_things(
    cache: Template,
) -> None:
    account = {"Ref": "AWS::AccountId"}
    for name, endpoint in endpoints(cache).items():
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Allow"
        assert as_list(statement["Action"]) == [f"{name}:*"]
        condition = statement["Condition"]["StringEquals"]
        assert condition["aws:PrincipalAccount"] == account
        if name == "s3":
            assert condition["aws:ResourceAccount"] == account
        else:
            resource = statement["Resource"]["Fn::Join"][1]
            assert account in resource
            assert re.search(rf":(\w+[/:])?customerai-{cache.stage}-\*$", resource[-1])


def test_only_functions_reach_the_cache_and_the_endpoints(cache: Template) -> None:
    functions = {"Fn::GetAtt": ["FunctionsGroup", "GroupId"]}
    opened = {
        (rule["GroupId"]["Fn::GetAtt"][0], rule["FromPort"], rule["ToPort"])
        for rule in cache.of_type("AWS::EC2::SecurityGroupIngress").values()
        if rule["SourceSecurityGroupId"] == functions and rule["IpProtocol"] == "tcp"
    }
    assert opened == {("CacheGroup", PORT, PORT), ("EndpointsGroup", 443, 443)}
    assert len(cache.of_type("AWS::EC2::SecurityGroupIngress")) == len(opened)
    for found in cache.of_type("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in found
    assert group(cache)["SecurityGroupIds"] == [{"Fn::GetAtt": ["CacheGroup", "GroupId"]}]
    for name, endpoint in endpoints(cache).items():
        if name not in GATEWAYS:
            assert endpoint["SecurityGroupIds"] == [{"Fn::GetAtt": ["EndpointsGroup", "GroupId"]}]


def test_functions_reach_the_cache_and_https_and_nothing_else(cache: Template) -> None:
    (anywhere,) = cache.of_type("AWS::EC2::SecurityGroup")["FunctionsGroup"]["SecurityGroupEgress"]
    # Nowhere else has a route: the gateways' addresses are public ones.
    assert (anywhere["CidrIp"], anywhere["FromPort"], anywhere["ToPort"]) == ("0.0.0.0/0", 443, 443)
    reached = {
        (rule["DestinationSecurityGroupId"]["Fn::GetAtt"][0], rule["FromPort"], rule["ToPort"])
        for rule in cache.of_type("AWS::EC2::SecurityGroupEgress").values()
    }
    assert reached == {("CacheGroup", PORT, PORT), ("EndpointsGroup", 443, 443)}


def test_what_the_network_refuses_is_logged(cache: Template) -> None:
    (log,) = cache.of_type("AWS::EC2::FlowLog").values()
    assert log["TrafficType"] == "REJECT"
    assert log["ResourceId"] == {"Ref": "Vpc"}
    retention = cache.resources[log["LogGroupName"]["Ref"]]["Properties"]["RetentionInDays"]
    assert retention > 0
