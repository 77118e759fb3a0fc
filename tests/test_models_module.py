"""`sinch_provisioning.models`: every generated model under a public name, loaded when it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("public", "generated"),
    [
        ("sinch_provisioning.models", "sinch_provisioning_api.models"),
        ("sinch_provisioning.v1_2.models", "sinch_provisioning_v1_2_api.models"),
    ],
)
def test_every_generated_model_has_its_public_name(public: str, generated: str) -> None:
    """The classes are the same ones, so that `isinstance` holds for what a client returns."""
    module, origin = importlib.import_module(public), importlib.import_module(generated)
    assert module.__all__ == origin.__all__
    assert all(getattr(module, name) is getattr(origin, name) for name in origin.__all__)
    assert "RcsSender" in module.__all__


def test_importing_the_package_loads_no_model() -> None:
    """The module is found as an attribute too, and then only."""
    code = (
        "import sys, sinch_provisioning as package\n"
        "assert not any(name.endswith('.models') for name in sys.modules), 'loaded'\n"
        "print(package.models.RcsSender.__name__, package.models.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["RcsSender", "sinch_provisioning.models"], run.stderr
