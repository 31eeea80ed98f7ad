"""The questions that clients answer by name, written once for both of them.

A shortcut makes a query of what it is given and chooses the flow that answers it. What
comes back, a table or something to await, is up to the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack

from omskit import flow
from omskit.client.base import BaseClient
from omskit.client.bound import warn_of
from omskit.client.given import (
    HABITS,
    as_mask,
    bits_condition,
    check_selects_runs,
    is_file,
)
from omskit.client.options import QueryOptions
from omskit.errors import SelectorError, UsageError, did_you_mean
from omskit.flow import Following, Replayed, Settings
from omskit.flow.by_name import by_name, patterns_of
from omskit.query import Condition, Query, field
from omskit.query.selectors import is_mask, numbers, selection
from omskit.query.spoken import word_of
from omskit.query.text import parse_condition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from omskit.client.options import (
        FollowOptions,
        Names,
        Numbers,
        QuestionOptions,
        Selector,
        Where,
    )
    from omskit.query import MaskLike
    from omskit.table import Table
    from omskit.table.receipt_files import ReceiptLike

Answer = TypeVar("Answer")

Asking = tuple[flow.Flow["Table"], Settings]
"""A flow that asks, and how."""
Framed = tuple[str, "Selector | None", "QuestionOptions", tuple[str, ...]]
Ask = Callable[[], Asking]
"""Reads the arguments of a shortcut, and complains of them."""

_KEYS = dict.fromkeys(("downtimes", "downtimesrun3"), "start_run_number")
_KEYS |= {"fills": "fill_number", "eras": "name"}


class Shortcuts(BaseClient, Generic[Answer]):
    """The shortcuts, written once: a face returns a table or something to await."""

    def _table(self, ask: Ask) -> Answer:
        """The answer to what *ask* makes, whose errors come as the answer would."""
        raise NotImplementedError

    def _fetch(
        self, resource: str, which: Selector | Names | None, options: QuestionOptions
    ) -> Answer:
        def ask() -> Asking:
            settings, query = self._asked(resource, which, options)
            return flow.fetch(query, self._context(settings)), settings

        return self._table(ask)

    def _asked(
        self,
        resource: str,
        which: Selector | Names | None,
        options: Mapping[str, Any],
        also: tuple[str, ...] = (),
    ) -> tuple[Settings, Query]:
        """What the arguments of a question ask for, and how.

        Args:
            also: What else the method takes, for names that are misspelt.
        """
        settings, rest = self._split(options, resource, also)
        runs = rest.pop("runs", None)
        if "mask" in rest:
            rest["mask"] = as_mask(rest["mask"])
        which = runs if which is None else which
        given: object = resource  # What the types forbid, users still do.
        if isinstance(given, str) and given not in _KEYS and is_file(which):
            which = as_mask(which)
        return settings, self._question(resource, which, **rest)

    def _question(
        self,
        resource: str,
        which: Selector | Names | None = None,
        *,
        fields: Names | None = None,
        where: Where | Iterable[Where] = (),
        sort: Names = (),
        limit: int | None = None,
        granularity: str | None = None,
        **selectors: Any,
    ) -> Query:
        """A query from what a user gives to a shortcut."""
        query = Query(resource)
        if is_mask(which):
            if selectors.get("mask") is not None:
                message = "Two masks were given; combine them first, with & or |."
                raise SelectorError(message)
            selectors["mask"] = which
        elif _KEYS.get(resource) != "name" and word_of(which) is not None:
            selectors["runs"] = word_of(which)
        elif which is not None:
            query = query.where(*self._numbered(resource, which))
        query = replace(query, selection=selection(**selectors))
        conditions: Iterable[Any] = [where]
        if isinstance(where, Iterable) and not isinstance(where, str):
            conditions = where
        query = query.where(*(self._condition(c, resource) for c in conditions))
        if fields is not None:
            query = query.select(fields)
        query = query.sort(sort)
        if limit is not None:
            query = query.limit(limit)
        return query if granularity is None else query.group(granularity)

    def _numbered(
        self, resource: str, which: Selector | Names
    ) -> tuple[Condition, ...]:
        key = _KEYS.get(resource, "run_number")
        if key == "name":
            names: Any = [which] if isinstance(which, str) else which
            return (field(key).is_in(names),)
        known = self._known(resource)
        if known.fields and known.filtered_by(key) is None:
            message = f"{resource!r} has no {key}; use where() or another selector."
            raise UsageError(message)
        return numbers(which, key)

    def _condition(
        self, given: Where, resource: str
    ) -> Condition | tuple[Condition, ...]:
        if not isinstance(given, str):
            return given
        return parse_condition(given, self._catalogue[resource])

    def _split(
        self, options: Mapping[str, Any], resource: str, also: tuple[str, ...]
    ) -> tuple[Settings, dict[str, Any]]:
        """The options that are settings of the client, and those of the question."""
        names = set(Settings.__dataclass_fields__) & options.keys()
        settings = self._settings.adjusted(**{n: options[n] for n in names})
        rest = {k: v for k, v in options.items() if k not in names}
        unknown = rest.keys() - QueryOptions.__annotations__.keys()
        if unknown:
            raise UsageError(self._no_option(min(unknown), resource, also))
        return settings, rest

    def _no_option(self, name: str, resource: str, also: tuple[str, ...]) -> str:
        """The message for an option that there is none of."""
        message = f"There is no option {name!r}."
        known = [*also, *QueryOptions.__annotations__, *Settings.__dataclass_fields__]
        habit = next((h for h in HABITS.get(name, ()) if h in known), None)
        meant = did_you_mean(name, known)
        if habit is not None:
            meant = f" Did you mean {habit!r}?"
        if name == _KEYS.get(resource, "run_number"):
            return f"{message} It is the first argument: give it without a name."
        if self._known(resource).filtered_by(name) is not None:
            return f'{message} It is a field: where="{name} = ..." filters by it.' + (
                meant if habit else ""
            )
        return message + meant

    def runs(
        self, runs: Selector | None = None, **options: Unpack[QuestionOptions]
    ) -> Answer:
        """One row per run, 43 columns.

        Args:
            runs: ``297050``; ``(first, last)``, ends included; a list; a mask; or
                text such as ``"297050,315190-315290"``.
            options: ``fields=, where=, sort=, limit=, fill=, era=, since=, until=,
                last=`` and any of `Settings`.

        Example:
            >>> from omskit import Client
            >>> with Client("demo") as oms:
            ...     oms.runs(297050)["l1_menu"].to_pylist()
            ['L1Menu_Collisions2017_dev_r5']
        """
        return self._fetch("runs", runs, options)

    def lumisections(
        self, runs: Selector | None = None, **options: Unpack[QuestionOptions]
    ) -> Answer:
        """One row per lumisection, 53 columns; options as for `runs`.

        ``delivered_lumi`` and ``recorded_lumi`` are cumulative over the fill; the
        luminosity of the lumisection itself is in ``*_per_lumisection``.
        """
        return self._fetch("lumisections", runs, options)

    def fills(
        self, fills: Numbers | None = None, **options: Unpack[QuestionOptions]
    ) -> Answer:
        """One row per fill; *fills* and options as for `runs`."""
        return self._fetch("fills", fills, options)

    def eras(
        self, names: Names | None = None, **options: Unpack[QuestionOptions]
    ) -> Answer:
        """One row per era; *names* is one name or a list."""
        return self._fetch("eras", names, options)

    def l1_rates(
        self, runs: Selector | None = None, **options: Unpack[QuestionOptions]
    ) -> Answer:
        """Level-1 counters and rates, one row per lumisection.

        Args:
            runs: As for `runs`.
            options: As for `runs`, and ``granularity="run"`` for one row per run.
        """
        options.setdefault("granularity", "lumisection")
        return self._fetch("l1triggerrates", runs, options)

    def hlt_paths(
        self,
        runs: Selector | None = None,
        *,
        paths: Names | None = None,
        **options: Unpack[QuestionOptions],
    ) -> Answer:
        """HLT paths with counters and mean rates, one row per run and path.

        Args:
            runs: As for `runs`.
            paths: Names and shell patterns, e.g. ``"HLT_ZeroBias_v*"``; None for all.
            options: As for `runs`.
        """
        return self._named("hltpathinfo", "path_name", runs, paths, options)

    def hlt_rates(
        self,
        runs: Selector | None = None,
        *,
        paths: Names | None = None,
        **options: Unpack[QuestionOptions],
    ) -> Answer:
        """HLT rates, one row per lumisection and path.

        Args:
            runs: As for `runs`; OMS is too slow without.
            paths: Names and shell patterns, e.g. ``"HLT_ZeroBias_v*"``; None for all
                of the run, which are hundreds.
            options: As for `runs`, and ``granularity="run"`` for one row per run.

        Raises:
            SelectorError: No run, fill, era or time was given.
        """
        options.setdefault("granularity", "lumisection")
        return self._named("hltpathrates", "path_name", runs, paths, options)

    def l1_algorithms(
        self,
        runs: Selector | None = None,
        *,
        bits: int | Iterable[int] | None = None,
        names: Names | None = None,
        **options: Unpack[QuestionOptions],
    ) -> Answer:
        """Rates of level-1 algorithms, one row per bit and lumisection.

        Args:
            runs: As for `runs`; OMS is too slow without.
            bits: Bit numbers, 0 to 511; None for all.
            names: Names and shell patterns, e.g. ``"L1_SingleMu*"``; None for all.
            options: As for `runs`, and ``granularity="run"`` for means over the run.

        Raises:
            SelectorError: No run, fill, era or time was given, or a bit is none.
        """
        options.setdefault("granularity", "lumisection")
        return self._named("l1algorithmtriggers", "name", runs, names, options, bits)

    def frame(
        self,
        runs: Selector | None = None,
        *,
        rates: Names = (),
        masks: Mapping[str, MaskLike | str | PathLike[str]] | None = None,
        **options: Unpack[QuestionOptions],
    ) -> Answer:
        """One row per lumisection, with rates and masks beside it, for learning.

        Args:
            runs: As for `runs`; fill=, era=, since= or last= will do.
            rates: Columns of ``l1triggerrates`` (``"l1a_physics_rate"``), names and
                patterns of level-1 algorithms (``"L1_ZeroBias"``, the rate after
                prescale and deadtime) and of HLT paths (``"HLT_ZeroBias"``, after all).
                A path has one column over all its versions.
            masks: Flags to add: a name, and a mask or the path of its file.
            options: As for `runs`; fields, conditions, order and limit are those of
                the lumisections.

        Rows are joined by run and lumisection: none is lost, none doubled. A rate of a
        lumisection that OMS has no row of gets a row, unless conditions, a mask or a
        limit leave rows out. `frame_plan` says what would be asked.

        Raises:
            UsageError: A name is no rate, or there already, or a path is there twice.

        Cost: the requests of `lumisections`, and as many for each rate by name.

        Example:
            >>> from omskit import Client
            >>> with Client("demo", audit=False) as oms:
            ...     oms.frame(297050, rates="HLT_ZeroBias_v5").shape
            (793, 54)
        """
        from omskit.client.framing import frame, wanted_rates

        def ask() -> Asking:
            settings, query = self._asked(*self._framed(runs, options))
            wanted = wanted_rates(rates, self._known("l1triggerrates").names)
            return frame(query, wanted, masks, self._context(settings)), settings

        return self._table(ask)

    def _frame_plan(
        self, runs: Selector | None, rates: Names, options: QuestionOptions
    ) -> flow.Flow[str]:
        from omskit.client.framing import explained, wanted_rates

        settings, query = self._asked(*self._framed(runs, options))
        wanted = wanted_rates(rates, self._known("l1triggerrates").names)
        return explained(query, wanted, self._context(settings))

    def _framed(self, runs: Selector | None, options: QuestionOptions) -> Framed:
        return "lumisections", runs, options, ("rates", "masks", "runs")

    def _named(
        self,
        resource: str,
        column: str,
        runs: Selector | None,
        names: Names | None,
        options: QuestionOptions,
        bits: int | Iterable[int] | None = None,
    ) -> Answer:
        def ask() -> Asking:
            by_path = column == "path_name"
            patterns = patterns_of(names, "paths" if by_path else "names")
            also = ("paths", "runs") if by_path else ("bits", "names", "runs")
            settings, query = self._asked(resource, runs, options, also)
            query = query.where(*bits_condition(bits))
            check_selects_runs(query)
            lister = "hltpathinfo" if by_path else resource
            context = self._context(settings)
            return by_name(query, column, patterns, lister, context), settings

        return self._table(ask)

    def _again(self, receipt: ReceiptLike) -> flow.Flow[Replayed]:
        from omskit.lumi.mask import LumiMask
        from omskit.table.receipt_files import find_receipt

        kept = find_receipt(receipt)
        if kept.altered is not None:
            warn_of([f"The file is not as written: it has {kept.altered}."])
        return flow.replay(kept.receipt, self._context(), LumiMask.from_json)

    def _followed(self, run: int | str, policy: FollowOptions) -> flow.Flow[None]:
        known = Following.__dataclass_fields__
        for name in policy.keys() - known.keys():
            message = f"There is no option {name!r}.{did_you_mean(name, known)}"
            raise UsageError(message)
        following, context = Following(**policy), self._context()

        def steps() -> flow.Flow[None]:
            number = yield from self._one_run(run, "follow")
            yield from flow.follow(number, context, following)

        return steps()

    def _one_run(self, run: int | str, method: str) -> flow.Flow[int]:
        settings = self._settings.changed(audit=False)
        return flow.single(run, "run_number", method, self._context(settings))

    def _dcs_query(self, run: int) -> Query:
        fields = ("run_number", "lumisection_number", "cms_active")
        chosen = numbers(run, "run_number")
        return Query("lumisections", chosen, fields=fields)
