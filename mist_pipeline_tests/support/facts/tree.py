"""HTML as a tree of what can be seen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNSEEN = {"style", "title", "head", "svg", "symbol"}


@dataclass
class Node:
    """An element with its texts and elements in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """Its classes."""
        return set(self.attributes.get("class", "").split())

    def all(self, tag: str = "", *, of: str = "") -> list["Node"]:
        """The elements below of a tag, of a class, in order."""
        return [node for node in self._below() if tag in ("", node.tag) and (not of or of in node.classes)]

    def one(self, tag: str = "", *, of: str = "", at: str = "") -> "Node":
        """The first of them; an empty one where there is none. With ``at``, the element of that id."""
        if at:
            found = [node for node in self._below() if node.attributes.get("id") == at]
        else:
            found = self.all(tag, of=of)
        return found[0] if found else Node("none")

    def _below(self) -> Iterator["Node"]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child._below()

    @property
    def text(self) -> str:
        """What can be read, in one line."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in UNSEEN and "hidden" not in child.classes and "preview" not in child.classes:
                yield from child._texts()
                if child.tag in ("p", "li", "td", "th", "br", "div", "h1", "h2", "h3", "tr"):
                    yield " "


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Node("root")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def tree(page: str) -> Node:
    """The page as a tree."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    return builder.open[0]
