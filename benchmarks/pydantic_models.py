"""The sender as openai's client wants it described."""

from __future__ import annotations

import datetime as dt

import openai
from pydantic import Field


class SenderModel(openai.BaseModel):
    """A sender with its thirteen fields, timestamps read as such."""

    id: str | None = None
    display_name: str | None = Field(None, alias="displayName")
    description: str | None = None
    logo_url: str | None = Field(None, alias="logoUrl")
    hero_image_url: str | None = Field(None, alias="heroImageUrl")
    phone_number: str | None = Field(None, alias="phoneNumber")
    color: str | None = None
    website: str | None = None
    privacy_policy: str | None = Field(None, alias="privacyPolicy")
    terms_of_service: str | None = Field(None, alias="termsOfService")
    status: str | None = None
    create_time: dt.datetime | None = Field(None, alias="createTime")
    update_time: dt.datetime | None = Field(None, alias="updateTime")


class SenderListModel(openai.BaseModel):
    """A list of them."""

    senders: list[SenderModel]
