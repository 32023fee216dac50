"""A manifest's text as movable pieces: every value with its own words, every comment with the piece it belongs to.

Made of the scanner's tokens, between which there is nothing but blanks and comments. Comment lines belong to
what follows them, unless they are indented like the block that ends above them; then they close that block.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml
from yaml import tokens

from wombat_gitops.domain.manifest.pieces import Block, Fields, Flow, Items, Layout, Odd, Part, Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.domain.manifest.pieces import Node

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCK_HEADER: Final = re.compile(r"([|>])([-+1-9]{0,2}) *(#.*)?", re.DOTALL)
_BLANK: Final = (-1, "")


def read_layout(text: str) -> Layout:
    """The pieces of a text that `document.parse_document` has accepted; lines end with LF.

    Raises:
        Odd: they cannot be told apart safely.
    """
    try:
        return _Reader(text).read()
    except yaml.YAMLError as error:
        raise Odd from error


class _Reader:
    """Takes tokens in order. What stands between two of them is kept until somebody claims it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tokens.Token] = list(yaml.scan(text, Loader=_LOADER))
        self._next = 0
        self._comment = ""
        self._pending: list[tuple[int, str]] = []

    def read(self) -> Layout:
        self._take()  # the start of the stream
        before, start, end = list[str](), "", ""
        if isinstance(self._token, tokens.DocumentStartToken):
            before = self._lead()
            start = self._marker()
        root = self._value()
        if not isinstance(root, Fields):
            raise Odd
        if isinstance(self._token, tokens.DocumentEndToken):
            end = self._marker()
        if not isinstance(self._token, tokens.StreamEndToken):
            raise Odd
        after = self._lead()
        return Layout(before, start, _split_header(root), root, end, after)

    @property
    def _token(self) -> tokens.Token:
        return self._tokens[self._next]

    def _take(self) -> tokens.Token:
        """The next token. Notes what stands behind it, up to the one that follows, unless it has no text itself."""
        token = self._tokens[self._next]
        self._next += 1
        if token.end_mark.index > token.start_mark.index or self._next == 1:
            self._look(token.end_mark.index)
        return token

    def _look(self, start: int) -> None:
        index = self._next
        while index < len(self._tokens) and not _has_text(self._tokens[index]):
            index += 1
        last = index == len(self._tokens)
        end = len(self._text) if last else self._tokens[index].start_mark.index
        between = self._text[start:end]
        if "#" not in between and between.count("\n") < 2:  # noqa: PLR2004 - no empty line either
            if between.strip():
                raise Odd
            return
        lines = between.split("\n")
        if start and self._text[start - 1] != "\n":
            self._comment = lines.pop(0).strip()
        if not last and lines:
            lines.pop()
        for line in lines:
            words = line.strip()
            self._pending.append((len(line) - len(line.lstrip(" ")), words) if words else _BLANK)
        if any(words and words[0] != "#" for words in (self._comment, *(each for _, each in self._pending))):
            raise Odd

    def _marker(self) -> str:
        token = self._take()
        return " ".join(filter(None, ("---" if isinstance(token, tokens.DocumentStartToken) else "...", self._same())))

    def _same(self) -> str:
        """The comment on the line of the last token."""
        comment, self._comment = self._comment, ""
        return comment

    def _lead(self) -> list[str]:
        lines, self._pending = [words for _, words in self._pending], []
        return lines

    def _tail(self, column: int) -> list[str]:
        """Comment lines of a block that has ended: those down to the first that is indented less."""
        size = 0
        for index, (start, words) in enumerate(self._pending):
            if words and start < column:
                break
            size = index + 1 if words else size
        lines = [words for _, words in self._pending[:size]]
        del self._pending[:size]
        return lines

    def _value(self) -> Node | None:
        match self._token:
            case tokens.BlockMappingStartToken():
                return self._fields()
            case tokens.BlockSequenceStartToken() as token:
                self._take()
                found = self._items(token.start_mark.column)
                self._expect(tokens.BlockEndToken)
                return found
            case tokens.FlowSequenceStartToken() | tokens.FlowMappingStartToken():
                return self._flow()
            case tokens.ScalarToken():
                return self._scalar()
            case tokens.KeyToken() | tokens.ValueToken() | tokens.BlockEntryToken() | tokens.BlockEndToken():
                return None
            case _:
                raise Odd

    def _fields(self) -> Fields:
        column = self._take().start_mark.column
        found = Fields()
        while isinstance(self._token, tokens.KeyToken):
            found.parts.append(self._field(column))
        found.tail = self._tail(column)
        self._expect(tokens.BlockEndToken)
        return found

    def _field(self, column: int) -> Part:
        lead = self._lead()
        if _has_text(self._take()) or not isinstance(self._token, tokens.ScalarToken):
            raise Odd
        line = self._token.start_mark.line
        key = self._scalar()
        colon = self._token.start_mark
        if not isinstance(key, Word) or "\n" in key.text or colon.line != line:
            raise Odd
        self._expect(tokens.ValueToken)
        if isinstance(self._token, tokens.BlockEntryToken):
            behind = self._same()
            items = self._items(column + 1)
            return Part(lead, key, items, behind)
        return self._part(lead, key, line, column)

    def _items(self, column: int) -> Items:
        """A list.

        Args:
            column: where a comment of it begins at least; of a list right below its key, a comment in the key's
                own column belongs to the next field.
        """
        found = Items()
        while isinstance(self._token, tokens.BlockEntryToken):
            lead = self._lead()
            dash = self._take().start_mark
            found.parts.append(self._part(lead, None, dash.line, dash.column))
        found.tail = self._tail(column)
        return found

    def _part(self, lead: list[str], key: Word | None, line: int, column: int) -> Part:
        """The rest of an item or a field.

        Args:
            line: of the dash or the key.
            column: of the block that it is a part of.
        """
        comment = self._same()
        below = self._token.start_mark.line > line
        if isinstance(self._token, (tokens.BlockMappingStartToken, tokens.BlockSequenceStartToken)):
            if key is None and comment:
                self._pending.insert(0, (column, comment))
                comment = ""
            return Part(lead, key, self._value(), comment, below)
        if isinstance(self._token, (tokens.ScalarToken, tokens.FlowSequenceStartToken, tokens.FlowMappingStartToken)):
            lead += [each for each in (comment, *self._lead()) if each]
            start = self._token.start_mark.column
            value = self._block(column) if _is_block(self._token) else self._value()
            if isinstance(value, Flow):
                value.column = start - 2 if below else column
            return Part(lead, key, value, value.comment if isinstance(value, Block) else self._same(), below)
        if self._value() is not None:
            raise Odd
        return Part(lead, key, None, comment)

    def _scalar(self) -> Word:
        token = self._token
        if not isinstance(token, tokens.ScalarToken) or _is_block(token):
            raise Odd
        self._take()
        return self._word(token)

    def _word(self, token: tokens.ScalarToken) -> Word:
        text = self._text[token.start_mark.index : token.end_mark.index]
        return Word(text, "" if token.plain else token.style or "", token.value)

    def _block(self, column: int) -> Block:
        token = self._token
        raw = self._text[token.start_mark.index : token.end_mark.index]
        first, *lines = raw.split("\n")
        match = _BLOCK_HEADER.fullmatch(first.rstrip())
        if match is None:
            raise Odd
        digits = match[2].strip("-+")
        indent = column + int(digits) if digits else _indent_of(lines)
        cut = [line[indent:] for line in lines]
        if any(line[:indent].strip() for line in lines):
            raise Odd
        chomp = match[2].replace(digits, "")
        if raw.endswith("\n"):
            cut.pop()
        elif cut and cut[-1] and chomp != "-":
            chomp = "-"  # the file ends without a line end, so that the value does too
        size = len(cut)
        while cut and not cut[-1] and chomp != "+":
            cut.pop()
        self._take()
        if len(cut) < size:
            self._pending.insert(0, _BLANK)
        return Block(f"{match[1]}{digits}{chomp}", int(digits or 0), cut, match[3] or "")

    def _flow(self) -> Flow:
        first = self._next
        depth = 0
        while True:
            token = self._token
            opens = isinstance(token, (tokens.FlowSequenceStartToken, tokens.FlowMappingStartToken))
            closes = isinstance(token, (tokens.FlowSequenceEndToken, tokens.FlowMappingEndToken))
            depth += opens - closes
            if not depth:
                break
            self._next += 1
        inside = self._tokens[first : self._next + 1]
        text = self._text[inside[0].start_mark.index : token.end_mark.index]
        self._take()
        return Flow(text, None if "\n" in text else _Brackets(inside, self._word).tree())

    def _expect(self, kind: type[tokens.Token]) -> None:
        if not isinstance(self._token, kind):
            raise Odd
        self._take()


