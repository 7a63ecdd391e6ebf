"""What stock moto works out anew for every call, and is the same every time, is worked out once. Changes no answer.

A third of a rehearsal's computing time goes into this otherwise, and most of a test run's.
"""

import functools
import os


def apply():
    for piece in (service_folders, method_names, no_images_of_amazon, names_of_members):
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


def names_of_members():
    """Stock moto works out under which names Python may have a member of an answer, for each member of each answer.

    They depend on the shape of the answer and on the class of the object only, so they are kept with the shape.
    """
    from moto.core import serialize

    for picker in (serialize.AttributePicker, serialize.XFormedAttributePicker):
        remember_keys(picker)


def remember_keys(picker):
    stock = picker.get_possible_keys

    def get_possible_keys(self, context):
        shape = context.shape
        if shape is None:
            return tuple(stock(self, context))
        known = shape.__dict__.setdefault("names_of_members", {})
        which = (picker, context.key, type(context.obj))
        if which not in known:
            known[which] = tuple(stock(self, context))
        return known[which]

    picker.get_possible_keys = get_possible_keys
