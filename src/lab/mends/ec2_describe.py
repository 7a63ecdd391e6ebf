"""EC2: finding instances."""

import re
from fnmatch import fnmatchcase

from moto.ec2 import exceptions, utils

WELL_FORMED = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")


def malformed_id():
    """Any call with a malformed instance id: stock moto says that there is no such instance."""
    stock = exceptions.InvalidInstanceIdError.__init__

    def init(self, instance_id):
        ids = [instance_id] if isinstance(instance_id, str) else list(instance_id)
        bad = next((each for each in ids if not WELL_FORMED.fullmatch(str(each))), None)
        if bad is None:
            stock(self, instance_id)
        else:
            exceptions.EC2ClientError.__init__(self, "InvalidInstanceID.Malformed", f'Invalid id: "{bad}"')

    exceptions.InvalidInstanceIdError.__init__ = init


def more_filters():
    """DescribeInstances with one of FILTERS: stock moto answers 500, or knows no wildcard."""
    stock = utils.passes_filter_dict

    def passes_filter_dict(instance, filter_dict):
        rest = {name: values for name, values in filter_dict.items() if name not in FILTERS}
        return stock(instance, rest) and all(
            any(fnmatchcase(str(found), value) for found in FILTERS[name](instance) for value in values)
            for name, values in filter_dict.items()
            if name in FILTERS
        )

    utils.passes_filter_dict = passes_filter_dict


FILTERS = {
    "block-device-mapping.volume-id": lambda i: [block.volume_id for block in i.block_device_mapping.values()],
    "iam-instance-profile.arn": lambda i: [(i.iam_instance_profile or {}).get("Arn")],
    "iam-instance-profile.id": lambda i: [(i.iam_instance_profile or {}).get("Id")],
    "instance-state-code": lambda i: [i.state_code],
    "instance-state-name": lambda i: [i.state],
    "network-interface.group-id": lambda i: [group.id for nic in i.nics.values() for group in nic._group_set],
    "network-interface.network-interface-id": lambda i: [nic.id for nic in i.nics.values()],
    "network-interface.subnet-id": lambda i: [nic.subnet_id for nic in i.nics.values()],
    "network-interface.vpc-id": lambda i: [nic.vpc_id for nic in i.nics.values()],
}

MENDS = [malformed_id, more_filters]
