"""What stock moto lacks or gets wrong, one file per AWS service.

Every file has a list MENDS; every entry is a function that changes one behaviour, with a comment that names the call
and says what stock moto does. Each has a probe in test/lab that stock moto fails.
"""

from . import autoscaling, awslambda, clean_errors, control, ec2_addresses, ec2_attributes, ec2_console, ec2_describe
from . import ec2_groups, ec2_instances, ec2_interfaces, ec2_profiles, ec2_snapshots, ec2_states, elb, events, iam, s3
from . import sns, ssm

FILES = [
    autoscaling,
    awslambda,
    ec2_addresses,
    ec2_attributes,
    ec2_console,
    ec2_describe,
    ec2_groups,
    ec2_instances,
    ec2_interfaces,
    ec2_profiles,
    ec2_snapshots,
    ec2_states,
    elb,
    events,
    iam,
    s3,
    sns,
    ssm,
]


def apply():
    for file in FILES:
        for mend in file.MENDS:
            mend()


def wrap(app):
    """The routes of our own, and a clean answer for whatever moto does not implement."""
    return control.routes(clean_errors.clean(app), names())


def names():
    mended = [f"{file.__name__.split('.')[-1]}.{mend.__name__}" for file in FILES for mend in file.MENDS]
    return [*mended, "clean_errors"]
