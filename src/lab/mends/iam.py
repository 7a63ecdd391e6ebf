"""IAM."""

from moto.iam.models import InstanceProfile


def profile_id_prefix():
    """CreateInstanceProfile InstanceProfileId: stock moto's is lower case, without the prefix that says what it is."""
    stock = InstanceProfile.__init__

    def init(self, *args, **kwargs):
        stock(self, *args, **kwargs)
        self.id = f"AIPA{self.id[4:].upper()}"

    InstanceProfile.__init__ = init


MENDS = [profile_id_prefix]
