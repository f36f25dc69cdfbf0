"""The base of every response model: a JSON object with attributes that loses nothing.

    @dataclass
    class Prompt(Model):
        id: str
        folder_id: str = json_name("folderId")
        tags: List[str] = field(default_factory=list)

    prompt = Prompt.from_json({"id": "...", "folderId": "...", "other": 1})

A model keeps the keys that came in its ``__dict__``, over the defaults of its class; only nested models are converted,
by a plan made once per class from its annotations. Type checkers read the standard library's `dataclass` and `field`.
At run time ours only note what stands there: `dataclasses` is applied when somebody asks a model for its fields or its
signature, because loading it takes longer than a whole call.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Iterator, Mapping, NoReturn, Optional, Type, TypeVar, Union

from ..errors import ParsingDataError
from ._pydantic import PydanticNames

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field

    M = TypeVar("M", bound="Model")
else:

    def dataclass(cls):
        """Declare a model; see `Model._as_dataclass` for what makes it a dataclass."""
        return cls

    def field(*, default_factory):
        """Declare a field whose default is a new list, dict or model."""
        return _Default(make=default_factory)


Place = Union[str, tuple[Any, Union[str, int]]]
"""Where a value stands: the place of what holds it, and its key or index there; at the top it is a text."""
Convert = Callable[[Any, Any], Any]
"""Turns one JSON value into what the attribute holds; its Place is made a text where there is an error to tell."""


class _Default:
    """A field that did not come: None, or a new list, dict or model, which from then on is the field's own."""

    def __init__(self, json: str = "", make: Any = None, required: bool = False) -> None:
        self.json = json
        self.make = make
        self.required = required

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None or self.make is None:
            return None
        made = instance._made
        if made is None:
            made = instance._made = {}
        if self.name not in made:
            made.setdefault(self.name, self.make())
        return made[self.name]


def json_name(name: str, required: bool = False) -> Any:
    """Declare that a field is spelt `name` in JSON; the default is None (fields of camelCase areas)."""
    return _Default(json=name, required=required)


class Plan:
    """How one class reads and writes JSON: names both ways, converters of nested models, what must be there."""

    def __init__(self, cls: type[Model]) -> None:
        self.cls = cls
        self.fields: dict[str, str] = {}  # attribute -> annotation
        self.required: list[str] = []
        self.attributes: dict[str, str] = {}  # JSON key -> attribute, where they differ
        self.keys: dict[str, str] = {}  # attribute -> JSON key, where they differ
        self.converters: dict[str, tuple[str, Convert]] = {}  # attribute -> JSON key, what reads its value
        self.factories: dict[str, Callable[[], Any]] = {}
        self.defaults: dict[str, Any] = {}
        _keep_factories(cls)
        declared = {
            name: (hint if isinstance(hint, str) else _spelling(hint), sys.modules[base.__module__])
            for base in reversed(cls.__mro__)
            for name, hint in _annotations(base).items()
            if not name.startswith("_")
        }
        for name, (hint, module) in declared.items():
            given = [base.__dict__[name] for base in cls.__mro__ if name in base.__dict__]
            default = given[0] if given else _MISSING
            self.fields[name] = hint
            # A subclass of a user that declares another default means the same key.
            key = next((spec.json for spec in given if isinstance(spec, _Default) and spec.json), name)
            if key != name:
                self.attributes[key], self.keys[name] = name, key
            if default is _MISSING or getattr(default, "required", False):
                self.required.append(key)
            elif not isinstance(default, _Default):
                self.defaults[name] = default
            elif default.make:
                self.factories[name] = default.make
            convert = _text if name in cls._texts else _converter(hint.removeprefix("Optional["), module)
            if convert is not None:
                self.converters[name] = key, convert
        self.steps: list[tuple[str, str, Optional[Convert], bool]] = []
        """What reading does with attributes beside keeping them: convert the value, leave null out."""
        for name in dict.fromkeys([*self.converters, *self.factories]):
            key, convert = self.converters.get(name, ("", None))
            self.steps.append((name, key, convert, name in self.factories))
        self.reserved = (_PROTOCOL | set(dir(cls))) - set(self.fields)


_MISSING = object()
_PROTOCOL = frozenset("__copy__ __deepcopy__ __getnewargs__ __getnewargs_ex__ __getstate__ __setstate__".split())