class _Brackets:
    """The parts of a collection in brackets, where each is written in the usual way."""

    def __init__(self, inside: list[tokens.Token], word: Callable[[tokens.ScalarToken], Word]) -> None:
        self._tokens = iter(inside)
        self._word = word

    def tree(self) -> Items | Fields | None:
        """Items or fields; None where a value is left out, or an item is a field without braces."""
        try:
            found = self._value(next(self._tokens))
        except Odd:
            return None
        return found.tree if isinstance(found, Flow) else None

    def _value(self, token: tokens.Token) -> Word | Flow:
        match token:
            case tokens.ScalarToken():
                return self._word(token)
            case tokens.FlowSequenceStartToken():
                return Flow("", self._items())
            case tokens.FlowMappingStartToken():
                return Flow("", self._fields())
            case _:
                raise Odd

    def _items(self) -> Items:
        found = Items()
        while not isinstance(token := next(self._tokens), tokens.FlowSequenceEndToken):
            found.parts.append(Part([], None, self._value(token)))
            if isinstance(self._separator(), tokens.FlowSequenceEndToken):
                break
        return found

    def _fields(self) -> Fields:
        found = Fields()
        while not isinstance(token := next(self._tokens), tokens.FlowMappingEndToken):
            key = next(self._tokens)
            if not isinstance(token, tokens.KeyToken) or _has_text(token) or not isinstance(key, tokens.ScalarToken):
                raise Odd
            if not isinstance(next(self._tokens), tokens.ValueToken):
                raise Odd
            found.parts.append(Part([], self._word(key), self._value(next(self._tokens))))
            if isinstance(self._separator(), tokens.FlowMappingEndToken):
                break
        return found

    def _separator(self) -> tokens.Token:
        token = next(self._tokens)
        if isinstance(token, (tokens.FlowEntryToken, tokens.FlowSequenceEndToken, tokens.FlowMappingEndToken)):
            return token
        raise Odd


def _has_text(token: tokens.Token) -> bool:
    return bool(token.end_mark.index > token.start_mark.index)


def _is_block(token: tokens.Token) -> bool:
    return isinstance(token, tokens.ScalarToken) and token.style in {"|", ">"}


def _indent_of(lines: list[str]) -> int:
    """The indentation of the first line that has words; that of the longest where none has."""
    for line in lines:
        if line.strip(" "):
            return len(line) - len(line.lstrip(" "))
    return max(map(len, lines), default=0)


def _split_header(root: Fields) -> list[str]:
    """Take from the first field what belongs to the file: comments down to the last empty line, or all of them.

    The empty line goes with them.
    """
    lead = root.parts[0].lead
    size = len(lead) - lead[::-1].index("") if any(lead) and "" in lead[_first_words(lead) :] else len(lead)
    root.parts[0].lead = lead[size:]
    return lead[:size]


def _first_words(lines: list[str]) -> int:
    return next((index for index, words in enumerate(lines) if words), 0)
