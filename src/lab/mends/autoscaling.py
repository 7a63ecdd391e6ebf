"""Auto Scaling. The tag lab:lifecycle gives an instance another lifecycle state, such as Pending:Wait or Warmed:Stopped."""

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState


def member_states(backend, group_name, instance_ids, allowed):
    group = backend.autoscaling_groups.get(group_name)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup {group_name} not found")
    states = {state.instance.id: state for state in group.instance_states}
    for instance_id in instance_ids:
        if instance_id not in states:
            raise ValidationError(f"The instance {instance_id} is not part of Auto Scaling group {group_name}.")
        if states[instance_id].lifecycle_state not in allowed:
            raise ValidationError(f"The instance {instance_id} is not in {' or '.join(allowed)}.")
    return group


def only_from_the_right_state():
    """EnterStandby, ExitStandby, DetachInstances: stock moto accepts members in any state, and instances that are none."""
    stock_enter = AutoScalingBackend.enter_standby_instances
    stock_exit = AutoScalingBackend.exit_standby_instances
    stock_detach = AutoScalingBackend.detach_instances

    def enter_standby_instances(self, group_name, instance_ids, should_decrement):
        member_states(self, group_name, instance_ids, ["InService"])
        return stock_enter(self, group_name, instance_ids, should_decrement)

    def exit_standby_instances(self, group_name, instance_ids):
        member_states(self, group_name, instance_ids, ["Standby"])
        return stock_exit(self, group_name, instance_ids)

    def detach_instances(self, group_name, instance_ids, should_decrement):
        member_states(self, group_name, instance_ids, ["InService", "Standby"])
        return stock_detach(self, group_name, instance_ids, should_decrement)

    AutoScalingBackend.enter_standby_instances = enter_standby_instances
    AutoScalingBackend.exit_standby_instances = exit_standby_instances
    AutoScalingBackend.detach_instances = detach_instances


def within_limits():
    """The same calls: stock moto lets the desired capacity leave the limits of the group."""
    stock_enter = AutoScalingBackend.enter_standby_instances
    stock_exit = AutoScalingBackend.exit_standby_instances
    stock_detach = AutoScalingBackend.detach_instances

    def check(self, group_name, change, what, count):
        group = self.autoscaling_groups.get(group_name)
        if group is not None and not group.min_size <= group.desired_capacity + change <= group.max_size:
            raise ValidationError(
                f"AutoScalingGroup {group_name} has min-size={group.min_size}, max-size={group.max_size}, and "
                f"desired-size={group.desired_capacity}. To {what} {count} instance{'s' if count > 1 else ''}, please "
                "update the AutoScalingGroup sizes appropriately."
            )

    def enter_standby_instances(self, group_name, instance_ids, should_decrement):
        if should_decrement:
            check(self, group_name, -len(instance_ids), "place into standby", len(instance_ids))
        return stock_enter(self, group_name, instance_ids, should_decrement)

    def exit_standby_instances(self, group_name, instance_ids):
        check(self, group_name, len(instance_ids), "exit standby", len(instance_ids))
        return stock_exit(self, group_name, instance_ids)

    def detach_instances(self, group_name, instance_ids, should_decrement):
        if should_decrement:
            check(self, group_name, -len(instance_ids), "detach", len(instance_ids))
        return stock_detach(self, group_name, instance_ids, should_decrement)

    AutoScalingBackend.enter_standby_instances = enter_standby_instances
    AutoScalingBackend.exit_standby_instances = exit_standby_instances
    AutoScalingBackend.detach_instances = detach_instances


def leave_target_groups():
    """EnterStandby, DetachInstances: stock moto leaves the instance in the target groups of the group."""
    stock_update = AutoScalingBackend.update_attached_target_groups
    stock_detach = AutoScalingBackend.detach_instances

    def leave(self, group, instance_ids):
        for arn in group.target_group_arns:
            target_group = self.elbv2_backend.target_groups.get(arn)
            there = {target["Id"] for target in target_group.targets.values()} if target_group else set()
            gone = [{"Id": each, "Port": target_group.port} for each in instance_ids if each in there]
            if gone:
                self.elbv2_backend.deregister_targets(arn, gone)

    def update_attached_target_groups(self, group_name):
        group = self.autoscaling_groups[group_name]
        everybody = group.instance_states
        # Stock registers whatever is a member.
        group.instance_states = group.active_instances()
        try:
            stock_update(self, group_name)
        finally:
            group.instance_states = everybody
        leave(self, group, [state.instance.id for state in everybody if state.lifecycle_state == "Standby"])

    def detach_instances(self, group_name, instance_ids, should_decrement):
        activities = stock_detach(self, group_name, instance_ids, should_decrement)
        leave(self, self.autoscaling_groups[group_name], instance_ids)
        return activities

    AutoScalingBackend.update_attached_target_groups = update_attached_target_groups
    AutoScalingBackend.detach_instances = detach_instances


def suspended_launch():
    """SuspendProcesses Launch: stock moto launches replacements all the same."""
    stock = FakeAutoScalingGroup.replace_autoscaling_group_instances

    def replace_autoscaling_group_instances(self, *args, **kwargs):
        if "Launch" not in self._suspended_processes:
            stock(self, *args, **kwargs)

    FakeAutoScalingGroup.replace_autoscaling_group_instances = replace_autoscaling_group_instances


def detached_for_good():
    """AttachInstances of a detached instance: stock moto shows it in the group that it came from."""
    stock = AutoScalingBackend.detach_instances

    def detach_instances(self, group_name, instance_ids, should_decrement):
        activities = stock(self, group_name, instance_ids, should_decrement)
        for instance_id in instance_ids:
            vars(self.ec2_backend.get_instance(instance_id)).pop("autoscaling_group", None)
        return activities

    AutoScalingBackend.detach_instances = detach_instances


def played_lifecycle():
    """DescribeAutoScalingInstances: stock moto knows InService and Standby only."""

    def lifecycle_state(self):
        tags = {tag["key"]: tag["value"] for tag in self.instance.get_tags()}
        return tags.get("lab:lifecycle", self._lifecycle_state)

    def set_lifecycle_state(self, value):
        self._lifecycle_state = value

    InstanceState.lifecycle_state = property(lifecycle_state, set_lifecycle_state)


MENDS = [
    # First: the others' checks of what is in the group see it before it leaves.
    leave_target_groups,
    detached_for_good,
    within_limits,
    only_from_the_right_state,
    suspended_launch,
    played_lifecycle,
]
