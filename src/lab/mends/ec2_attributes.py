"""EC2: attributes of instances, read and changed."""

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError
from moto.ec2.models.instances import Instance, InstanceBackend, MetadataOptions
from moto.ec2.responses.instances import InstanceResponse

# The attributes that ModifyInstanceAttribute takes in a form of their own; AWS wants exactly one of them in a call.
ATTRIBUTES = [
    "BlockDeviceMappings",
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "EnaSupport",
    "Groups",
    "InstanceInitiatedShutdownBehavior",
    "InstanceType",
    "Kernel",
    "Ramdisk",
    "SourceDestCheck",
    "SriovNetSupport",
    "UserData",
]

NOT_OF_SPOT = ["DisableApiStop", "DisableApiTermination", "InstanceInitiatedShutdownBehavior"]


def one_attribute_of_a_living_instance():
    """ModifyInstanceAttribute: stock moto changes one of several attributes, and terminated instances.

    Without any attribute, it wipes the groups.
    """
    stock = InstanceResponse.modify_instance_attribute

    def modify_instance_attribute(self):
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        if instance.state == "terminated":
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' is terminated.")
        said = [name for name in [*ATTRIBUTES, "Attribute"] if self._get_param(name) is not None]
        if not said:
            raise EC2ClientError("InvalidParameterCombination", "No attributes specified.")
        if len(said) > 1:
            raise EC2ClientError("InvalidParameterCombination", "Fields for multiple attribute types specified")
        return stock(self)

    InstanceResponse.modify_instance_attribute = modify_instance_attribute


def shutdown_behavior():
    """ModifyInstanceAttribute InstanceInitiatedShutdownBehavior: stock moto ignores it and wipes the groups."""
    stock = InstanceResponse.modify_instance_attribute

    def modify_instance_attribute(self):
        value = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if value is None:
            return stock(self)
        if value not in ("stop", "terminate"):
            raise EC2ClientError("InvalidParameterValue", f"Value ({value}) for parameter value is invalid.")
        self.error_on_dryrun()
        self.ec2_backend.modify_instance_attribute(
            self._get_param("InstanceId"), "instance_initiated_shutdown_behavior", value
        )
        return EmptyResult()

    InstanceResponse.modify_instance_attribute = modify_instance_attribute


def groups_of_one_interface():
    """ModifyInstanceAttribute Groups: stock moto applies them to every interface, even those that do not exist.

    AWS refuses where there is more than one interface.
    """

    def modify_instance_security_groups(self, instance_id, new_group_id_list):
        instance = self.get_instance(instance_id)
        if len(instance.nics) > 1:
            raise EC2ClientError(
                "InvalidInstanceID",
                f"There are multiple interfaces attached to instance '{instance_id}'. "
                "Please specify an interface ID for the operation instead.",
            )
        for interface in instance.nics.values():
            interface._group_set = groups_in_vpc(self, new_group_id_list, interface.vpc_id)
        return instance

    InstanceBackend.modify_instance_security_groups = modify_instance_security_groups


def groups_in_vpc(backend, group_ids, vpc_id):
    groups = []
    for group_id in dict.fromkeys(group_ids):
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        if group.vpc_id != vpc_id:
            raise EC2ClientError(
                "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
            )
        groups.append(group)
    return groups


def block_device_mapping():
    """DescribeInstanceAttribute blockDeviceMapping: stock moto answers an empty list."""
    stock = InstanceResponse.describe_instance_attribute

    def describe_instance_attribute(self):
        if self._get_param("Attribute") != "blockDeviceMapping":
            return stock(self)
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        return ActionResult({"InstanceId": instance.id, "BlockDeviceMappings": instance.block_device_mappings})

    InstanceResponse.describe_instance_attribute = describe_instance_attribute


