"""Named tuples of the package: what they are is what typing.NamedTuple makes of the same declaration.

Generic classes of the package: they and their subclasses are what they would be without parameters.
"""

import copy
import inspect
import pickle
import typing
from typing import Optional, TypeVar

import pytest

from aidial_min import Limits, Timeout
from aidial_min._typing import Generic, NamedTuple


class Ours(NamedTuple):
    """Text."""

    a: int
    b: Optional[str] = None
    c: float = 1.5

    @property
    def both(self):
        return (self.a, self.b)


class Theirs(typing.NamedTuple):
    """Text."""

    a: int
    b: Optional[str] = None
    c: float = 1.5


class Named(Ours):
    """Someone's subclass."""


@pytest.mark.parametrize(
    "given, named", [((1,), {}), ((1, "x", 2.0), {}), ((), {"a": 1, "c": 2.0}), ((1,), {"b": "y"})]
)
def test_values_are_given_by_place_or_by_name(given, named):
    ours, theirs = Ours(*given, **named), Theirs(*given, **named)
    assert ours == theirs and hash(ours) == hash(theirs) and tuple(ours) == tuple(theirs)
    assert (ours.a, ours.b, ours.c) == (theirs.a, theirs.b, theirs.c)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours._asdict() == theirs._asdict() and ours.both == (1, ours.b)


@pytest.mark.parametrize(
    "given, named, said",
    [
        ((), {}, r"Ours\(\) needs a"),
        ((1, "x", 2.0, 3), {}, r"Ours\(\) takes at most 3 values"),
        ((1,), {"a": 2}, r"Ours\(\) got 'a' twice"),
        ((1,), {"d": 2}, r"Ours\(\) has no field 'd'"),
    ],
)
def test_wrong_values_are_refused(given, named, said):
    with pytest.raises(TypeError, match=said):
        Ours(*given, **named)
    with pytest.raises(TypeError):
        Theirs(*given, **named)


def test_what_a_class_says_of_its_fields():
    for name in ("_fields", "_field_defaults", "__doc__"):
        assert getattr(Ours, name) == getattr(Theirs, name)
    assert str(inspect.signature(Ours)) == str(inspect.signature(Theirs))
    assert Ours._make([1, "x", 2.0]) == Theirs._make([1, "x", 2.0])
    assert str(inspect.signature(Limits)).startswith("(max_connections: 'Optional[int]' = 100")


def test_a_changed_copy():
    assert Ours(1)._replace(b="x") == Theirs(1)._replace(b="x") == (1, "x", 1.5)
    with pytest.raises(TypeError, match="has no field 'd'"):
        Ours(1)._replace(d=1)


@pytest.mark.parametrize("name", ["a", "other"])
def test_it_can_not_be_changed(name):
    for value in (Ours(1), Theirs(1)):
        with pytest.raises(AttributeError):
            setattr(value, name, 2)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [Ours(1, "x"), Named(1, "x"), Timeout(total=3)])
def test_it_is_pickled_and_copied(value, protocol):
    for twin in (pickle.loads(pickle.dumps(value, protocol)), copy.copy(value), copy.deepcopy(value)):
        assert twin == value and type(twin) is type(value)


def test_a_pickle_holds_what_that_of_a_named_tuple_holds():
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        ours, theirs = (cls(1, "x").__reduce_ex__(protocol) for cls in (Ours, Theirs))
        assert ours[0] is theirs[0] and ours[1][1:] == theirs[1][1:] and ours[2:] == theirs[2:]


def test_a_subclass_has_the_fields_of_its_parent():
    assert Named(1, c=2.0) == (1, None, 2.0) and Named._fields == Ours._fields
    assert repr(Named(1)) == "Named(a=1, b=None, c=1.5)"


def test_parameters_leave_a_generic_class_as_it_is():
    T = TypeVar("T")

    class Box(Generic[T]):
        __slots__ = ("held",)

    class Shelf(Box[int]):
        __slots__ = ()

    assert Box[int] is Box and Shelf.__mro__ == (Shelf, Box, Generic, object)
    assert not hasattr(Shelf(), "__dict__")
