"""EC2: Elastic IP addresses."""

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, ResourceAlreadyAssociatedError
from moto.ec2.models.elastic_ip_addresses import ElasticAddress, ElasticAddressBackend
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.utils import random_eip_association_id


def addresses_of_instance():
    """DescribeAddresses: stock moto does not know the instance of an address that was given to its interface."""
    stock = ElasticAddress.get_filter_value

    def get_filter_value(self, filter_name, method_name=None):
        if filter_name == "instance-id":
            return self.instance_id or None
        return stock(self, filter_name, method_name)

    def instance_id(self):
        instance = self.eni.instance if self.eni else self.instance
        return instance.id if instance else ""

    ElasticAddress.get_filter_value = get_filter_value
    ElasticAddress.instance_id = property(instance_id)


def place_of_address():
    """AssociateAddress: stock moto ignores PrivateIpAddress, and gives one place to two addresses.

    It also refuses to move an address unless AllowReassociation says so, where AWS refuses only if it says no.
    """

    def associate_address(self):
        backend = self.ec2_backend
        interface = interface_of(self)
        if self._get_param("AllocationId"):
            [address] = backend.address_by_allocation([self._get_param("AllocationId")])
        else:
            [address] = backend.address_by_ip([self._get_param("PublicIp")])
        private_ip = self._get_param("PrivateIpAddress") or interface.private_ip_address
        if private_ip not in [each["PrivateIpAddress"] for each in interface.private_ip_addresses]:
            raise EC2ClientError(
                "InvalidParameterValue", f"Private IP address {private_ip} is not assigned to {interface.id}"
            )
        self.error_on_dryrun()
        place = (interface, private_ip)
        if place_of(address) == place:
            return ActionResult({"AssociationId": address.association_id})
        former = [each for each in backend.addresses if place_of(each) == place]
        if str(self._get_param("AllowReassociation", True)).lower() == "false":
            if address.eni:
                raise ResourceAlreadyAssociatedError(address.allocation_id)
            if former:
                raise ResourceAlreadyAssociatedError(interface.id)
        for each in [address, *former]:
            if each.eni:
                backend.disassociate_address(association_id=each.association_id)
        address.eni = interface
        address.private_ip = private_ip
        address.association_id = random_eip_association_id()
        if private_ip == interface.private_ip_address:
            interface.public_ip = address.public_ip
        return ActionResult({"AssociationId": address.association_id})

    stock_disassociate = ElasticAddressBackend.disassociate_address

    def disassociate_address(self, address=None, association_id=None):
        [found] = self.address_by_ip([address]) if address else self.address_by_association([association_id])
        kept = found.eni.public_ip if found.eni else None
        interface, is_primary = found.eni, kept == found.public_ip
        stock_disassociate(self, address, association_id)
        # A secondary address of the interface takes nothing from the primary one.
        if interface and not is_primary:
            interface.public_ip = kept
        found.private_ip = None

    ElasticIPAddresses.associate_address = associate_address
    ElasticAddressBackend.disassociate_address = disassociate_address
    ElasticAddress.private_ip_address = property(lambda self: place_of(self)[1])


def interface_of(request):
    """By its id, or the only one of the instance."""
    interface_id = request._get_param("NetworkInterfaceId")
    if interface_id:
        return request.ec2_backend.get_network_interface(interface_id)
    instance = request.ec2_backend.get_instance(request._get_param("InstanceId"))
    if len(instance.nics) != 1:
        raise EC2ClientError(
            "InvalidInstanceID", f"There are multiple interfaces attached to instance '{instance.id}'."
        )
    return next(iter(instance.nics.values()))


def place_of(address):
    if not address.eni:
        return (None, None)
    return (address.eni, getattr(address, "private_ip", None) or address.eni.private_ip_address)


MENDS = [addresses_of_instance, place_of_address]
