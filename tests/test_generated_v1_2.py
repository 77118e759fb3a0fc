"""The low-level package of version 1.2 of Sinch's own API: its names, nested bodies, secrets and repeatability."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tools.generate import check
from tools.openapi.vendored import APIS, ROOT, SOURCE

import sinch_provisioning_v1_2_api as low
from sinch_provisioning_v1_2_api.api import (
    create_rcs_sender,
    get_test_number,
    list_rcs_senders,
    retry_test_number,
    update_rcs_sender,
)
from sinch_provisioning_v1_2_api.models import (
    BrandDetailsUpdate,
    CreateRcsSenderRequest,
    RcsSender,
    RcsSenderDetailsInput,
    RcsSenderDetailsUpdate,
    UpdateRcsSenderRequest,
    UsAnswersInput,
    UsBrandCampaignAnswersInput,
    UsQuestionnaireInput,
    WebhookRequest,
)

API = APIS["1.2"]
REQUIRED: dict[str, Any] = {"region": "EU", "billing_category": "CONVERSATIONAL", "use_case": "OTP"}
SENDER = {
    "id": "s",
    "region": "EU",
    "billingCategory": "CONVERSATIONAL",
    "useCase": "OTP",
    "hostingRegion": "EUROPE",
    "authToken": "canary",
    "state": "A_STATE_OF_TOMORROW",
}


class Recorder:
    """A caller that records requests and answers them with one body."""

    def __init__(self, body: object) -> None:
        self.requests: list[low.Request] = []
        self._body = json.dumps(body).encode()

    async def call(self, request: low.Request, parse: Any) -> Any:
        """Record the request."""
        self.requests.append(request)
        return parse(low.Reply(200, httpx.Headers(), self._body))


def test_the_committed_package_is_what_the_document_gives() -> None:
    """A fresh generation has the committed bytes, and the document the checksum that SOURCE states."""
    assert check(ROOT / "generated" / API.package, API.spec, SOURCE) == []


def test_operations_have_the_names_of_the_names_file() -> None:
    """No coroutine is named after a controller of the server, and no class after a DTO."""
    assert len(low.OPERATIONS) == 30
    functions = [operation.function.__name__ for operation in low.OPERATIONS.values()]
    assert {"list_rcs_senders", "launch_rcs_sender", "create_webhook", "get_rcs_questionnaire"} <= set(
        functions
    )
    assert not [name for name in functions if "controller" in name]
    assert not [name for name in low.models.__all__ if "Dto" in name or "Papi" in name]


async def test_a_get_that_sends_an_invitation_is_not_repeatable() -> None:
    """The names file overrides the default by method; operations and requests both say so."""
    numbers = {"number": "+46", "state": "PENDING", "submitted": "2024-01-01t00:00:00.000Z"}
    recorder = Recorder(numbers)
    await retry_test_number(recorder, "p", "s", "+46")
    await get_test_number(recorder, "p", "s", "+46")
    assert [request.repeatable for request in recorder.requests] == [False, True]
    assert recorder.requests[0].path == "/v1/projects/p/rcs/senders/s/testNumbers/%2B46/retry"
    assert recorder.requests[0].with_params([]).repeatable is False
    by_function = {one.function: one for one in low.OPERATIONS.values()}
    assert not by_function[retry_test_number].repeatable
    assert not by_function[create_rcs_sender].repeatable
    assert by_function[update_rcs_sender].repeatable
    assert low.Request("x", "GET", "/").repeatable
    assert not low.Request("x", "POST", "/").repeatable


async def test_nested_bodies_are_models_or_mappings() -> None:
    """A mapping of the same names becomes the model, at any depth and in lists."""
    recorder = Recorder(SENDER)
    brand = {"name": "Acme", "emails": [{"label": "Support", "address": "a@b.example"}]}
    body = CreateRcsSenderRequest(**REQUIRED, details={"brand": brand, "countries": ["DE"]})  # type: ignore[arg-type]
    assert isinstance(body.details, RcsSenderDetailsInput)
    sender = await create_rcs_sender(recorder, "p", body=body)
    assert sender.state == "A_STATE_OF_TOMORROW"
    sent = json.loads(recorder.requests[0].content or b"")
    assert sent["details"] == {"brand": brand, "countries": ["DE"]}
    same = CreateRcsSenderRequest(**REQUIRED, details=body.details)
    assert same == body
    assert CreateRcsSenderRequest.from_dict(sent) == body


def test_a_mapping_becomes_the_alternative_that_it_fits() -> None:
    """The two questionnaires for the US are told apart by their fields."""
    assert isinstance(UsQuestionnaireInput(answers={"ein": "12-3456789"}).answers, UsAnswersInput)
    tax = {"tax_id_country": "US", "brand_name": "Acme"}
    assert isinstance(UsQuestionnaireInput(answers=tax).answers, UsBrandCampaignAnswersInput)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"bramd": {}}, "unexpected keyword argument 'bramd'"),
        ({"brand": {"nme": "canary"}}, "unexpected keyword argument 'nme'"),
        ({"brand": {"emails": [{"label": "canary"}]}}, "missing 1 required positional argument: 'address'"),
        ({"questionnaire": {"us": {"answers": {"no": "canary"}}}}, "unexpected keyword argument 'no'"),
        ("canary", "expected RcsSenderDetailsInput or a mapping, not str"),
        ({"brand": 5}, "expected BrandDetailsInput or a mapping, not int"),
    ],
)
def test_a_wrong_nested_key_is_a_type_error(details: Any, words: str) -> None:
    """The error names the key and shows no value."""
    with pytest.raises(TypeError) as caught:
        CreateRcsSenderRequest(**REQUIRED, details=details)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


def test_null_deletes_and_absent_keeps() -> None:
    """In a patch, null and absent differ on the wire, for nested models too."""
    brand = BrandDetailsUpdate(name="Acme", emails=None, phones=[{"label": "Sales", "number": "+46"}])
    details = RcsSenderDetailsUpdate(brand=brand, countries=None)
    body = UpdateRcsSenderRequest(details=details)
    assert body.to_dict() == {
        "details": {
            "brand": {"name": "Acme", "emails": None, "phones": [{"label": "Sales", "number": "+46"}]},
            "countries": None,
        }
    }
    assert (brand.emails, brand.websites) == (None, None)


def test_secrets_are_masked() -> None:
    """Neither the token of a sender nor the secret of a webhook is part of a repr."""
    sender = RcsSender.from_dict(SENDER)
    assert sender.auth_token == "canary"
    assert "canary" not in repr(sender)
    webhook = WebhookRequest(target="https://acme.example", secret="canary", triggers=["ALL"])
    assert "canary" not in repr(webhook)
    assert low.is_secret_name("authToken")


async def test_filters_repeat_their_parameter() -> None:
    """Lists in a query repeat the parameter."""
    recorder = Recorder({"totalSize": 0, "pageSize": 50, "senders": []})
    page = await list_rcs_senders(recorder, "p", page_size=100, filter_states=["DRAFT", "LAUNCHED"])
    assert recorder.requests[0].params == [
        ("pageSize", "100"),
        ("filterStates", "DRAFT"),
        ("filterStates", "LAUNCHED"),
    ]
    assert (page.total_size, page.next_page_token, page.senders) == (0, None, [])
