"""As much of Go's syntax as it takes to see what a file imports, registers, and is built for.

Tokens only: no types, no expressions. A name that is computed when the program starts is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?(?:\*/|\Z))
      |(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      |(?P<rune>'(?:[^'\\\n]|\\.)*')
      |(?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)
      |(?P<mark>:=|.)""",
    re.VERBOSE | re.DOTALL,
)
_REGISTERS: Final = re.compile(r"(?:Must)?Register(?:Batch|Advanced)?([A-Z][A-Za-z]*?)(?:V2)?")
_KINDS: Final = {
    "Input": "input",
    "Output": "output",
    "Processor": "processor",
    "Cache": "cache",
    "RateLimit": "rate-limit",
    "Buffer": "buffer",
    "MetricsExporter": "metric",
    "OtelTracerProvider": "tracer",
    "Scanner": "scanner",
    "ScannerCreator": "scanner",
    "Function": "bloblang-function",
    "Method": "bloblang-method",
}
"""What the functions `Register…` of `public/service` and `public/bloblang` register."""

LISTED_KINDS: Final = {
    "inputs": "input",
    "outputs": "output",
    "processors": "processor",
    "caches": "cache",
    "rate-limits": "rate-limit",
    "buffers": "buffer",
    "metrics": "metric",
    "tracers": "tracer",
    "scanners": "scanner",
    "bloblang-functions": "bloblang-function",
    "bloblang-methods": "bloblang-method",
}
"""The keys of a program's `list --format json`, and the kinds they list."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_MOST_TOKENS: Final = 400_000
_DECLARES: Final = frozenset({"func", "type", "const", "var"})


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `text`, `rune`, `word` or `mark`; `value` of a text is without its quotes."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function that registers under a name it is given: the kind, and which argument is the name."""

    kind: str
    index: int


@dataclass(slots=True)
class GoFile:
    """What one file says.

    Attributes:
        imports: import paths.
        constants: texts by the name of their constant or variable.
        components: what is registered under a literal name.
        named: registrations under the name of a constant: kind, and the name with or without its package.
        wrappers: by function name.
        calls: functions called with texts: name of the function, and its arguments ("" for what is no text).
    """

    imports: set[str] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    components: set[Component] = field(default_factory=set)
    named: list[tuple[str, str]] = field(default_factory=list)
    wrappers: dict[str, Wrapper] = field(default_factory=dict)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


def read_go_file(source: str) -> GoFile:
    """Read one file; what is not understood is passed over."""
    tokens = list(scan(source))
    found = GoFile()
    _read_imports(tokens, found)
    parameters: list[str] = []
    function = ""
    for at, token in enumerate(tokens):
        if token.kind != "word":
            continue
        if token.value == "func":
            name, inside = _signature(tokens, at)
            if name:
                function, parameters = name, inside
        elif _value(tokens, at + 1) == "(":
            _read_call(tokens, at, found, function, parameters)
        else:
            _read_constant(tokens, at, found)
    return found


def imports_of(source: str) -> set[str]:
    """Import paths of one file; reads no further than to its first declaration."""
    found = GoFile()
    head = takewhile(lambda token: token.kind != "word" or token.value not in _DECLARES, scan(source))
    _read_imports(list(head), found)
    return found.imports


def components_of(files: Iterable[GoFile], constants: Mapping[str, str]) -> frozenset[Component]:
    """Everything that the files of one package register.

    Args:
        constants: texts of other packages by `package.Name`.
    """
    kept = list(files)
    known = dict(constants)
    wrappers = dict[str, Wrapper]()
    for file in kept:
        known.update(file.constants)
        wrappers.update(file.wrappers)
    found = {component for file in kept for component in file.components}
    for file in kept:
        found.update(Component(kind, known[name]) for kind, name in file.named if _is_name(known.get(name, "")))
        for function, arguments in file.calls:
            wrapper = wrappers.get(function)
            if wrapper is not None and wrapper.index < len(arguments):
                name = arguments[wrapper.index]
                name = known.get(name.removeprefix("\0"), "") if name.startswith("\0") else name
                if _is_name(name):
                    found.add(Component(wrapper.kind, name))
    return frozenset(found)


def scan(source: str) -> Iterator[Token]:
    """The tokens of a file, without comments."""
    for number, match in enumerate(_TOKEN.finditer(source)):
        if number > _MOST_TOKENS:
            return
        kind = match.lastgroup or ""
        if kind == "text":
            yield Token("text", match[0][1:-1])
        elif kind != "space":
            yield Token(kind, match[0])