def _keep_factories(cls: type) -> None:
    """Give every model lists and dicts of its own: those that a subclass of a user declares as its defaults.

    They stand there plainly or in a `Field`, as in pydantic, or the standard library's decorator has taken them away.
    """
    decorated = cls.__dict__.get("__dataclass_fields__")
    taken = (
        {name: spec for name, spec in decorated.items() if not hasattr(cls, name)} if type(decorated) is dict else {}
    )
    there = {name: cls.__dict__[name] for name in _annotations(cls) if name in cls.__dict__}
    for name, spec in {**taken, **there}.items():
        make = spec.copy if isinstance(spec, (list, dict)) else getattr(spec, "default_factory", None)
        if callable(make):
            default = _Default(make=make)
            default.__set_name__(cls, name)
            setattr(cls, name, default)
        elif name in there and hasattr(spec, "default_factory"):
            setattr(cls, name, spec.default)  # pyright: ignore[reportAttributeAccessIssue]


def _annotations(cls: type) -> Mapping[str, Any]:
    """The annotations of a class without those of its parents."""
    if sys.version_info >= (3, 10):
        return getattr(cls, "__annotations__", {})
    return cls.__dict__.get("__annotations__", {})


def _spelling(hint: Any) -> str:
    """An annotation that is no text (in a user's own model), as it is written where its names are imported."""
    return hint.__name__ if isinstance(hint, type) else re.sub(r"[\w.]+\.", "", str(hint))


def _converter(hint: str, module: Any) -> Optional[Convert]:
    """The converter that an annotation asks for; None where the JSON value is taken as it is."""
    if hint.startswith(("List[", "list[")):
        return _list_of(_converter(hint[len("List[") :], module))
    if hint.startswith(("Dict[str, ", "dict[str, ")):
        convert = _converter(hint[len("Dict[str, ") :], module)
        return _dict_of(convert) if convert else None
    name = hint.replace("|", "]").partition("]")[0].strip()
    model = getattr(module, name, None)
    if isinstance(model, type) and issubclass(model, Model):
        return model.from_json
    return _MemberOf(model) if hasattr(model, "__members__") else None


def _list_of(convert: Optional[Convert]) -> Convert:
    def read(value: Any, path: Place) -> Any:
        if not isinstance(value, list):
            raise unexpected(value, path, "a list")
        if convert is None:
            return value
        return [convert(item, (path, index)) for index, item in enumerate(value)]

    return read


def _dict_of(convert: Convert) -> Convert:
    def read(value: Any, path: Place) -> Any:
        if not isinstance(value, dict):
            raise unexpected(value, path, "an object")
        return {key: convert(item, (path, key)) for key, item in value.items()}

    return read


class _MemberOf:
    """Reads a str as the member of an Enum that it equals; one that is newer than the Enum stays a str."""

    def __init__(self, enum: Any) -> None:
        self.enum = enum

    def __call__(self, value: Any, path: Place) -> Any:
        return next((member for member in self.enum if member == value), value)


def _text(value: Any, path: Place) -> Any:
    if not isinstance(value, str):
        raise unexpected(value, path, "a string")
    return value


_KINDS = {type(None): "null", dict: "an object", list: "a list", str: "a string", bool: "a boolean"}


def unexpected(value: Any, path: Place, wanted: str) -> ParsingDataError:
    """The error for a value of the wrong kind; it names the place, never the value."""
    found, place = _KINDS.get(type(value), "a number"), spelt(path)
    return ParsingDataError("expected %s at %s, found %s" % (wanted, place or "the top", found), path=place)


def spelt(place: Place) -> str:
    """A place as it is written in Python: `messages[3].content[0]`."""
    steps: list[str] = []
    while isinstance(place, tuple):
        place, step = place
        steps.append("[%d]" % step if isinstance(step, int) else ".%s" % step)
    text = place + "".join(reversed(steps))
    return text[text.startswith(".") :]


