"""Webhooks of Sinch's own API: where a project's events are sent. At most 15, each with its own target."""

from __future__ import annotations

import builtins
from typing import Any, Unpack, cast

from attrs import define, field

from sinch_provisioning_v1_2_api import api, models

from .._calls.call_options import CallOptions
from ..channels.project import Project, check_name
from ..channels.signatures import listing_fields
from ..config import Id, check_segment
from ..lifecycle.ensuring import Wanted, ensure


class _ListWebhooks(api.ListWebhooksArguments, CallOptions): ...


class _CreateWebhook(api.CreateWebhookArguments, CallOptions): ...


class _UpdateWebhook(api.UpdateWebhookArguments, CallOptions): ...


@listing_fields
@define(slots=False, eq=False)
class Webhooks:
    """The webhooks of one project; its methods raise as those of `RcsSenders` do, and no reply holds a secret."""

    project: Project = field(repr=False)

    async def list(self, **query: Unpack[_ListWebhooks]) -> builtins.list[models.Webhook]:
        """Return all webhooks of the project."""
        return await self.project.list_all(api.list_webhooks, query, lambda page: page.webhooks)

    async def create(self, **fields: Unpack[_CreateWebhook]) -> models.Webhook:
        """Create a webhook; sent at most once.

        Raises `ConflictError` where its target has one already, and `FailedDependencyError` beyond 15 of them.
        """
        return await self.project.send(api.create_webhook, models.WebhookRequest, fields)

    async def get(self, webhook_id: Id | None, **options: Unpack[CallOptions]) -> models.Webhook:
        """Return a webhook."""
        return await self.project.with_only(options).invoke(api.get_webhook, _id(webhook_id))

    async def replace(self, webhook_id: Id, **fields: Unpack[_CreateWebhook]) -> models.Webhook:
        """Put another webhook in the place of this one, under its id."""
        return await self.project.send(api.replace_webhook, models.WebhookRequest, fields, _id(webhook_id))

    async def update(self, webhook_id: Id, **fields: Unpack[_UpdateWebhook]) -> models.Webhook:
        """Change the given fields of a webhook and return it."""
        return await self.project.send(
            api.update_webhook, models.UpdateWebhookRequest, fields, _id(webhook_id)
        )

    async def delete(self, webhook_id: Id, **options: Unpack[CallOptions]) -> None:
        """Delete a webhook."""
        await self.project.with_only(options).invoke(api.delete_webhook, _id(webhook_id))

    async def ensure(self, **fields: Unpack[_CreateWebhook]) -> models.Webhook:
        """Return the webhook of that `target`: created if there is none, updated where it differs; safe to run twice.

        No reply shows a secret, so the one of a webhook that this client did not write itself is set once.
        """
        project, body, query = self.project.with_body(models.WebhookRequest, cast("Any", fields))
        channel = Webhooks(project)

        async def update(webhook: models.Webhook, different: dict[str, object]) -> models.Webhook:
            request = models.UpdateWebhookRequest.from_dict(different)
            different.clear()
            return await project.invoke(api.update_webhook, webhook.id, body=request)

        wanted: Wanted[models.Webhook] = Wanted(
            kind=("webhooks 1.2", project.project_id),
            key=check_name("target", body.target),
            label="target",
            properties=body.to_dict(),
            list=channel.list,
            get=channel.get,
            key_of=lambda webhook: webhook.target,
            read=lambda webhook: webhook.to_dict(),
            create=lambda: project.invoke(api.create_webhook, body=body, **query),
            update=update,
        )
        return await ensure(project, wanted)


def _id(webhook_id: Id | None) -> str:
    return check_segment("webhook_id", webhook_id)
