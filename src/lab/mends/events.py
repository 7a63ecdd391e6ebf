"""EventBridge."""

import copy
import json
import sys
import traceback
from contextvars import ContextVar
from datetime import datetime, timezone

from moto.core.exceptions import JsonRESTError
from moto.events.models import UNDEFINED, EventPattern, Rule
from moto.events.responses import EventsHandler
from moto.utilities.arns import parse_arn

from .control import deliveries

# PutEvents has no parameters for these parts of the envelope, which AWS services fill in; these headers say them.
ENVELOPE_HEADERS = {
    "account": "x-secresponse-event-account",
    "region": "x-secresponse-event-region",
    "id": "x-secresponse-event-id",
}

envelope = ContextVar("envelope", default={})


def keep_envelope():
    """PutEvents: stock moto always replaces account, region and id."""
    stock = EventsHandler.put_events

    def put_events(self):
        said = {field: self.headers[name] for field, name in ENVELOPE_HEADERS.items() if self.headers.get(name)}
        token = envelope.set(said)
        try:
            answer = json.loads(stock(self))
        finally:
            envelope.reset(token)
        for entry in answer["Entries"]:
            if "EventId" in entry:
                entry["EventId"] = said.get("id", entry["EventId"])
        return json.dumps(answer)

    EventsHandler.put_events = put_events


def deliver_to_lambda():
    """PutEvents with a rule that targets a Lambda function: stock moto answers 500 and skips later targets.

    It also delivers through disabled rules.
    """
    stock = Rule.send_to_targets

    def send_to_targets(self, original_event, transform_input=True):
        event = {**original_event, **envelope.get()}
        if self.state == "DISABLED" or not self.event_pattern.matches_event(event):
            return
        for target in self.targets:
            try:
                if parse_arn(target["Arn"]).service == "lambda":
                    deliver(self, target, event)
                else:
                    alone = copy.copy(self)
                    alone.targets = [target]
                    stock(alone, event, transform_input)
            except Exception:  # AWS delivers to each target on its own
                traceback.print_exc(file=sys.stderr)

    Rule.send_to_targets = send_to_targets


def deliver(rule, target, event):
    deliveries.add(
        {
            "ruleArn": rule.arn,
            "targetArn": target["Arn"],
            "targetId": target["Id"],
            "account": rule.account_id,
            "region": rule.region_name,
            "event": as_delivered(event),
        }
    )


def as_delivered(event):
    """Stock moto passes an epoch number as time, and a field that AWS does not send."""
    delivered = {"version": "0", **{key: value for key, value in event.items() if key != "ingestion-time"}}
    if isinstance(event.get("time"), (int, float)):
        moment = datetime.fromtimestamp(event["time"], timezone.utc)
        delivered["time"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return delivered


def match_inside_arrays():
    """Patterns that look into an array of objects, such as tags: AWS does, element by element; stock moto does not."""

    def matches_event(self, event):
        return matches(self, json.loads(json.dumps(event)), self.get_pattern())

    EventPattern.matches_event = matches_event


def matches(judge, node, pattern):
    if isinstance(node, list):
        return any(matches(judge, element, pattern) for element in node)
    # An absent branch may still match, by {"exists": false} on its leaves.
    fields = node if isinstance(node, dict) else {}
    return all(matches_field(judge, fields, key, wanted) for key, wanted in pattern.items())


def matches_field(judge, fields, key, wanted):
    if key == "$or":
        return any(matches(judge, fields, alternative) for alternative in wanted)
    found = fields.get(key, UNDEFINED)
    if isinstance(wanted, dict):
        return matches(judge, found, wanted)
    return judge._does_item_match_filters(leaf(found), wanted)


def leaf(found):
    """Filters look at leaves only; a branch counts as absent."""
    is_branch = isinstance(found, dict) or (isinstance(found, list) and any(isinstance(item, dict) for item in found))
    return UNDEFINED if is_branch else found


def answer_test_event_pattern():
    """TestEventPattern: stock moto answers nothing."""
    required = ("id", "account", "source", "time", "region", "resources", "detail-type")

    def test_event_pattern(self):
        pattern = EventPattern.load(self._get_param("EventPattern"))
        try:
            event = json.loads(self._get_param("Event"))
        except ValueError as error:
            raise JsonRESTError("ValidationException", "Parameter Event is not valid JSON.") from error
        absent = [field for field in required if field not in event]
        if absent:
            raise JsonRESTError("ValidationException", f"Parameter Event lacks {absent[0]}.")
        return json.dumps({"Result": pattern.matches_event(event)})

    EventsHandler.test_event_pattern = test_event_pattern


MENDS = [keep_envelope, deliver_to_lambda, match_inside_arrays, answer_test_event_pattern]
