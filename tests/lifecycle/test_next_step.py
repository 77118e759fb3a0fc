"""The decision what a sender needs next."""

from __future__ import annotations

import pytest

from sinch_provisioning.lifecycle.next_step import Action, Situation, next_step, steps_ahead


@pytest.mark.parametrize(
    ("found", "launch", "done", "kind"),
    [
        (Situation("absent"), True, [], "create"),
        (Situation("absent", missing=("logo_url",)), True, [], "create"),
        (Situation("idle"), False, [], "done"),
        (Situation("idle"), True, [], "launch"),
        (Situation("idle", differing=("color",)), True, [], "update"),
        (Situation("idle", differing=("color",)), True, ["create"], "launch"),
        (Situation("idle", differing=("color",)), False, ["update"], "done"),
        (Situation("idle", differing=("color",), fixed=("website",)), True, [], "failed"),
        (Situation("idle", missing=("logo_url",)), True, [], "failed"),
        (Situation("idle", missing=("logo_url",)), False, [], "done"),
        (Situation("idle"), True, ["launch"], "wait"),
        (Situation("in review"), True, [], "wait"),
        (Situation("in review"), False, [], "done"),
        (Situation("launched"), True, [], "done"),
        (Situation("launched", differing=("color",)), True, [], "update"),
        (Situation("rejected"), True, [], "failed"),
        (Situation("rejected"), False, [], "done"),
        (Situation("rejected", differing=("color",)), True, [], "update"),
        (Situation("rejected"), True, ["update"], "launch"),
        (Situation("rejected"), True, ["update", "launch"], "failed"),
        (Situation("unlaunched"), True, [], "launch"),
        (Situation("unlaunched"), True, ["launch"], "failed"),
        (Situation("idle", duplicates=("a", "b")), True, [], "failed"),
    ],
)
def test_each_situation_has_one_next_step(
    found: Situation, launch: bool, done: list[Action], kind: str
) -> None:
    """A write is never repeated, and every failure says what to do."""
    step = next_step(found, launch=launch, done=done)
    assert step.kind == kind
    assert (step.problem is not None) == (kind == "failed")
    assert step.action == (kind if kind in ("create", "update", "launch") else None)


def test_steps_ahead_are_the_writes_of_a_run_without_failures() -> None:
    """A plan lists what would be written, and why it would end short of what is wanted."""
    assert steps_ahead(Situation("absent"), launch=True)[0] == ("create", "launch")
    actions, last = steps_ahead(Situation("absent", missing=("logo_url",)), launch=True)
    assert (actions, last.missing) == (("create",), ("logo_url",))
    rejected = Situation("rejected", "REJECTED", differing=("description",))
    assert steps_ahead(rejected, launch=True)[0] == ("update", "launch")


@pytest.mark.parametrize(
    ("found", "done", "problem"),
    [
        (
            Situation("idle", duplicates=("a", "b")),
            [],
            "2 senders have this name (a, b): delete the surplus ones",
        ),
        (
            Situation("idle", fixed=("url", "name")),
            [],
            "differs in url, name, which the API can't update: delete it, or change the file",
        ),
        (
            Situation("rejected", "REJECTED"),
            [],
            "carriers rejected the launch (status REJECTED): correct the brand fields",
        ),
        (
            Situation("unlaunched"),
            ["launch"],
            "taken down after its launch: ask Sinch for the reason, then apply again",
        ),
        (Situation("idle", missing=("a", "b")), [], "not ready to be launched, missing: a, b"),
    ],
)
def test_failure_says_what_to_do(found: Situation, done: list[Action], problem: str) -> None:
    """In whole sentences, which users act on."""
    assert next_step(found, launch=True, done=done).problem == problem
