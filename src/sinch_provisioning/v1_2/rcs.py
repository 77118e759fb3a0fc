"""RCS senders of Sinch's own API, with their test numbers and questionnaire."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, Unpack, cast

from attrs import define, field

from sinch_provisioning_v1_2_api import api, models

from .._calls.call_options import CallOptions
from ..channels.launchable import LaunchableSenders
from ..channels.project import Project, check_name, mismatch
from ..channels.readiness import launch_refusal, listed_errors
from ..channels.signatures import listing_fields
from ..config import Id, check_segment
from ..errors import PreconditionFailedError
from ..lifecycle.ensuring import Wanted, ensure
from ..lifecycle.properties import flat, nested
from ..lifecycle.status import LAUNCHED, Progress
from .progress import progress_of

LARGEST_PAGE: Final = 100
# From Sinch's reference: what a sender can change at all, and while it is launching or launched.
_UPDATABLE: Final = "details."
_UPDATABLE_WHILE_LAUNCHED: Final = "details.countries"
_LAUNCHING: Final = frozenset({"LAUNCHING", LAUNCHED})


class _ListRcsSenders(api.ListRcsSendersArguments, CallOptions): ...


class _CreateRcsSender(api.CreateRcsSenderArguments, CallOptions): ...


class _UpdateRcsSender(api.UpdateRcsSenderArguments, CallOptions): ...


class _ListRcsActivities(api.ListRcsSenderActivitiesArguments, CallOptions): ...


class _GetRcsQuestionnaire(api.GetRcsQuestionnaireArguments, CallOptions): ...


@listing_fields
@define(slots=False, eq=False)
class TestNumbers:
    """The phones that a sender may be tried with before its launch; at most 20 invitations a day, 200 in all."""

    __test__ = False  # Not for pytest to collect.

    project: Project = field(repr=False)

    async def add(
        self, sender_id: Id, test_numbers: Sequence[str], **options: Unpack[CallOptions]
    ) -> builtins.list[models.RcsTestNumber]:
        """Invite up to 20 numbers in E.164 form; one that is VERIFIED already starts anew."""
        body = models.AddTestNumbersRequest(list(test_numbers))
        sender_id = check_segment("sender_id", sender_id)
        reply = await self.project.with_only(options).invoke(api.add_test_numbers, sender_id, body=body)
        return reply.test_numbers

    async def get(self, sender_id: Id, number: str, **options: Unpack[CallOptions]) -> models.RcsTestNumber:
        """Return how far the invitation of a number is."""
        return await self.project.with_only(options).invoke(api.get_test_number, *_place(sender_id, number))

    async def retry(self, sender_id: Id, number: str, **options: Unpack[CallOptions]) -> models.RcsTestNumber:
        """Invite a number again; sent at most once, since this GET acts, and resets a VERIFIED number."""
        return await self.project.with_only(options).invoke(api.retry_test_number, *_place(sender_id, number))

    async def delete(self, sender_id: Id, number: str, **options: Unpack[CallOptions]) -> None:
        """Remove a number."""
        await self.project.with_only(options).invoke(api.delete_test_number, *_place(sender_id, number))

    async def capabilities(
        self, sender_id: Id, number: str, **options: Unpack[CallOptions]
    ) -> models.RcsTestNumberCapabilities:
        """Return what the phone of a VERIFIED number can show."""
        project = self.project.with_only(options)
        return await project.invoke(api.get_test_number_capabilities, *_place(sender_id, number))


def _place(sender_id: Id, number: str) -> tuple[str, str]:
    return check_segment("sender_id", sender_id), check_segment("number", number)


@listing_fields
@define(slots=False, eq=False)
class RcsSenders(LaunchableSenders[models.RcsSender]):
    """The RCS senders of one project.

    Every method raises `ProvisioningError`, and TypeError for a keyword or a nested key that the document does not
    have, before anything is sent. Bodies are models or mappings with the same names.
    """

    project: Project = field(repr=False)
    _get_operation: ClassVar = "get_rcs_sender"

    @property
    def test_numbers(self) -> TestNumbers:
        """The senders' test numbers."""
        return TestNumbers(self.project)

    async def list(self, **query: Unpack[_ListRcsSenders]) -> builtins.list[models.RcsSender]:
        """Return all senders that the filters allow, from all pages (of `page_size` 1 to 100)."""
        return await self.project.list_all(api.list_rcs_senders, query, lambda page: page.senders)

    async def create(self, **fields: Unpack[_CreateRcsSender]) -> models.RcsSender:
        """Create a sender; sent at most once, see `OutcomeUnknownError`."""
        return await self.project.send(api.create_rcs_sender, models.CreateRcsSenderRequest, fields)

    async def get(self, sender_id: Id | None, **options: Unpack[CallOptions]) -> models.RcsSender:
        """Return the sender as it is now."""
        project = self.project.with_only(options)
        return await project.invoke(api.get_rcs_sender, check_segment("sender_id", sender_id))

    async def update(self, sender_id: Id, **fields: Unpack[_UpdateRcsSender]) -> models.RcsSender:
        """Change the given details and return the sender; null deletes a list, and what is left out stays."""
        sender_id = check_segment("sender_id", sender_id)
        return await self.project.send(
            api.update_rcs_sender, models.UpdateRcsSenderRequest, fields, sender_id
        )

    async def launch(self, sender_id: Id | None, **options: Unpack[CallOptions]) -> models.RcsSender:
        """Submit a sender for approval; sent at most once, see `OutcomeUnknownError`.

        Raises `LaunchNotReadyError` whose `missing` is the server's own list.
        """
        sender_id = check_segment("sender_id", sender_id)
        try:
            return await self.project.with_only(options).invoke(api.launch_rcs_sender, sender_id)
        except PreconditionFailedError as error:
            refusal = launch_refusal(error, listed_errors(error.details))
        raise refusal

    async def comment(self, sender_id: Id, comment: str, **options: Unpack[CallOptions]) -> models.RcsComment:
        """Write to Sinch's reviewers about a sender; sent at most once."""
        body = models.RcsCommentRequest(comment)
        sender_id = check_segment("sender_id", sender_id)
        return await self.project.with_only(options).invoke(api.comment_on_rcs_sender, sender_id, body=body)

    async def activities(
        self, sender_id: Id, **query: Unpack[_ListRcsActivities]
    ) -> builtins.list[models.RcsActivity]:
        """Return what has happened to a sender, from all pages."""
        read = partial(api.list_rcs_sender_activities, sender_id=check_segment("sender_id", sender_id))
        return await self.project.list_all(read, query, lambda page: page.notifications)

    async def questionnaire(
        self, use_case: models.UseCaseInput, **query: Unpack[_GetRcsQuestionnaire]
    ) -> models.RcsQuestionnaire:
        """Return the questions that carriers ask for a use case, by countries where they are given."""
        arguments = cast("dict[str, Any]", query)
        project = self.project.amended(arguments)
        return await project.invoke(
            api.get_rcs_questionnaire, cast("Any", check_segment("use_case", use_case)), **arguments
        )

    async def ensure(self, **fields: Unpack[_CreateRcsSender]) -> models.RcsSender:
        """Return the sender of that `details.brand.name`: created if there is none, updated where it differs.

        Safe to run twice, also after `OutcomeUnknownError`. Raises `SenderMismatchError` where several senders have
        the name, or for what the API can't update: region, billing category and use case, and while a sender is
        launching or launched everything but its countries.
        """
        project, body, query = self.project.with_body(models.CreateRcsSenderRequest, cast("Any", fields))
        properties = flat(body.to_dict())
        name = check_name("details.brand.name", properties.get("details.brand.name"))
        channel = RcsSenders(project)

        async def update(sender: models.RcsSender, different: dict[str, object]) -> models.RcsSender:
            if fixed := {each: value for each, value in different.items() if not may_change(sender, each)}:
                raise mismatch(f"RCS sender {name!r} ({sender.id}, {sender.state})", fixed, read(sender))
            request = models.UpdateRcsSenderRequest.from_dict(nested(different))
            return await project.invoke(api.update_rcs_sender, sender.id, body=request)

        wanted: Wanted[models.RcsSender] = Wanted(
            kind=("rcs 1.2", project.project_id),
            key=name,
            label="brand name",
            properties=properties,
            list=partial(channel.list, page_size=LARGEST_PAGE),
            get=channel.get,
            key_of=lambda sender: read(sender).get("details.brand.name"),
            read=read,
            create=lambda: project.invoke(api.create_rcs_sender, body=body, **query),
            update=update,
        )
        return await ensure(project, wanted)

    def _progress(self, sender: models.RcsSender | None = None) -> Callable[[models.RcsSender], Progress]:
        details = None if sender is None else sender.details
        return partial(progress_of, countries=None if details is None else details.countries)


def may_change(sender: models.RcsSender, name: str) -> bool:
    """Whether the sender's state lets a property change, by its dotted name."""
    return name.startswith(_UPDATABLE_WHILE_LAUNCHED if sender.state in _LAUNCHING else _UPDATABLE)


def read(sender: models.RcsSender) -> Mapping[str, object]:
    """Return what a sender has, flat; its test numbers are those that were invited, however the reply says it."""
    found = flat(sender.to_dict())
    if "details.testNumbers" not in found and sender.test_number_states:
        found["details.testNumbers"] = [each.number for each in sender.test_number_states]
    return found
