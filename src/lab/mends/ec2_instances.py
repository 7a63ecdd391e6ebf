"""EC2: starting and ending instances."""

import json

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse


def client_token():
    """RunInstances ClientToken: stock moto starts another instance at every repetition."""
    stock = InstanceResponse.run_instances

    def run_instances(self):
        token = self._get_param("ClientToken")
        if not token:
            return stock(self)
        known = self.ec2_backend.__dict__.setdefault("launches_by_token", {})
        request = json.dumps(self._get_params(), sort_keys=True, default=str)
        if token not in known:
            result = stock(self)
            known[token] = (request, result.result)
            return result
        earlier, reservation = known[token]
        if earlier != request:
            raise EC2ClientError("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent")
        return ActionResult(reservation)

    InstanceResponse.run_instances = run_instances


def termination_protection_at_launch():
    """RunInstances DisableApiTermination: stock moto ignores it."""
    stock = InstanceResponse.run_instances

    def run_instances(self):
        result = stock(self)
        for instance in result.result.instances:
            instance.disable_api_termination = self._get_param("DisableApiTermination", False)
        return result

    InstanceResponse.run_instances = run_instances


def let_go_when_terminated():
    """TerminateInstances: stock moto goes on showing the interfaces, address and network of a terminated instance."""
    stock = Instance.terminate

    def terminate(self):
        previous = stock(self)
        for interface in list(self.nics.values()):
            self.detach_eni(interface)
        self._subnet_id = None
        return previous

    Instance.terminate = terminate
    for name in ("private_ip", "private_ip_address", "public_ip", "public_ip_address", "private_dns_name"):
        setattr(Instance, name, unless_without_interface(getattr(Instance, name)))


def unless_without_interface(stock):
    """Stock moto's properties look at the first interface without asking whether there is one."""
    return property(lambda self: stock.fget(self) if self.nics.get(0) else None)


def refuse_state_change_of_terminated():
    """StartInstances, StopInstances: stock moto brings a terminated instance back to life."""
    for name in ("start", "stop"):
        stock = getattr(Instance, name)

        def change(self, stock=stock):
            if self.state == "terminated":
                raise EC2ClientError("IncorrectInstanceState", f"The instance '{self.id}' is terminated.")
            return stock(self)

        setattr(Instance, name, change)


MENDS = [termination_protection_at_launch, client_token, let_go_when_terminated, refuse_state_change_of_terminated]
