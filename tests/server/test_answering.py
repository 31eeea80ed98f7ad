"""The service, as a function from request to response."""

import json

import pytest

from omskit.effects import Request
from omskit.engine import Engine
from omskit.jsonapi.decoding import decode
from omskit.query import OPERATORS
from omskit.query.operators import WIRE
from omskit.schema import bundled, merge_meta
from omskit.server import Service, Switches, respond
from omskit.server.ids import conditions_of, template_of
from omskit.server.meta import TYPES, meta_fields

BASE = "http://oms.example:8321/agg/api/v1"


def test_a_page_of_whole_rows(ask):
    """Rows come with attributes, relationships, links and units, and are counted."""
    asked = ask("runs")
    assert (asked.status, asked.total) == (200, 3)
    assert asked.response.headers["content-type"] == "application/vnd.api+json"
    row = asked.rows[0]
    assert row.keys() == {"id", "type", "attributes", "relationships", "links", "meta"}
    assert (row["id"], row["type"]) == ("297050", "runs")
    assert row["attributes"].keys() == {f.attribute for f in bundled()["runs"].fields}
    assert row["attributes"]["start_time"] == "2017-06-16T20:50:33Z"
    assert row["links"] == {"self": f"{BASE}/runs/297050"}
    assert row["relationships"]["fill"]["links"] == {
        "self": f"{BASE}/runs/297050/relationships/fill",
        "related": f"{BASE}/runs/297050/fill",
    }
    assert row["meta"] == {"row": {"delivered_lumi": {"units": "pb^{-1}"}}}
    assert asked.rows[1]["meta"] == {}


def test_fields(ask):
    """With fields= rows have these attributes, an id, a link, and nothing else."""
    asked = ask("runs", "fields=l1_rate,era")
    assert asked.rows[0] == {
        "id": "297050",
        "type": "runs",
        "attributes": {"l1_rate": 49130.85, "era": "2017B"},
        "links": {"self": f"{BASE}/runs/297050"},
    }
    assert asked.links["first"].endswith(
        "runs?page[limit]=100&fields[runs]=l1_rate%2Cera"
    )


def test_nested_attributes(ask):
    """Counters and rates are parts of one attribute."""
    asked = ask("l1triggerrates", "fields=l1a_physics")
    assert [row["attributes"] for row in asked.rows] == [
        {"l1a_physics": {"counter": 557503, "rate": 23916.926}},
        {"l1a_physics": {"counter": None, "rate": None}},
    ]


def test_json_attributes(ask):
    """Lists of objects are JSON, not text."""
    asked = ask("hltprescalesets", "fields=prescales")
    values = [row["attributes"]["prescales"] for row in asked.rows]
    assert values == [[{"prescale": 2}], None]


FILTERS = {
    "EQ": ("era", "2017B", ["297050", "297056"]),
    "NEQ": ("run_number", "297050", ["297055", "297056"]),
    "LT": ("l1_rate", "50000", ["297050"]),
    "GT": ("l1_rate", "49130.85", ["297056"]),
    "LE": ("run_number", "297055", ["297050", "297055"]),
    "GE": ("run_number", "297055", ["297055", "297056"]),
    "LIKE": ("era", "20%", ["297050", "297056"]),
    "CT": ("components", "TRG", ["297050"]),
}


