"""KakaoTalk senders of Sinch's own API; their key is `plus_friend_id`."""

from __future__ import annotations

import builtins
from functools import partial
from typing import Any, Unpack, cast

from attrs import define, field

from sinch_provisioning_v1_2_api import api, models

from .._calls.call_options import CallOptions
from ..channels.project import Project, check_name
from ..channels.signatures import listing_fields
from ..config import Id, check_segment
from ..errors import NotFoundError
from ..lifecycle.ensuring import Wanted, ensure
from ..lifecycle.properties import flat, nested


class _ListKakaoTalkSenders(api.ListKakaotalkSendersArguments, CallOptions): ...


class _CreateKakaoTalkSender(api.CreateKakaotalkSenderArguments, CallOptions): ...


class _UpdateKakaoTalkSender(api.UpdateKakaotalkSenderArguments, CallOptions): ...


class _ListKakaoTalkActivities(api.ListKakaotalkSenderActivitiesArguments, CallOptions): ...


@listing_fields
@define(slots=False, eq=False)
class KakaoTalkSenders:
    """The KakaoTalk senders of one project; its methods raise as those of `RcsSenders` do."""

    project: Project = field(repr=False)

    async def list(self, **query: Unpack[_ListKakaoTalkSenders]) -> builtins.list[models.KakaoTalkSender]:
        """Return all senders that the filters allow, from all pages."""
        return await self.project.list_all(
            api.list_kakaotalk_senders, query, lambda page: page.senders, lambda each: each.plus_friend_id
        )

    async def create(self, **fields: Unpack[_CreateKakaoTalkSender]) -> models.KakaoTalkSender:
        """Create a sender, as a draft or submitted (`status`); sent at most once."""
        return await self.project.send(
            api.create_kakaotalk_sender, models.CreateKakaoTalkSenderRequest, fields
        )

    async def get(self, plus_friend_id: Id, **options: Unpack[CallOptions]) -> models.KakaoTalkSender:
        """Return the sender as it is now."""
        return await self.project.with_only(options).invoke(api.get_kakaotalk_sender, _key(plus_friend_id))

    async def update(
        self, plus_friend_id: Id, **fields: Unpack[_UpdateKakaoTalkSender]
    ) -> models.KakaoTalkSender:
        """Change the given details, as a draft or submitted, and return the sender."""
        return await self.project.send(
            api.update_kakaotalk_sender, models.UpdateKakaoTalkSenderRequest, fields, _key(plus_friend_id)
        )

    async def delete(self, plus_friend_id: Id, **options: Unpack[CallOptions]) -> None:
        """Delete a sender; it is gone after 60 days."""
        await self.project.with_only(options).invoke(api.delete_kakaotalk_sender, _key(plus_friend_id))

    async def delete_changes(self, plus_friend_id: Id, **options: Unpack[CallOptions]) -> None:
        """Drop changes that are a draft or were rejected."""
        await self.project.with_only(options).invoke(
            api.delete_kakaotalk_sender_changes, _key(plus_friend_id)
        )

    async def register(self, plus_friend_id: Id, **options: Unpack[CallOptions]) -> models.KakaoTalkSender:
        """Have a one-time code sent to the admin's phone; sent at most once."""
        return await self.project.with_only(options).invoke(
            api.register_kakaotalk_sender, _key(plus_friend_id)
        )

    async def verify(
        self, plus_friend_id: Id, code: int, **options: Unpack[CallOptions]
    ) -> models.KakaoTalkSender:
        """Give the code that came to the admin's phone."""
        body = models.VerifyKakaoTalkSenderRequest(code)
        project = self.project.with_only(options)
        return await project.invoke(api.verify_kakaotalk_sender, _key(plus_friend_id), body=body)

    async def comment(
        self, plus_friend_id: Id, comment: str, **options: Unpack[CallOptions]
    ) -> models.KakaoTalkComment:
        """Write to Sinch's reviewers about a sender; sent at most once."""
        body = models.KakaoTalkCommentRequest(comment)
        project = self.project.with_only(options)
        return await project.invoke(api.comment_on_kakaotalk_sender, _key(plus_friend_id), body=body)

    async def activities(
        self, plus_friend_id: Id, **query: Unpack[_ListKakaoTalkActivities]
    ) -> builtins.list[models.KakaoTalkActivity]:
        """Return what has happened to a sender, from all pages."""
        read = partial(api.list_kakaotalk_sender_activities, plus_friend_id=_key(plus_friend_id))
        return await self.project.list_all(read, query, lambda page: page.notifications)

    async def ensure(self, **fields: Unpack[_CreateKakaoTalkSender]) -> models.KakaoTalkSender:
        """Return the sender of that `plus_friend_id`: created if there is none, updated where its details differ.

        Changes that are under review count as made. Safe to run twice, also after `OutcomeUnknownError`.
        """
        project, body, query = self.project.with_body(
            models.CreateKakaoTalkSenderRequest, cast("Any", fields)
        )
        friend = check_name("plus_friend_id", body.plus_friend_id)

        async def found() -> builtins.list[models.KakaoTalkSender]:
            try:
                return [await project.invoke(api.get_kakaotalk_sender, _key(friend))]
            except NotFoundError:
                return []

        async def update(
            sender: models.KakaoTalkSender, different: dict[str, object]
        ) -> models.KakaoTalkSender:
            # Omitted, a create submits, and an update makes a draft.
            request = models.UpdateKakaoTalkSenderRequest.from_dict(
                {"status": body.status or "SUBMIT", **nested(different)}
            )
            return await project.invoke(api.update_kakaotalk_sender, _key(friend), body=request)

        wanted: Wanted[models.KakaoTalkSender] = Wanted(
            kind=("kakaotalk 1.2", project.project_id),
            key=friend,
            label="plus friend id",
            properties=flat({"details": body.details.to_dict()}),
            list=found,
            get=None,
            key_of=lambda sender: sender.plus_friend_id,
            read=read,
            create=lambda: project.invoke(api.create_kakaotalk_sender, body=body, **query),
            update=update,
        )
        return await ensure(project, wanted)


def _key(plus_friend_id: Id) -> str:
    return check_segment("plus_friend_id", plus_friend_id)


def read(sender: models.KakaoTalkSender) -> dict[str, object]:
    """Return a sender's details, with the changes that are not in force yet over them."""
    body = flat(sender.to_dict())
    changes = [each for each in body.items() if each[0].startswith("changes.details.")]
    return body | {name.removeprefix("changes."): value for name, value in changes}
