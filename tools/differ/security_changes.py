"""Compares how calls are authenticated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tools.differ.changes import REQUEST, Changes
from tools.differ.matching import Matching
from tools.openapi.document import Document, Node, as_node, as_nodes

# One way to authenticate: all of these schemes, each with these scopes; none at all is open to everyone.
Way = Mapping[str, frozenset[str]]


def security_changes(old: Document, new: Document, matching: Matching, changes: Changes) -> None:
    """Compare requirements of the document and of operations, and the schemes that the old ones use."""
    schemes, new_schemes = _schemes(old), _schemes(new)
    renames = {
        name: other
        for name, one in schemes.items()
        for other in new_schemes
        if name not in new_schemes and other not in schemes and one == new_schemes[other]
    }
    _requirements("security", _ways(old.data, renames), _ways(new.data), changes)
    used = {name for way in _ways(old.data) for name in way}
    for one, other in matching.pairs:
        before, after = _ways({**old.data, **one.node}, renames), _ways({**new.data, **other.node})
        used |= {name for way in before for name in way}
        if "security" in one.node or "security" in other.node:
            _requirements(one.name, before, after, changes)
    for name in sorted({*schemes, *new_schemes}):
        subject = f"securitySchemes.{name}"
        if name in schemes and name in new_schemes:
            _scheme(subject, schemes[name], new_schemes[name], changes, is_used=name in used)
        else:
            # Whether calls still work is a question of the requirements.
            changes.note(subject, f"security scheme {'added' if name in new_schemes else 'removed'}", REQUEST)


def _schemes(document: Document) -> dict[str, Node]:
    """Return the security schemes; authentication schemes and header names are spelled in any case."""
    found = {}
    for name, raw in as_node(as_node(document.data.get("components")).get("securitySchemes")).items():
        one = document.follow(raw)
        folded = ("scheme", "name") if one.get("in") == "header" else ("scheme",)
        found[name] = {key: str(value).lower() if key in folded else value for key, value in one.items()}
    return found


def _ways(node: Node, renames: Mapping[str, str] = MappingProxyType({})) -> list[Way]:
    """Return the alternative ways to authenticate; no list, or an empty requirement, means none is needed."""
    ways: list[Way] = [
        {
            renames.get(name, name): frozenset(map(str, scopes if isinstance(scopes, list) else []))
            for name, scopes in requirement.items()
        }
        for requirement in as_nodes(node.get("security"))
    ]
    return ways or [{}]


def _suffices(given: Way, wanted: Way) -> bool:
    """Whether whoever authenticates in one way satisfies another."""
    return all(name in given and scopes <= given[name] for name, scopes in wanted.items())


def _said(way: Way) -> str:
    parts = [
        f"{name}({', '.join(sorted(scopes))})" if scopes else name for name, scopes in sorted(way.items())
    ]
    return " with ".join(parts) or "none"


def _requirements(subject: str, before: list[Way], after: list[Way], changes: Changes) -> None:
    for way in [way for way in before if way not in after]:
        refused = not any(_suffices(way, other) for other in after)
        changes.note(subject, f"security requirement removed: {_said(way)}", REQUEST, breaking=refused)
    for way in [way for way in after if way not in before]:
        changes.note(subject, f"security requirement added: {_said(way)}", REQUEST)


def _scheme(subject: str, old: Node, new: Node, changes: Changes, *, is_used: bool) -> None:
    for key in sorted({*old, *new} - {"description", "flows"}):
        if old.get(key) != new.get(key):
            words = f"security scheme's {key} changed from {old.get(key)} to {new.get(key)}"
            breaking = is_used and key != "bearerFormat" and not key.startswith("x-")
            changes.note(subject, words, REQUEST, breaking=breaking)
    for what, gone in _flows(as_node(old.get("flows")), as_node(new.get("flows"))):
        changes.note(subject, what, REQUEST, breaking=is_used and gone)


def _flows(before: Node, after: Node) -> Iterator[tuple[str, bool]]:
    """Yield what changed between flows, and whether it breaks those who use them."""
    for flow in sorted({*before, *after}):
        one, other = as_node(before.get(flow)), as_node(after.get(flow))
        if flow not in before or flow not in after:
            yield f"flow {flow} {'added' if flow in after else 'removed'}", flow in before
            continue
        for key in sorted({*one, *other} - {"scopes"}):
            if one.get(key) != other.get(key):
                was, now = (json.dumps(node.get(key), sort_keys=True) for node in (one, other))
                yield f"{flow} {key} changed from {was} to {now}", key != "refreshUrl"
        was_scopes, now_scopes = as_node(one.get("scopes")), as_node(other.get("scopes"))
        for scope in sorted({*was_scopes} ^ {*now_scopes}):
            yield f"{flow} scope {scope} {'added' if scope in now_scopes else 'removed'}", False
