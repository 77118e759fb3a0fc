"""References that were followed before they were done, put right when all is done."""

from __future__ import annotations

from attrs import field, frozen

from tools.document import Node, as_node, as_nodes
from tools.facts import Remarks
from tools.shapes import is_mapping_body, union_of

_PENDING = "pending:"


def pending(ref: str) -> Node:
    """Stand for a schema under way."""
    return {"$ref": f"{_PENDING}{ref}"}


@frozen
class Settler:
    """Knows what references came to; None is for one under way."""

    components: dict[str, Node]
    remarks: Remarks
    done: dict[str, Node | None] = field(factory=dict)
    _settled: set[str] = field(factory=set)

    def settle(self, plain: object, trail: tuple[str, ...] = ()) -> object:
        """Put what references under way came to in their places; only through a class can a schema hold itself."""
        if isinstance(plain, list):
            return [self.settle(one, trail) for one in plain]
        if not isinstance(plain, dict):
            return plain
        target = str(plain.get("$ref", ""))
        if target.startswith(_PENDING):
            ref = target.removeprefix(_PENDING)
            if ref in trail:
                self.remarks.add(ref, "it contains itself without an object between, read as anything there")
                return {}
            return self.settle(self.done[ref], (*trail, ref))
        self._settle_mapping(target.rsplit("/", 1)[-1], trail)
        settled = {key: self.settle(one, trail) for key, one in plain.items()}
        return union_of(as_nodes(settled["oneOf"])) if set(settled) == {"oneOf"} else settled

    def _settle_mapping(self, name: str, trail: tuple[str, ...]) -> None:
        body = self.components.get(name)
        if body is not None and is_mapping_body(body) and name not in self._settled:
            self._settled.add(name)
            body.update(as_node(self.settle(dict(body), trail)))
            if body.get("additionalProperties") == {}:
                del body["additionalProperties"]

    def settle_components(self) -> None:
        """Settle everything found so far."""
        for ref, plain in list(self.done.items()):
            self.done[ref] = as_node(self.settle(plain, (ref,)))
        for name, body in list(self.components.items()):
            if not is_mapping_body(body):
                self.components[name] = as_node(self.settle(body))
