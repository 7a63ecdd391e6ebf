"""EC2: network interfaces beside their groups."""

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

# Names of the timeouts, with the shortest and the longest that AWS takes, in seconds.
TIMEOUTS = {
    "TcpEstablishedTimeout": (60, 432_000),
    "UdpStreamTimeout": (60, 180),
    "UdpTimeout": (30, 60),
}


# Of most instance types, where nothing is set.
DEFAULTS = {"TcpEstablishedTimeout": 432_000, "UdpStreamTimeout": 180, "UdpTimeout": 30}


def connection_tracking():
    """ModifyNetworkInterfaceAttribute ConnectionTrackingSpecification: stock moto ignores it, and shows none."""
    stock = ElasticNetworkInterfaces.modify_network_interface_attribute

    def modify_network_interface_attribute(self):
        said = self._get_param("ConnectionTrackingSpecification") or {}
        for name, value in said.items():
            shortest, longest = TIMEOUTS[name]
            if not shortest <= int(value) <= longest:
                raise EC2ClientError("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid.")
        interface = self.ec2_backend.get_network_interface(self._get_param("NetworkInterfaceId"))
        result = stock(self)
        if said:
            before = getattr(interface, "connection_tracking_configuration", None) or {}
            timeouts = {name: int(value) for name, value in said.items()}
            now = {**before, **timeouts}
            # Whether AWS shows values that are the default ones is not known; here they count as not set.
            interface.connection_tracking_configuration = None if now == DEFAULTS else now
        return result

    ElasticNetworkInterfaces.modify_network_interface_attribute = modify_network_interface_attribute


def requester_managed():
    """An interface with the tag lab:requester is managed by whom it names; of stock moto's interfaces none is.

    Nobody else can change it.
    """
    stock = ElasticNetworkInterfaces.modify_network_interface_attribute

    def modify_network_interface_attribute(self):
        interface = self.ec2_backend.get_network_interface(self._get_param("NetworkInterfaceId"))
        if interface.requester_managed:
            raise EC2ClientError("OperationNotPermitted", f"You are not allowed to manage '{interface.id}'.")
        return stock(self)

    NetworkInterface.requester_managed = property(lambda self: requester_of(self) is not None, lambda *_: None)
    NetworkInterface.requester_id = property(lambda self: requester_of(self) or self.owner_id, lambda *_: None)
    ElasticNetworkInterfaces.modify_network_interface_attribute = modify_network_interface_attribute


def requester_of(interface):
    tags = {tag["key"]: tag["value"] for tag in interface.get_tags()}
    return tags.get("lab:requester")


MENDS = [connection_tracking, requester_managed]
