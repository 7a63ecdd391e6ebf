"""EC2: instance profiles of instances."""

from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import iam_instance_profile as stock_module
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociation, IamInstanceProfileAssociationBackend
from moto.ec2.utils import random_iam_instance_profile_association_id


def profile_id():
    """DescribeInstances IamInstanceProfile.Id: stock moto answers the association's id instead of the profile's."""
    stock = IamInstanceProfileAssociation.__init__

    def init(self, *args, **kwargs):
        stock(self, *args, **kwargs)
        show_on_instance(self)

    IamInstanceProfileAssociation.__init__ = init


def show_on_instance(association):
    profile = association.iam_instance_profile
    association.instance.iam_instance_profile = {"Arn": profile.arn, "Id": profile.id}


def associate_living_instances():
    """AssociateIamInstanceProfile: stock moto accepts terminated instances."""
    stock = IamInstanceProfileAssociationBackend.associate_iam_instance_profile

    def associate_iam_instance_profile(self, instance_id, *args, **kwargs):
        instance = self.get_instance(instance_id)
        if instance.state == "terminated":
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance_id}' is terminated.")
        return stock(self, instance_id, *args, **kwargs)

    IamInstanceProfileAssociationBackend.associate_iam_instance_profile = associate_iam_instance_profile


def unknown_profile():
    """AssociateIamInstanceProfile with an unknown profile: stock moto answers with an error of IAM."""
    stock = stock_module.filter_iam_instance_profiles

    def filter_iam_instance_profiles(*args, **kwargs):
        try:
            found = stock(*args, **kwargs)
        except ServiceException:
            found = None
        if found is None:
            said = kwargs.get("iam_instance_profile_arn") or kwargs.get("iam_instance_profile_name")
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Value ({said}) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile",
            )
        return found

    stock_module.filter_iam_instance_profiles = filter_iam_instance_profiles


def replace_on_running_instance():
    """ReplaceIamInstanceProfileAssociation: stock moto keeps the association's id and shows the old profile.

    It also replaces on stopped instances.
    """
    stock = IamInstanceProfileAssociationBackend.replace_iam_instance_profile_association

    def replace_iam_instance_profile_association(self, association_id, *args, **kwargs):
        for association in self.iam_instance_profile_associations.values():
            if association.association_id == association_id and not association.instance.is_running():
                raise EC2ClientError(
                    "IncorrectInstanceState", f"The instance '{association.instance_id}' is not in state 'running'."
                )
        association = stock(self, association_id, *args, **kwargs)
        association.association_id = random_iam_instance_profile_association_id()
        show_on_instance(association)
        return association

    IamInstanceProfileAssociationBackend.replace_iam_instance_profile_association = (
        replace_iam_instance_profile_association
    )


MENDS = [profile_id, associate_living_instances, unknown_profile, replace_on_running_instance]
