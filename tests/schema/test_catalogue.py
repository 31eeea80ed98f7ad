"""The bundled catalogue, against itself and against recorded answers."""

from __future__ import annotations

import json
import os
import string
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from omskit.schema import Field, Resource, bundled
from omskit.schema.bundled import parse_resource
from omskit.schema.model import Evidence

NAMES = tuple(bundled())
UNITS = {
    *("Hz", "s", "T", "GeV", "GB", "GB/s", "MB/s", "%", "cm", "urad", "/pb"),
    *("10^11", "10^30 cm^-2 s^-1", "10^30 cm^-2 s^-1 (10^11 p)^-2"),
}
PYTHON: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
    "list": (list,),
}


def recorded(name: str) -> Any:
    """A recorded answer, or a skipped test where the folder is not given."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED does not name the folder of recorded answers")
    path = Path(folder) / "recorded" / name
    return json.loads(path.read_text(encoding="utf-8"))


def fits(column: Field, value: Any) -> bool:
    """Whether a value from the wire is of the column's type."""
    if value is None:
        return column.nullable
    if column.kind == "time":
        return datetime.fromisoformat(value).tzinfo is not None
    if column.kind == "list":
        inner = PYTHON[column.items or "str"]
        return isinstance(value, list) and all(isinstance(v, inner) for v in value)
    if isinstance(value, bool) != (column.kind == "bool"):
        return False
    return isinstance(value, PYTHON[column.kind])


