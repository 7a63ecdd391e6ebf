"""EC2: snapshots."""

import time

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

# AWS takes minutes to hours; this is long enough for a test to see the state in between.
PENDING_SECONDS = 2


def pending_at_first():
    """CreateSnapshot, CreateSnapshots, DescribeSnapshots: stock moto says completed at once, or no state at all."""
    stock = Snapshot.__init__

    def init(self, *args, **kwargs):
        stock(self, *args, **kwargs)
        # Images bring their snapshots along.
        self.completed_at = 0 if self.from_ami else time.monotonic() + PENDING_SECONDS

    def status(self):
        return "completed" if time.monotonic() >= self.completed_at else "pending"

    Snapshot.__init__ = init
    # The serializer takes whichever of its names fits; CreateSnapshots calls it State.
    Snapshot.status = Snapshot.state = property(status, lambda self, _: None)
    Snapshot.progress = property(lambda self: "100%" if self.status == "completed" else "0%")


def sets_of_volumes():
    """CreateSnapshots: stock moto ignores CopyTagsFromSource and ExcludeDataVolumeIds."""

    def create_snapshots(self):
        specification = self._get_param("InstanceSpecification", {})
        tags = self._parse_tag_specification().get("snapshot", {})
        description = self._get_param("Description", "")
        copy_tags = self._get_param("CopyTagsFromSource") == "volume"
        volume_ids = volumes_of_set(self.ec2_backend.get_instance(specification["InstanceId"]), specification)
        self.error_on_dryrun()
        snapshots = [self.ec2_backend.create_snapshot(volume_id, description) for volume_id in volume_ids]
        for snapshot in snapshots:
            snapshot.add_tags({**(tags_of(snapshot.volume) if copy_tags else {}), **tags})
        return ActionResult({"Snapshots": snapshots})

    ElasticBlockStore.create_snapshots = create_snapshots


def volumes_of_set(instance, specification):
    volumes = {name: block.volume_id for name, block in instance.block_device_mapping.items()}
    boot = volumes.pop(instance.root_device_name, None)
    excluded = specification.get("ExcludeDataVolumeIds", [])
    unknown = [volume_id for volume_id in excluded if volume_id not in volumes.values()]
    if unknown:
        raise EC2ClientError("InvalidParameterValue", f"{unknown[0]} is not a data volume of {instance.id}")
    wanted = [volume_id for volume_id in volumes.values() if volume_id not in excluded]
    if boot and str(specification.get("ExcludeBootVolume", False)).lower() != "true":
        wanted.insert(0, boot)
    if not wanted:
        raise EC2ClientError("InvalidParameterValue", f"the instance {instance.id} has no volume to snapshot")
    return wanted


def tags_of(volume):
    """Without those that only AWS may set."""
    return {tag["key"]: tag["value"] for tag in volume.get_tags() if not tag["key"].startswith("aws:")}


def owners():
    """DescribeSnapshots OwnerIds: stock moto ignores them, and lists the snapshots of public images too."""

    def describe_snapshots(self):
        snapshots = self.ec2_backend.describe_snapshots(snapshot_ids=self._get_param("SnapshotIds", []))
        wanted = [self.current_account if owner == "self" else owner for owner in self._get_param("OwnerIds", [])]
        if wanted:
            snapshots = [snapshot for snapshot in snapshots if snapshot.owner_id in wanted]
        # Last, since the snapshots of public images are many.
        return ActionResult({"Snapshots": generic_filter(self._filters_from_querystring(), snapshots)})

    ElasticBlockStore.describe_snapshots = describe_snapshots


MENDS = [pending_at_first, sets_of_volumes, owners]
