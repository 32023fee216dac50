"""What a small program says of itself, and how a stage gets to know it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wombat_gitops.domain.model import CORE_MODULE
from wombat_gitops.domain.records import StoredLog
from wombat_gitops.domain.reference import Entry, Example, Field, Option, Parameter, Reference, pack

if TYPE_CHECKING:
    from tests.support.stage import Stage
    from wombat_gitops.domain.records import BuildRecord

STDIN = Entry(
    "input",
    "stdin",
    summary="Consumes data piped to stdin, chopping it into individual messages according to the specified scanner.",
    package=f"{CORE_MODULE}/public/components/io",
    categories=("Local",),
    fields=(
        Field(
            "scanner", "scanner", "scanner", description="How it is split.", default='{"lines":{}}', version="4.25.0"
        ),
        Field(
            "auto_replay_nacks",
            "auto_replay_nacks",
            "bool",
            description="Whether rejected messages come again.",
            default="true",
        ),
    ),
)
MAPPING = Entry(
    "processor",
    "mapping",
    summary="Executes a Bloblang mapping on messages, creating a new document that replaces them.",
    description="Bloblang is powerful.\n\n## Input document immutability\n\nMapping operates by **copying**.",
    package=f"{CORE_MODULE}/public/components/pure",
    version="4.5.0",
    categories=("Mapping", "Parsing"),
    examples=(
        Example(
            "Upper case", "Makes it loud.", "pipeline:\n  processors:\n    - mapping: root = content().uppercase()\n"
        ),
    ),
    fields=(Field("", "", "string", bloblang=True),),
)
GREP = Entry(
    "processor",
    "grep",
    status="deprecated",
    summary="Filters messages by a pattern.",
    package=f"{CORE_MODULE}/public/components/pure",
    fields=(
        Field(
            "mode", "mode", "string", default='"keep"', options=(Option("keep", "Keeps what matches."), Option("drop"))
        ),
        Field("tls", "tls", "object", optional=True, advanced=True),
        Field("tls.certs", "certs", "object", "array", advanced=True, default="[]"),
        Field("tls.certs[].key", "key", "string", advanced=True, secret=True, default='""', examples=("foo.pem",)),
    ),
)
SLICE = Entry(
    "bloblang-method",
    "slice",
    description="Extracts a part of a text or an array.",
    categories=("String Manipulation", "Object & Array Manipulation"),
    examples=(Example("", "", "root.v = this.value.slice(0, 3)", (('{"value":"foo bar"}', '{"v":"foo"}'),)),),
    parameters=(
        Parameter("low", "integer", "Where it begins."),
        Parameter("high", "integer", "Where it ends.", optional=True),
    ),
)
TINY = Reference(
    (STDIN, GREP, MAPPING, SLICE),
    '{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"input":{"type":"object"}},"type":"object"}',
)


LONG_PACKAGE = "example.com/" + "a-long-path/" * 8 + "public/components/long"
LONG_COMPONENT = "a_component_with_a_name_that_is_as_long_as_no_name_should_ever_be_but_some_are_" * 2
TALKATIVE = Reference(
    (
        Entry("input", "stdin", summary="Reads lines, as `stdin` of another release does.", version="4.1.0"),
        Entry(
            "input",
            "kafka_franz",
            status="beta",
            summary="Reads from Kafka.",
            fields=(Field("topics", "topics", "string", "array"),),
        ),
        Entry("output", "kafka_franz", summary="Writes to Kafka."),
        Entry(
            "output",
            LONG_COMPONENT,
            status="experimental",
            summary="A summary that goes on and on. " * 20,
            description="== A heading\n\nNOTE: `be` *careful* with xref:components:inputs/stdin.adoc[`stdin`].\n\n"
            "| a | b |\n|---|---|\n| " + "cell " * 60 + "| c |\n\n```yaml\n" + "long: " * 60 + "\n```\n",
            footnotes="See https://docs.invalid/a and ![an image](https://images.invalid/a.png).",
            categories=("Services", "A category of many words"),
            support="certified",
            package=LONG_PACKAGE,
            version="4.76.0",
            examples=(
                Example(
                    "An example", "It does [nothing](https://docs.invalid).", "output:\n  drop: {}\n" + "# long " * 40
                ),
            ),
            fields=(
                Field(
                    "url",
                    "url",
                    "string",
                    description="Where it goes.",
                    interpolated=True,
                    examples=("tcp://a", "tcp://b"),
                ),
                Field(
                    "codec",
                    "codec",
                    "string",
                    default='"lines"',
                    options=(Option("lines", "One a line."), Option("all")),
                ),
                Field("old", "old", "string", default='""', deprecated=True),
                Field("tls", "tls", "object", advanced=True),
                Field("tls.certs", "certs", "object", "array", default="[]", advanced=True),
                Field("tls.certs[].password", "password", "string", default='""', advanced=True, secret=True),
                Field("batching." + "deep." * 20 + "end", "end", "object", default='{"long":"' + "x" * 300 + '"}'),
            ),
        ),
    ),
    "{}",
)
"""A program with much to say: notes, tables, links, long words."""


async def tell(stage: Stage, build: BuildRecord, reference: Reference = TINY) -> BuildRecord:
    """*build*, whose program said *reference*."""
    data = pack(reference)
    return replace(build, reference=StoredLog(await stage.store(data), len(data)))
