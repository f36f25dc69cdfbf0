"""What code written for the official client calls on its answers, which are pydantic models there.

`answer.model_dump()`, `answer.model_dump_json()`, `Answer.model_validate({...})` and the like, with the meaning that
they have in pydantic, which is never imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional, TypeVar, Union

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

    P = TypeVar("P", bound="PydanticNames")

Selection: TypeAlias = "Union[Collection[Any], Mapping[Any, Any]]"
"""Names of fields, or a mapping of names to True or to a selection of what lies in them; in lists, of indices."""


class _Serializer:
    """What pydantic asks of a value whose field says no type (`Any`)."""

    def __get__(self, model: Any, owner: Any) -> Any:
        made = owner.__dict__.get("_serializer")
        if made is None:
            pydantic: Any = sys.modules.get("pydantic")  # an AttributeError where it is not loaded, as of any name
            made = owner._serializer = pydantic.TypeAdapter(owner).serializer
        return made


class PydanticNames:
    """The methods of pydantic models, for those of this package."""

    if TYPE_CHECKING:  # what the models bring

        @classmethod
        def _get_plan(cls) -> Any: ...
        @classmethod
        def from_json(cls: type[P], data: Any, path: Any = "") -> P: ...
        def _came(self) -> Dict[str, Any]: ...
        def _all_values(self) -> list[tuple[str, Any]]: ...

        model_fields: ClassVar[Mapping[str, Any]]

    _dumped_as_json: ClassVar[bool] = False
    """Whether `model_dump()` spells keys as JSON does in any case: the official client declares them so."""

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Optional[Selection] = None,
        exclude: Optional[Selection] = None,
        by_alias: Optional[bool] = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: Union[bool, str] = True,
        round_trip: bool = False,
        context: Any = None,
        serialize_as_any: bool = False,
    ) -> Dict[str, Any]:
        """All fields as plain dicts and lists, also those that did not come. (`to_dict()` gives what came.)

        Args:
            include, exclude: names of fields: only these; all but these. With a mapping, parts of what lies in a field:
                `{"choices": {"__all__": {"message"}}}` (an index or "__all__" chooses items of a list).
            by_alias: the keys as JSON spells them (parentPath) instead of the fields' names (parent_path).
            exclude_unset, exclude_none: without fields that did not come, that are None; in nested models too.
            exclude_defaults: without declared fields that did not come, or came with nothing in them. (What came with a
                value stays, such as `role`, also where the constructor has this value as its default.)
            mode, warnings, round_trip, context, serialize_as_any: without effect; values are JSON values in any case.
        """
        plan = type(self)._get_plan()
        options = {"by_alias": by_alias, "exclude_unset": exclude_unset}
        options.update(exclude_defaults=exclude_defaults, exclude_none=exclude_none)
        keys = plan.keys if by_alias or self._dumped_as_json else {}
        found = {}
        all_came = self._came()
        for name, value, parts in _chosen(self._all_values(), include, exclude):
            came = name in all_came
            empty = value is None or (name in plan.factories and value == plan.factories[name]())
            left_out = (
                (exclude_unset and not came)
                or (exclude_none and value is None)
                or (exclude_defaults and name in plan.fields and (empty or not came))
            )
            if not left_out:
                found[keys.get(name, name)] = _dumped(value, options, *parts)
        return found

    def model_dump_json(self, *, indent: Optional[int] = None, **options: Any) -> str:
        """The same as JSON text; `options` are those of `model_dump`."""
        separators = (",", ":") if indent is None else None
        return json.dumps(self.model_dump(**options), ensure_ascii=False, indent=indent, separators=separators)

    def to_json(
        self, *, indent: Optional[int] = 2, use_api_names: bool = True, exclude_unset: bool = True, **options: Any
    ) -> str:
        """What came, as JSON text; further `options` are those of `model_dump`."""
        given = {"by_alias": use_api_names, "exclude_unset": exclude_unset, **options}
        return self.model_dump_json(indent=indent, **given)

    @classmethod
    def model_validate(cls: type[P], obj: Any, *, strict: Optional[bool] = None, context: Any = None) -> P:
        """Read a dict as it came from the server, or as `to_dict()` or `model_dump()` gave it; a model stays itself.

        Args:
            strict, context: without effect.
        Raises:
            ParsingDataError: not a dict, a required key is missing, or a nested value is of the wrong kind.
        """
        return cls.from_json(obj)

    @classmethod
    def model_validate_json(
        cls: type[P], json_data: Union[str, bytes, bytearray], *, strict: Optional[bool] = None, context: Any = None
    ) -> P:
        """The same of JSON text.

        Raises:
            ValueError: it is no JSON.
            ParsingDataError: as in `model_validate`.
        """
        return cls.from_json(json.loads(json_data))

    def model_copy(self: P, *, update: Optional[Mapping[str, Any]] = None, deep: bool = False) -> P:
        """A copy, with some fields changed; nested models are shared unless `deep`."""
        import copy

        twin = copy.deepcopy(self) if deep else copy.copy(self)
        twin.__dict__.update(update or {})
        return twin

    @property
    def model_extra(self) -> Dict[str, Any]:
        """What came besides the declared fields."""
        declared = type(self)._get_plan().fields
        return {name: value for name, value in self._came().items() if name not in declared}

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that came, unknown ones included."""
        return set(self._came())

    @classmethod
    def model_construct(cls: type[P], _fields_set: Optional[set[str]] = None, **values: Any) -> P:
        """A model of these values as they are; none of them is required or converted."""
        made = cls.__new__(cls)
        made.__dict__.update(values)
        return made

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Dict[str, Any]:
        """What pydantic asks of the type of a field: its own check of our dataclass, with keys as JSON spells them, and
        with unknown keys kept."""
        checks = dict(handler(source))
        return {
            "type": "function-wrap",
            "function": {"type": "no-info", "function": cls._checked},
            "ref": checks.pop("ref"),  # the next field of this type finds the whole of it
            "schema": checks,
            "serialization": {"type": "function-plain", "function": _written, "info_arg": True},
        }

    @classmethod
    def _checked(cls: type[P], value: Any, check: Callable[[Any], Any]) -> P:
        if not isinstance(value, dict):
            return check(value)  # type: ignore[no-any-return]
        attributes = cls._get_plan().attributes
        given = {attributes.get(key, key): item for key, item in value.items()}
        made = vars(check({name: item for name, item in given.items() if item is not None}))
        return cls.from_json({name: made.get(name, item) for name, item in given.items()})

    __pydantic_config__: ClassVar[Dict[str, Any]] = {}
    """Not that of the pydantic model whose field it is, which may be strict or forbid unknown keys."""
    __pydantic_serializer__ = _Serializer()

    # -- older names of the same

    construct = model_construct
    parse_obj = model_validate
    parse_raw = model_validate_json
    validate = model_validate
    copy = model_copy

    def dict(self, **options: Any) -> Dict[str, Any]:
        """The older name of `model_dump`, also where a subclass has one of its own."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """The older name of `model_dump_json`, likewise."""
        return self.model_dump_json(**options)


def _written(model: PydanticNames, info: Any) -> Dict[str, Any]:
    names = ("include", "exclude", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none")
    return model.model_dump(**{name: getattr(info, name) for name in names})


def _dumped(value: Any, options: Dict[str, Any], include: Optional[Selection], exclude: Optional[Selection]) -> Any:
    if isinstance(value, PydanticNames):
        return value.model_dump(include=include, exclude=exclude, **options)
    if isinstance(value, list):
        return [_dumped(item, options, *parts) for _, item, parts in _chosen(enumerate(value), include, exclude)]
    if isinstance(value, dict):
        return {key: _dumped(item, options, *parts) for key, item, parts in _chosen(value.items(), include, exclude)}
    return value


def _chosen(
    pairs: Iterable[tuple[Any, Any]], include: Optional[Selection], exclude: Optional[Selection]
) -> Iterator[tuple[Any, Any, tuple[Any, Any]]]:
    """The fields or items that are wanted, each with what is to be included and excluded of what lies in it."""
    for name, value in pairs:
        kept = include is None or _selected(include, name)
        dropped = exclude is not None and _selected(exclude, name)
        if kept and dropped is not True:
            yield name, value, (None if kept is True else kept, dropped or None)


def _selected(selection: Selection, name: Any) -> Any:
    """What a selection says of a field or item: True (all of it), False, or a selection of what lies in it."""
    for key in (name, "__all__"):
        if key in selection:
            inner = selection[key] if isinstance(selection, Mapping) else True
            return True if inner is ... else inner
    return False
