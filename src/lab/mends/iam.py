"""IAM."""

import re

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import InstanceProfile, Role


def profile_id_prefix():
    """CreateInstanceProfile InstanceProfileId: stock moto's is lower case, without the prefix that says what it is."""
    stock = InstanceProfile.__init__

    def init(self, *args, **kwargs):
        stock(self, *args, **kwargs)
        self.id = f"AIPA{self.id[4:].upper()}"

    InstanceProfile.__init__ = init


def role_policy_quota():
    """PutRolePolicy: stock moto takes inline policies of any size; AWS 10,240 characters for all of a role, blanks not counted."""
    stock = Role.put_policy

    def put_policy(self, policy_name, policy_json):
        policies = {**self.policies, policy_name: policy_json}
        if sum(len(re.sub(r"\s", "", text)) for text in policies.values()) > 10_240:
            raise LimitExceededException(f"Maximum policy size of 10240 bytes exceeded for role {self.name}")
        stock(self, policy_name, policy_json)

    Role.put_policy = put_policy


MENDS = [profile_id_prefix, role_policy_quota]
