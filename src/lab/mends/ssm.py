"""SSM. Instances are managed where the tag ssm:agent says so: online, offline, or hung (takes commands, runs none).

The tags ssm:path and ssm:tmp give an instance's commands another PATH or TMPDIR; ssm:platform names another platform.
"""

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ssm.exceptions import SSMException
from moto.ssm.models import Command, SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from .ssm_commands import DocumentError, Host, Invocation, scripts_of

AGENTS = ("online", "offline", "hung")


def managed_hosts(account_id, region):
    """Whoever was managed once stays in the list while stopped, but is not online."""
    for reservation in ec2_backends[account_id][region].all_reservations():
        for instance in reservation.instances:
            host = Host(instance)
            if host.agent in AGENTS and instance.state != "terminated":
                yield instance, host


def instance_information():
    """DescribeInstanceInformation: stock moto lacks it."""

    def describe_instance_information(self):
        wanted = None
        for item in [*(self._get_param("Filters") or []), *(self._get_param("InstanceInformationFilterList") or [])]:
            if item.get("Key", item.get("key")) == "InstanceIds":
                wanted = item.get("Values", item.get("valueSet"))
        backend = self.ssm_backend
        return ActionResult(
            {
                "InstanceInformationList": [
                    {
                        "InstanceId": instance.id,
                        "PingStatus": "ConnectionLost" if host.agent == "offline" or not instance.is_running() else "Online",
                        "LastPingDateTime": utcnow(),
                        "AgentVersion": "3.3.2299.0",
                        "IsLatestVersion": True,
                        "PlatformType": host.platform,
                        "PlatformName": "Amazon Linux" if host.platform == "Linux" else host.platform,
                        "ResourceType": "EC2Instance",
                    }
                    for instance, host in managed_hosts(backend.account_id, backend.region_name)
                    if wanted is None or instance.id in wanted
                ]
            }
        )

    SimpleSystemManagerResponse.describe_instance_information = describe_instance_information


def named_targets():
    """SendCommand without Targets: stock moto runs it on every instance."""
    stock = Command._get_instance_ids_from_targets
    Command._get_instance_ids_from_targets = lambda self: stock(self) if self.targets else []


def commands_that_run():
    """SendCommand and GetCommandInvocation: stock moto runs nothing, succeeds at once, and accepts unknown instances."""
    stock = SimpleSystemManagerBackend.send_command

    def send_command(self, comment, document_name, timeout_seconds, instance_ids, parameters=None, **kwargs):
        parameters = parameters or {}
        content = None
        if document_name not in ("AWS-RunShellScript", "AWS-RunPowerShellScript"):
            content = self._get_documents(document_name).get_default_version().content
        hosts = {instance.id: host for instance, host in managed_hosts(self.account_id, self.region_name)}
        for instance_id in instance_ids:
            if instance_id not in hosts:
                message = f"Instances [[{instance_id}]] not in a valid state for account {self.account_id}"
                raise SSMException("InvalidInstanceId", message)
        if timeout_seconds is not None and timeout_seconds < 30:
            raise SSMException("ValidationException", "timeoutSeconds: Member must have value of at least 30")
        command = stock(self, comment, document_name, timeout_seconds, instance_ids, parameters=parameters, **kwargs)
        try:
            command.live = {
                instance_id: Invocation(
                    hosts[instance_id],
                    scripts_of(document_name, content, parameters, hosts[instance_id].platform),
                    command.timeout_seconds,
                )
                for instance_id in command.instance_ids
                if instance_id in hosts
            }
        except DocumentError as error:
            raise SSMException("InvalidParameters", str(error)) from error
        command.status = command.status_details = "Pending"
        return command

    def get_invocation(self, instance_id, plugin_name):
        invocation = self.live.get(instance_id)
        if invocation is None:
            raise SSMException("InvocationDoesNotExist", "there is no such invocation")
        status = invocation.seen()
        details = {"TimedOut": "DeliveryTimedOut" if invocation.process is None else "ExecutionTimedOut"}
        return {
            **self.invocation_response(instance_id, plugin_name or "aws:runShellScript"),
            "ResponseCode": invocation.code,
            "Status": status,
            "StatusDetails": details.get(status, status),
            # Output shows once the command has ended.
            "StandardOutputContent": "" if status in ("Pending", "InProgress") else invocation.stdout,
            "StandardErrorContent": "" if status in ("Pending", "InProgress") else invocation.stderr,
        }

    SimpleSystemManagerBackend.send_command = send_command
    Command.get_invocation = get_invocation


def cancel_command():
    """CancelCommand: stock moto lacks it."""

    def cancel(self):
        command = self.ssm_backend.get_command_by_id(self._get_param("CommandId"))
        named = self._get_param("InstanceIds") or list(command.live)
        for instance_id in named:
            if instance_id in command.live:
                command.live[instance_id].end("Cancelled")
        return ActionResult({})

    SimpleSystemManagerResponse.cancel_command = cancel


MENDS = [instance_information, named_targets, commands_that_run, cancel_command]
