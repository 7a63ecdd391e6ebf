"""EC2: states that an instance is in for a while only, and how it was stopped. Stock moto is always through at once.

Tags play them: lab:state (pending, stopping, shutting-down) and lab:profile (associating, disassociating), for as long as
they are there; lab:root (instance-store) for an instance without EBS volumes.
"""

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociation
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.iam_instance_profiles import IamInstanceProfiles
from moto.ec2.responses.instances import InstanceResponse

BETWEEN = {"pending": 0, "shutting-down": 32, "stopping": 64}


def between_states():
    """DescribeInstances State: stock moto knows none that passes."""

    def instance_state(self):
        name = played(self, "lab:state")
        return InstanceState(name, BETWEEN[name]) if name in BETWEEN else self._state

    Instance.instance_state = property(instance_state)
    Instance.state = property(lambda self: self.instance_state.name)
    Instance.state_code = property(lambda self: self.instance_state.code)


def hibernation():
    """StopInstances Hibernate: stock moto stops the instance, and says so."""
    stock = InstanceResponse.stop_instances

    def stop_instances(self):
        result = stock(self)
        if self._get_param("Hibernate", False):
            for instance in self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", [])):
                code = "Client.UserInitiatedHibernate"
                instance.state_reason = StateReason(f"{code}: User initiated hibernate", code)
        return result

    InstanceResponse.stop_instances = stop_instances


def instance_store():
    """DescribeInstances RootDeviceType: stock moto gives every instance EBS volumes, and a choice how it shuts down."""
    stock = Instance.get_block_device_mapping.fget

    def has_store(instance):
        return played(instance, "lab:root") == "instance-store"

    Instance.root_device_type = property(lambda self: "instance-store" if has_store(self) else "ebs", lambda *_: None)
    Instance.get_block_device_mapping = property(lambda self: {}.items() if has_store(self) else stock(self))
    stock_run = InstanceBackend.run_instances

    def run_instances(self, *args, **kwargs):
        reservation = stock_run(self, *args, **kwargs)
        for instance in filter(has_store, reservation.instances):
            instance.instance_initiated_shutdown_behavior = "terminate"
        return reservation

    InstanceBackend.run_instances = run_instances


def profile_on_its_way():
    """DescribeIamInstanceProfileAssociations State: stock moto always says that it is associated."""
    IamInstanceProfileAssociation.state = property(
        lambda self: played(self.instance, "lab:profile") or "associated", lambda *_: None
    )


def profile_of_settled_instance():
    """Associate-, DisassociateIamInstanceProfile: stock moto takes both in every state, and of what is on its way."""
    associate = IamInstanceProfiles.associate_iam_instance_profile
    disassociate = IamInstanceProfiles.disassociate_iam_instance_profile

    def associate_iam_instance_profile(self):
        require_settled(self.ec2_backend.get_instance(self._get_param("InstanceId")))
        return associate(self)

    def disassociate_iam_instance_profile(self):
        wanted = self._get_param("AssociationId")
        for association in self.ec2_backend.iam_instance_profile_associations.values():
            if association.association_id != wanted:
                continue
            require_settled(association.instance)
            if association.state != "associated":
                raise EC2ClientError("IncorrectState", f"The association {wanted} is {association.state}")
        return disassociate(self)

    IamInstanceProfiles.associate_iam_instance_profile = associate_iam_instance_profile
    IamInstanceProfiles.disassociate_iam_instance_profile = disassociate_iam_instance_profile


def require_settled(instance):
    if instance.state in ("pending", "stopping", "shutting-down"):
        raise EC2ClientError(
            "IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'running' or 'stopped' states."
        )


def played(instance, key):
    return next((tag["value"] for tag in instance.get_tags() if tag["key"] == key), None)


MENDS = [between_states, hibernation, instance_store, profile_on_its_way, profile_of_settled_instance]
