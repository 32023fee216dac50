"""Every page of the site in every state that it has, and what has to hold for each of them.

Whoever adds a page, or a state of one, adds a line to `STATES`; `tests/e2e/pages/test_matrix.py` then looks at it in
both themes and at two widths, and `test_links.py` follows its links.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from playwright.async_api import expect

from tests.support.browser import Complaints
from tests.support.factories import NOW
from tests.support.reference import LONG_COMPONENT, LONG_PACKAGE, TALKATIVE, tell
from tests.support.stage import ARM, Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.domain.capability import Capabilities
from wombat_gitops.domain.catalogue import Condition, SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Module, Withdrawal
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import Step, StoredLog
from wombat_gitops.domain.reference import Entry, Reference
from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, Route

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.records import BuildRecord

PROBLEMS = (
    Diagnostic(
        "manifests/a.yaml",
        12,
        3,
        "WOM-012",
        "there is no field `packges`",
        "did you mean `packages`?",
        end_column=10,
        source_line="  packges: [kafka, sql] # " + "a long remark " * 12,
    ),
    Diagnostic("manifests/b.yaml", 0, 0, "WOM-001", "the file is not UTF-8"),
)
DATA = b"\x7fELF" + bytes(range(256)) * 100
GOOD = built(queued_build(), DATA)
BAD = broken(queued_build(10, name="fragile", version="1.1.0"))
WAITING = queued_build(20, name="waiting")
RUNNING = running_build(queued_build(30, name="busy"), Step.FETCH, Step.GENERATE, Step.COMPILE)
UNSANDBOXED = {
    level: built(queued_build(70 + number, name="fragile", version=f"0.8.{number}"), DATA, builder=f"weak-{number}.1")
    for number, level in enumerate(("landlock", "none", ""))
}
"""Builds of builders that have no bubblewrap, by level; the last one was not recorded."""
LONG_NAME = "a-distribution-with-a-name-as-long-as-names-may-be-in-here-0123"
LONG_QUEUED = queued_build(40, name=LONG_NAME, version="10.200.3000-rc.1.with.a.long.tail.of.words")

KAFKA = "example.com/m/public/components/kafka"

Deed = Callable[["Page"], Awaitable[object]]


@dataclass(frozen=True)
class PageState:
    """One state of one page.

    Attributes:
        name: of the test: page, then state.
        path: where it is.
        stage: which server: `filled`, `empty` or `away` (its broker is gone).
        before: what is done before the page is opened, such as holding requests back.
        after: what is done in the open page, such as opening a menu.
        shows: a text that has to be there; "" where the heading is enough.
        loading: it is meant to stay in the state of loading.
        expected: complaints of the console that belong to this state; each has to match one of these at its start.
        moves: the page may move more than by 0.1 in this state, because something was done in it.
    """

    name: str
    path: str
    stage: str = "filled"
    before: Deed | None = None
    after: Deed | None = None
    shows: str = ""
    loading: bool = False
    expected: tuple[str, ...] = ()
    moves: bool = False


async def fill(stage: Stage) -> None:
    """Builds, distributions and sources in every state, with short and with very long texts."""
    for data in (DATA, DATA + b"arm", DATA + b"old", DATA + b"long", DATA + b"withdrawn"):
        await stage.store(data)
    lines = "".join(f"line {number} of the log, {'long ' * (number % 40)}\n" for number in range(400))
    log = await stage.store_log(lines)
    inside, long_inside = encode(CONTENTS), encode(LONG_CONTENTS)
    contents = StoredLog(await stage.store(inside), len(inside))
    long_contents = StoredLog(await stage.store(long_inside), len(long_inside))
    good = await tell(stage, replace(built(queued_build(), DATA, log), contents=contents))
    arm = built(queued_build(1, platform=ARM), DATA + b"arm", log)
    old = built(queued_build(2, name="fragile", version="1.0.0"), DATA + b"old", log)
    long = await tell(stage, replace(built(LONG_QUEUED, DATA + b"long", log), contents=long_contents), TALKATIVE)
    withdrawn = built(queued_build(50, name="withdrawn"), DATA + b"withdrawn", log)
    failed = broken(queued_build(10, name="fragile", version="1.1.0"), log)
    await stage.put(good, arm, old, failed, WAITING, RUNNING, long, withdrawn, presence(busy=2))
    modules = (*declared().modules, Module("example.com/m", "v1.0.0"))
    await stage.put(declared(good, arm, modules=modules, packages=(*GOOD.spec.packages, KAFKA), license="MIT"))
    await stage.put(declared(failed), declared(WAITING), declared(RUNNING))
    await stage.put(declared(long, description="A description that goes on and on. " * 12))
    await stage.put(*await grown(stage))
    await stage.put(declared(withdrawn, withdrawn=Withdrawal("It writes credentials into its log.")))
    await stage.put(declared(queued_build(name="ancient"), retired=True, targets=()))
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a" * 5, NOW, 8))
    failing = (Condition("FetchFailed", True, "AccessDenied", "no entry for us " * 20, "", NOW),)
    address = "https://git.invalid/" + "a-group/" * 12 + "a-repository-with-a-long-name"
    await stage.put(SourceRecord("wrong", address, "main", "manifests", conditions=failing))
    await stage.put(
        SourceRecord(
            "broken",
            "https://git.invalid/team/broken.git",
            "main",
            "manifests",
            "4f3c2b1a" * 5,
            NOW,
            3,
            2,
            problems=PROBLEMS,
            more_problems=7,
            host=Host.GITLAB,
        )
    )
    gone = broken(queued_build(60, name="fragile", version="0.9.0"))
    await stage.put(replace(gone, attempts=(replace(gone.attempt, builder="builder-9.1"),)))
    for level, record in UNSANDBOXED.items():
        if level:
            await stage.put(presence(record.attempt.builder, can=Capabilities(sandbox=level)))
        await stage.put(replace(record, attempts=(replace(record.attempt, sandbox=level),)))
    await stage.logs.append(RUNNING.id, 1, 0, "fetched modules\n")


async def grown(stage: Stage) -> list[BuildRecord | DistributionRecord]:
    """A distribution with three versions that differ, a README, and a platform that failed in the newest."""
    core, parts = "github.com/redpanda-data/benthos/v4", "example.com/m/public/components/parts"
    records: list[BuildRecord] = []
    for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0")):
        names = ("stdin", "kafka_franz", *(f"part_{part}" for part in range(30 * number)))
        found = tuple(Component("input", name) for name in names[number:])
        package = PackageContents(parts, "example.com/m", Presence.PRESENT, components=found, licenses=("MIT",))
        modules = (
            ModuleContents(core, f"v4.7{number}.0", ("MIT",)),
            ModuleContents(f"example.com/part-{number}", "v1.0.0", ("Apache-2.0",)),
        )
        inside = encode(Contents((package,), modules))
        contents = StoredLog(await stage.store(inside), len(inside))
        for place, platform in enumerate(("linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64")):
            asked = queued_build(
                60 + 10 * number + place, name="grown", version=version, platform=Platform.parse(platform)
            )
            if (version, platform) == ("1.2.0", "linux/arm64"):
                records.append(broken(asked))
            elif (version, platform) != ("1.0.0", "windows/amd64"):
                data = f"{version} {platform}".encode() * 99
                await stage.store(data)
                good = replace(built(asked, data), contents=contents)
                records.append(await tell(stage, good, _describing(found, parts)) if place == 0 else good)
    readme = "# Grown\n\nIt has **parts**.\n\n```yaml\ninput: {}\n```\n\n| A | B |\n|---|---|\n| 1 | 2 |\n"
    return [*records, declared(*records[-4:], readme=readme)]


def _describing(components: tuple[Component, ...], package: str) -> Reference:
    """What a program with these says of itself."""
    return Reference(tuple(Entry(each.kind, each.name, package=package) for each in components), "{}")


CONTENTS = Contents(
    (
        PackageContents(
            KAFKA,
            "example.com/m",
            Presence.PRESENT,
            components=(Component("input", "kafka_franz"), Component("output", "kafka_franz")),
            licenses=("Apache-2.0",),
        ),
    ),
    (ModuleContents("example.com/m", "v1.0.0", ("Apache-2.0",)),),
)
LONG_CONTENTS = Contents(
    (
        *CONTENTS.packages,
        PackageContents(
            LONG_PACKAGE,
            "example.com/m",
            Presence.PRESENT,
            components=(Component("output", LONG_COMPONENT),),
            licenses=("Apache-2.0",),
        ),
    ),
    CONTENTS.modules,
    (
        NativePackage(
            LONG_PACKAGE, "example.com/m", "v1.0.0", syso=("a_resource_linux_amd64.syso",), cgo=("calls_c.go",)
        ),
    ),
)


def hold(pattern: str) -> Deed:
    """Requests that match never get an answer while the page is open."""

    async def prepare(page: Page) -> None:
        async def keep(route: Route) -> None:
            """Neither answered nor let go: it ends with the page."""

        await page.route(pattern, keep)

    return prepare


def answer(pattern: str, status: int) -> Deed:
    """Requests that match are answered with a problem."""
    body = {"type": "about:blank", "title": "Not ready", "detail": "The catalogue is being read.", "hint": "Try again."}

    async def prepare(page: Page) -> None:
        async def fail(route: Route) -> None:
            await route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(body))

        await page.route(pattern, fail)

    return prepare


def click(role: Any, name: str) -> Deed:
    """Clicks what has this role and name; on narrow windows it may be in the menu."""

    async def act(page: Page) -> None:
        target = page.get_by_role(role, name=name).first
        if not await target.is_visible():
            await page.get_by_role("button", name="Menu").click()
        await target.click()

    return act


def typed(text: str) -> Deed:
    """Types into the search field of the page."""

    async def act(page: Page) -> None:
        await page.locator("main input[type=search]").first.fill(text)

    return act


async def help_open(page: Page) -> None:
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def menu_open(page: Page) -> None:
    menu = page.get_by_role("button", name="Menu")
    if await menu.is_visible():
        await menu.click()
        await expect(page.get_by_role("link", name="Fleet")).to_be_visible()


async def read_through(page: Page) -> None:
    """Scrolls to the end, so that every part of the page is loaded."""
    for _ in range(40):
        await page.keyboard.press("PageDown")
        await expect(page.locator('main [aria-busy="true"]')).to_have_count(0)
        if await page.evaluate("window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 1"):
            return


async def all_open(page: Page) -> None:
    """Opens everything that can be folded out."""
    await read_through(page)
    await page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")


async def filters_open(page: Page) -> None:
    button = page.get_by_role("button", name="Filters")
    if await button.is_visible():
        await button.click()
    await expect(page.get_by_label("Platform", exact=True)).to_be_visible()


async def offline(page: Page) -> None:
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline.")).to_be_visible()


def refused(status: int) -> tuple[str, ...]:
    """What the console says of a request that was answered with an error."""
    return (f"Failed to load resource: the server responded with a status of {status}",)


_API = "**/api/v1/**"

PAGES = {
    "catalogue": "/",
    "distribution": "/d/tiny",
    "version": "/d/tiny/v/1.0.0",
    "components": "/components",
    "component": "/components/processor/grep?advanced=1#field-tls.certs[].key",
    "compare": "/compare?from=fragile@1.0.0&to=tiny@1.0.0",
    "compose": "/compose",
    "builds": "/builds",
    "build": f"/builds/{GOOD.id}",
    "packages": "/packages",
    "package": f"/packages/{KAFKA}",
    "sources": "/sources",
    "fleet": "/fleet",
    "builder": "/fleet/builder-1",
}
"""Every page, by an address where it has something to show."""

STATES: tuple[PageState, ...] = (
    *(PageState(name, path) for name, path in PAGES.items()),
    *(PageState(f"{name}-loading", path, before=hold(_API), loading=True) for name, path in PAGES.items()),
    *(
        PageState(f"{name}-refused", path, before=answer(_API, 503), expected=refused(503))
        for name, path in PAGES.items()
    ),
    *(
        PageState(f"{name}-empty", PAGES[name], stage="empty")
        for name in ("catalogue", "components", "builds", "packages", "sources", "fleet")
    ),
    PageState("catalogue-away", "/", stage="away", shows="The broker does not answer."),
    PageState("fleet-away", "/fleet", stage="away", shows="The broker does not answer."),
    PageState("catalogue-found", "/", after=typed("frag"), moves=True),
    PageState("catalogue-nothing-found", "/?q=zzzzzz", shows="No distribution fits"),
    PageState("catalogue-meant", "/?q=tinny", shows="Did you mean"),
    PageState("catalogue-filtered", "/?platform=linux%2Farm64&state=Healthy", shows="1 distribution"),
    PageState("catalogue-filtered-away", "/?platform=linux%2Farm64&state=Progressing", shows="No distribution fits"),
    PageState("catalogue-filters", "/", after=filters_open, moves=True),
    PageState("catalogue-table", "/?view=table&retired=1"),
    PageState("catalogue-results", "/?q=kafka", shows="1 package"),
    PageState("packages-found", "/packages?q=franz", shows="1 package"),
    PageState("packages-nothing-found", "/packages?q=zzzzzz"),
    PageState("package-unbuilt", f"/packages/{GOOD.spec.packages[0]}"),
    PageState("package-unknown", "/packages/example.com/nothing", expected=refused(404)),
    PageState("catalogue-menu", "/", after=menu_open, moves=True),
    PageState("catalogue-help", "/", after=help_open, moves=True),
    PageState("catalogue-offline", "/", after=offline, expected=("Failed to load resource: net::",), moves=True),
    PageState("distribution-unknown", "/d/tinny", expected=refused(404)),
    PageState("distribution-failed", "/d/fragile"),
    PageState("distribution-queued", "/d/waiting"),
    PageState("distribution-running", "/d/busy"),
    PageState("distribution-long", f"/d/{LONG_NAME}"),
    PageState("distribution-retired", "/d/ancient"),
    PageState("distribution-withdrawn", "/d/withdrawn"),
    PageState("distribution-grown", "/d/grown", after=all_open, shows="this machine", moves=True),
    PageState("version-grown", "/d/grown/v/1.2.0", after=all_open, moves=True),
    PageState("version-unknown", "/d/tiny/v/9.9.9", expected=refused(404)),
    PageState("compare-unasked", "/compare"),
    PageState("compare-one-side", "/compare?from=grown@1.0.0"),
    PageState("compare-many", "/compare?from=grown@1.0.0&to=grown@latest&platform=linux/amd64"),
    PageState("compare-filtered", "/compare?from=grown@1.0.0&to=grown@1.2.0&q=part_2", shows="part_20"),
    PageState(
        "compare-nothing-found", "/compare?from=grown@1.0.0&to=grown@1.2.0&q=zzzzzz", shows="Nothing that differs"
    ),
    PageState("compare-equal", "/compare?from=grown@1.0.0&to=grown@1.0.0", shows="No difference in contents."),
    PageState("compare-unknown", "/compare?from=nobody@1.0.0&to=tiny@1.0.0", expected=refused(404)),
    PageState("components-found", "/components", after=typed("stdin"), moves=True),
    PageState(
        "components-filtered",
        "/components?kind=processor&status=deprecated&distribution=tiny&package=pure",
        shows="grep",
    ),
    PageState("components-nothing-found", "/components?q=zzzzzz&kind=no-such-kind"),
    PageState("component-bloblang", "/components/bloblang-method/slice", shows=".slice(low, [high])"),
    PageState("component-one-value", "/components/processor/mapping"),
    PageState(
        "component-differs", "/components/input/stdin?distribution=" + LONG_NAME, shows="as stdin of another release"
    ),
    PageState("component-long", f"/components/output/{LONG_COMPONENT}?advanced=1"),
    PageState("component-unknown", "/components/input/stdinn", shows="input stdin", expected=refused(404)),
    PageState("component-of-no-kind", "/components/thing/stdin", expected=refused(404)),
    PageState("component-elsewhere", "/components/processor/grep?distribution=fragile", expected=refused(404)),
    PageState(
        "compose-chosen",
        "/compose?name=edge&connect=v4.105.0&package=io&package=pure&package=kafka&license=Apache-2.0&description=Edge",
        shows="Valid",
    ),
    PageState(
        "compose-problems",
        "/compose?name=tiny&benthos=v4.76.0&connect=v4.105.0&package=pure&package=couchbase&package=zeromq"
        "&package=example.com/a/b&platform=linux/amd64&platform=linux/arm/7",
        shows="errors",
    ),
    PageState("compose-empty", "/compose", stage="empty", shows="Valid"),
    PageState("compose-from", "/compose?from=tiny", shows="my-tiny"),
    PageState("compose-from-unknown", "/compose?from=nobody", expected=refused(404), shows="to begin with"),
    PageState("compose-away", "/compose", stage="away", shows="The broker does not answer."),
    PageState("builds-found", "/builds", after=typed("fragile"), moves=True),
    PageState("builds-nothing-found", "/builds?q=zzzzzz"),
    PageState("builds-queue", "/builds?view=queue"),
    PageState("builds-queue-empty", "/builds?view=queue", stage="empty", shows="Nothing waits"),
    PageState("build-failed", f"/builds/{BAD.id}"),
    PageState("build-log-lines", f"/builds/{GOOD.id}?attempt=1#L40-L44", shows="Lines 40 to 44"),
    PageState("build-log-search", f"/builds/{GOOD.id}?find=of+the+log", shows="1 of 400"),
    PageState("build-running", f"/builds/{RUNNING.id}"),
    PageState("build-queued", f"/builds/{WAITING.id}"),
    PageState("build-long", f"/builds/{LONG_QUEUED.id}"),
    PageState("build-landlock", f"/builds/{UNSANDBOXED['landlock'].id}", shows="Landlock only (no namespaces)"),
    PageState("build-unsandboxed", f"/builds/{UNSANDBOXED['none'].id}", shows="none: packages ran with"),
    PageState("build-sandbox-unknown", f"/builds/{UNSANDBOXED[''].id}", shows="not recorded"),
    PageState("build-unknown", f"/builds/{'f' * 64}", expected=refused(404)),
    PageState("sources-problems", "/sources#broken", after=click("button", "Show them"), shows="WOM-012", moves=True),
    PageState("builder-landlock", "/fleet/weak-0", shows="Landlock only (no namespaces)"),
    PageState("builder-unsandboxed", "/fleet/weak-1", shows="none: packages run with"),
    PageState("builder-unknown", "/fleet/nobody", expected=refused(404), shows="There is no builder"),
    PageState("builder-gone", "/fleet/builder-9", shows="sends no heartbeat"),
    PageState("nowhere", "/no/such/page", expected=refused(404)),
    PageState("rules", "/docs/rules"),
    PageState("rules-one", "/docs/rules#WOM-010"),
    PageState("problems", "/docs/problems"),
    PageState("api", "/docs/api"),
)

WIDTHS = (1280, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
  const why = (node) => node.any.concat(node.all, node.none).map((check) => check.message).join('; ')
  const told = (rule, node) => `${rule.id}: ${node.target.join(' ')}: ${why(node)}`
  return found.violations.flatMap((rule) => rule.nodes.map((node) => told(rule, node)))
}"""
_WATCH = """
window.__seen = { csp: [], shift: 0 }
document.addEventListener('securitypolicyviolation', (event) => {
  window.__seen.csp.push(`${event.violatedDirective} ${event.blockedURI}`)
})
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__seen.shift += entry.value
}).observe({ type: 'layout-shift', buffered: true })
"""


