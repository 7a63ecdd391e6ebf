"""Elastic Load Balancing: target groups, and classic load balancers."""

import ipaddress

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.elb.models import ELBBackend
from moto.elbv2.exceptions import InvalidTargetError, TargetNotRunning
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup
from moto.elbv2.responses import ELBV2Response

# Classic load balancers come in pages of 50 in stock moto, to make testing easier; AWS has 400.
PAGE_SIZE = 50


class Health(FakeHealthStatus):
    """With everything that a target was registered with."""

    def __init__(self, target, *args):
        super().__init__(target["Id"], target["Port"], *args)
        self.whole = target

    @property
    def target(self):
        return self.whole


def targets_by_port():
    """RegisterTargets: stock moto knows each target once, whatever its port, forgets its zone, and refuses a second end."""

    def registered(self, target):
        target = {"Port": self.port, **target}
        zone = zone_of(self, target["Id"])
        if self.target_type == "ip" and zone:
            target.setdefault("AvailabilityZone", zone)
        return (target["Id"], str(target["Port"])), target

    def register(self, targets):
        for target in targets:
            if self.target_type == "instance":
                instance = self.ec2_backend.get_instance_by_id(target["Id"])
                if instance is None:
                    raise InvalidTargetError()
                if instance.state != "running":
                    raise TargetNotRunning(instance_id=target["Id"])
            key, whole = registered(self, target)
            self.targets[key] = whole
            self.deregistered_targets.pop(key, None)

    def deregister(self, targets):
        for target in targets:
            key, _ = registered(self, target)
            whole = self.targets.pop(key, None)
            if whole:
                self.deregistered_targets[key] = whole

    def deregister_terminated_instances(self, instance_ids):
        for key in [key for key in self.targets if key[0] in instance_ids]:
            self.terminated_targets[key] = self.targets.pop(key)

    def health_for(self, target, ec2_backend):
        key, whole = registered(self, target)
        if key not in self.targets:
            return Health(whole, self.health_check_port, "unused", "Target.NotRegistered")
        instance = ec2_backend.get_instance_by_id(key[0])
        if instance and instance.state == "stopped":
            return Health(self.targets[key], self.health_check_port, "unused", "Target.InvalidState")
        return Health(self.targets[key], self.health_check_port, "healthy")

    FakeTargetGroup.register = register
    FakeTargetGroup.deregister = deregister
    FakeTargetGroup.deregister_terminated_instances = deregister_terminated_instances
    FakeTargetGroup.health_for = health_for


def zone_of(target_group, target_id):
    try:
        address = ipaddress.ip_address(target_id)
    except ValueError:
        return None
    for subnet in target_group.ec2_backend.describe_subnets(filters={"vpc-id": [target_group.vpc_id]}):
        if address in ipaddress.ip_network(subnet.cidr_block):
            return subnet.availability_zone
    return None


def draining():
    """DescribeTargetHealth: stock moto shows nothing of a target that was deregistered a moment ago."""
    stock_deregister = FakeTargetGroup.deregister
    stock_describe = ELBv2Backend.describe_target_health

    def deregister(self, targets):
        stock_deregister(self, targets)
        for target in self.deregistered_targets.values():
            target.setdefault("at", utcnow())

    def describe_target_health(self, target_group_arn, targets):
        found = stock_describe(self, target_group_arn, targets)
        if targets:
            return found
        target_group = self.target_groups[target_group_arn]
        delay = int(target_group.attributes["deregistration_delay.timeout_seconds"])
        for target in target_group.deregistered_targets.values():
            if (utcnow() - target["at"]).total_seconds() < delay:
                whole = {name: value for name, value in target.items() if name != "at"}
                found.append(
                    Health(whole, target_group.health_check_port, "draining", "Target.DeregistrationInProgress")
                )
        return found

    FakeTargetGroup.deregister = deregister
    ELBv2Backend.describe_target_health = describe_target_health


def pages_of_target_groups():
    """DescribeTargetGroups: stock moto knows no pages."""

    def describe_target_groups(self):
        groups = list(
            self.elbv2_backend.describe_target_groups(
                self._get_param("LoadBalancerArn"), self._get_param("TargetGroupArns", []), self._get_param("Names", [])
            )
        )
        marker = self._get_param("Marker")
        start = [group.arn for group in groups].index(marker) + 1 if marker else 0
        end = start + (self._get_int_param("PageSize") or PAGE_SIZE)
        more = {"NextMarker": groups[end - 1].arn} if len(groups) > end else {}
        return ActionResult({"TargetGroups": groups[start:end], **more})

    ELBV2Response.describe_target_groups = describe_target_groups


def instances_of_classic():
    """DeregisterInstancesFromLoadBalancer: stock moto keeps instances that came by their Auto Scaling group.

    RegisterInstancesWithLoadBalancer: stock moto registers an instance as often as it is told.
    """
    stock_register = ELBBackend.register_instances
    stock_deregister = ELBBackend.deregister_instances

    def register_instances(self, load_balancer_name, instance_ids, from_autoscaling=False):
        there = self.get_load_balancer(load_balancer_name).instance_ids
        missing = [each for each in instance_ids if each not in there]
        return stock_register(self, load_balancer_name, missing, from_autoscaling)

    def deregister_instances(self, load_balancer_name, instance_ids, from_autoscaling=False):
        if not from_autoscaling:
            stock_deregister(self, load_balancer_name, instance_ids, True)
        return stock_deregister(self, load_balancer_name, instance_ids, from_autoscaling)

    ELBBackend.register_instances = register_instances
    ELBBackend.deregister_instances = deregister_instances


MENDS = [targets_by_port, draining, pages_of_target_groups, instances_of_classic]
