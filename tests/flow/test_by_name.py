from __future__ import annotations

import pytest
from tests.support.bothways import both, refused
from tests.support.smallservice import SmallService, refusal

from omskit.errors import SelectorError, ServerFailedError, StatusError, UsageError
from omskit.flow.by_name import patterns_of

NAMES = ["HLT_A_v1", "HLT_B_v2", "HLT_B2_v1", "HLT_Bxv2"]


def service(**options):
    rates = [
        {"run_number": 1, "path_name": n, "first_lumisection_number": s, "counter": s}
        for n in NAMES
        for s in (1, 2)
    ]
    paths = [{"run_number": 1, "path_name": n} for n in NAMES]
    bits = [
        {"run_number": 1, "bit": b, "name": f"L1_{b}", "first_lumisection_number": 1}
        for b in range(4)
    ]
    rows = {"hltpathrates": rates, "hltpathinfo": paths, "l1algorithmtriggers": bits}
    return SmallService(rows, **options)


def ask(scenario, **options):
    return both(lambda: service(**options), scenario, audit=False)


def names(table, column="path_name"):
    return sorted(set(table[column].to_pylist()))


def kinds(outcome):
    return [entry.split("?")[0] for entry in outcome.log]


def test_without_names_all_come():
    """paths=None gives every path of the run."""
    outcome = ask(lambda oms: oms.hlt_rates(1))
    assert names(outcome.value) == sorted(NAMES)
    assert "group[granularity]=lumisection" in outcome.log[0]


def test_one_name_is_one_request():
    """A name without wild cards is asked for as it is."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths="HLT_A_v1"))
    assert names(outcome.value) == ["HLT_A_v1"]
    assert "filter[path_name][EQ]=HLT_A_v1" in outcome.log[0]
    assert len(outcome.log) == 1


def test_several_names_are_as_many_requests():
    """OMS knows no OR: each name is a request; a name without rows is told."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=["HLT_A_v1", "HLT_B_v2", "X"]))
    assert names(outcome.value) == ["HLT_A_v1", "HLT_B_v2"]
    assert len(outcome.log) == 4  # the last looks for versions
    assert outcome.warnings[0] == "No row matches path_name = X."
    assert outcome.warnings[1].startswith("There is no path 'X' among 4.")


def test_one_pattern_is_a_like_matched_exactly_here():
    """A pattern goes out as LIKE, and what LIKE lets through too much is dropped."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths="HLT_B_v*"))
    assert names(outcome.value) == ["HLT_B_v2"]
    assert "[LIKE]" in outcome.log[0]
    assert len(outcome.log) == 1


def test_a_service_without_like_is_asked_by_name():
    """Where LIKE is refused the names are looked up and asked for one by one."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths="HLT_B*"), refuse_like=True)
    assert names(outcome.value) == ["HLT_B2_v1", "HLT_B_v2", "HLT_Bxv2"]
    assert kinds(outcome) == ["hltpathrates", "hltpathinfo", *["hltpathrates"] * 3]


def test_other_refusals_of_a_pattern_are_raised():
    """Only a 400 is taken for a service that knows no LIKE."""
    fault = refusal(500, "x")
    outcome = refused(
        lambda: service(faults=[lambda _: fault]),
        lambda oms: oms.hlt_rates(1, paths="HLT_B*"),
        retries=0,
    )
    assert isinstance(outcome.error, StatusError)


def test_several_patterns_cost_one_look_up():
    """Patterns and names together are matched against the names of the run."""
    paths = ["HLT_B_*", "HLT_A_v1", "HLT_?_v1", "Nothing*", "Absent"]
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=paths))
    assert names(outcome.value) == ["HLT_A_v1", "HLT_B_v2"]
    assert kinds(outcome)[0] == "hltpathinfo"
    assert sum(kind == "hltpathinfo" for kind in kinds(outcome)) == 1
    assert outcome.warnings == [
        "No row matches path_name = Absent.",
        "No path_name matches 'Nothing*'.",
    ]


def test_patterns_that_match_nothing_are_an_empty_table():
    """Where no name matches, the table is empty and says so, once."""
    outcome = ask(lambda oms: oms.hlt_paths(1, paths="X*,Y*"))
    assert len(outcome.value) == 0
    said = "No row of 'hltpathinfo' matches run_number = 1 and path_name = X*."
    assert outcome.warnings[0] == said
    assert "There is no path 'X*' among 4" in outcome.warnings[1]
    assert len(outcome.warnings) == 3


def test_algorithms_go_by_bit_or_name():
    """Bits and names restrict the algorithms; both may be given."""
    one = ask(lambda oms: oms.l1_algorithms(1, bits=2))
    assert names(one.value, "bit") == [2]
    some = ask(lambda oms: oms.l1_algorithms(1, bits=[1, 3], names="L1_3"))
    assert names(some.value, "bit") == [3]
    where = ask(lambda oms: oms.l1_algorithms(1, bits=[1, 3], where="bit > 2"))
    assert names(where.value, "bit") == [3]