@dataclass
class Look:
    """A state in an open page, and what a person may not see of it."""

    page: Page
    complaints: Complaints
    found: list[str] = field(default_factory=list)

    async def judge(self, state: PageState, where: str) -> None:
        """Note everything that has to hold and does not."""
        page = self.page
        headings = await page.locator("h1").all_text_contents()
        if len(headings) != 1 or not headings[0].strip():
            self.note(where, f"headings {headings}")
        if "Wombat" not in await page.title():
            self.note(where, f"title {await page.title()!r}")
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            self.note(where, f"wider than the window by {wider} px")
        for violation in await page.evaluate(_RUN, _RULES):
            self.note(where, violation)
        seen = await page.evaluate("window.__seen")
        for blocked in seen["csp"]:
            self.note(where, f"policy: {blocked}")
        if seen["shift"] > 0.1 and not state.moves:
            self.note(where, f"layout moves by {seen['shift']:.3f}")

    def note(self, where: str, what: str) -> None:
        self.found.append(f"{where}: {what}")


@contextlib.asynccontextmanager
async def opened(browser: Browser, host: str, state: PageState, width: int) -> AsyncIterator[Look]:
    """The page in its state, ready to be judged; complaints of the console are noted when it is left."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, base_url=host, color_scheme="light", reduced_motion="reduce"
    )
    try:
        page = await context.new_page()
        await page.add_init_script(_WATCH)
        look = Look(page, Complaints(host))
        look.complaints.watch(page)
        if state.before:
            await state.before(page)
        await page.goto(state.path, wait_until="domcontentloaded")
        busy = page.locator('main [aria-busy="true"]')
        if state.loading:
            await expect(busy.first).to_be_attached()
        else:
            await expect(page.locator("h1")).to_have_count(1)
            await expect(busy).to_have_count(0)
        await expect(page.locator(".site-footer")).to_be_attached()
        if state.after:
            await state.after(page)
        if state.shows:
            await expect(page.get_by_text(state.shows).first).to_be_visible()
        await page.evaluate(_AXE)
        yield look
        for message in look.complaints.messages:
            if not message.startswith(state.expected or ("\0",)):
                look.note(str(width), f"console: {message}")
        for address in look.complaints.elsewhere:
            look.note(str(width), f"asked elsewhere: {address}")
    finally:
        await context.close()