class TestFilters:
    """filter[..][..]=.."""

    @pytest.mark.parametrize("word", sorted(WIRE))
    @pytest.mark.parametrize("form", ["[{}][{}]", "[runs][{}][{}]"])
    def test_every_operator(self, ask, word, form):
        """Operators work in any case, in the short and in the long form."""
        name, value, ids = FILTERS[word]
        for spelling in (word, word.lower(), word.title()):
            key = "filter" + form.format(name, spelling)
            assert ask("runs", [(key, value)]).ids == ids

    def test_all_wire_operators_are_there(self):
        """IN and GLOB are ours alone."""
        assert FILTERS.keys() == WIRE == OPERATORS.keys() - {"IN", "GLOB"}

    @pytest.mark.parametrize(
        ("parameters", "ids"),
        [
            ("filter[run_number]=297055", ["297055"]),
            ("filter[era][EQ]=null", ["297055"]),
            ("filter[era][NEQ]=NULL", ["297050", "297056"]),
            ("filter[stable_beam]=True", ["297050"]),
            ("filter[stable_beam][eq]=false", ["297055"]),
            ("filter[start_time][GT]=2017-06-16T20:50:33", ["297056"]),
            ("filter[start_time][LE]=2017-06-16 20:50:33", ["297050"]),
            ("filter[start_time][GE]=2017-06-16", ["297050", "297056"]),
            (
                "filter[run_number]=297050&filter[run_number]=297056",
                ["297050", "297056"],
            ),
            ("filter[run_number][GE]=297051&filter[run_number][LE]=297055", ["297055"]),
            ("filter%5Brun_number%5D%5BEQ%5D=297050", ["297050"]),
            ("filter[era][LIKE]=%20", []),
            ("filter[run_number]=12345678", []),
        ],
    )
    def test_forms(self, ask, parameters, ids):
        """Every form that scripts use is understood."""
        asked = ask("runs", parameters)
        assert (asked.ids, asked.total) == (ids, len(ids))

    def test_like_is_case_sensitive(self, ask):
        """A guess about Oracle that the documentation lists."""
        assert ask("l1algorithmtriggers", "filter[name][LIKE]=l1_%25").ids == []
        assert len(ask("l1algorithmtriggers", "filter[name][LIKE]=L1_%25").ids) == 2

    def test_lumisections_of_rates(self, ask):
        """Rate rows can be filtered and sorted by a number that they do not show."""
        asked = ask("l1triggerrates", "filter[lumisection_number][GE]=2")
        assert asked.ids == ["297050_2"]
        asked = ask("l1triggerrates", "sort=-lumisection_number")
        assert asked.ids == ["297050_2", "297050_1"]
        assert "sort[l1triggerrates]=-first_lumisection_number" in asked.links["first"]
        assert ask("l1triggerrates", "fields=lumisection_number").status == 400

    def test_the_newest_lumisection(self, ask):
        """-1 is the newest, as the web pages of OMS ask."""
        for name in ("lumisection_number", "last_lumisection_number"):
            asked = ask("l1triggerrates", f"filter[{name}]=-1")
            assert asked.ids == ["297050_2"]

    def test_hidden_columns(self, ask):
        """Prescales are filtered by run, which is not among their attributes."""
        asked = ask("hltprescalesets", "filter[run_number]=297056")
        assert asked.ids == ["HLT_B"]
        assert "run_number" not in asked.rows[0]["attributes"]
        assert ask("hltprescalesets", "fields=run_number").status == 400

    def test_end_lumi_depends_on_the_filter(self, ask):
        """It is the luminosity of the next row of the answer, and 0 in the last."""

        def end_lumi(parameters):
            rows = ask("lumisections", parameters + "&fields=end_lumi").rows
            return [row["attributes"]["end_lumi"] for row in rows]

        assert end_lumi("filter[run_number]=297050") == [6880.0, None, 0.0]
        assert end_lumi("filter[lumisection_number]=1") == [100.0, 0.0]
        assert end_lumi("page[limit]=1") == [6880.0]
        one = ask("lumisections/297050_1").rows
        assert one["attributes"]["end_lumi"] == 0.0


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ("sort=-run_number", ["297056", "297055", "297050"]),
        ("sort=l1_rate", ["297050", "297056", "297055"]),
        ("sort=-l1_rate", ["297056", "297050", "297055"]),
        ("sort=-era,-run_number", ["297056", "297050", "297055"]),
        ("sort[runs]=-run_number", ["297056", "297055", "297050"]),
    ],
)
def test_sort(ask, parameters, ids):
    """Keys keep their order, nulls come last both ways."""
    assert ask("runs", parameters).ids == ids


