"""What the shell offers where TAB is pressed."""

from __future__ import annotations

import pytest
import typer
from typer.main import get_command

from omskit.cli import completion
from omskit.cli.app import whole


def offered(*words):
    """What is offered for the last of the words of a command line."""
    *before, last = words
    command = get_command(whole())
    context = command.make_context("oms", [], resilient_parsing=True)
    while before and before[0] in getattr(command, "commands", {}):
        name = before.pop(0)
        command = command.commands[name]
        context = type(context)(command, parent=context, info_name=name)
        context.resilient_parsing = True
    option = before.pop() if before and before[-1].startswith("-") else None
    if before:
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        context.params.update(
            {p.name: v for p, v in zip(arguments, before, strict=False)}
        )
    takes = (
        [p for p in command.params if option in p.opts] if option else command.params
    )
    return [item.value for item in takes[0].shell_complete(context, last)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("runs --fields l1_r", "l1_rate"),
        ("runs --fields run_number,l1_r", "run_number,l1_rate"),
        ("hlt-rates --fields rat", "rate"),
        ("l1-rates --sort -l1a_total_r", "-l1a_total_rate"),
        ("lumisections --where pile", "pileup"),
        ("get deadtimes --fields run_n", "run_number"),
        ("follow --fields lumisection_number,ne", "lumisection_number,news"),
        ("plot l1-rates --fields l1a_phys", "l1a_physics_rate"),
        ("plot pileup --flag cms_a", "cms_active"),
        ("hlt-rates --path HLT_ZeroB", "HLT_ZeroBias"),
        ("trigger table --path HLT_ZeroB", "HLT_ZeroBias"),
        ("l1-algorithms --name L1_ZeroB", "L1_ZeroBias"),
        ("runs --instance prod", "production"),
        ("get lumis", "lumisections"),
        ("sync runs,lumis", "runs,lumisections"),
    ],
)
def test_tab_offers_what_there_is(words, expected):
    """Fields, flags, paths, algorithms, services and resources are offered."""
    assert expected in offered(*words.split())


def test_what_is_said_already_is_not_offered_again():
    """A list is not offered a name that is in it."""
    assert "era,era" not in offered("runs", "--fields", "era,e")


def test_a_command_without_a_resource_offers_no_fields():
    """An unknown resource has no fields to offer."""
    context = typer.Context(get_command(whole()), info_name="get")
    context.params["resource"] = "nothing"
    assert completion.complete_fields(context, "") == []


def test_configured_services_are_offered(tmp_path, monkeypatch):
    """Services of the configuration file are offered; a broken file is no matter."""
    file = tmp_path / "omskit.toml"
    monkeypatch.setenv("OMSKIT_CONFIG", str(file))
    file.write_text("[instances.mine]\nbase_url = 'http://localhost:1/agg/api/v1'\n")
    assert completion.complete_instance("mi") == ["mine"]
    file.write_text("[[")
    assert completion.complete_instance("d") == ["demo", "development", "dials"]