def test_names_of_algorithms_are_looked_up_by_run():
    """The look-up of names takes a row of each bit and run, not each lumisection."""
    outcome = ask(lambda oms: oms.l1_algorithms(1, names="L1_1,L1_[23]"))
    assert names(outcome.value, "name") == ["L1_1", "L1_2", "L1_3"]
    assert "group[granularity]=run" in outcome.log[0]
    assert all("granularity]=lumisection" in entry for entry in outcome.log[1:])


@pytest.mark.parametrize("bits", [512, -1, [], [1, 700], True])
def test_bits_that_do_not_exist_are_refused(bits):
    """Level-1 bits are 0 to 511."""
    outcome = refused(service, lambda oms: oms.l1_algorithms(1, bits=bits))
    assert type(outcome.error) is SelectorError
    assert outcome.log == []


@pytest.mark.parametrize("face", ["hlt_rates", "hlt_paths", "l1_algorithms"])
def test_all_runs_of_all_time_are_not_asked(face):
    """Rates without any run, fill, era or time are refused before OMS is bothered."""
    outcome = refused(service, lambda oms: getattr(oms, face)())
    assert type(outcome.error) is SelectorError
    assert outcome.log == []


@pytest.mark.parametrize("given", ["", [], [""], ["a", 5], " , "])
def test_names_that_name_nothing_are_refused(given):
    """An empty list or name is an error, not everything."""
    with pytest.raises(SelectorError, match="names nothing"):
        patterns_of(given, "paths")


def test_names_are_taken_once():
    """Names given twice are asked for once, in their order."""
    assert patterns_of("b, a,b", "paths") == ["b", "a"]
    assert patterns_of(None, "paths") is None


def test_granularity_is_checked():
    """A granularity that the resource does not have is refused."""
    outcome = refused(service, lambda oms: oms.hlt_rates(1, granularity="fill"))
    assert isinstance(outcome.error, UsageError)
    assert "'lumisection' or 'run'" in str(outcome.error)


def test_names_that_could_not_be_had_are_no_names_left_out():
    """With allow_partial, a list of names that is not whole is an error."""

    def broken(request):
        second = "hltpathinfo" in request.url and "page[offset]=2&" in request.url
        return refusal(500, "database") if second else None

    outcome = both(
        lambda: service(refuse_like=True, faults=[broken]),
        lambda oms: oms.hlt_rates(1, paths="HLT_B*", allow_partial=True),
        audit=False,
        page_size=2,
        retries=0,
    )
    assert type(outcome.error) is ServerFailedError


def test_a_path_without_its_version_is_found():
    """A name without rows is looked up, its versions are taken, and that is said."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths="HLT_B"))
    assert names(outcome.value) == ["HLT_B_v2"]
    assert kinds(outcome) == ["hltpathrates", "hltpathinfo", "hltpathrates"]
    assert outcome.warnings == ["HLT_B has no version; taken: HLT_B_v2."]


def test_versions_are_found_beside_whole_names():
    """Whole names, names without version and names of nothing go together."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=["HLT_A_v1", "HLT_B2", "Z"]))
    assert names(outcome.value) == ["HLT_A_v1", "HLT_B2_v1"]
    assert outcome.warnings[0] == "HLT_B2 has no version; taken: HLT_B2_v1."
    assert outcome.warnings[1].startswith("There is no path 'Z' among 4. Near it:")


@pytest.mark.parametrize("paths", ["HLT_Bx", "HLT_Bx*_v9", ["HLT_Bx_v7"]], ids=str)
def test_what_is_not_there_is_named_with_what_is(paths):
    """Where nothing has a name, those that resemble it are told."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=paths))
    assert len(outcome.value) == 0
    assert "There is no path 'HLT_Bx" in outcome.warnings[-1]
    assert "Near it: HLT_Bxv2" in outcome.warnings[-1]


def test_several_patterns_of_nothing_are_named():
    """Of patterns that nothing matches each is told with what is near."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=["HLT_A*x", "Q?"]))
    assert sum("There is no path" in text for text in outcome.warnings) == 2


def test_bits_that_are_not_there_are_named_too():
    """The names of algorithms are looked up as well; they have no versions."""
    outcome = ask(lambda oms: oms.l1_algorithms(1, names="L1_9"))
    assert outcome.warnings[-1].startswith("There is no algorithm 'L1_9' among 4.")


def test_the_look_up_costs_no_answer():
    """Where the names cannot be had, the answer is what it was without."""
    fault = refusal(500, "x")
    outcome = ask(
        lambda oms: oms.hlt_rates(1, paths="X", retries=0),
        faults=[lambda r: fault if "hltpathinfo" in r.url else None],
    )
    assert len(outcome.value) == 0
    assert len(outcome.warnings) == 1


def test_patterns_and_names_without_version_go_together():
    """Beside patterns a name without its version is found as well."""
    outcome = ask(lambda oms: oms.hlt_rates(1, paths=["HLT_A_v?", "HLT_B"]))
    assert names(outcome.value) == ["HLT_A_v1", "HLT_B_v2"]
    assert "HLT_B has no version; taken: HLT_B_v2." in outcome.warnings