class TestPages:
    """page[offset] and page[limit]."""

    def test_walking_along_next(self, ask):
        """Following next from the first page meets every row once."""
        seen, url = [], f"{BASE}/lumisections?page[limit]=2&filter[fill_number][GE]=1"
        while url:
            asked = ask(url.removeprefix(f"{BASE}/"))
            seen += asked.ids
            url = asked.links["next"]
        assert seen == [
            *("297050_1", "297050_2", "297050_3"),
            *("297056_1", "297056_2"),
        ]

    def test_links_of_a_page(self, ask):
        """Links have the parameters of the request, and no offset where it is 0."""
        links = ask("lumisections", "page[offset]=2&page[limit]=2").links
        assert links == {
            "first": f"{BASE}/lumisections?page[limit]=2",
            "prev": f"{BASE}/lumisections?page[limit]=2",
            "next": f"{BASE}/lumisections?page[limit]=2&page[offset]=4",
            "last": f"{BASE}/lumisections?page[limit]=2&page[offset]=4",
        }

    def test_default_limit(self, engine, ask):
        """Without a limit there are 100 rows, or what the service is set to."""
        assert "page[limit]=100&" in ask("runs", "fields=era").links["first"]
        small = Service(engine, BASE, default_limit=2)
        asked = ask("runs", of=small)
        assert (len(asked.rows), asked.total) == (2, 3)

    def test_the_largest_limit(self, ask):
        """100000 rows can be asked for, one more is refused with OMS's words."""
        assert ask("runs", "page[limit]=100000").status == 200
        asked = ask("runs", "page[limit]=100001")
        assert asked.status == 400
        assert asked.document["errors"][0] == {
            "status": "400",
            "title": "BAD_REQUEST",
            "detail": "limit parameter value 100001 is larger than the maximum allowed "
            "of of 100000",
        }

    def test_offsets_are_multiples_of_the_limit(self, ask):
        """Any other is refused, unless a switch says otherwise."""
        asked = ask("runs", "page[offset]=1&page[limit]=2")
        assert asked.status == 400
        assert asked.error == "offset 1 is not a multiple of limit 2"
        asked = ask("runs", "page[offset]=1&page[limit]=2", any_offset=True)
        assert asked.ids == ["297055", "297056"]

    def test_past_the_end(self, ask):
        """No rows, no links, the whole total; links where a switch says so."""
        page = "page[offset]=4&page[limit]=2"
        asked = ask("runs", page)
        assert (asked.rows, asked.total) == ([], 3)
        assert set(asked.links.values()) == {None}
        links = ask("runs", page, past_end_links=True).links
        assert links["prev"] == f"{BASE}/runs?page[limit]=2&page[offset]=2"

    def test_no_rows(self, ask):
        """An empty answer is no error."""
        asked = ask("runs", "filter[run_number]=1")
        assert (asked.status, asked.rows, asked.total) == (200, [], 0)
        assert set(asked.links.values()) == {None}

    @pytest.mark.parametrize(
        "text", ["page[limit]=0", "page[limit]=x", "page[offset]=-1", "page[size]=3"]
    )
    def test_pages_without_meaning(self, ask, text):
        """A page that makes no sense is refused."""
        assert ask("runs", text).status == 400


class TestIncludes:
    """include=.."""

    def test_meta(self, ask):
        """The description of the attributes comes beside the total."""
        meta = ask("runs", "include=meta").document["meta"]
        assert meta["totalResourceCount"] == 3
        assert meta["fields"] == meta_fields(bundled()["runs"])

    def test_presentation_timestamp(self, ask):
        """Times are written for people."""
        rows = ask("runs", "include=presentation_timestamp").rows
        assert [row["attributes"]["start_time"] for row in rows] == [
            "2017-06-16 20:50:33",
            None,
            "2017-06-16 20:50:33.000005",
        ]

    @pytest.mark.parametrize("word", ["data_only", "dataonly,meta"])
    def test_data_only(self, ask, word):
        """Links and relationships go; the total and the units stay."""
        asked = ask("runs", f"include={word}")
        assert "links" not in asked.document
        assert asked.rows[0].keys() == {"id", "type", "attributes", "meta"}
        assert asked.total == 3

    def test_links_keep_includes(self, ask):
        """The next page is written as this one."""
        first = ask("runs", "include=meta,presentation_timestamp").links["first"]
        assert first.endswith("&include=meta%2Cpresentation_timestamp")


class TestGroups:
    """group[granularity]=.."""

    def test_granularity(self, ask):
        """Rows of whole runs have no lumisection in their ids; links keep the group."""
        asked = ask("l1algorithmtriggers", "group[granularity]=run")
        assert asked.ids == ["297050_18", "297050_19"]
        assert asked.links["first"].endswith("&group[granularity]=run")
        assert ask("l1algorithmtriggers").ids == ["297050_18_1", "297050_19_1"]
        named = ask("l1algorithmtriggers", "group[granularity]=lumisection")
        assert named.ids == ["297050_18_1", "297050_19_1"]

    @pytest.mark.parametrize("text", ["group[granularity]=fill", "group[size]=10"])
    def test_what_is_not_supported(self, ask, text):
        """Another grouping is refused, not ignored."""
        assert ask("l1triggerrates", text).status == 400
        assert ask("runs", text).status == 400


