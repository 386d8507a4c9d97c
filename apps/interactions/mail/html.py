"""The text of an HTML mail, by lxml and one flat walk: hostile nesting costs time in proportion to its size."""

import re

from lxml import etree

SIGNED = "-- "  # the line above a signature, with its space
LARGEST = 256 * 1024  # characters that are looked at
_SPACE = re.compile(r"\s+")
_EMPTY_LINES = re.compile(r"(?:\n(?:> )* *){3,}")
_NOTHING = r"(?:font-size|opacity):0(?![.\d]*[1-9])"
_HIDDEN = re.compile("display:none|visibility:hidden|mso-hide:all|" + _NOTHING, re.IGNORECASE)
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "math", "iframe", "object"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip


def text_of(html: str) -> tuple[str, bool]:
    """What a reader sees, with “> ” before quoted lines; and whether something was hidden, or could not be read."""
    clean = html[:LARGEST].encode("utf-8", "replace").decode().replace("\0", "")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = etree.fromstring(clean.encode(), parser) if clean.strip() else None
    if root is None:
        return "", bool(clean.strip())
    walk = _Walk()
    for event, node in etree.iterwalk(root, events=("start", "end")):
        walk.step(event, node)
    said = "".join(walk.seen)
    text = _EMPTY_LINES.sub(lambda found: "\n\n" + found[0].rsplit("\n", 1)[1], said)
    cut = len(html) > LARGEST or any("Excessive depth" in entry.message for entry in parser.error_log)
    lines = "\n".join(line if line == SIGNED else line.rstrip() for line in text.split("\n")).strip()
    return lines, cut or walk.hid or not lines


class _Walk:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.hid = False
        self._silent = self._concealed = self._quoted = 0

    def step(self, event: str, node: etree._Element) -> None:
        tag = node.tag if isinstance(node.tag, str) else ""
        way = 1 if event == "start" else -1
        if event == "start":
            self._quoted += tag == "blockquote"
            if tag in _BLOCKS:
                self._line()
        self._silent += way * (tag in _SILENT)
        self._concealed += way * _is_hidden(node)
        if event == "start":
            self._put(node.text)
            return
        self._quoted -= tag == "blockquote"
        if tag in _BLOCKS and tag != "br":
            self._line()
        self._put(node.tail)

    def _put(self, text: str | None) -> None:
        if not text or self._silent:
            return
        if self._concealed:
            self.hid = self.hid or bool(text.strip())
        else:
            self.seen.append(_SPACE.sub(" ", text))

    def _line(self) -> None:
        if not self._silent and not self._concealed:
            self.seen.append("\n" + "> " * min(self._quoted, 5))


def _is_hidden(node: etree._Element) -> bool:
    style = (node.get("style") or "")[:2000].replace(" ", "")
    return node.get("hidden") is not None or bool(_HIDDEN.search(style))
