"""Placeholders for schemas that refer to themselves, replaced once all schemas are normalized."""

from __future__ import annotations

from attrs import field, frozen

from tools.normalize.schema_forms import is_mapping_body, union_of
from tools.openapi.document import Node, as_node, as_nodes
from tools.openapi.remarks import Remarks

_PENDING = "pending:"


def pending(ref: str) -> Node:
    """Return a placeholder for a schema that is being normalized."""
    return {"$ref": f"{_PENDING}{ref}"}


@frozen
class CyclicReferences:
    """The normalized schema of each reference; None while it is being normalized."""

    components: dict[str, Node]
    remarks: Remarks
    done: dict[str, Node | None] = field(factory=dict)
    _resolved: set[str] = field(factory=set)

    def resolve(self, plain: object, trail: tuple[str, ...] = ()) -> object:
        """Replace placeholders; a schema may contain itself only by way of a class."""
        if isinstance(plain, list):
            return [self.resolve(one, trail) for one in plain]
        if not isinstance(plain, dict):
            return plain
        target = str(plain.get("$ref", ""))
        if target.startswith(_PENDING):
            ref = target.removeprefix(_PENDING)
            if ref in trail:
                self.remarks.add(
                    ref, "it contains itself without an object in between, the inner one is typed as object"
                )
                return {}
            return self.resolve(self.done[ref], (*trail, ref))
        self._resolve_mapping(target.rsplit("/", 1)[-1], trail)
        settled = {key: self.resolve(one, trail) for key, one in plain.items()}
        if not isinstance(settled.get("oneOf"), list):
            return settled
        union = union_of(as_nodes(settled["oneOf"]))
        return {
            **union,
            **{key: settled[key] for key in ("description",) if key in settled and "oneOf" in union},
        }

    def _resolve_mapping(self, name: str, trail: tuple[str, ...]) -> None:
        body = self.components.get(name)
        if body is not None and is_mapping_body(body) and name not in self._resolved:
            self._resolved.add(name)
            body.update(as_node(self.resolve(dict(body), trail)))
            if body.get("additionalProperties") == {}:
                del body["additionalProperties"]

    def resolve_components(self) -> None:
        """Replace the placeholders in everything found so far."""
        for ref, plain in list(self.done.items()):
            self.done[ref] = as_node(self.resolve(plain, (ref,)))
        for name, body in list(self.components.items()):
            if not is_mapping_body(body):
                self.components[name] = as_node(self.resolve(body))
