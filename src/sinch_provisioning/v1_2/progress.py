"""How far a sender of Sinch's own API has come: its state, and what each country's carriers decided.

A rejection never shows in the state: it stands in `countryStatus` and in the operators there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from sinch_provisioning_v1_2_api.models import CountryStatus, RcsSender

from ..errors import Rejection
from ..lifecycle.status import FAILED, LAUNCHED, UNDER_WAY, Progress

_IN_REVIEW: Final = frozenset({"PENDING", "PENDING_UNLAUNCHED"})
_REFUSED: Final = frozenset({"REJECTED", "SUSPENDED", "INVALID_IN_GOOGLE_MY_BUSINESS"})


def progress_of(sender: RcsSender, countries: Collection[str] | None = None) -> Progress:
    """Judge a sender by the wanted countries, or by its own where none are given."""
    state = sender.state
    told: dict[str, str | None] = {each.country: _status(each) for each in sender.country_status or ()}
    own = None if sender.details is None else sender.details.countries
    wanted = (countries or own or told) if told else ()
    found = {told.get(country) for country in wanted}
    accepted = LAUNCHED in found and found.isdisjoint(_IN_REVIEW)
    never = not found.isdisjoint({None, "NOT_LAUNCHED"})
    # Where nothing is in review any more, what was added after a refusal is not under way either.
    unsubmitted = never and (
        state == LAUNCHED
        or (state in UNDER_WAY and found.isdisjoint(_IN_REVIEW) and not found.isdisjoint(_REFUSED))
    )
    refusals = (
        one for each in sender.country_status or () if each.country in wanted for one in _refusals(each)
    )
    return Progress(
        state,
        # Without a status of any country, the state says everything.
        under_way=state in UNDER_WAY
        and not unsubmitted
        and (state != LAUNCHED or found <= {LAUNCHED, *_IN_REVIEW}),
        launched=state == LAUNCHED and (accepted or not found),
        failed=state in FAILED or (found != set() and found <= _REFUSED),
        rejections=tuple(refusals),
        unsubmitted=unsubmitted,
        places=tuple(sorted(countries or ())),
    )


def _status(country: CountryStatus) -> str:
    # A country whose every carrier refused is refused, even before its own status says so.
    if country.operators and all(operator.status in _REFUSED for operator in country.operators):
        return "REJECTED"
    return country.status


def _refusals(country: CountryStatus) -> Iterator[Rejection]:
    refused = [operator for operator in country.operators or () if operator.status in _REFUSED]
    for operator in refused:
        yield Rejection(country.country, operator.name, operator.status, operator.remark)
    if not refused and country.status in _REFUSED:
        yield Rejection(country.country, None, country.status, None)
