"""What a managed instance of the local AWS does with a command: it runs it here, in a folder that is made for it, as the user."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import yaml

STDOUT_LIMIT = 24_000
STDERR_LIMIT = 8_000
ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


class Host:
    """One instance as Systems Manager sees it; its tags say what it has."""

    def __init__(self, instance):
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        self.instance_id = instance.id
        self.agent = tags.get("ssm:agent")
        self.platform = tags.get("ssm:platform", "Linux")
        self.path = tags.get("ssm:path")
        self.temporary = tags.get("ssm:tmp")

    def environment(self, home):
        given = {"TMPDIR": self.temporary} if self.temporary else {}
        return {"PATH": self.path or os.environ.get("PATH", os.defpath), "HOME": home, "LC_ALL": "C", **given}


class Script:
    def __init__(self, text, seconds):
        self.text = text
        self.seconds = seconds


class Invocation:
    """One command on one instance: Pending → InProgress → Success, Failed, TimedOut or Cancelled."""

    def __init__(self, host, scripts, delivery_seconds):
        self.host = host
        self.scripts = scripts
        self.status = "Pending"
        self.code = -1
        self.stdout = ""
        self.stderr = ""
        self.process = None
        self.lock = threading.Lock()
        self.deliver_before = time.monotonic() + delivery_seconds
        if host.agent == "online":
            threading.Thread(target=self.run, daemon=True).start()

    def seen(self):
        """The status as AWS tells it now."""
        with self.lock:
            if self.status == "Pending" and time.monotonic() > self.deliver_before:
                self.status = "TimedOut"
            return self.status

    def run(self):
        folder = tempfile.mkdtemp(prefix="secresponse-host-")
        try:
            self.run_in(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run_in(self, folder):
        for script in self.scripts:
            with self.lock:
                if self.status not in ("Pending", "InProgress"):
                    return
                self.status = "InProgress"
                self.process = subprocess.Popen(
                    ["sh", "-c", script.text],
                    cwd=folder,
                    env=self.host.environment(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            readers = [
                threading.Thread(target=self.keep, args=("stdout", self.process.stdout, STDOUT_LIMIT), daemon=True),
                threading.Thread(target=self.keep, args=("stderr", self.process.stderr, STDERR_LIMIT), daemon=True),
            ]
            for reader in readers:
                reader.start()
            if not self.wait(script.seconds, readers):
                return
        with self.lock:
            if self.status in ("Pending", "InProgress"):
                self.status, self.code = "Success", 0

    def wait(self, seconds, readers):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end("TimedOut")
            return False
        for reader in readers:
            reader.join(5)
        if code == 0:
            return True
        with self.lock:
            if self.status == "InProgress":
                self.status, self.code = "Failed", code
        return False

    def keep(self, name, stream, limit):
        """What exceeds the limit is read all the same: a full pipe would stop the command."""
        for block in iter(lambda: stream.read1(65_536), b""):
            kept = getattr(self, name)
            if len(kept) < limit:
                setattr(self, name, (kept + block.decode(errors="replace"))[:limit])

    def end(self, status):
        with self.lock:
            if self.status in ENDED:
                return
            self.status, self.code = status, 137 if status == "TimedOut" else -1
            process = self.process
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class DocumentError(Exception):
    """A parameter that the document does not take."""


def scripts_of(document_name, content, parameters, platform):
    """The scripts that a document runs on a platform. `content` is None for the documents of AWS."""
    if content is None:
        if not parameters.get("commands"):
            raise DocumentError("commands is needed")
        if document_name != "AWS-RunShellScript" or platform != "Linux":
            return [Script("echo 'the local AWS has no PowerShell' >&2; exit 1", 5)]
        seconds = float((parameters.get("executionTimeout") or ["3600"])[0])
        return [Script("\n".join(parameters["commands"]), seconds)]
    document = yaml.safe_load(content)
    values = values_of(document.get("parameters", {}), parameters)
    return [
        Script(filled(command_text(step), values), float(filled(str(step["inputs"].get("timeoutSeconds", 3600)), values)))
        for step in document["mainSteps"]
        if step["action"] == "aws:runShellScript" and platform in step.get("precondition", {}).get("StringEquals", [platform])
    ]


def command_text(step):
    commands = step["inputs"]["runCommand"]
    return commands if isinstance(commands, str) else "\n".join(commands)


def values_of(known, given):
    for name in given:
        if name not in known:
            raise DocumentError(f"the document has no parameter {name}")
    values = {}
    for name, rule in known.items():
        value = given.get(name, [rule.get("default")])[0]
        if value is None:
            raise DocumentError(f"parameter {name} is needed")
        if "allowedPattern" in rule and not re.search(rule["allowedPattern"], value):
            raise DocumentError(f"parameter {name} does not match {rule['allowedPattern']}")
        if "allowedValues" in rule and value not in rule["allowedValues"]:
            raise DocumentError(f"parameter {name} is none of {json.dumps(rule['allowedValues'])}")
        values[name] = value
    return values


def filled(text, values):
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values.get(found.group(1), found.group(0)), text)