def metadata_options():
    """ModifyInstanceMetadataOptions: stock moto executes a DryRun, and forgets every option that is not in the call."""
    stock = InstanceBackend.modify_instance_metadata_options
    stock_response = InstanceResponse.modify_instance_metadata_options

    def modify_instance_metadata_options(self, instance_id, **options):
        now = self.get_instance(instance_id).metadata_options
        kept = {
            "http_tokens": now.http_tokens,
            "hop_limit": now.http_put_response_hop_limit,
            "http_endpoint": now.http_endpoint,
            "http_protocol": now.http_protocol_ipv6,
            "metadata_tags": now.instance_metadata_tags,
        }
        said = {name: value for name, value in options.items() if value is not None}
        return stock(self, instance_id, **{**kept, **said})

    def response(self):
        self.ec2_backend.get_instance(self._get_param("InstanceId"))
        self.error_on_dryrun()
        return stock_response(self)

    InstanceBackend.modify_instance_metadata_options = modify_instance_metadata_options
    InstanceResponse.modify_instance_metadata_options = response


def guards_of_endpoint():
    """ModifyInstanceMetadataOptions: stock moto takes tokens and hop limit while the endpoint is disabled."""
    stock = InstanceResponse.modify_instance_metadata_options

    def modify_instance_metadata_options(self):
        now = self.ec2_backend.get_instance(self._get_param("InstanceId")).metadata_options.http_endpoint
        guards = [name for name in ("HttpTokens", "HttpPutResponseHopLimit") if self._get_param(name) is not None]
        if guards and self._get_param("HttpEndpoint", now) == "disabled":
            raise EC2ClientError(
                "InvalidParameterCombination", f"{guards[0]} cannot be set while HttpEndpoint is disabled."
            )
        return stock(self)

    InstanceResponse.modify_instance_metadata_options = modify_instance_metadata_options


def pending_metadata_options():
    """DescribeInstances MetadataOptions: stock moto always says that they are applied.

    An instance with the tag lab:metadata has those that it says: pending, for one that does not take them.
    """

    def state(self):
        instance = getattr(self, "instance", None)
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()} if instance else {}
        return tags.get("lab:metadata", "applied")

    def set_(self, options):
        options.instance = self
        self.__dict__["metadata_options"] = options

    MetadataOptions.state = property(state, lambda *_: None)
    Instance.metadata_options = property(lambda self: self.__dict__["metadata_options"], set_)


def mapped_devices():
    """ModifyInstanceAttribute BlockDeviceMappings: stock moto fails at a device where nothing is, having changed others."""
    stock = InstanceResponse.modify_instance_attribute

    def modify_instance_attribute(self):
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        devices = [mapping.get("DeviceName") for mapping in self._get_param("BlockDeviceMappings", [])]
        unknown = [device for device in devices if device not in instance.block_device_mapping]
        if unknown:
            raise EC2ClientError("InvalidInstanceAttributeValue", f"No device is currently mapped at {unknown[0]}")
        return stock(self)

    InstanceResponse.modify_instance_attribute = modify_instance_attribute


def spot_instances():
    """ModifyInstanceAttribute of a Spot instance: stock moto changes what AWS changes of none.

    Its shutdown behavior is to terminate.
    """
    stock = InstanceResponse.modify_instance_attribute
    stock_run = InstanceBackend.run_instances

    def modify_instance_attribute(self):
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        said = [name for name in NOT_OF_SPOT if self._get_param(name) is not None]
        if said and instance.lifecycle == "spot":
            attribute = said[0][0].lower() + said[0][1:]
            raise EC2ClientError("UnsupportedOperation", f"Modifying '{attribute}' is not supported for spot instances.")
        return stock(self)

    def run_instances(self, *args, **kwargs):
        reservation = stock_run(self, *args, **kwargs)
        for instance in reservation.instances:
            if instance.lifecycle == "spot":
                instance.instance_initiated_shutdown_behavior = "terminate"
        return reservation

    InstanceResponse.modify_instance_attribute = modify_instance_attribute
    InstanceBackend.run_instances = run_instances


MENDS = [
    shutdown_behavior,
    mapped_devices,
    spot_instances,
    one_attribute_of_a_living_instance,
    groups_of_one_interface,
    block_device_mapping,
    metadata_options,
    guards_of_endpoint,
    pending_metadata_options,
]
