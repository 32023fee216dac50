"""The watched repositories, one by one."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import in_process
from tests.support.stage import Stage, presence
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.sources import Host


async def test_one_source_is_as_in_the_list(tmp_path: Path) -> None:
    """A source has an address of its own; what is not watched is a problem that says so."""
    stage = Stage(tmp_path)
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a"))
    await stage.put(SourceRecord("other", "https://git.invalid/other", "main", "manifests"))
    async with stage.running(), in_process(stage) as client:
        listed = (await client.get("/api/v1/sources")).json()["items"]
        one = await client.get("/api/v1/sources/other")
        none = await client.get("/api/v1/sources/nothing")

    assert one.json() == {**listed[1], "problems": [], "more_problems": 0}
    assert one.json()["url"] == "https://git.invalid/other"
    assert (none.status_code, none.json()["code"]) == (404, "not-found")


async def test_problems_are_told_with_their_places(tmp_path: Path) -> None:
    """Each with its rule, its line with a caret, and where the file is on the git host; the list counts them."""
    stage = Stage(tmp_path)
    wrong = Diagnostic("manifests/a b.yaml", 4, 9, "WOM-010", "no", "say yes", end_column=12, source_line="go: 1.2# x")
    whole = Diagnostic("manifests/a b.yaml", 0, 0, "WOM-001", "not UTF-8")
    await stage.put(
        SourceRecord(
            "main",
            "git@git.invalid:team/catalogue.git",
            "main",
            "manifests",
            "4f3c2b1a" * 5,
            problems=(wrong, whole),
            more_problems=3,
            host=Host.GITLAB,
        )
    )
    async with stage.running(), in_process(stage) as client:
        (listed,) = (await client.get("/api/v1/sources")).json()["items"]
        one = (await client.get("/api/v1/sources/main")).json()

    assert (listed["problem_count"], one["problem_count"], one["more_problems"]) == (5, 5, 3)
    assert "problems" not in listed
    first, second = one["problems"]
    file = f"https://git.invalid/team/catalogue/-/blob/{'4f3c2b1a' * 5}/manifests/a%20b.yaml"
    assert (first["html_url"], second["html_url"]) == (f"{file}#L4", file)
    assert (first["rule"], first["rule_url"], first["severity"]) == ("WOM-010", "/docs/rules#WOM-010", "error")
    assert first["text"].splitlines() == [
        "manifests/a b.yaml:4:9: WOM-010 no",
        "  |",
        "4 | go: 1.2# x",
        "  |         ^^",
        "  = help: say yes",
    ]
    assert second["text"] == "manifests/a b.yaml: WOM-001 not UTF-8"


async def test_sources_and_builders_are_lists_as_all_others(tmp_path: Path) -> None:
    """Following `next` gives each once, also when the one that a page ended with is gone; fields are chosen as ever."""
    stage = Stage(tmp_path)
    names = [f"s{number}" for number in range(5)]
    await stage.put(*(SourceRecord(name, "https://git.invalid/a.git", "main", "") for name in names))
    await stage.put(*(presence(name) for name in names))
    async with stage.running(), in_process(stage) as client:
        for kind in ("sources", "builders"):
            whole = (await client.get(f"/api/v1/{kind}")).json()
            assert ([each["id"] for each in whole["items"]], whole["next"], whole["total"]) == (names, None, 5)
            found, url = [], f"/api/v1/{kind}?limit=2&fields=id"
            while url:
                page = await client.get(url)
                found += page.json()["items"]
                url = page.json()["next"]
                assert page.json()["total"] == 5
                assert (f'<{url}>; rel="next"' if url else None) == page.headers.get("link")
            assert found == [{"id": name} for name in names]
            gone = (await client.get(f"/api/v1/{kind}?cursor=s1x")).json()
            assert [each["id"] for each in gone["items"]] == names[2:]
            assert (await client.get(f"/api/v1/{kind}?q=x")).status_code == 422
