"""Files of many brands, and the faults that ten thousand of them meet."""

from __future__ import annotations

from pathlib import Path

from sinch_provisioning_emulator import Emulator

COMMON = """version: 1
defaults:
  rcs:
    description: Orders and deliveries
    logo_url: https://brands.example/logo.png
    hero_image_url: https://brands.example/hero.png
    privacy_policy: https://brands.example/privacy
    terms_of_service: https://brands.example/terms
    launch: true
rcs:
"""


def write_brands(path: Path, number: int, *, tag: str = "Brand") -> Path:
    """Write a file of `number` RCS senders, all ready to be launched."""
    with path.open("w", encoding="utf-8") as file:
        file.write(COMMON)
        for index in range(number):
            file.write(f"  - display_name: {tag} {index:05d}\n    website: https://b{index}.example\n")
    return path


def arm(emulator: Emulator, share: float = 0.1) -> None:
    """Let `share` of all calls go wrong: refused, done but not told, or cut off on either side of the effect."""
    for seed, operation in enumerate(
        ("createRcsSender", "updateRcsSender", "launchRcsSender", "listRcsSenders", "getRcsSender")
    ):
        each = share / 4
        emulator.inject(operation, status=500, times=None, probability=each, seed=seed)
        emulator.inject(operation, status=503, applied=True, times=None, probability=each, seed=seed + 10)
        emulator.inject(operation, drop="before", times=None, probability=each, seed=seed + 20)
        emulator.inject(operation, drop="after", times=None, probability=each, seed=seed + 30)