def _value(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].value if at < len(tokens) and tokens[at].kind != "text" else ""


def _read_imports(tokens: Sequence[Token], found: GoFile) -> None:
    at = 0
    while at < len(tokens):
        word = tokens[at].value if tokens[at].kind == "word" else ""
        if word in _DECLARES:
            return
        if word == "import":
            at += 1
            if _value(tokens, at) == "(":
                while at < len(tokens) and tokens[at].value != ")":
                    if tokens[at].kind == "text":
                        found.imports.add(tokens[at].value)
                    at += 1
            else:
                at += tokens[at].kind != "text" if at < len(tokens) else 0
                if at < len(tokens) and tokens[at].kind == "text":
                    found.imports.add(tokens[at].value)
        at += 1


def _signature(tokens: Sequence[Token], at: int) -> tuple[str, list[str]]:
    """Name and parameters of a function that is declared at *at*; "" for one without a name or with a receiver."""
    if at + 2 >= len(tokens) or tokens[at + 1].kind != "word" or tokens[at + 2].value not in {"(", "["}:
        return "", []
    arguments = _arguments(tokens, at + 2)
    return tokens[at + 1].value, [words[0].value if words else "" for words in arguments]


def _arguments(tokens: Sequence[Token], at: int) -> list[list[Token]]:
    """The tokens of each argument of the parentheses that open at *at*."""
    depth, found = 0, list[list[Token]]()
    current = list[Token]()
    for token in tokens[at : at + 4000]:
        if token.kind == "mark" and token.value in "([{":
            depth += 1
            if depth == 1:
                continue
        elif token.kind == "mark" and token.value in ")]}":
            depth -= 1
            if depth == 0:
                break
        if depth == 1 and token.kind == "mark" and token.value == ",":
            found.append(current)
            current = []
        else:
            current.append(token)
    return [*found, current] if current or found else []


def _read_call(tokens: Sequence[Token], at: int, found: GoFile, function: str, parameters: Sequence[str]) -> None:
    name = tokens[at].value
    match = _REGISTERS.fullmatch(name)
    qualified = at > 0 and tokens[at - 1].value == "." and tokens[at - 1].kind == "mark"
    kind = _KINDS.get(match[1], "") if match is not None else ""
    if qualified and kind:
        _note(kind, _first_argument(tokens, at + 1), found, function, parameters)
    elif qualified and name == "Register":
        arguments = _arguments(tokens, at + 1)
        listed = arguments[0][0] if arguments and len(arguments[0]) == 1 else Token("mark", "")
        kind = LISTED_KINDS.get(listed.value, "") if listed.kind == "text" else ""
        if kind and len(arguments) == 2:  # noqa: PLR2004 - kind and name
            _note(kind, arguments[1], found, function, parameters)
    elif not qualified and _value(tokens, at - 1) != "func" and found.imports:
        arguments = _arguments(tokens, at + 1) if _begins_with_name(tokens, at + 2) else []
        if arguments:
            found.calls.append((name, tuple(_plain(argument) for argument in arguments)))


def _begins_with_name(tokens: Sequence[Token], at: int) -> bool:
    return any(token.kind == "text" for token in tokens[at : at + 6])


def _first_argument(tokens: Sequence[Token], at: int) -> list[Token]:
    found = list[Token]()
    for token in tokens[at + 1 : at + 12]:
        if token.kind == "mark" and token.value in "(),{}":
            break
        found.append(token)
    return found


def _plain(argument: Sequence[Token]) -> str:
    if len(argument) != 1:
        return ""
    token = argument[0]
    return token.value if token.kind == "text" else f"\0{token.value}" if token.kind == "word" else ""


def _note(kind: str, name: Sequence[Token], found: GoFile, function: str, parameters: Sequence[str]) -> None:
    match [(token.kind, token.value) for token in name]:
        case [("text", text)] if _is_name(text):
            found.components.add(Component(kind, text))
        case [("word", word)] if word in parameters and function:
            found.wrappers[function] = Wrapper(kind, list(parameters).index(word))
        case [("word", word)]:
            found.named.append((kind, word))
        case [("word", package), ("mark", "."), ("word", word)]:
            found.named.append((kind, f"{package}.{word}"))
        case _:
            pass


def _read_constant(tokens: Sequence[Token], at: int, found: GoFile) -> None:
    behind = at + 1
    if _value(tokens, behind) == "string":
        behind += 1
    if _value(tokens, behind) in {"=", ":="} and behind + 1 < len(tokens) and tokens[behind + 1].kind == "text":
        found.constants.setdefault(tokens[at].value, tokens[behind + 1].value)


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
