"""The base of every response model: JSON objects with attributes that lose nothing.

A model keeps the keys that came in its ``__dict__``, over the defaults of its class; only nested models are converted,
by a plan made once per class from its annotations. Unknown keys stay as attributes.
Type checkers see dataclasses (PEP 681). It must not know HTTP, clients or any particular DIAL area.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, ClassVar, TypeVar

from ..errors import InvalidRequestError, ParsingDataError
from ._pydantic import PydanticNames

if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type

    from typing_extensions import dataclass_transform

    Convert = Callable[[Any, str], Any]
    """Turns one JSON value into what the attribute holds; the text says where in the answer the value stood."""
else:

    def dataclass_transform(**options):
        return lambda cls: cls


M = TypeVar("M", bound="Model")


class _Default:
    """A field that did not come: None, or a new list or dict, which from then on is the field's own."""

    def __init__(self, json: str = "", make: Any = None, required: bool = False) -> None:
        self.json = json
        self.make = make
        self.required = required

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None or self.make is None:
            return None
        try:
            made = instance._made
        except AttributeError:
            made = instance._made = {}
        return made.setdefault(self.name, self.make())


def json_name(name: str, required: bool = False) -> Any:
    """Declare that a field is spelt `name` in JSON; the default is None (fields of camelCase areas)."""
    return _Default(json=name, required=required)


def fresh(make: Callable[[], Any]) -> Any:
    """Declare a field whose default is a new list or dict."""
    return _Default(make=make)


class Plan:
    """How one class reads and writes JSON: names both ways, converters of nested models, what must be there."""

    def __init__(self, cls: type[Model]) -> None:
        self.fields: list[str] = []
        self.required: list[str] = []
        self.attributes: dict[str, str] = {}  # JSON key -> attribute, where they differ
        self.keys: dict[str, str] = {}  # attribute -> JSON key, where they differ
        self.converters: dict[str, Convert] = {}
        self.factories: dict[str, Callable[[], Any]] = {}
        self.defaults: dict[str, Any] = {}
        declared = {
            name: (hint, sys.modules[base.__module__])
            for base in reversed(cls.__mro__)
            for name, hint in base.__dict__.get("__annotations__", {}).items()
            if not name.startswith("_")
        }
        for name, (hint, module) in declared.items():
            default = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), _MISSING)
            self.fields.append(name)
            key = (default.json if isinstance(default, _Default) else "") or name
            if key != name:
                self.attributes[key], self.keys[name] = name, key
            if default is _MISSING or getattr(default, "required", False):
                self.required.append(key)
            elif not isinstance(default, _Default):
                self.defaults[name] = default
            elif default.make:
                self.factories[name] = default.make
            convert = _converter(hint, module)
            if convert is not None:
                self.converters[name] = convert


_MISSING = object()
_HINT = re.compile(r"(?:Optional\[)?(List\[|Dict\[str, )?(List\[)?(\w+)")


def _converter(hint: str, module: Any) -> Optional[Convert]:
    """The converter that an annotation asks for; None where the JSON value is taken as it is."""
    found = _HINT.match(hint)
    if found is None:
        return None
    outer, inner, name = found.groups()
    model = getattr(module, name, None)
    convert: Optional[Convert] = None
    if isinstance(model, type) and issubclass(model, Model):
        convert = model.from_json
    if inner:
        convert = _list_of(convert)
    if outer == "List[":
        return _list_of(convert)
    if outer:
        return _dict_of(convert) if convert else None
    return convert


def _list_of(convert: Optional[Convert]) -> Convert:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise unexpected(value, path, "a list")
        if convert is None:
            return value
        return [convert(item, "%s[%d]" % (path, index)) for index, item in enumerate(value)]

    return read


def _dict_of(convert: Convert) -> Convert:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise unexpected(value, path, "an object")
        return {key: convert(item, "%s.%s" % (path, key) if path else key) for key, item in value.items()}

    return read


_KINDS = {type(None): "null", dict: "an object", list: "a list", str: "a string", bool: "a boolean"}


def unexpected(value: Any, path: str, wanted: str) -> ParsingDataError:
    """The error for a value of the wrong kind; it names the place, never the value."""
    found = _KINDS.get(type(value), "a number")
    return ParsingDataError("expected %s at %s, found %s" % (wanted, path or "the top", found), path=path)


