"""Prints the public names of every module of aidial-client, as JSON: run by the Python that has it.

A public name has no underscore in front and is defined in the package: there, or in another of its modules.
"""

import importlib
import inspect
import json
import pkgutil
import typing

import aidial_client

PACKAGE = aidial_client.__name__


def belongs(name: str, value: object) -> bool:
    """Whether the package defines a value: classes and functions say so, other values do unless typing has them."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__module__.partition(".")[0] == PACKAGE
    return not inspect.ismodule(value) and getattr(typing, name, None) is not value


found = {}
for name in [PACKAGE, *(module.name for module in pkgutil.walk_packages(aidial_client.__path__, PACKAGE + "."))]:
    module = importlib.import_module(name)
    names = [key for key, value in vars(module).items() if not key.startswith("_") and belongs(key, value)]
    found[name.partition(".")[2]] = sorted(names)
print(json.dumps(found))
