"""Public names that are loaded when they are first used (PEP 562), so that importing a package costs next to nothing.

    if TYPE_CHECKING:
        from .errors import *
        from .core.http11 import Headers as Headers
    else:
        __getattr__, __dir__ = lazy_names(__name__, "errors", "core.http11 Headers")

A name stands in one list, `__all__` of the module that defines it. Modules are searched in the order given, up to the
one that has the name; all public names begin with a capital letter, so that asking for a submodule searches nothing.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = bool()  # type checkers take it for true; `typing` is not loaded for it

if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, List, Tuple


def load(module: str, package: str) -> Any:
    """A module of a package, or with dots before it of one above; importlib, which does that, takes longer to load."""
    while module.startswith("."):
        module, package = module[1:], package.rpartition(".")[0]
    name = "%s.%s" % (package, module)
    __import__(name)
    return sys.modules[name]


def lazy_names(package: str, *places: str, elsewhere: str = "") -> Tuple[Callable[[str], Any], Callable[[], List[str]]]:
    """What a package needs as its `__getattr__` and `__dir__`.

    Args:
        places: modules of the package, all of whose public names it offers; or a module and the names offered of it.
        elsewhere: the package where other names may stand: asking for one of those raises an ImportError that says so,
            since `from package import Name` replaces the text of every AttributeError.
    """
    given = vars(sys.modules[package])

    def offers() -> Iterator[Tuple[str, List[str]]]:
        for place in places:
            module, *names = place.split()
            yield module, names or list(load(module, package).__all__)

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return sorted(name for _, names in offers() for name in names)
        if name[:1].isupper():
            for module, names in offers():
                if name in names:
                    value = given[name] = getattr(load(module, package), name)
                    return value
            if elsewhere and hasattr(load(elsewhere, package), name):
                place = "%s.%s" % (package, elsewhere)
                raise ImportError("%s is a name of %s: from %s import %s" % (name, place, place, name))
        raise AttributeError("module %r has no attribute %r" % (package, name))

    return __getattr__, lambda: sorted({*given, *__getattr__("__all__")})
