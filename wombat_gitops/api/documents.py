"""Pages of text beside the website: rules, problems and the API; one style sheet, in the theme chosen on the site."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from wombat_gitops.api.answers import get, tagged
from wombat_gitops.api.headers import SITE_POLICY
from wombat_gitops.api.present.links import ROOT, RULES_PATH
from wombat_gitops.api.problems import TYPES_PATH, problems_html
from wombat_gitops.domain.manifest.rulebook import TITLE as RULES_TITLE
from wombat_gitops.domain.manifest.rulebook import rules_html

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

API_PATH: Final = "/docs/api"
_STYLE_PATH: Final = "/docs/style.css"
_SCRIPT_PATH: Final = "/docs/theme.js"
_NAVIGATION: Final = (
    ("/", "Distributions"),
    (RULES_PATH, "Manifest rules"),
    (TYPES_PATH, "API errors"),
    (API_PATH, "API"),
)
_STYLE: Final = """\
:root {
  color-scheme: light dark;
  --back: #f6f4f1; --front: #1f1b18; --quiet: #5b5450; --link: #7a4a21; --line: #ddd6cf; --panel: #fff;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme=light]) {
    --back: #171412; --front: #ece6e0; --quiet: #c9c0b8; --link: #e3b07d; --line: #3a3430; --panel: #211d1a;
  }
}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] {
  color-scheme: dark;
  --back: #171412; --front: #ece6e0; --quiet: #c9c0b8; --link: #e3b07d; --line: #3a3430; --panel: #211d1a;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--back); color: var(--front); overflow-wrap: anywhere;
  font: 1rem/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif;
}
header, footer { background: var(--panel); border: 0 solid var(--line); }
header { border-bottom-width: 1px; }
footer { border-top-width: 1px; color: var(--quiet); font-size: .875rem; }
nav, .inner, main { max-width: 880px; margin-inline: auto; padding: 12px 24px; }
main { padding-block: 28px 48px; }
nav ul, .contents { display: flex; flex-wrap: wrap; gap: 8px 24px; margin: 0; padding: 0; list-style: none; }
.contents { gap: 6px 16px; margin-block: 16px 24px; }
.contents a { display: inline-block; min-height: 24px; }
a { color: var(--link); text-underline-offset: .2em; }
nav a[aria-current] { color: var(--front); font-weight: 600; text-decoration: none; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
h1 { margin: 0 0 12px; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 40px 0 8px; font-size: 1.3rem; line-height: 1.35; }
h3 { margin: 28px 0 6px; font-size: 1.05rem; }
:target { outline: 2px solid var(--link); outline-offset: 6px; border-radius: 2px; }
p { margin: 6px 0; }
code, pre { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; }
pre {
  margin: 10px 0; padding: 12px 16px; overflow: auto; max-height: 28rem; overflow-wrap: normal; line-height: 1.5;
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
}
dl { display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: 4px 20px; margin: 10px 0; }
dt, .quiet { color: var(--quiet); }
dd { margin: 0; }
summary { cursor: pointer; }
@media (max-width: 599px) {
  nav, .inner, main { padding-inline: 16px; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 8px; }
}
"""
_SCRIPT: Final = """\
'use strict'
try {
  const theme = localStorage.getItem('wombat-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Private windows may refuse to tell; the system's theme is as good.
}
"""
"""Takes the theme that was chosen on the website (`ui/src/theme.ts`), before anything is painted."""
_UNWANTED: Final = re.compile(r"[^a-z0-9_-]+")


def document_routes(description: Mapping[str, Any]) -> APIRouter:
    """The pages, and the style sheet and script of them all.

    Args:
        description: of the API, as `openapi.describe` gives it.
    """
    router = APIRouter(include_in_schema=False)
    pages = {
        RULES_PATH: page(RULES_TITLE, RULES_PATH, rules_html()),
        TYPES_PATH: page("API errors", TYPES_PATH, problems_html()),
        API_PATH: page("The API", API_PATH, _api_html(description)),
    }

    def serve(path: str, text: str) -> None:
        @get(router, path)
        async def document(request: Request) -> Response:
            headers = {"Content-Security-Policy": SITE_POLICY}
            return tagged(request, Response(text, media_type="text/html", headers=headers))

    for path, text in pages.items():
        serve(path, text)

    @get(router, _STYLE_PATH)
    async def style(request: Request) -> Response:
        return tagged(request, Response(_STYLE, media_type="text/css"))

    @get(router, _SCRIPT_PATH)
    async def script(request: Request) -> Response:
        return tagged(request, Response(_SCRIPT, media_type="text/javascript"))

    return router


def page(title: str, path: str, content: str) -> str:
    """A whole page.

    Args:
        path: its own address.
        content: what stands below its heading, as HTML.
    """
    links = "".join(
        f'<li><a href="{where}"{" aria-current=page" if where == path else ""}>{html.escape(words)}</a></li>'
        for where, words in _NAVIGATION
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)} · Wombat</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/favicon.svg" type="image/svg+xml">'
        f'<script src="{_SCRIPT_PATH}"></script><link rel="stylesheet" href="{_STYLE_PATH}"></head>\n'
        f'<body><header><nav aria-label="Documents"><ul>{links}</ul></nav></header>\n'
        f"<main><h1>{html.escape(title)}</h1>\n{content}</main>\n"
        '<footer class="site-footer"><div class="inner"><a href="/">Back to the website</a> · '
        f'<a href="{ROOT}/openapi.json">API description (OpenAPI)</a></div></footer></body></html>\n'
    )


def _api_html(description: Mapping[str, Any]) -> str:
    """Every route by subject, with its parameters and an answer."""
    operations: dict[str, list[str]] = {}
    contents: dict[str, list[str]] = {}
    for path, methods in sorted(description["paths"].items()):
        operation = methods["get"]
        subject = (operation.get("tags") or ["files and feeds"])[0]
        operations.setdefault(subject, []).append("".join(_operation(description, path, operation)))
        link = f'<li><a href="#{_anchor(operation["operationId"])}"><code>{html.escape(path)}</code></a></li>'
        contents.setdefault(subject, []).append(link)
    told = {tag["name"]: tag.get("description", "") for tag in description.get("tags", ())}
    parts = [
        (
            f"<p>{_marked(description['info']['description'])} The same for programs: "
            f'<a href="{ROOT}/openapi.json">OpenAPI 3.1</a>. '
            f'<a href="{TYPES_PATH}">API errors</a> explains each one.</p>'
        )
    ]
    for subject, found in operations.items():
        parts.append(f'<h2 id="{_anchor(subject)}">{html.escape(subject.capitalize())}</h2>')
        parts.append(f"<p>{_marked(told[subject])}</p>" if told.get(subject) else "")
        parts.append(f'<ul class="contents">{"".join(contents[subject])}</ul>')
        parts += found
    return "\n".join(parts)


def _operation(description: Mapping[str, Any], path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{_anchor(operation["operationId"])}"><code>GET {html.escape(path)}</code></h3>\n'
    yield f"<p>{_marked(operation.get('description') or operation.get('summary', ''))}</p>\n"
    parameters = [_resolved(description, each) for each in operation.get("parameters", ())]
    if parameters:
        yield "<dl>"
        for each in parameters:
            needed = " (in the path)" if each["in"] == "path" else ""
            words = each.get("description") or each.get("schema", {}).get("description") or _kind(each["schema"])
            yield f"<dt><code>{html.escape(each['name'])}</code>{needed}</dt><dd>{_marked(words)}</dd>"
        yield "</dl>\n"
    for content in operation["responses"].get("200", {}).get("content", {}).values():
        if "example" in content:
            found = content["example"]
            text = found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)
            name = html.escape(f"Example response of {path}")
            yield "<details><summary>Example response</summary>"
            yield f'<pre tabindex="0" role="group" aria-label="{name}">{html.escape(text)}</pre></details>\n'
            break


def _resolved(description: Mapping[str, Any], parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: Mapping[str, Any] = description["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value is, where nobody described it."""
    kinds = [schema, *schema.get("anyOf", ())]
    words = next((", ".join(f"`{word}`" for word in kind["enum"]) for kind in kinds if "enum" in kind), "")
    return words or str(next((kind["type"] for kind in kinds if "type" in kind), "text"))


def _anchor(words: str) -> str:
    return _UNWANTED.sub("-", words.lower())


def _marked(words: str) -> str:
    """Escaped text in which what stands in backticks is code."""
    pieces = html.escape(words).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