class TestSingleRows:
    """One row: /{resource}/{id}."""

    @pytest.mark.parametrize(
        ("path", "row_id"),
        [
            ("runs/297050", "297050"),
            ("runs/297050/", "297050"),
            ("lumisections/297050_2", "297050_2"),
            ("l1algorithmtriggers/297050_18_1", "297050_18_1"),
            ("l1algorithmtriggers/297050_18", "297050_18"),
            ("l1algorithmtriggers/297050_19?group[granularity]=run", "297050_19"),
            ("eras/odd%2Fname%20%26%20more", "odd/name & more"),
        ],
    )
    def test_ids(self, ask, path, row_id):
        """The row of an id is one object; by run or by lumisection, as the id says."""
        row = ask(path).rows
        assert row["id"] == row_id

    def test_every_self_link_leads_to_its_row(self, ask):
        """What a page links to is there."""
        for name in ("runs", "lumisections", "eras", "l1triggerrates", "datasetrates"):
            for row in ask(name).rows:
                path = row["links"]["self"].removeprefix(f"{BASE}/")
                again = ask(path).rows
                assert again["id"] == row["id"]
                assert again["links"] == row["links"]

    def test_parameters(self, ask):
        """Fields and includes apply; the page that the official client sends is not."""
        asked = ask(
            "runs/297050", "fields=era&include=meta&page[offset]=0&page[limit]=10"
        )
        assert asked.rows["attributes"] == {"era": "2017B"}
        assert "l1_rate" in asked.document["meta"]["fields"]

    @pytest.mark.parametrize("text", ["filter[era]=2017B", "sort=era"])
    def test_filters_have_no_meaning(self, ask, text):
        """One row cannot be filtered or sorted."""
        assert ask("runs/297050", text).status == 400

    @pytest.mark.parametrize(
        "path",
        [
            "runs/1",
            "runs/nonsense",
            "runs/297050_1",
            "runs/99999999999999999999",
            "runs/\N{ARABIC-INDIC DIGIT ONE}",
            "lumisections/297050",
            "lumisections/297050_99",
            "l1algorithmtriggers/297050_18?group[granularity]=lumisection",
            "eras/null",
        ],
    )
    def test_unknown_ids(self, ask, path):
        """An id that no row has is a 404 with OMS's form."""
        asked = ask(path)
        assert asked.status == 404
        error = asked.document["errors"][0]
        assert error["title"] == error["detail"] == asked.error
        assert "has no row" in asked.error

    def test_templates(self):
        """An id says what its row is; without a template there are no ids."""
        bits = bundled()["l1algorithmtriggers"]
        assert template_of(bits, "lumisection") == bits.row_id
        assert template_of(bits, "run") == "{run_number}_{bit}"
        names = conditions_of("5__A__B__1", "{run_number}__{name}__{bit}", bits)
        assert [c.value for c in names] == [5, "A__B", 1]
        assert conditions_of("", "", bits) is None


class TestRelationships:
    """Rows of a row: /{resource}/{id}/{relationship}."""

    def test_many(self, ask):
        """Rows that belong to a row come as pages, with links to their own path."""
        asked = ask("runs/297050/lumisections", "page[limit]=2")
        assert (asked.ids, asked.total) == (["297050_1", "297050_2"], 3)
        path = f"{BASE}/runs/297050/lumisections"
        assert asked.links["next"] == f"{path}?page[limit]=2&page[offset]=2"
        again = ask(asked.links["next"].removeprefix(f"{BASE}/"))
        assert again.ids == ["297050_3"]

    def test_parameters_are_of_the_target(self, ask):
        """Filters, fields and order speak of the rows that come."""
        asked = ask(
            "runs/297050/lumisections",
            "filter[lumisection_number][LE]=2&sort=-lumisection_number&fields=cms_active",
        )
        assert asked.ids == ["297050_2", "297050_1"]
        assert asked.rows[0]["attributes"] == {"cms_active": True}

    def test_one(self, ask):
        """Where the relationship names the whole identity there is one object."""
        asked = ask("runs/297050/fill")
        assert asked.rows["id"] == "5839"
        assert asked.rows["attributes"]["b_field"] == 3.8

    def test_none(self, ask):
        """A missing value belongs to nothing: no object, and no rows."""
        assert ask("runs/297055/fill").rows is None
        assert ask("runs/297055/relationships/fill").rows is None
        assert ask("runs/297055/hltconfigdata").rows == []
        assert ask("runs/297050/hltconfigdata").total == 2

    def test_identifiers(self, ask):
        """Under relationships/ there are only types and ids."""
        asked = ask("runs/297050/relationships/fill")
        path = f"{BASE}/runs/297050/relationships"
        assert asked.rows == {"type": "fills", "id": "5839"}
        assert asked.links == {"self": f"{path}/fill"}
        asked = ask("runs/297050/relationships/lumisections", "page[limit]=1")
        assert asked.rows == [{"type": "lumisections", "id": "297050_1"}]
        assert asked.total == 3
        assert asked.links["first"] == f"{path}/lumisections?page[limit]=1"

    def test_every_related_link_leads_somewhere(self, ask, engine):
        """Links of a row are answered, as far as the target is held."""
        links = ask("runs/297050").rows["relationships"]
        targets = {r.name: r.resource for r in bundled()["runs"].relationships}
        for name, entry in links.items():
            expected = 200 if engine.holds(targets[name]) else 404
            for url in entry["links"].values():
                assert ask(url.removeprefix(f"{BASE}/")).status == expected

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("runs/297050/lumisection", "it has: runkeys, l1config"),
            ("eras/2017B/runs", "has no relationship 'runs'; it has: none"),
            ("runs/1/fill", "has no row '1'"),
            ("runs/297050/relationships", "Nothing is served at"),
            ("runs/297050/deadtime", "no rows of 'deadtimes' here"),
            ("runs/297050/a/b", "Nothing is served at"),
        ],
    )
    def test_what_is_not_there(self, ask, path, told):
        """A wrong way is a 404 that says what there is."""
        asked = ask(path)
        assert asked.status == 404
        assert told in asked.error


