"""SNS."""

import json

from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend

LIMIT_BYTES = 262_144


def refuse_bad_subject():
    """Publish: stock moto accepts subjects with line breaks, of other than ASCII characters, and of 100 characters."""

    def check(message, subject, attributes, structure):
        if subject is None:
            return
        printable = subject.isascii() and all(" " <= character <= "~" for character in subject)
        if not printable or not 0 < len(subject) < 100 or subject.startswith(" "):
            raise SNSInvalidParameter("Invalid parameter: Subject")

    before_publish(check)


def refuse_large_message():
    """Publish: stock moto counts the message alone; AWS counts its attributes too."""

    def check(message, subject, attributes, structure):
        size = len(message.encode())
        for name, attribute in (attributes or {}).items():
            value = attribute["Value"]
            size += len(name) + len(attribute["Type"]) + len(value if isinstance(value, bytes) else str(value).encode())
        if size > LIMIT_BYTES:
            raise SNSInvalidParameter("Invalid parameter: Message too long")

    before_publish(check)


def refuse_bad_structure():
    """Publish MessageStructure json: stock moto looks at the message only when there are subscribers."""

    def check(message, subject, attributes, structure):
        if structure is None:
            return
        if structure != "json":
            raise SNSInvalidParameter("Invalid parameter: MessageStructure")
        try:
            texts = json.loads(message)
        except ValueError as error:
            text = "Invalid parameter: Message Structure - JSON message body failed to parse"
            raise SNSInvalidParameter(text) from error
        if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
            raise SNSInvalidParameter("Invalid parameter: Message Structure - No default entry in JSON message body")

    before_publish(check)


def unconfirmed_mail():
    """Subscribe email: stock moto counts it as confirmed at once; AWS waits for the answer to a mail."""
    stock = SNSBackend.subscribe

    def subscribe(self, topic_arn, endpoint, protocol):
        subscription = stock(self, topic_arn, endpoint, protocol)
        if protocol in ("email", "email-json"):
            subscription.arn = "PendingConfirmation"
        return subscription

    SNSBackend.subscribe = subscribe


def before_publish(check):
    stock = SNSBackend.publish

    def publish(self, message, *args, subject=None, message_attributes=None, message_structure=None, **kwargs):
        check(message, subject, message_attributes, message_structure)
        return stock(
            self,
            message,
            *args,
            subject=subject,
            message_attributes=message_attributes,
            message_structure=message_structure,
            **kwargs,
        )

    SNSBackend.publish = publish


MENDS = [refuse_bad_subject, refuse_large_message, refuse_bad_structure, unconfirmed_mail]
