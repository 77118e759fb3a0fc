"""A brand with everything that a launch in Germany and Sweden needs."""

from __future__ import annotations

from typing import Any

COMPLETE: Any = {
    "brand": {
        "name": "Acme",
        "banner_url": "https://acme.example/banner.png",
        "logo_url": "https://acme.example/logo.png",
        "privacy_policy_url": "https://acme.example/privacy",
        "terms_of_service_url": "https://acme.example/terms",
        "phones": [{"label": "Support", "number": "+49301234567"}],
    },
    "countries": ["DE", "SE"],
    "questionnaire": {
        "general": {
            "answers": {
                "opt_in_description": "On the order form",
                "trigger_description": "An order changes",
                "interactions_description": "Orders and deliveries",
                "opt_out_description": "Reply STOP",
                "video_uris": ["https://acme.example/video.mp4"],
                "screenshot_uris": ["https://acme.example/screen.png"],
            }
        },
        "verification": {
            "answers": {
                "name": "Ada",
                "email": "ada@acme.example",
                "title": "Head of Messaging",
                "website": "https://acme.example",
            }
        },
    },
}
FIELDS: Any = {
    "region": "EU",
    "billing_category": "CONVERSATIONAL",
    "use_case": "TRANSACTIONAL",
    "details": COMPLETE,
}


def with_countries(*countries: str) -> Any:
    """Return the fields with other countries."""
    return {**FIELDS, "details": {**COMPLETE, "countries": [*countries]}}