class TestMeta:
    """What there is: /{resource}/meta."""

    def test_fields(self, ask):
        """Every attribute has title, type, units and two flags."""
        fields = ask("runs/meta").document["meta"]["fields"]
        assert fields.keys() == {f.attribute for f in bundled()["runs"].fields}
        assert fields["duration"] == {
            "title": "Stop minus start; null while the run goes on",
            "type": "INTEGER",
            "units": "s",
            "searchable": True,
            "sortable": True,
        }
        assert fields["start_time"]["type"] == "DATETIME"
        assert fields["components"]["type"] == "LIST"
        assert fields["components"]["sortable"] is False

    def test_nested_and_scaled_attributes(self, ask):
        """Nested values are one attribute, and units that vary are not told here."""
        fields = ask("l1triggerrates/meta").document["meta"]["fields"]
        assert fields["l1a_physics"]["type"] == "OBJECT"
        assert "l1a_physics_rate" not in fields
        assert ask("runs/meta").document["meta"]["fields"]["init_lumi"]["units"] == ""

    def test_the_catalogue_agrees_with_it(self):
        """Merging a service's own meta into the catalogue changes nothing."""
        for name in bundled():
            resource = bundled()[name]
            assert merge_meta(resource, meta_fields(resource)) == resource

    def test_every_kind_has_a_word(self):
        """No column can be without a type."""
        kinds = {f.kind for name in bundled() for f in bundled()[name].fields}
        assert kinds <= TYPES.keys()


def test_datasets(ask):
    """The datasets of a run are one object with their names."""
    asked = ask("datasetrates/datasets", "filter[run_number]=297050")
    assert asked.rows["attributes"] == {"datasets": ["JetHT", "ZeroBias"]}
    assert ask("datasetrates/datasets").rows["attributes"]["datasets"][1] == "MET"


