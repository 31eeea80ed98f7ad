"""Which fault befalls which request: rules, counters, chances, files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.errors import ConfigError
from omskit.server.faults.plan import (
    KINDS,
    FaultPlan,
    Rule,
    asked_of,
    plan_from_file,
    plan_from_text,
)


def page(number, path="runs", limit=10):
    """A request for a page of ten rows."""
    return asked_of(f"/{path}", f"page[offset]={number * limit}&page[limit]={limit}")


def decisions(plan, requests):
    """The faults of requests in turn, each counted as the service counts."""
    tally, found = {}, []
    for asked in requests:
        decision = plan.decide(asked, tally)
        for key in decision.counted:
            tally[key] = tally.get(key, 0) + 1
        found.append(decision.rule.fault if decision.rule else None)
    return found


def test_what_is_asked():
    """Offsets and limits are read, encoded or not; without, it is the first page."""
    assert asked_of("/runs/", "page%5Boffset%5D=30&page[limit]=10").page == 3
    assert asked_of("/runs", "").page == 0
    assert asked_of("/runs", "page[offset]=200").page == 2
    assert asked_of("/runs", "page[offset]=x&page[limit]=0").page == 0
    assert asked_of("/runs/5", "").page is None


def test_a_rule_by_path_page_and_offset():
    """A rule concerns what its path, page and offset name, and nothing else."""
    plan = FaultPlan((Rule("reset", path="run*", page=1), Rule("html", offset=40)))
    asked = [page(0), page(1), page(4), page(1, "fills"), asked_of("/runs/meta", "")]
    assert decisions(plan, asked) == [None, "reset", "html", None, None]


def test_after_and_count():
    """So many are spared, then so many are hit."""
    plan = FaultPlan((Rule("reset", after=1, count=2),))
    assert decisions(plan, [page(n) for n in range(4)]) == [
        None,
        "reset",
        "reset",
        None,
    ]


def test_each_url_is_counted_by_itself():
    """With ``each`` every page is hit so often, whatever happens to the others."""
    plan = FaultPlan((Rule("reset", count=1, each=True),))
    asked = [page(0), page(1), page(0), page(1)]
    assert decisions(plan, asked) == ["reset", "reset", None, None]


def test_the_first_rule_wins_and_all_count():
    """Of two rules the first hits; the second has counted the request all the same."""
    plan = FaultPlan((Rule("reset", count=1), Rule("html", count=2)))
    assert decisions(plan, [page(n) for n in range(3)]) == ["reset", "html", None]


def test_probability():
    """About the wanted part of the requests is hit, and never or always at the ends."""
    asked = [page(n) for n in range(1000)]
    for wanted in (0.0, 0.3, 1.0):
        found = decisions(FaultPlan((Rule("reset", probability=wanted),), 3), asked)
        assert abs(found.count("reset") / 1000 - wanted) < 0.06


@given(seed=st.integers(), order=st.permutations(list(range(12))))
def test_the_order_of_arrival_does_not_matter(seed, order):
    """The same requests have the same faults, in whichever order they come."""
    rules = (Rule("reset", probability=0.4), Rule("html", count=1, each=True, page=3))
    plan = FaultPlan(rules, seed)
    found = decisions(plan, [page(n) for n in order])
    straight = decisions(plan, [page(n) for n in range(12)])
    assert [straight[n] for n in order] == found


def test_another_try_draws_again():
    """A page that is asked for again may be spared, so that retries can succeed."""
    plan = FaultPlan((Rule("reset", probability=0.5),), seed=1)
    assert set(decisions(plan, [page(0)] * 40)) == {None, "reset"}


def test_every_parameter_has_its_default():
    """A rule without parameters has those that the table of faults gives."""
    for name, kind in KINDS.items():
        rule = Rule(name)
        assert {key: rule[key] for key in kind.parameters} == kind.parameters
        assert kind.meaning


def test_a_file(tmp_path):
    """A file holds the seed and the rules, in order."""
    path = tmp_path / "faults.toml"
    path.write_text(
        'seed = 7\n[[rule]]\nfault = "status"\nstatus = 429\nretry_after = 0.5\n'
        'path = "runs"\n[[rule]]\nfault = "drip"\nprobability = 0.5\neach = true\n'
    )
    plan = plan_from_file(path)
    assert (plan.seed, [rule.fault for rule in plan.rules]) == (7, ["status", "drip"])
    assert (plan.rules[0]["status"], plan.rules[0]["retry_after"]) == (429, 0.5)
    assert plan.rules[1].each


def test_no_file(tmp_path):
    """A file that is not there, or no text, is said to be so."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    for name in ("nothing", "bytes"):
        with pytest.raises(ConfigError, match="Cannot read the faults"):
            plan_from_file(tmp_path / name)


NULL = '[[rule]]\nfault = "null_identity"\n'


@pytest.mark.parametrize("path", ["runs", "*", "lumisections/*"])
def test_a_column_that_is_there(path):
    """A column is taken that one of the resources has, or of a path that is none."""
    plan = plan_from_text(f'{NULL}path = "{path}"\ncolumn = "run_number"')
    assert plan.rules[0]["column"] == "run_number"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule", "is not TOML"),
        (f'{NULL}path = "runs"\ncolumn = "nix"', "no column 'nix' of runs"),
        (f'{NULL}path = "runs"\ncolumn = "run_numbr"', "Did you mean 'run_number'"),
        (f'{NULL}column = "nix"', "no column 'nix' of any resource"),
        ("rules = 3", "'rules' is unknown. Did you mean 'rule'"),
        ("seed = true", "seed is a whole number"),
        ("rule = 3", r"rules begin with \[\[rule\]\]"),
        ("rule = [3]", "there is no fault None"),
        ('[[rule]]\nfault = "latancy"', "Did you mean 'latency'"),
        ('[[rule]]\nfault = "reset"\nseconds = 1', "'seconds' is unknown"),
        ('[[rule]]\nfault = "reset"\npath = 3', "path = 3 makes no sense"),
        ('[[rule]]\nfault = "reset"\neach = 1', "each = 1 makes no sense"),
        ('[[rule]]\nfault = "reset"\npage = 1.5', "page = 1.5 makes no sense"),
        ('[[rule]]\nfault = "reset"\ncount = -1', "count = -1 makes no sense"),
        (
            '[[rule]]\nfault = "reset"\nprobability = 2',
            "probability = 2 makes no sense",
        ),
        ('[[rule]]\nfault = "latency"\nseconds = nan', "seconds = nan makes no sense"),
        ('[[rule]]\nfault = "status"\nstatus = 200', "status = 200 makes no sense"),
        ('[[rule]]\nfault = "drip"\nsize = 0', "size = 0 makes no sense"),
        ('[[rule]]\nfault = "drip"\nsize = "x"', "size = 'x' makes no sense"),
    ],
)
def test_a_file_without_meaning(text, said):
    """What a file gets wrong is named, with its place."""
    with pytest.raises(ConfigError, match=said):
        plan_from_text(text)
