"""
Find the row of a path. Runs of slashes count as one, a slash at the end is ignored, the host is never looked at.

Source: client-compatibility.md T1 to T4.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Target = TypeVar("Target")


@dataclass(slots=True)
class _Node(Generic[Target]):
    literal: dict[str, "_Node[Target]"] = field(default_factory=dict)
    named: "_Node[Target] | None" = None
    methods: dict[str, tuple[Target, tuple[str, ...]]] = field(default_factory=dict)


class Router(Generic[Target]):
    """A tree of path segments; a literal segment wins over a named one."""

    def __init__(self) -> None:
        self._root: _Node[Target] = _Node()

    def add(self, method: str, path: str, target: Target, head: bool = True) -> None:
        """Add a row's path, whose `{names}` match any one segment. head: HEAD goes where its GET goes."""
        node, names = self._root, []
        for segment in _segments(path):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.named = node.named or _Node()
                node = node.named
            else:
                node = node.literal.setdefault(segment, _Node())
        assert method not in node.methods, f"{method} {path} has two rows"
        node.methods[method] = (target, tuple(names))
        if method == "GET" and head:
            node.methods["HEAD"] = (target, tuple(names))

    def find(self, method: str, path: str) -> tuple[Target | None, dict[str, str], list[str]]:
        """
        Find the row for a method and a path.

        returns  the target or None; the texts of the named segments; the methods the path has (none: no such path)
        """
        found = self._walk(path)
        if found is None:
            return None, {}, []
        node, texts = found
        row = node.methods.get(method)
        if row is None:
            return None, {}, sorted(node.methods)
        target, names = row
        return target, dict(zip(names, texts, strict=True)), []

    def _walk(self, path: str) -> tuple[_Node[Target], tuple[str, ...]] | None:
        """Take the literal segment wherever there is one; only where that leads nowhere try the others."""
        node, texts = self._root, []
        for segment in path.split("/"):
            if segment:
                following = node.literal.get(segment)
                if following is None:
                    following = node.named
                    texts.append(segment)
                if following is None:
                    break
                node = following
        else:
            if node.methods:
                return node, tuple(texts)
        return _walk(self._root, _segments(path), 0, ())


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _walk(
    node: _Node[Target], segments: list[str], index: int, texts: tuple[str, ...]
) -> tuple[_Node[Target], tuple[str, ...]] | None:
    if index == len(segments):
        return (node, texts) if node.methods else None
    literal = node.literal.get(segments[index])
    found = _walk(literal, segments, index + 1, texts) if literal else None
    if found is None and node.named is not None:
        found = _walk(node.named, segments, index + 1, (*texts, segments[index]))
    return found