class TestErrors:
    """Error documents."""

    @pytest.mark.parametrize(
        ("path", "status", "told"),
        [
            ("run", 404, "Did you mean 'runs'"),
            ("", 404, "no resource ''"),
            ("deadtimes", 404, "no rows of 'deadtimes' here"),
            ("run/meta", 404, "Did you mean"),
            ("runs?fields=l1_rat", 400, "Did you mean 'l1_rate'"),
            ("runs?filter[l1_rat][GE]=1", 400, "'runs' has no field 'l1_rat'"),
            ("runs?sort=-nope", 400, "no field 'nope'"),
            ("l1triggerrates?fields=l1a_physics_rate", 400, "no attribute"),
            ("l1triggerrates?filter[l1a_physics]=1", 400, "l1a_physics"),
            ("l1triggerrates?sort=l1a_physics", 400, "cannot sort"),
            ("runs?filter[run_number][XX]=1", 400, "failed to parse parameter"),
            ("runs?filter[run_number][GE]=x", 400, "whole number"),
            ("runs?filter[run_number][GE]=null", 400, "null can only be compared"),
            ("runs?filter[era][LIKE]=a&filter[era][LIKE]=b", 400, "given twice"),
            ("runs?filter[l1_rate][CT]=1", 400, "of type float"),
            ("runs?nonsense=1", 400, "invalid parameter 'nonsense'"),
            ("runs?filter=1", 400, "invalid parameter"),
            ("runs?include=all", 400, "invalid parameter include"),
        ],
    )
    def test_requests_that_make_no_sense(self, ask, path, status, told):
        """Each is refused with a document that says what is wrong."""
        asked = ask(path)
        assert asked.status == status
        assert told in asked.error
        assert asked.response.headers["content-type"] == "application/vnd.api+json"

    def test_advice_for_python_stays_in_python(self, ask):
        """The service does not tell its clients about arguments of omskit."""
        assert "unchecked" not in ask("runs?fields=l1_rat").error

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
    def test_other_methods(self, service, method):
        """OMS is read-only."""
        response = respond(Request(method, f"{BASE}/runs"), service)
        assert response.status == 405
        assert response.headers["allow"] == "GET, HEAD"

    def test_head(self, service):
        """HEAD says how long the answer would be and sends none."""
        get = respond(Request("GET", f"{BASE}/runs"), service)
        head = respond(Request("HEAD", f"{BASE}/runs"), service)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(get.body))

    @pytest.mark.parametrize(
        "url",
        ["http://oms.example:8321/runs", "/agg/api/v1", "/agg/api/v2/runs", "runs"],
    )
    def test_other_paths(self, service, url):
        """All paths begin with that of the base URL."""
        response = respond(Request("GET", url), service)
        assert response.status == 404
        assert "all paths begin with /agg/api/v1/" in json.loads(response.body)[
            "errors"
        ][0]["detail"].replace("\\", "")

    def test_the_host_does_not_matter(self, service):
        """Behind a tunnel or a proxy the service is asked by another name."""
        response = respond(Request("GET", "/agg/api/v1/runs/297050"), service)
        assert json.loads(response.body)["data"]["links"]["self"].startswith(BASE)


class TestSwitches:
    """What the real OMS does or may do otherwise."""

    def test_double_scheme(self, ask):
        """Links as they were recorded on vocms0185, on request."""
        asked = ask("runs", "page[limit]=1", double_scheme=True)
        for url in (asked.links["next"], asked.rows[0]["links"]["self"]):
            assert url.startswith("https://http://oms.example")

    @pytest.mark.parametrize(
        ("parameters", "ids"),
        [
            ("filter[l1_rat][GE]=99&filter[run_number]=297050", ["297050"]),
            ("filter[runs][nope][EQ]=1&filter[era][EQ]=null", ["297055"]),
            ("filter[nope]=1&page[limit]=1", ["297050"]),
            ("sort=nope,-run_number&page[limit]=1", ["297056"]),
            ("sort=nope&fields=also_nope&page[limit]=1", ["297050"]),
        ],
    )
    def test_unknown_names_can_be_ignored(self, ask, parameters, ids):
        """A service that says nothing can be played, to see what clients make of it."""
        assert ask("runs", parameters, ignore_unknown=True).ids == ids
        assert ask("runs", parameters).status == 400

    def test_known_names_among_unknown_are_kept(self, ask):
        """Only what is not there goes."""
        asked = ask("runs", "fields=nope,era", ignore_unknown=True)
        assert asked.rows[0]["attributes"] == {"era": "2017B"}

    def test_a_service_can_be_pasted_back(self, engine):
        """Services and switches are values."""
        assert Switches(any_offset=True) == Switches(any_offset=True)
        assert Service(engine, f"{BASE}/").link_base == BASE
        assert Service(engine, f"{BASE}/").base_path == "/agg/api/v1"


def test_pages_decode(ask):
    """The decoder of the client reads every page of the service."""
    for name in ("runs", "lumisections", "l1triggerrates", "hltprescalesets"):
        asked = ask(name)
        read = decode(asked.response.body, bundled()[name])
        assert read.total == asked.total == read.table.num_rows
        assert read.table["@id"].to_pylist() == asked.ids
        assert not read.notes
        assert not read.unknown


def test_an_empty_engine():
    """A service that holds nothing answers 404 to everything."""
    with Engine({}) as engine:
        service = Service(engine, BASE)
        assert respond(Request("GET", f"{BASE}/runs"), service).status == 404
