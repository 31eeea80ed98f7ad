"""The service under requests made from its own OpenAPI document, by schemathesis.

``make fuzz`` takes more examples: OMSKIT_FUZZ_EXAMPLES says how many for each path.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from omskit.engine import Engine
from omskit.server import running

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis is not installed; see the group 'fuzz'"
)

EXAMPLES = int(os.environ.get("OMSKIT_FUZZ_EXAMPLES", "5"))
NAMES = ("runs", "lumisections", "l1triggerrates", "fills", "hltconfigdata", "eras")


@pytest.fixture(scope="module")
def schema():
    """The document of a running demo, without its largest tables."""
    from omskit.demo import tables

    held = tables()
    with Engine({name: held[name] for name in NAMES}) as engine, running(engine) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.filterwarnings("default")  # schemathesis warns of its own parts
@pytest.mark.parametrize(
    "path", [f"/{name}{tail}" for name in NAMES for tail in ("", "/{id}", "/meta")]
)
def test_answers_are_as_documented(schema, path):
    """Whatever is asked, the answer is a documented one and never a 5xx."""
    known = schemathesis.checks
    checks = (
        known.not_a_server_error,
        known.status_code_conformance,
        known.content_type_conformance,
        known.response_schema_conformance,
    )

    @given(case=schema[path]["GET"].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def ask(case):
        case.call_and_validate(checks=checks)

    ask()