class _OfDataclass:
    """What a dataclass has, made when it is asked for; the standard library asks the class, users an instance too."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    def __get__(self, instance: Any, owner: type[Model]) -> Any:
        return getattr(owner._as_dataclass(), self.name)


class Model(PydanticNames):
    """A JSON object with attributes: also readable as a mapping, printable, comparable, picklable.

    ``model["key"]``, ``"key" in model`` and ``dict(model)`` speak of the keys that came (in snake_case);
    the JSON spelling of a key reads the same value. ``to_dict()`` gives back the JSON that came.
    A key that is the name of a method is read as ``model["copy"]``, and the method stays what it is.
    """

    # Beside what came, which is the __dict__; None until they are needed.
    __slots__ = ("_made", "_aside", "_headers")
    _made: Optional[dict[str, Any]]  # lists, dicts and models that did not come, but were asked for
    _aside: Optional[dict[str, Any]]  # values whose keys are names of methods, or of Python's protocols
    _headers: Optional[Mapping[str, str]]

    _plan: ClassVar[Optional[Plan]] = None
    """Of this very class; of a parent, as long as it has none of its own."""
    _shown: ClassVar[tuple[str, ...]] = ()
    """Fields that are printed even where they did not come."""
    _first: ClassVar[tuple[str, ...]] = ()
    """Fields that are printed first (a dataclass wants required ones first in its constructor)."""
    _texts: ClassVar[tuple[str, ...]] = ()
    """Fields that must be strings where they come; others are taken as they are, since gateways vary."""

    if not TYPE_CHECKING:  # type checkers shall see the constructor of a dataclass
        __dataclass_fields__ = _OfDataclass()
        __dataclass_params__ = _OfDataclass()
        __match_args__ = _OfDataclass()
        __replace__ = _OfDataclass()  # of Python 3.13
        __signature__ = _OfDataclass()
        model_fields = _OfDataclass("__dataclass_fields__")
        __fields__ = _OfDataclass("__dataclass_fields__")  # the older name of it

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
            in_order = {name: given.get(name, plan.defaults.get(name)) for name in plan.fields}
            for name, value in {**in_order, **given}.items():
                if value is not None:  # None did not "come", so that it is not sent as null
                    _, convert = plan.converters.get(name, ("", None))
                    self.__dict__[name] = _with_models(name, value, convert) if convert else value
            Model._set_aside(self, plan)  # through the class: a key may have this name

    @classmethod
    def _get_plan(cls) -> Plan:
        plan = cls._plan
        if plan is None or plan.cls is not cls:
            plan = cls._plan = Plan(cls)
        return plan

    @classmethod
    def _as_dataclass(cls) -> type:
        """A dataclass of the same fields, made by the standard library: what it is asked about ours, it finds there."""
        made = cls.__dict__.get("_dataclass")
        if made is None:
            import dataclasses
            import inspect

            plan, fields = cls._get_plan(), []
            for name, hint in plan.fields.items():
                options: dict[str, Any] = {"default": plan.defaults.get(name)}
                if name in plan.factories:
                    options = {"default_factory": plan.factories[name]}
                elif plan.keys.get(name, name) in plan.required:
                    options = {}
                fields.append((name, hint, dataclasses.field(**options)))
            made = dataclasses.make_dataclass(cls.__name__, fields, eq=False, repr=False)
            made.__signature__ = inspect.signature(made)  # type: ignore[attr-defined]
            cls._dataclass = made  # type: ignore[attr-defined]
        return made

    @classmethod
    def from_json(cls: Type[M], data: Any, path: Place = "") -> M:
        """Read a parsed JSON object; null where a list or an object has a default means the default.

        Args:
            data: what json.loads gave; a model of this class stays itself, one of another is read again.
            path: where in the whole answer `data` stood, for errors.
        Raises:
            ParsingDataError: not an object, a required key is missing, or a nested value is of the wrong kind.
        """
        if not isinstance(data, dict):
            if isinstance(data, cls):
                return data
            if not isinstance(data, Model):
                raise unexpected(data, path, "an object")
            data = data.to_dict()
        plan = cls._plan
        if plan is None or plan.cls is not cls:
            plan = cls._get_plan()
        for key in plan.required:
            if data.get(key) is None:
                place = spelt((path, key))
                raise ParsingDataError("%s is missing in the answer" % place, path=place)
        self: M = object.__new__(cls)
        values = self.__dict__ = data.copy()
        if plan.attributes:
            for key, name in plan.attributes.items():
                if key in values:
                    values[name] = values.pop(key)
        for name, key, convert, made in plan.steps:
            if name in values:
                value = values[name]
                if value is None:
                    if made:
                        del values[name]
                elif convert is not None:
                    values[name] = convert(value, (path, key))
        if not plan.reserved.isdisjoint(values):
            Model._set_aside(self, plan)  # through the class: a key may have this name
        return self

    def _set_aside(self, plan: Plan) -> None:
        self._aside = {key: self.__dict__.pop(key) for key in plan.reserved.intersection(self.__dict__)}

    def _came(self) -> dict[str, Any]:
        """What came, by the names of attributes, and what was put into lists, dicts and models that did not."""
        if not (self._aside or self._made):
            return self.__dict__
        plan, given = type(self)._get_plan(), self.__dict__  # what was assigned stands before what was made
        made = [pair for pair in (self._made or {}).items() if pair[0] not in given]
        filled = {name: value for name, value in made if value != plan.factories[name]()}
        return {**given, **(self._aside or {}), **filled}

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers that a whole answer came with; empty in its parts, and in what was made here."""
        return self._headers or {}

    def came_with(self, headers: Mapping[str, str]) -> None:
        """Note the headers that this answer came with."""
        self._headers = headers

    def to_dict(self, *, use_api_names: bool = True, exclude_unset: bool = True, **options: Any) -> dict[str, Any]:
        """The JSON object that came, unknown keys included, as plain dicts and lists.

        The arguments are those of the official client's `to_dict`; further `options` are those of `model_dump`.
        """
        if options or not (use_api_names and exclude_unset):
            return self.model_dump(by_alias=use_api_names, exclude_unset=exclude_unset, **options)
        plan = type(self)._get_plan()
        return {plan.keys.get(name, name): _as_json(value) for name, value in self._came().items()}

    if not TYPE_CHECKING:  # type checkers shall know the declared fields only, so that they catch misspelt ones

        def __getattr__(self, name: str) -> Any:
            # Reached only where neither the instance nor the class has the name.
            if name in Model.__slots__:
                return None
            if not name.startswith("__"):
                plan = type(self)._get_plan()
                if name in plan.attributes:
                    return getattr(self, plan.attributes[name])
                if name in plan.fields:
                    return None
            raise AttributeError("%s has no field %r" % (type(self).__name__, name))

    def __getitem__(self, key: str) -> Any:
        plan, came = type(self)._get_plan(), self._came()
        name = plan.attributes.get(key, key)
        if name in came:
            return came[name]
        if name in plan.fields:
            return getattr(self, name)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return type(self)._get_plan().attributes.get(key, key) in self._came()  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._came())

    def __bool__(self) -> bool:
        return True  # an answer is an answer, even `{}`

    def keys(self) -> list[str]:
        """The names of the fields that came, unknown ones included."""
        return list(self._came())

    def get(self, key: str, default: Any = None) -> Any:
        """The value that came under `key`, else `default`."""
        return self[key] if key in self else default

    def _all_values(self) -> list[tuple[str, Any]]:
        fields = type(self)._get_plan().fields
        names = dict.fromkeys([name for name in self._first if name in fields] + list(fields))
        declared = [(name, getattr(self, name)) for name in names]
        return declared + [(name, value) for name, value in self._came().items() if name not in fields]

    def __repr__(self) -> str:
        came = self._came()
        pairs = (pair for pair in self._all_values() if pair[0] in came or pair[0] in self._shown)
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % pair for pair in pairs))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return dict(self._all_values()) == dict(other._all_values())

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        beside = {"_made": self._made, "_aside": self._aside}
        kept = {name: dict(value) for name, value in beside.items() if value}
        return self.__dict__, {**kept, **({"_headers": self._headers} if self._headers else {})}

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):  # of the official client's model, which is pydantic's
            came: Any = state.get("__pydantic_fields_set__", state.get("__fields_set__", ()))
            values: dict[str, Any] = {name: value for name, value in state["__dict__"].items() if name in came}
            values.update(state.get("__pydantic_extra__") or {})
            beside: dict[str, Any] = {}
        else:
            values, beside = state
        plan = type(self)._get_plan()
        for key, value in values.items():
            self.__dict__[plan.attributes.get(key, key)] = value
        for name, value in beside.items():
            setattr(self, name, value)
        if not beside:
            Model._set_aside(self, plan)


class WholeAnswer(Model):
    """An answer that could have been asked for as a stream."""

    def __iter__(self) -> NoReturn:
        raise TypeError("this is a whole answer, not a stream: pass stream=True to iterate over it, or read .choices")

    __aiter__ = __iter__


def _with_models(name: str, value: Any, convert: Convert) -> Any:
    """An argument with its dicts read as models; a list or dict without any stays the very object that was passed."""
    if isinstance(convert, _MemberOf):
        return convert(value, name)
    read = convert(value, name) if isinstance(value, (dict, list)) else value
    return value if read == value else read


def _as_json(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return value
