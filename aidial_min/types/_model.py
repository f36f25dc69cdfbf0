"""The base of every response model: JSON objects as dataclasses that lose nothing.

A model keeps the keys that came in its ``__dict__``, over the defaults of its class; only nested
models are converted, by a plan made once per class. Unknown keys stay as attributes.
It knows dataclasses and JSON values; it must not know HTTP, clients or any particular DIAL area.
"""

import dataclasses
import functools
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    get_type_hints,
)

from ..errors import InvalidRequestError, ParsingDataError
from ._pydantic import PydanticNames

M = TypeVar("M", bound="Model")

Convert = Callable[[Any, str], Any]
"""Turns one JSON value into what the attribute holds; the text says where in the answer the value stood."""


def json_name(name: str) -> Any:
    """Declare that a field is spelt `name` in JSON; the default is None (fields of camelCase areas)."""
    return dataclasses.field(default=None, metadata={"json": name})


class Plan:
    """How one class reads and writes JSON: names both ways, converters of nested models, what must be there."""

    def __init__(self, cls: Type["Model"]) -> None:
        self.fields: List[str] = []
        self.required: List[str] = []
        self.attributes: Dict[str, str] = {}  # JSON key -> attribute, where they differ
        self.keys: Dict[str, str] = {}  # attribute -> JSON key, where they differ
        self.converters: Dict[str, Convert] = {}
        self.factories: Dict[str, Callable[[], Any]] = {}
        hints = get_type_hints(cls)
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
            key = field.metadata.get("json", field.name)
            self.fields.append(field.name)
            if key != field.name:
                self.attributes[key] = field.name
                self.keys[field.name] = key
            if field.default_factory is not dataclasses.MISSING:
                self.factories[field.name] = field.default_factory
            elif field.default is dataclasses.MISSING:
                self.required.append(key)
            convert = _converter(hints[field.name])
            if convert is not None:
                self.converters[field.name] = convert


def _converter(hint: Any) -> Optional[Convert]:
    """The converter that a type annotation asks for; None where the JSON value is taken as it is."""
    origin = getattr(hint, "__origin__", None)
    arguments: Tuple[Any, ...] = getattr(hint, "__args__", ())
    if origin is Union:
        inner = [_converter(argument) for argument in arguments]
        found = [convert for convert in inner if convert is not None]
        return _or_none(found[0]) if found else None
    if origin in (list, List):
        return _list_of(_converter(arguments[0]))
    if origin in (dict, Dict):
        inner_value = _converter(arguments[1])
        return _dict_of(inner_value) if inner_value is not None else None
    if isinstance(hint, type) and issubclass(hint, Model):
        return hint.from_json
    return None


def _or_none(convert: Convert) -> Convert:
    return lambda value, path: None if value is None else convert(value, path)


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


class Model(PydanticNames):
    """A JSON object with attributes: also readable as a mapping, printable, comparable, picklable.

    ``model["key"]``, ``"key" in model`` and ``dict(model)`` speak of the keys that came (in snake_case);
    the JSON spelling of a key reads the same value. ``to_dict()`` gives back the JSON that came.
    """

    _plan: ClassVar[Optional[Plan]] = None
    _shown: ClassVar[Tuple[str, ...]] = ()
    """Fields that are printed even where they did not come."""
    _first: ClassVar[Tuple[str, ...]] = ()
    """Fields that are printed first (a dataclass wants required ones first in its constructor)."""

    if not TYPE_CHECKING:  # type checkers shall see the constructor that the dataclass declares

        def __new__(cls, *args: Any, **values: Any) -> "Model":
            cls._get_plan()
            return object.__new__(cls)

    def __post_init__(self) -> None:
        # Built by hand: what was left at its default did not "come", so that it is not sent as null.
        values = self.__dict__
        plan = type(self)._get_plan()
        for name in list(values):
            if values[name] is None or (name in plan.factories and values[name] == plan.factories[name]()):
                del values[name]

    @classmethod
    def _get_plan(cls) -> Plan:
        plan = cls.__dict__.get("_plan")
        if plan is None:
            plan = cls._plan = Plan(cls)
            cls.__init__ = _tolerant(cls.__init__, plan)  # type: ignore[method-assign]
        return plan  # the class attribute of this very class, not of its parent

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
        return {keys.get(name, name): _plain(value) for name, value in self.__dict__.items()}

    if not TYPE_CHECKING:  # type checkers shall know the declared fields only, so that they catch misspelt ones

        def __getattr__(self, name: str) -> Any:
            # Reached only where neither the instance nor the class has the name.
            if not name.startswith("__"):
                plan = type(self)._get_plan()
                if name in plan.attributes:
                    return getattr(self, plan.attributes[name])
                if name in plan.factories:
                    return plan.factories[name]()
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


def _tolerant(declared: Callable[..., None], plan: Plan) -> Callable[..., None]:
    """The constructor of a model built by hand: it takes JSON spellings and unknown keys too, and nested dicts."""

    @functools.wraps(declared)
    def __init__(self: Model, *args: Any, **values: Any) -> None:
        named: Dict[str, Any] = {}
        unknown: Dict[str, Any] = {}
        for key, value in values.items():
            name = plan.attributes.get(key, key)
            convert = plan.converters.get(name)
            (named if name in plan.fields else unknown)[name] = _from_dicts(value, convert) if convert else value
        declared(self, *args, **named)
        self.__dict__.update(unknown)

    return __init__


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
