"""What every response model promises: nothing of the JSON is lost, and it reads well."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import typing
from typing import Any, Dict, List, Optional

import pytest

from aidial_min.errors import InvalidRequestError, ParsingDataError
from aidial_min.types._model import Model, dataclass, field, json_name
from aidial_min.types._plain import plain

from ..support.growth import assert_linear
from .models_of_a_user import Talk, Vote


@dataclass
class Leaf(Model):
    name: str
    size: Optional[int] = None


@dataclass
class Branch(Model):
    url: str
    parent_path: Optional[str] = json_name("parentPath")
    leaf: Optional[Leaf] = None
    leaves: List[Leaf] = field(default_factory=list)
    by_name: Optional[Dict[str, List[Leaf]]] = json_name("byName")
    labels: Optional[Dict[str, Any]] = None
    kind: str = "branch"


WHOLE = {
    "url": "u",
    "parentPath": "p",
    "leaf": {"name": "a", "size": 1, "colour": "green"},
    "leaves": [{"name": "b"}, {"name": "c", "size": None}],
    "byName": {"x": [{"name": "d"}]},
    "labels": {"leaf": {"name": 5}},
    "kind": "twig",
    "unknownKey": {"deep": [1, {"er": None}]},
}


def branch(**changes: Any) -> Branch:
    return Branch.from_json({**copy.deepcopy(WHOLE), **changes})


class TestReading:
    def test_nested_objects_become_models(self):
        b = branch()
        assert isinstance(b.leaf, Leaf) and b.leaf.name == "a"
        assert [leaf.name for leaf in b.leaves] == ["b", "c"]
        assert b.by_name is not None and b.by_name["x"][0] == Leaf("d")

    def test_models_are_read_however_deep_lists_and_objects_hold_them(self):
        @dataclass
        class Forest(Model):
            regions: Dict[str, Dict[str, Leaf]]
            rows: Optional[List[Dict[str, Leaf]]] = None

        data = {"regions": {"north": {"x": {"name": "a"}}}, "rows": [{"y": {"name": "b"}}]}
        forest = Forest.from_json(copy.deepcopy(data))
        assert forest.regions["north"]["x"] == Leaf("a") and forest.rows == [{"y": Leaf("b")}]
        assert forest.to_dict() == data
        with pytest.raises(ParsingDataError) as caught:
            Forest.from_json({"regions": {"north": {"x": 5}}})
        assert caught.value.path == "regions.north.x"

    def test_what_is_not_declared_as_a_model_stays_as_it_came(self):
        assert branch().labels == {"leaf": {"name": 5}}

    def test_unknown_keys_are_attributes(self):
        assert branch().unknownKey == {"deep": [1, {"er": None}]}
        assert branch().leaf.colour == "green"

    def test_leaves_are_not_checked(self):
        assert branch(url=5, kind=["odd"]).kind == ["odd"]

    def test_what_did_not_come_has_its_default(self):
        b = Branch.from_json({"url": "u"})
        assert (b.parent_path, b.leaf, b.leaves, b.by_name, b.kind) == (None, None, [], None, "branch")

    def test_defaults_are_not_shared(self):
        first, second = Branch.from_json({"url": "u"}), Branch.from_json({"url": "u"})
        first.leaves.append(Leaf("a"))
        assert second.leaves == []

    def test_what_is_put_into_a_default_has_come(self):
        b = Branch.from_json({"url": "u"})
        b.leaves.append(Leaf("a"))
        assert b.get("leaves") == dict(b)["leaves"] == [Leaf("a")] and "leaves" in b and len(b) == 2
        assert b.model_dump(exclude_unset=True) == b.to_dict() == {"url": "u", "leaves": [{"name": "a"}]}

    def test_what_is_assigned_later_stands(self):
        b = Branch.from_json({"url": "u"})
        b.leaves.append(Leaf("a"))
        for other in (b.model_copy(update={"leaves": [Leaf("b")]}), copy.copy(b), copy.deepcopy(b)):
            other.leaves = [Leaf("b")]
            assert other.to_dict() == {"url": "u", "leaves": [{"name": "b"}]} and other["leaves"] == [Leaf("b")]
        assert b.model_copy(update={"leaves": [Leaf("c")]}).to_dict()["leaves"] == [{"name": "c"}]

    def test_null_is_kept_where_nothing_is_required(self):
        assert branch(leaf=None).leaf is None
        assert branch(leaf=None).to_dict()["leaf"] is None

    def test_the_caller_s_dict_is_left_alone(self):
        data = copy.deepcopy(WHOLE)
        Branch.from_json(data)
        assert data == WHOLE

    def test_an_attribute_that_nobody_knows(self):
        with pytest.raises(AttributeError, match="Branch has no field 'nothing'"):
            _ = branch().nothing


class TestErrors:
    @pytest.mark.parametrize(
        "data, path, message",
        [
            ([], "", "expected an object at the top, found a list"),
            ("text", "", "expected an object at the top, found a string"),
            (None, "", "expected an object at the top, found null"),
            (5, "", "expected an object at the top, found a number"),
            (True, "", "expected an object at the top, found a boolean"),
            ({}, "url", "url is missing in the answer"),
            ({"url": "u", "leaf": "x"}, "leaf", "expected an object at leaf, found a string"),
            ({"url": "u", "leaf": {}}, "leaf.name", "leaf.name is missing in the answer"),
            ({"url": "u", "leaves": {}}, "leaves", "expected a list at leaves, found an object"),
            ({"url": "u", "leaves": [{"name": "a"}, 7]}, "leaves[1]", r"expected an object at leaves\[1\]"),
            ({"url": "u", "leaves": [{"name": "a"}, {}]}, "leaves[1].name", r"leaves\[1\]\.name is missing"),
            ({"url": "u", "byName": []}, "byName", "expected an object at byName, found a list"),
            ({"url": "u", "byName": {"x": [{}]}}, "byName.x[0].name", r"byName\.x\[0\]\.name is missing"),
        ],
    )
    def test_they_name_the_place(self, data, path, message):
        with pytest.raises(ParsingDataError, match=message) as caught:
            Branch.from_json(data)
        assert caught.value.path == path

    def test_they_never_show_the_value(self):
        with pytest.raises(ParsingDataError) as caught:
            Branch.from_json({"url": "u", "leaf": "secret"})
        assert "secret" not in str(caught.value) + repr(caught.value)

    def test_the_place_continues_where_the_caller_stood(self):
        with pytest.raises(ParsingDataError) as caught:
            Branch.from_json({"url": "u", "leaf": {}}, "data[3]")
        assert caught.value.path == "data[3].leaf.name"


class TestWriting:
    def test_to_dict_is_what_came(self):
        assert branch().to_dict() == WHOLE

    def test_what_did_not_come_is_not_written(self):
        assert Branch.from_json({"url": "u"}).to_dict() == {"url": "u"}

    def test_changes_are_written_under_their_json_names(self):
        b = branch()
        b.parent_path = "q"
        b.leaves.append(Leaf("e", size=2))
        assert b.to_dict()["parentPath"] == "q"
        assert b.to_dict()["leaves"][2] == {"name": "e", "size": 2}
        assert "parent_path" not in b.to_dict()

    def test_built_by_hand(self):
        b = Branch("u", leaf=Leaf("a"))
        assert b.to_dict() == {"url": "u", "leaf": {"name": "a"}, "kind": "branch"}

    def test_plain_reaches_models_inside_lists_and_dicts(self):
        assert plain([{"leaf": Leaf("a")}, 1, "x"]) == [{"leaf": {"name": "a"}}, 1, "x"]

    def test_plain_refuses_an_argument_that_contains_itself(self):
        endless: Dict[str, Any] = {}
        endless["again"] = [endless]
        with pytest.raises(InvalidRequestError, match="can't be written as JSON"):
            plain(endless)


class TestMapping:
    def test_keys_are_those_that_came(self):
        b = Branch.from_json({"parentPath": "p", "url": "u", "zz": 1})
        assert set(b.keys()) == set(b) == {"parent_path", "url", "zz"}
        assert dict(b) == {"parent_path": "p", "url": "u", "zz": 1}
        assert len(b) == 3

    def test_membership_and_items(self):
        b = branch()
        assert "url" in b and "parent_path" in b and "parentPath" in b and "unknownKey" in b
        assert "labels" not in Branch.from_json({"url": "u"}) and 5 not in b
        assert b["parent_path"] == b["parentPath"] == "p"
        assert b["unknownKey"] == {"deep": [1, {"er": None}]}

    def test_a_declared_key_that_did_not_come_has_its_default(self):
        assert Branch.from_json({"url": "u"})["kind"] == "branch"

    def test_an_unknown_key(self):
        with pytest.raises(KeyError):
            _ = branch()["nothing"]

    def test_get(self):
        b = Branch.from_json({"url": "u"})
        assert b.get("url") == "u" and b.get("nothing") is None and b.get("nothing", 1) == 1

    def test_unpacking(self):
        assert {**Leaf("a", 1)} == {"name": "a", "size": 1}

    def test_an_empty_answer_is_still_an_answer(self):
        @dataclass
        class Nothing(Model):
            x: Optional[int] = None

        assert bool(Nothing.from_json({})) and len(Nothing.from_json({})) == 0

    def test_camel_case_reads_the_same_value(self):
        assert branch().parentPath == "p"
        assert Branch.from_json({"url": "u"}).parentPath is None

    def test_snake_case_is_understood_too(self):
        assert Branch.from_json({"url": "u", "parent_path": "p"}).parent_path == "p"


class TestAsAValue:
    def test_equality(self):
        assert branch() == branch()
        assert branch() != branch(kind="other")
        assert branch() != branch(extra=1)
        assert Leaf("a") == Leaf.from_json({"name": "a"}) == Leaf.from_json({"name": "a", "size": None})
        assert Leaf("a") != {"name": "a"}

    def test_not_hashable(self):
        with pytest.raises(TypeError):
            hash(branch())

    def test_repr_shows_the_fields_that_came_and_then_the_others(self):
        assert repr(Leaf.from_json({"colour": "red", "name": "a"})) == "Leaf(name='a', colour='red')"
        assert repr(branch(leaves=[])).startswith("Branch(url='u', parent_path='p', leaf=Leaf(name='a', size=1")

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickle(self, protocol):
        again = pickle.loads(pickle.dumps(branch(), protocol))
        assert again == branch() and again.to_dict() == WHOLE and isinstance(again.leaves[0], Leaf)

    def test_copies(self):
        b = branch()
        assert copy.copy(b) == b and copy.copy(b).leaf is b.leaf
        assert copy.deepcopy(b) == b and copy.deepcopy(b).leaf is not b.leaf

    def test_subclasses_have_their_own_plan(self):
        @dataclass
        class Twig(Branch):
            bend: Optional[Leaf] = None

        assert Branch.from_json(WHOLE).leaf == Leaf.from_json(WHOLE["leaf"])
        assert Twig.from_json({"url": "u", "bend": {"name": "x"}, "parentPath": "p"}).bend == Leaf("x")
        assert Twig.from_json({"url": "u"}) != Branch.from_json({"url": "u"})


class TestAsADataclass:
    def test_it_is_one(self):
        assert dataclasses.is_dataclass(Branch) and dataclasses.is_dataclass(branch())
        for asked in (Branch, branch()):
            names = [found.name for found in dataclasses.fields(asked)]
            assert names == ["url", "parent_path", "leaf", "leaves", "by_name", "labels", "kind"]
        leaves = dataclasses.fields(Branch)[3]
        assert leaves.type == "List[Leaf]" and leaves.default_factory is list
        assert typing.get_type_hints(Leaf)["size"] == Optional[int]

    def test_changes_and_dicts(self):
        assert dataclasses.replace(Leaf("a"), size=3) == Leaf("a", 3)
        assert dataclasses.replace(branch(), kind="x").leaves == branch().leaves
        if sys.version_info >= (3, 13):
            assert copy.replace(Leaf("a"), size=3) == Leaf("a", 3)
        assert dataclasses.asdict(Branch("u", leaf=Leaf("a")))["leaf"] == {"name": "a", "size": None}
        assert dataclasses.astuple(Leaf("a", 1)) == ("a", 1)

    def test_signature(self):
        parameters = inspect.signature(Branch).parameters
        assert list(parameters)[:3] == ["url", "parent_path", "leaf"] and parameters["kind"].default == "branch"
        assert parameters["url"].default is inspect.Parameter.empty
        assert str(inspect.signature(Leaf)) == "(name: 'str', size: 'Optional[int]' = None) -> None"

    def test_subclasses_of_the_standard_library_s_making(self):
        @dataclasses.dataclass
        class Twig(Branch):
            bend: int = 1

        twig = Twig("u", leaf=Leaf("a"))
        assert (twig.bend, twig.leaf, twig.kind) == (1, Leaf("a"), "branch")
        assert [found.name for found in dataclasses.fields(Twig)][-1] == "bend"
        assert Twig.from_json({"url": "u", "bend": 2, "leaves": [{"name": "b"}]}).leaves == [Leaf("b")]

    def test_models_of_a_user(self):
        talk = Talk.from_json(
            {"id": "i", "name": "n", "folderId": "f", "votes": [{"value": 1}], "byName": {}, "best": {"value": 2}}
        )
        assert talk.votes == [Vote(1)] and talk.best == Vote(value=2) and talk.messages == [] and talk.tags == []
        assert Talk.from_json({"id": "i", "name": "n", "by_name": {"a": {"value": 3}}, "folderId": "f"}).by_name == {
            "a": Vote(3)
        }
        built = Talk("i", "n", "f", votes=[Vote(1)])
        built.tags.append("x")
        assert built.to_dict()["tags"] == ["x"] and built.to_dict()["votes"] == [{"value": 1}]

    def test_a_subclass_of_a_user_declares_other_defaults(self):
        class Knot(Branch):
            parent_path: str = ""
            rings: List[int] = []
            notes: Dict[str, Any] = dataclasses.field(default_factory=dict)
            width: int = dataclasses.field(default=3)

        knot = Knot.from_json({"url": "u", "parentPath": "p"})
        assert knot.parent_path == "p" and knot.to_dict() == {"url": "u", "parentPath": "p"}
        knot.rings.append(1)
        knot.notes["a"] = 1
        other = Knot(url="u")
        assert (other.parent_path, other.rings, other.notes, other.width) == ("", [], {}, 3)
        assert Knot("u", parent_path="q", width=4).model_dump(by_alias=True, exclude_none=True)["parentPath"] == "q"

    def test_pydantic_reads_it(self):
        pydantic = pytest.importorskip("pydantic")
        read = pydantic.TypeAdapter(Branch).validate_python({"url": "u", "leaf": {"name": "a"}, "parent_path": "p"})
        assert isinstance(read, Branch) and isinstance(read.leaf, Leaf) and read.leaves == []
        assert pydantic.TypeAdapter(Leaf).dump_python(Leaf("a", 2)) == {"name": "a", "size": 2}
        assert "leaves" in pydantic.TypeAdapter(Branch).json_schema()["properties"]


class TestKeysThatAreNamesOfMethods:
    NAMES = [*dir(Model), "__deepcopy__", "__copy__", "__getnewargs__", "__getnewargs_ex__", "__setstate__"]

    @pytest.mark.parametrize("name", sorted(set(NAMES)))
    def test_they_hide_nothing(self, name):
        data = {"name": "a", name: ["v"]}
        leaf = Leaf.from_json(dict(data))
        assert leaf.to_dict() == data and leaf.get(name) == leaf[name] == dict(leaf)[name] == ["v"] and name in leaf
        assert leaf.keys() == list(data) and len(leaf) == 2
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(leaf, protocol)) == leaf
        assert leaf == copy.copy(leaf) == copy.deepcopy(leaf) == leaf.model_copy() and leaf != Leaf("a")
        assert leaf.model_dump()[name] == ["v"] and leaf.model_extra == {name: ["v"]}
        assert "%s=['v']" % name in repr(leaf)


class TestResponseHeaders:
    def test_they_are_no_part_of_what_came(self):
        leaf, other = Leaf("a"), Leaf("a")
        assert leaf.response_headers == {} and leaf.to_dict() == {"name": "a"}
        leaf.came_with({"x-request-id": "7"})
        assert leaf.response_headers["x-request-id"] == "7"
        assert leaf == other and repr(leaf) == repr(other) and leaf.to_dict() == other.to_dict()
        assert dict(leaf) == dict(other) and leaf.model_dump() == other.model_dump() and "response_headers" not in leaf
        for twin in (copy.copy(leaf), copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
            assert twin.response_headers == {"x-request-id": "7"}


class TestLists:
    def test_copies_do_not_share_what_is_made_later(self):
        b = Branch("u")
        b.leaves.append(Leaf("a"))
        twin = copy.copy(b)
        assert twin.leaves is b.leaves and twin.by_name is None
        assert copy.deepcopy(b).leaves is not b.leaves and copy.deepcopy(b) == b

    def test_null_means_the_default(self):
        assert Branch.from_json({"url": "u", "leaves": None}).leaves == []


class TestOrdered:
    def test_prints_first_what_it_is_told_to(self):
        @dataclass
        class Named(Model):
            _first = ("name", "never_declared", "url")

            url: str
            size: Optional[int] = None
            name: Optional[str] = None

        assert repr(Named.from_json({"url": "u", "zz": 1, "name": "n"})) == "Named(name='n', url='u', zz=1)"
        assert Named("u", 1) == Named.from_json({"size": 1, "url": "u"})


@pytest.mark.parametrize(
    "unit",
    [{"leaves": [{"name": "a", "x": 1}]}, {"labels": {"a": 1}}, {"x": [1]}, {"byName": {"a": [{"name": "b"}]}}],
    ids=str,
)
def test_ten_times_the_answer_is_ten_times_the_work(unit):
    ((key, value),) = unit.items()

    def prepare(size):
        many = value * size if isinstance(value, list) else {"%s%d" % (key, n): value["a"] for n in range(size)}
        data = {"url": "u", key: many, **{"unknown%d" % n: n for n in range(size)}}

        def work():
            model = Branch.from_json(data)
            model.to_dict(), repr(model), model.model_dump(), model == Branch.from_json(data), copy.deepcopy(model)

        return work

    assert_linear(prepare, 100)
