"""Bases of classes, declared as with those of typing, whose classes are made in a fraction of the time.

    class Timeout(NamedTuple):
        connect: Optional[float] = 5.0

    class Request(Generic[T]):
        ...

Type checkers read typing's own. At run time those would compile every annotation and every constructor, and look at
every subclass of a generic class, which for the classes of a first answer takes longer than the call itself.
"""

from collections import _tuplegetter  # type: ignore[attr-defined]  # what the fields of a namedtuple are

TYPE_CHECKING = bool()

if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
else:

    class Generic:
        """The base of a class with parameters, which only type checkers look at."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls

    class _Signature:
        """What inspect and help() show of the constructor."""

        def __get__(self, instance, owner):
            from inspect import Parameter, Signature

            kind, defaults, hints = Parameter.POSITIONAL_OR_KEYWORD, owner._field_defaults, owner.__annotations__
            return Signature(
                Parameter(name, kind, default=defaults.get(name, Parameter.empty), annotation=hints[name])
                for name in owner._fields
            )

    class NamedTuple(tuple):
        """A tuple whose fields are what its class annotates, with the defaults that stand there."""

        __slots__ = ()
        __signature__ = _Signature()
        _fields = ()
        _field_defaults = {}

        def __init_subclass__(cls):
            if cls.__base__ is NamedTuple:  # a subclass of such a class has its fields
                cls._fields = cls.__match_args__ = tuple(cls.__annotations__)
                cls._field_defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
                for index, name in enumerate(cls._fields):
                    setattr(cls, name, _tuplegetter(index, None))

        def __new__(cls, /, *values, **named):
            if named or len(values) != len(cls._fields):
                values = cls._filled(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _filled(cls, values, named):
            if len(values) > len(cls._fields):
                raise TypeError("%s() takes at most %d values" % (cls.__name__, len(cls._fields)))
            given = dict(zip(cls._fields, values))
            for name in named:
                if name in given or name not in cls._fields:
                    wrong = "got %r twice" if name in given else "has no field %r"
                    raise TypeError("%s() %s" % (cls.__name__, wrong % name))
            given = {**cls._field_defaults, **given, **named}
            missing = [name for name in cls._fields if name not in given]
            if missing:
                raise TypeError("%s() needs %s" % (cls.__name__, ", ".join(missing)))
            return [given[name] for name in cls._fields]

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _asdict(self):
            return dict(zip(self._fields, self))

        def _replace(self, /, **named):
            return type(self)(**{**self._asdict(), **named})

        __replace__ = _replace  # of Python 3.13

        def __repr__(self):
            return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % pair for pair in self._asdict().items()))

        def __getnewargs__(self):
            return tuple(self)

        def __getstate__(self):
            return None

        def __setattr__(self, name, value):
            raise AttributeError("%s can't be changed; _replace() makes another one" % type(self).__name__)
