"""Templating: how are templates made ready, so that a page costs its data and nothing else?

Four things are done when a template is compiled, once per language, at start: messages are translated and their text
becomes part of the template; a message with values becomes the pieces of its translation with the values between
them; cells are escaped by a function that returns text, because markupsafe's own makes a `Markup` of every cell
(0.4 µs against 0.1, some four hundred cells a page); and what our own formats have written (money, days) is text of
digits and words from the catalogue, which needs no escaping at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, Final

import jinja2
from babel.support import Translations
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, _escape_inner  # type: ignore[attr-defined]  # the only escape that makes no Markup

ROOT: Final = Path(__file__).parent
PLACES: Final = (ROOT / "pages", ROOT / "templates")
PLACEHOLDER: Final = re.compile(r"(?<!%)%\((\w+)\)s")
PLAIN: Final = frozenset({"money", "volume", "dial", "tariff", "month", "day", "short_day", "moment"})
OUR_ESCAPE: Final = f"; from {__name__} import escape\n"


def escape(value: object) -> str:
    """`value` as it may stand in HTML, in text or in a quoted attribute."""
    if type(value) is str:
        return _escape_inner(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    return _escape_inner(str(value))


class _Compiler(CodeGenerator):
    """Writes what a page of ours needs, and not what any page might need."""

    def blockvisit(self, statements: Iterable[nodes.Node], frame: Frame) -> None:
        """A block and a template that extends none are gathered and handed on in one piece: jinja hands on each of some
        two hundred pieces through every template above."""
        whole = frame.buffer is None and (frame.block_frame or frame.toplevel) and not frame.require_output_check
        if whole:
            self.buffer(frame)
        super().blockvisit(statements, frame)
        if whole:
            self.writeline(f"yield concat({frame.buffer})")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        """No escape around a filter of PLAIN: what it gives is text without a character that HTML knows."""
        if _is_plain(node):
            self.write("(")
        else:
            super()._output_child_pre(node, frame, finalize)


def _is_plain(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Filter) and node.name in PLAIN


class LanguageEnvironment(jinja2.Environment):
    """The templates of one language. Filters of PLAIN must give text that holds none of `&<>"'`."""

    code_generator_class = _Compiler

    def __init__(self, catalogue: Translations) -> None:
        super().__init__(
            loader=jinja2.FileSystemLoader(PLACES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self.policies["ext.i18n.trimmed"] = True
        self.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined] # the extension adds it
        self._catalogue = catalogue

    def compile_all(self) -> None:
        """A broken template is found now, and no page waits for the compiler."""
        for name in self.list_templates(extensions=["html"]):
            self.get_template(name)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """All templates share one dict: jinja's chain of mappings is copied key by key for every page."""
        return {**self.globals, **d} if d else self.globals

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Translator(self._catalogue).visit(tree)
        _join_outputs(tree)
        return tree

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """The first line imports what a template uses; on the same line, so that tracebacks stay right."""
        return super()._generate(source, name, filename, defer_init).replace("\n", OUR_ESCAPE, 1)


class _Translator(NodeTransformer):
    """Puts translations into the tree of a template."""

    def __init__(self, catalogue: Translations) -> None:
        self._catalogue = catalogue

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 - the name that NodeVisitor dispatches to
        parts: list[nodes.Expr] = []
        for child in node.nodes:
            parts += self._pieces(child) if _is_message(child) else [self.visit(child)]
        node.nodes = parts
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - the name that NodeVisitor dispatches to
        """`_("…")` inside an expression."""
        self.generic_visit(node)
        if _is_message(node) and not node.kwargs:
            return nodes.Const(_trusted(self._translated(node)), lineno=node.lineno)
        return node

    def _pieces(self, call: Any) -> list[nodes.Expr]:
        """The text of a message and its values, in the order of the translation."""
        values = {keyword.key: keyword.value for keyword in call.kwargs}
        pieces = PLACEHOLDER.split(self._catalogue.gettext(call.args[0].value))
        return [
            values[piece] if position % 2 else nodes.TemplateData(piece.replace("%%", "%"), lineno=call.lineno)
            for position, piece in enumerate(pieces)
        ]

    def _translated(self, call: Any) -> str:
        text: str = self._catalogue.gettext(call.args[0].value)
        return text.replace("%%", "%")


def _join_outputs(tree: nodes.Node) -> None:
    """Output that follows output becomes one with it, so that text on both sides of a message is one piece."""
    for node in (tree, *tree.find_all(nodes.Node)):
        for name in ("body", "else_"):
            if isinstance(statements := getattr(node, name, None), list):
                setattr(node, name, _joined(statements))


def _joined(statements: list[nodes.Node]) -> list[nodes.Node]:
    joined: list[nodes.Node] = []
    for statement in statements:
        last = joined[-1] if joined else None
        if isinstance(last, nodes.Output) and isinstance(statement, nodes.Output):
            last.nodes = [*last.nodes, *statement.nodes]
        else:
            joined.append(statement)
    return joined


def _is_message(node: Any) -> bool:
    """A call of `_` or `gettext` with one constant; `{% trans %}` without a plural is one, too."""
    return (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name in ("_", "gettext")
        and len(node.args) == 1
        and isinstance(node.args[0], nodes.Const)
    )


def _trusted(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - messages come from our own catalogue