def at(attributes: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path of nested keys."""
    value: Any = attributes
    for key in path:
        value = value[key]
    return value


def misfits(resource: Resource, attributes: dict[str, Any]) -> list[str]:
    """The columns whose recorded value is not of their type."""
    return [f.name for f in resource.fields if not fits(f, at(attributes, f.path))]


@pytest.mark.parametrize("name", NAMES)
def test_a_resource_parses_and_tells_what_it_is(name: str) -> None:
    """Every file parses to a resource with a title, a source and columns."""
    resource = bundled()[name]
    assert resource.name == name
    assert resource.title
    assert resource.source
    assert resource.fields
    assert resource.evidence in get_args(Evidence)
    assert len(resource.names) == len(resource.fields)


@pytest.mark.parametrize("name", NAMES)
def test_identity_and_id_name_columns(name: str) -> None:
    """Identity, id template and lumisection column are columns of the resource."""
    resource = bundled()[name]
    parts = {p[1] for p in string.Formatter().parse(resource.row_id) if p[1]}
    assert set(resource.identity) <= set(resource.names)
    # What only ids are made of is no attribute.
    assert parts <= {*resource.names, "path_number", "set"}
    assert resource.lumisection is None or resource.lumisection in resource
    if "lumisection" in resource.granularities:
        assert resource.granularities[0] == "lumisection"
        assert resource.lumisection == "first_lumisection_number"


@pytest.mark.parametrize("name", NAMES)
def test_relationships_lead_to_columns_of_a_known_resource(name: str) -> None:
    """Both ends of every relationship exist and have the same type."""
    resource = bundled()[name]
    for relationship in resource.relationships:
        target = bundled()[relationship.resource]
        assert relationship.on
        for there, here in relationship.on:
            assert target.field(there).kind == resource.field(here).kind


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_fully_described(name: str) -> None:
    """Columns have a title, a known unit, an evidence word and an Arrow type."""
    for column in bundled()[name].fields:
        assert column.title, column.name
        assert column.evidence in get_args(Evidence), column.name
        assert column.unit is None or column.unit in UNITS, column.name
        assert column.arrow_type is not None
        assert not (column.kind == "list" and column.sortable), column.name
        assert column.unit_from is None or column.unit_from in bundled()[name]
        assert not column.scaled or column.unit, column.name


@pytest.mark.parametrize(
    ("name", "count"), [("runs", 43), ("lumisections", 53), ("l1triggerrates", 19)]
)
def test_the_recorded_resources_have_their_number_of_attributes(
    name: str, count: int
) -> None:
    """The resources with recorded answers have as many attributes as the answers."""
    assert len({f.attribute for f in bundled()[name].fields}) == count


def test_runs_are_as_recorded() -> None:
    """The catalogue of runs has the attributes, units and links of run 297050."""
    row = recorded("runs_cell3_af49037.json")["data"][0]
    runs = bundled()["runs"]
    assert set(runs.names) == set(row["attributes"])
    assert misfits(runs, row["attributes"]) == []
    assert {f.name for f in runs.fields if f.scaled} == set(row["meta"]["row"])
    assert {r.name for r in runs.relationships} == set(row["relationships"])
    assert runs.row_id.format(**row["attributes"]) == row["id"]


def test_lumisections_are_as_recorded() -> None:
    """The catalogue of lumisections has the recorded attributes, and only those."""
    document = recorded("lumisection_297050_1_attributes_af49037.json")
    lumisections = bundled()["lumisections"]
    assert set(lumisections.names) == set(document["attributes"])
    assert misfits(lumisections, document["attributes"]) == []


def test_lumisection_ids_are_as_recorded() -> None:
    """The id template gives the id of each of the 1000 recorded rows."""
    template = bundled()["lumisections"].row_id
    rows = recorded("lumisections_cell7_af49037.json")["data"]
    assert [template.format(**r["attributes"]) for r in rows] == [r["id"] for r in rows]


def test_l1_trigger_rates_are_as_recorded() -> None:
    """Every recorded L1 counter and rate has its column, and no column lacks one."""
    document = recorded("l1triggerrates_297050_ls1_attributes_af49037.json")
    rates = bundled()["l1triggerrates"]
    assert {f.attribute for f in rates.fields} == set(document["attributes"])
    assert misfits(rates, document["attributes"]) == []


def test_older_answers_lack_only_what_is_known_to_be_newer() -> None:
    """The server of 2021 knew all attributes but those that the note names."""
    document = recorded("lumisection_297050_1_attributes_97db7d4.json")
    lacking = set(bundled()["lumisections"].names) - set(document["attributes"])
    assert lacking == {"prescale_name", "prescale_index"}


def test_components_can_be_filtered_but_not_sorted() -> None:
    """The lists of components take filters, as the operator CT was made for them."""
    components = bundled()["runs"].field("components")
    assert components.filterable
    assert not components.sortable


def test_what_is_filtered_by_and_not_shown() -> None:
    """Scripts filter four resources by a run that their rows do not show."""
    found = {
        name: [(f.name, f.kind, f.filterable, f.sortable) for f in resource.filters]
        for name in NAMES
        if (resource := bundled()[name]).filters
    }
    names = (
        "hltconfig",
        "hltconfigdata",
        "hltprescalesets",
        "l1algorithmtriggers/ratemon",
    )
    assert found == {name: [("run_number", "int", True, False)] for name in names}
    for name in found:
        for column in bundled()[name].filters:
            assert column.title
            assert column.evidence in get_args(Evidence)


def test_prescale_sets_need_a_run() -> None:
    """Names tell prescale sets apart within a run only, and configurations always."""
    assert {n: bundled()[n].within for n in NAMES if bundled()[n].within} == {
        "hltprescalesets": "run_number",
        "l1algorithmtriggers/ratemon": "run_number",
    }


def test_a_shape_becomes_one_column_per_part() -> None:
    """A nested attribute is flattened, each part with its own type and unit."""
    text = {"fields": {"a": {"type": "counter_percent", "title": "t"}}}
    counter, percent = parse_resource("x", text).fields
    assert (counter.name, counter.path, counter.kind) == (
        "a_counter",
        ("a", "counter"),
        "int",
    )
    assert (percent.name, percent.unit, percent.title) == ("a_percent", "%", "t")
    assert not percent.filterable


def test_only_end_lumi_is_computed_after_the_filter() -> None:
    """One column of the whole catalogue depends on the filters of a request."""
    found = [
        (name, f.name, f.after_filter)
        for name in NAMES
        for f in bundled()[name].fields
        if f.after_filter
    ]
    assert found == [("lumisections", "end_lumi", "lead(init_lumi)")]