@dataclass_transform(eq_default=False)
class Model(PydanticNames):
    """A JSON object with attributes: also readable as a mapping, printable, comparable, picklable.

    ``model["key"]``, ``"key" in model`` and ``dict(model)`` speak of the keys that came (in snake_case);
    the JSON spelling of a key reads the same value. ``to_dict()`` gives back the JSON that came.
    """

    __slots__ = ("_made",)  # beside what came, which is the __dict__

    _shown: ClassVar[tuple[str, ...]] = ()
    """Fields that are printed even where they did not come."""
    _first: ClassVar[tuple[str, ...]] = ()
    """Fields that are printed first (a dataclass wants required ones first in its constructor)."""

    if not TYPE_CHECKING:  # type checkers shall see the constructor of a dataclass

        def __init__(self, *args, **values):
            plan = type(self)._get_plan()
            if len(args) > len(plan.fields):
                raise TypeError("%s takes at most %d values" % (type(self).__name__, len(plan.fields)))
            given = dict(zip(plan.fields, args))
            for key, value in values.items():
                name = plan.attributes.get(key, key)
                if name in given:
                    raise TypeError("%s got %r twice" % (type(self).__name__, name))
                given[name] = value
            missing = [key for key in plan.required if plan.attributes.get(key, key) not in given]
            if missing:
                raise TypeError("%s needs %s" % (type(self).__name__, ", ".join(missing)))
            for name, value in {**plan.defaults, **given}.items():
                if value is not None:  # None did not "come", so that it is not sent as null
                    convert = plan.converters.get(name)
                    self.__dict__[name] = _from_dicts(value, convert) if convert else value

    @classmethod
    def _get_plan(cls) -> Plan:
        plan = cls.__dict__.get("_plan")
        if plan is None:
            plan = cls._plan = Plan(cls)  # type: ignore[attr-defined]
        return plan  # of this very class, not of its parent

    @classmethod
    def from_json(cls: Type[M], data: Any, path: str = "") -> M:
        """Read a parsed JSON object.

        Args:
            data: what json.loads gave.
            path: where in the whole answer `data` stood, for errors.
        Raises:
            ParsingDataError: not an object, a required key is missing, or a nested value is of the wrong kind.
        """
        if not isinstance(data, dict):
            raise unexpected(data, path, "an object")
        plan: Plan = cls.__dict__.get("_plan") or cls._get_plan()
        for key in plan.required:
            if data.get(key) is None:
                place = "%s.%s" % (path, key) if path else key
                raise ParsingDataError("%s is missing in the answer" % place, path=place)
        self: M = object.__new__(cls)
        values = self.__dict__
        values.update(data)
        for key, name in plan.attributes.items():
            if key in values:
                values[name] = values.pop(key)
        for name, convert in plan.converters.items():
            if name in values:
                value = values[name]
                if value is not None:
                    key = plan.keys.get(name, name)
                    values[name] = convert(value, "%s.%s" % (path, key) if path else key)
        return self

    def to_dict(self, *, use_api_names: bool = True, exclude_unset: bool = True, **options: Any) -> Dict[str, Any]:
        """The JSON object that came, unknown keys included, as plain dicts and lists.

        The arguments are those of the official client's `to_dict`; further `options` are those of `model_dump`.
        """
        if options or not (use_api_names and exclude_unset):
            return type(self).model_dump(self, by_alias=use_api_names, exclude_unset=exclude_unset, **options)
        keys = type(self)._get_plan().keys
        values = {**self.__dict__, **{name: value for name, value in type(self)._filled(self).items() if value}}
        return {keys.get(name, name): _plain(value) for name, value in values.items()}

    def _filled(self) -> dict[str, Any]:
        """Lists and dicts that did not come, but were asked for, and may have been filled since."""
        return getattr(self, "_made", {})

    if not TYPE_CHECKING:  # type checkers shall know the declared fields only, so that they catch misspelt ones

        def __getattr__(self, name: str) -> Any:
            # Reached only where neither the instance nor the class has the name.
            if not name.startswith("__"):
                plan = type(self)._get_plan()
                if name in plan.attributes:
                    return getattr(self, plan.attributes[name])
                if name in plan.fields:
                    return None
            raise AttributeError("%s has no field %r" % (type(self).__name__, name))

    def __getitem__(self, key: str) -> Any:
        name = type(self)._get_plan().attributes.get(key, key)
        if name in self.__dict__:
            return self.__dict__[name]
        if name in type(self)._get_plan().fields:
            return getattr(self, name)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return type(self)._get_plan().attributes.get(key, key) in self.__dict__  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.__dict__))

    def __len__(self) -> int:
        return len(self.__dict__)

    def __bool__(self) -> bool:
        return True  # an answer is an answer, even `{}`

    def keys(self) -> List[str]:
        """The names of the fields that came, unknown ones included."""
        return list(self.__dict__)

    if not TYPE_CHECKING:
        _keys = keys
        keys = property(_keys.__get__, doc=_keys.__doc__)  # so that no key of the answer named "keys" hides it

    def get(self, key: str, default: Any = None) -> Any:
        """The value that came under `key`, else `default`."""
        return self[key] if key in self else default

    def _all_values(self) -> List[Tuple[str, Any]]:
        plan = type(self)._get_plan()
        names = dict.fromkeys([name for name in type(self)._first if name in plan.fields] + plan.fields)
        declared = [(name, getattr(self, name)) for name in names]
        return declared + [(name, value) for name, value in self.__dict__.items() if name not in plan.fields]

    def __repr__(self) -> str:
        pairs = type(self)._all_values(self)
        shown = ["%s=%r" % (name, value) for name, value in pairs if name in self.__dict__ or name in self._shown]
        return "%s(%s)" % (type(self).__name__, ", ".join(shown))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return dict(type(self)._all_values(self)) == dict(type(other)._all_values(other))

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value


def _from_dicts(value: Any, convert: Convert) -> Any:
    of_dicts = isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
    )
    return convert(value, "") if of_dicts else value


def plain(value: Any) -> Any:
    """An argument as JSON types: models become dicts, at any depth of lists and dicts.

    Raises:
        InvalidRequestError: it contains itself, or is nested deeper than Python can follow.
    """
    try:
        return _plain(value)
    except RecursionError as error:
        raise InvalidRequestError("the request can't be written as JSON: %s" % error) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return type(value).to_dict(value)  # through the class: a key of the answer may be called to_dict
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
