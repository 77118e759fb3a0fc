"""What a brand has to tell before its RCS sender can be launched."""

from __future__ import annotations

from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from sinch_provisioning_api.api import CreateRcsSenderArguments


class Brand(BaseModel):
    """The fields that carriers ask for; `display_name` is what finds a sender again."""

    model_config = ConfigDict(extra="forbid")

    display_name: str = Field(min_length=1, max_length=100, examples=["Acme"])
    description: str | None = None
    logo_url: str | None = None
    hero_image_url: str | None = None
    phone_number: str | None = None
    website: str | None = None
    privacy_policy: str | None = None
    terms_of_service: str | None = None

    def fields(self) -> CreateRcsSenderArguments:
        """Return what was given, as keyword arguments of the SDK."""
        return cast("CreateRcsSenderArguments", self.model_dump(exclude_none=True))
