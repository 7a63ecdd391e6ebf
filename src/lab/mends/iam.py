"""IAM."""

import re
from urllib.parse import quote

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend, InstanceProfile, Role


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


def encoded_role_policy():
    """GetRolePolicy PolicyDocument: AWS gives it URL-encoded, stock moto as it is."""
    stock = IAMBackend.get_role_policy

    def get_role_policy(self, role_name, policy_name):
        name, document = stock(self, role_name, policy_name)
        return name, quote(document, safe="")

    IAMBackend.get_role_policy = get_role_policy


MENDS = [profile_id_prefix, role_policy_quota, encoded_role_policy]
