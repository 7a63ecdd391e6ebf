"""EC2: what the console of an instance says and shows."""

import base64

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse

from . import console_font, jpeg

COLUMNS, LINES = 80, 25
KERNEL = "6.12.40-64.114.amzn2023.x86_64"


def recent_console_output():
    """GetConsoleOutput: stock moto answers a fixed text of 2006 and ignores DryRun."""

    def get_console_output(self):
        instance = readable_instance(self)
        text = "\r\n".join(console_lines(instance))
        output = Base64EncodedString.from_raw_string(text)
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    General.get_console_output = get_console_output


def console_screenshot():
    """GetConsoleScreenshot: stock moto lacks it."""

    def get_console_screenshot(self):
        instance = readable_instance(self)
        if instance.state != "running":
            raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' is not running.")
        picture = jpeg.encode(console_font.draw(screen_of(instance), COLUMNS, LINES))
        return ActionResult({"InstanceId": instance.id, "ImageData": base64.b64encode(picture).decode()})

    InstanceResponse.get_console_screenshot = get_console_screenshot


def readable_instance(response):
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    if instance.state == "terminated":
        raise EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' is terminated.")
    response.error_on_dryrun()
    return instance


def screen_of(instance):
    """What the serial console says, wrapped to the screen, with whose it is above the prompt."""
    *log, prompt = console_lines(instance)
    name = {tag["key"]: tag["value"] for tag in instance.get_tags()}.get("Name", "")
    lines = [*log, f"{instance.id} {name}".rstrip(), "", f"{prompt}_"]
    wrapped = [line[at : at + COLUMNS] for line in lines for at in range(0, max(len(line), 1), COLUMNS)]
    return wrapped[-LINES:]


def console_lines(instance):
    host = instance.private_dns_name.split(".")[0]
    return [
        f"[    0.000000] Linux version {KERNEL} (mockbuild@ip-10-0-45-1) #1 SMP PREEMPT_DYNAMIC",
        "[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz root=UUID=6f1b8c4e console=tty0 console=ttyS0,115200n8",
        "[    0.441172] ACPI: bus type PCI registered",
        "[    1.027431] nvme nvme0: pci function 0000:00:04.0",
        "[    1.733905] ena 0000:00:05.0: Elastic Network Adapter (ENA) v2.13.3g",
        "[    2.218840] EXT4-fs (nvme0n1p1): mounted filesystem with ordered data mode",
        "[    4.106371] systemd[1]: Started sshd.service - OpenSSH server daemon.",
        f"[    5.642118] cloud-init[1412]: ci-info: | ens5 | True | {instance.private_ip_address} | 255.255.255.0 |",
        "[    7.904433] cloud-init[1601]: Complete! nginx-1.28.0 installed",
        "[    8.310027] systemd[1]: Started nginx.service - The nginx HTTP and reverse proxy server.",
        "[ 9182.557201] curl[4411]: segfault at 7f3c ip 00007f3c9a1b sp 00007ffd52 error 4",
        "[ 9190.020514] TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:8080. Sending cookies.",
        "",
        "Amazon Linux 2023.9.20261110",
        f"Kernel {KERNEL} on an x86_64 (-)",
        "",
        f"{host} login: ",
    ]


MENDS = [recent_console_output, console_screenshot]
