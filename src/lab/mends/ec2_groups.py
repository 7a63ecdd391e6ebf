"""EC2: security groups, and the groups of network interfaces."""

from moto.ec2.exceptions import (
    DependencyViolationError,
    InvalidPermissionNotFoundError,
    InvalidSecurityGroupNotFoundError,
)
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import Instance
from moto.ec2.models.security_groups import SecurityGroupBackend

from .ec2_attributes import groups_in_vpc


def own_groups_of_interface():
    """DescribeNetworkInterfaces, DescribeInstances: stock moto merges the instance's first groups into an interface's.

    So an isolation never verifies.
    """
    NetworkInterface.group_set = property(lambda self: self._group_set)


def groups_of_first_interface():
    """DescribeInstances SecurityGroups: stock moto leaves them empty when groups are set on interfaces."""

    def get(self):
        first = getattr(self, "nics", {}).get(0)
        return first._group_set if first else self.__dict__.get("launch_groups", [])

    def set_(self, groups):
        self.__dict__["launch_groups"] = groups

    Instance.security_groups = property(get, set_)


def modify_interface_groups():
    """ModifyNetworkInterfaceAttribute Groups: stock moto accepts groups that do not exist or lie in another VPC."""
    stock = NetworkInterfaceBackend.modify_network_interface_attribute

    def modify_network_interface_attribute(self, eni_id, group_ids, source_dest_check=None, description=None):
        groups = groups_in_vpc(self, group_ids, self.get_network_interface(eni_id).vpc_id)
        return stock(self, eni_id, [group.id for group in groups], source_dest_check, description)

    NetworkInterfaceBackend.modify_network_interface_attribute = modify_network_interface_attribute


def revoke_egress_ipv6():
    """RevokeSecurityGroupEgress: stock moto leaves IPv6 rules in place, silently, where the VPC has no IPv6 range."""

    def revoke_security_group_egress(
        self,
        group_name_or_id,
        ip_protocol,
        from_port,
        to_port,
        ip_ranges,
        source_groups=None,
        prefix_list_ids=None,
        security_rule_ids=None,
        vpc_id=None,
    ):
        group = self.get_security_group_by_name_or_id(group_name_or_id, vpc_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_name_or_id)
        if security_rule_ids:
            gone = [rule for rule in group.egress_rules if rule.id in security_rule_ids]
            if len(gone) < len(security_rule_ids):
                raise InvalidPermissionNotFoundError()
        else:
            others = self._add_source_group(source_groups, vpc_id)
            prefixes = prefix_list_ids or []
            wanted = self._iterate_security_rules(
                ip_protocol, group.group_id, from_port, to_port, ip_ranges, others, prefixes, is_egress=True
            )
            gone = [rule_like(group.egress_rules, rule) for rule in wanted]
        ids = {rule.id for rule in gone}
        group.egress_rules = [rule for rule in group.egress_rules if rule.id not in ids]

    SecurityGroupBackend.revoke_security_group_egress = revoke_security_group_egress


def keep_groups_in_use():
    """DeleteSecurityGroup: stock moto deletes groups that interfaces or other groups still use."""
    stock = SecurityGroupBackend.delete_security_group

    def delete_security_group(self, name=None, group_id=None):
        found = self.get_security_group_by_name_or_id(group_id or name)
        if found and is_in_use(self, found):
            raise DependencyViolationError(f"resource {found.id} has a dependent object")
        return stock(self, name, group_id)

    SecurityGroupBackend.delete_security_group = delete_security_group


def is_in_use(backend, group):
    if any(group in interface._group_set for interface in backend.enis.values()):
        return True
    others = [other for groups in backend.groups.values() for other in groups.values() if other is not group]
    rules = [rule for other in others for rule in [*other.ingress_rules, *other.egress_rules]]
    return any(rule.source_group.get("GroupId") == group.id for rule in rules)


def rule_like(rules, wanted):
    for rule in rules:
        if rule == wanted:
            return rule
    raise InvalidPermissionNotFoundError()


MENDS = [
    own_groups_of_interface,
    groups_of_first_interface,
    modify_interface_groups,
    revoke_egress_ipv6,
    keep_groups_in_use,
]
