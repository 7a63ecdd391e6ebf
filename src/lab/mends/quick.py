"""What stock moto works out anew for every call, and is the same every time, is worked out once. Changes no answer.

A third of a rehearsal's computing time goes into this otherwise, and most of a test run's.
"""

import functools
import os
import string


def apply():
    for piece in (service_folders, method_names, no_images_of_amazon, backends, members, xml, request_ids):
        piece()


def service_folders():
    """Stock moto lists its own folder twice for every request, to tell a service's name from a host's."""
    from moto import backends

    folders = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: folders


def method_names():
    """Stock moto inspects the whole class that answers a service, to tell whether it has the operation."""
    from moto.core import responses

    responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def no_images_of_amazon():
    """Stock moto makes a thousand machine images in every Region of every account; nobody here asks for one."""
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def backends():
    """Stock moto lists all accounts for every call, and works out the Regions of a service for each account."""
    from moto.core.base_backend import AccountSpecificBackend, BackendDict

    stock_create = BackendDict._create_account_specific_backend
    stock_regions = AccountSpecificBackend._generate_regions.__wrapped__
    regions = {}

    def create(self, account_id):
        if account_id not in self:
            stock_create(self, account_id)

    def generate_regions(self, service_name):
        if service_name not in regions:
            regions[service_name] = stock_regions(self, service_name)
        return regions[service_name]

    BackendDict._create_account_specific_backend = create
    AccountSpecificBackend._generate_regions = generate_regions


def members():
    """Stock moto works out under which names Python may have a member of an answer, for each member of each answer.

    They depend on the shape of the answer and on the class of the object only, so they are kept with the shape.
    """
    from moto.core import serialize
    from moto.core.utils import MISSING
    from moto.core.utils import get_value as stock_value

    stock_pick = serialize.ResponseSerializer.get_value
    pickers = (serialize.AttributePicker, serialize.XFormedAttributePicker)

    def is_transformed(picker, key):
        """Whether one of the paths to values that are changed on their way out ends with this member."""
        return any(path.rpartition(".")[2] == key for path in picker.response_transformers)

    def get_value(self, value, key, shape):
        picker = self._value_picker
        if type(picker) not in pickers or shape is None or is_transformed(picker, key):
            return stock_pick(self, value, key, shape)
        known = shape.__dict__.setdefault("names_of_members", {})
        which = (type(picker), key, type(value))
        if which not in known:
            context = serialize.AttributePickerContext(obj=value, key=key, shape=shape)
            known[which] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
        names = known[which]
        # A dot stands for a path; where there is none, an object and a dictionary are looked at directly.
        if any("." in name for name in names):
            pick = stock_value
        elif type(value) is dict:
            pick = dict.get
        else:
            pick = stock_value if hasattr(value, "__getitem__") else getattr
        for name in names:
            found = pick(value, name, MISSING)
            if found is not MISSING:
                return found
        return None

    serialize.ResponseSerializer.get_value = get_value


def xml():
    """Stock moto writes XML through a SAX handler, with every name checked again; the names come from AWS's own models."""
    from moto.core import serialize

    stock = serialize.xmltodict

    class Quick:
        def __getattr__(self, name):
            return getattr(stock, name)

        def unparse(self, body, full_document=True, pretty=False, short_empty_elements=False):
            if pretty or not full_document:
                return stock.unparse(
                    body, full_document=full_document, pretty=pretty, short_empty_elements=short_empty_elements
                )
            return written(body, short_empty_elements)

    serialize.xmltodict = Quick()


def written(body, short):
    """body: one element by its name. As xmltodict's unparse does it; short: an empty element is one tag."""
    ((name, value),) = body.items()
    out = ['<?xml version="1.0" encoding="utf-8"?>\n']
    write_element(out, name, value, short)
    return "".join(out)


def write_element(out, name, value, short):
    """`@` begins an attribute's name, `#text` is the text, a list is the element several times."""
    from xml.sax.saxutils import quoteattr

    if value is not None and not isinstance(value, (str, bytes, dict)) and hasattr(value, "__iter__"):
        for one in value:
            write_element(out, name, {} if one is None else one if isinstance(one, (str, dict)) else text_of(one), short)
        return
    if not isinstance(value, dict):
        text = "" if value is None else escaped(text_of(value))
        out.append(f"<{name}>{text}</{name}>" if text or not short else f"<{name}/>")
        return
    attributes, text, children = "", "", []
    for key, inner in value.items():
        if key == "#text":
            text = "" if inner is None else escaped(text_of(inner))
        elif key[0] == "@":
            attributes += f" {key[1:]}={quoteattr('' if inner is None else text_of(inner))}"
        elif inner or not isinstance(inner, list):
            children.append((key, inner))
    if short and not text and not children:
        out.append(f"<{name}{attributes}/>")
        return
    out.append(f"<{name}{attributes}>")
    for key, inner in children:
        write_element(out, key, inner, short)
    out.append(f"{text}</{name}>")


def text_of(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def escaped(text):
    if "&" in text or "<" in text or ">" in text:
        return text.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
    return text


def request_ids():
    """Stock moto draws each character of a request's id by itself, from a list that it makes anew."""
    from moto.moto_api._internal.moto_random import MotoRandom

    def get_random_hex(self, length=8):
        return "%0*x" % (length, self.getrandbits(4 * length)) if length else ""

    def get_random_string(self, length=20, include_digits=True, lower_case=False):
        pool = string.ascii_letters + (string.digits if include_digits else "")
        drawn = "".join(self.choices(pool, k=length))
        return drawn.lower() if lower_case else drawn

    MotoRandom.get_random_hex = get_random_hex
    MotoRandom.get_random_string = get_random_string
