"""What a pipeline's configuration says it needs, and what is told of one that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.configuration import MAX_BYTES, MAX_DEPTH
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.pipeline import Pipeline, read_pipeline, template_of

KNOWN = frozenset(
    Component(kind, name)
    for kind, names in {
        "input": "stdin kafka broker dynamic read_until file generate",
        "output": "stdout kafka broker switch fallback reject_errored drop_on",
        "processor": "mapping branch try catch for_each switch workflow cached dedupe parallel log unarchive try_catch",
        "cache": "memory redis",
        "rate-limit": "local",
        "buffer": "none memory",
        "metric": "none prometheus",
        "tracer": "none jaeger",
        "scanner": "lines decompress chunker",
        "bloblang-method": "parse_xml",
        "bloblang-function": "fake",
    }.items()
    for name in names.split()
)
IMPLIED = {"buffer none", "metric none", "tracer none", "input stdin", "output stdout"}


def read(text: str) -> Pipeline:
    return read_pipeline("p.yaml", text.encode(), KNOWN)


def needs(text: str) -> set[str]:
    """What a good pipeline needs, without what Benthos takes by itself; a root for anchors is a warning."""
    found = read(text)
    assert all(each.message.startswith("Benthos has no root field `x") for each in found.diagnostics), render_text(
        found.diagnostics
    )
    return {str(need.component) for need in found.needs if need.line}


def problems(text: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.rule} {each.message}" for each in read(text).diagnostics]


def test_every_component_is_found_where_it_is_named() -> None:
    """The line of a need is that of the component's name."""
    found = read("input:\n  label: in\n  kafka: {}\noutput: {stdout: {}}\n")

    lines = {str(need.component): need.line for need in found.needs}
    assert lines == {"input kafka": 3, "output stdout": 4, "buffer none": 0, "metric none": 0, "tracer none": 0}


def test_what_is_left_out_is_what_benthos_takes() -> None:
    """A pipeline without input, output and the rest reads standard input and writes standard output."""
    found = read("pipeline: {processors: [{mapping: root = this}]}\n")

    assert {str(need.component) for need in found.needs if not need.line} == IMPLIED


def test_resources_alone_need_no_pipeline_around_them() -> None:
    """A file of resources is given to Benthos beside a pipeline, so nothing is implied."""
    text = """\
input_resources: [{label: a, file: {paths: [x], scanner: {lines: {}}}}]
cache_resources: [{label: b, redis: {}}]
rate_limit_resources: [{label: c, local: {}}]
processor_resources: [{label: d, log: {}}]
output_resources: [{label: e, kafka: {}}]
"""
    found = read(text)

    assert {str(need.component) for need in found.needs} == {
        "input file",
        "scanner lines",
        "cache redis",
        "rate-limit local",
        "processor log",
        "output kafka",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input: {broker: {inputs: [{kafka: {}}, {stdin: {}}]}}", {"input broker", "input kafka", "input stdin"}),
        ("input: {dynamic: {inputs: {first: {kafka: {}}}}}", {"input dynamic", "input kafka"}),
        ("input: {read_until: {input: {file: {}}}}", {"input read_until", "input file"}),
        ("input: {kafka: {}, processors: [{log: {}}]}", {"input kafka", "processor log"}),
        ("output: {fallback: [{kafka: {}}, {stdout: {}}]}", {"output fallback", "output kafka", "output stdout"}),
        ("output: {reject_errored: {kafka: {}}}", {"output reject_errored", "output kafka"}),
        ("output: {switch: {cases: [{output: {kafka: {}}}]}}", {"output switch", "output kafka"}),
        ("output: {kafka: {batching: {processors: [{log: {}}]}}}", {"output kafka", "processor log"}),
        ("pipeline: {processors: [{try: [{log: {}}, {cached: {processors: [{mapping: a}]}}]}]}",
         {"processor try", "processor log", "processor cached", "processor mapping"}),
        ("pipeline: {processors: [{switch: [{check: a, processors: [{log: {}}]}]}]}",
         {"processor switch", "processor log"}),
        ("pipeline: {processors: [{workflow: {branches: {one: {processors: [{log: {}}]}}}}]}",
         {"processor workflow", "processor log"}),
        ("pipeline: {processors: [{try_catch: {processors: [{log: {}}], catch: [{mapping: a}]}}]}",
         {"processor try_catch", "processor log", "processor mapping"}),
        ("input: {file: {scanner: {decompress: {into: {chunker: {}}}}}}",
         {"input file", "scanner decompress", "scanner chunker"}),
        ("input: {type: kafka, kafka: {}}", {"input kafka"}),
        ("input: {type: kafka, plugin: {}}", {"input kafka"}),
        ("buffer: {memory: {}}\ninput: {stdin: {}}", {"buffer memory", "input stdin"}),
        ("metrics: {mapping: root = this, prometheus: {}}\ninput: {stdin: {}}", {"metric prometheus", "input stdin"}),
        ("tracer: {jaeger: {}}\ninput: {stdin: {}}", {"tracer jaeger", "input stdin"}),
        ("pipeline: {processors: [{dedupe: {cache: foo, key: a}}]}", {"processor dedupe"}),
        ("x: &k {kafka: {}}\ninput: *k\noutput: *k", {"input kafka", "output kafka"}),
        ("x: &k {kafka: {}}\ninput: {<<: *k, label: a}", {"input kafka"}),
    ],
)  # fmt: skip
def test_components_are_found_wherever_they_nest(text: str, expected: set[str]) -> None:
    """As Benthos' and Connect's own fields nest them; names of resources are no components."""
    assert needs(text) == expected


def test_functions_and_methods_of_packages_are_found_in_mappings_only() -> None:
    """Benthos' own functions are in every program; a description may hold whatever it likes."""
    text = """\
input: {stdin: {}}
pipeline:
  processors:
    - mapping: |
        root = this.doc.parse_xml()
        root.now = now()
    - log: {message: 'call fake("x") with ${! fake("name") }'}
"""
    assert needs(text) >= {"bloblang-method parse_xml", "bloblang-function fake"}
    assert needs("pipeline: {processors: [{log: {message: 'see fake() and a.parse_xml()'}}]}") == {"processor log"}


def test_an_unknown_component_is_told_at_its_name_with_what_was_meant() -> None:
    """Every one of them, in every place."""
    text = """\
input:
  kafkaa: {}
pipeline:
  processors:
    - try:
        - stdin: {}
output:
  nothing_like_it: {}
"""

    assert (
        render_text(read(text).diagnostics)
        == """\
p.yaml:2:3: WOM-111 no package registers input `kafkaa`
  |
2 |   kafkaa: {}
  |   ^^^^^^
  = help: did you mean `kafka`?

p.yaml:6:11: WOM-111 no package registers processor `stdin`
  |
6 |         - stdin: {}
  |           ^^^^^
  = help: `stdin` is an input

p.yaml:8:3: WOM-111 no package registers output `nothing_like_it`
  |
8 |   nothing_like_it: {}
  |   ^^^^^^^^^^^^^^^
  = help: name the module that has it with `--module PATH@VERSION`
"""
    )


def test_a_name_from_a_variable_is_a_warning() -> None:
    """The rest of the pipeline counts."""
    found = read("input:\n  ${KIND}: {}\noutput: {kafka: {}}\n")

    assert [(each.rule, each.severity, each.line) for each in found.diagnostics] == [("WOM-112", Severity.WARNING, 2)]
    assert "output kafka" in {str(need.component) for need in found.needs}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "1:1 WOM-110 a pipeline is a map with `input`, `pipeline` and `output`"),
        ("", "1:1 WOM-110 a pipeline is a map with `input`, `pipeline` and `output`"),
        ("input: [\n", "1:9 WOM-110 not well-formed YAML: did not find expected node content"),
        ("a: *b\n", "1:4 WOM-110 not well-formed YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "2:1 WOM-110 the file holds more than one document"),
        ("apiVersion: wombat/v1\nkind: Distribution\n", "1:1 WOM-110 it names no component, so it is no pipeline"),
        ("input: \x00\n", "1:8 WOM-110 the file holds characters that are not YAML"),
    ],
)
def test_what_is_no_pipeline_is_told(text: str, problem: str) -> None:
    """At its place, and nothing else."""
    assert problems(text) == [problem]


def test_a_template_needs_what_it_expands_to() -> None:
    """As its mapping assigns and its tests expect; what it defines is for other pipelines to name."""
    text = """\
name: letter
type: output
mapping: |
  root.kafka = {"batching": this.batching}
  root.unheard_of = this.doc.parse_xml()
tests:
  - name: nests
    config: {}
    expected:
      fallback: [{kafka: {}}, {drop_on: {output: {stdout: {}}}}]
"""
    assert template_of(text.encode()) == Component("output", "letter")
    assert needs(text) == {
        "output kafka",
        "output fallback",
        "output drop_on",
        "output stdout",
        "bloblang-method parse_xml",
    }
    assert template_of(b"input: {kafka: {}}") is None
    assert template_of(b"\xff") is None


@pytest.mark.parametrize("end", ["\r", "\r\n", "\x85", "\u2028"])
def test_lines_are_those_of_yaml(end: str) -> None:
    """Whatever ends a line, a problem is shown at its own."""
    (problem,) = read(f"input: {{stdin: {{}}}}{end}output:{end}  sdtout: {{}}{end}").diagnostics
    assert (problem.line, problem.column, problem.source_line) == (3, 3, "  sdtout: {}")


def test_files_beyond_the_limits_are_refused() -> None:
    """Size, depth and bytes that are no text."""
    deep = "[" * (MAX_DEPTH + 1)
    assert problems(f"input: {deep}")[0].endswith(f"nested more than {MAX_DEPTH} levels deep")
    assert "are read" in problems("#" * (MAX_BYTES + 1))[0]
    (problem,) = read_pipeline("p.yaml", b"a: \xff", KNOWN).diagnostics
    assert (problem.line, problem.column, problem.message) == (1, 4, "byte `0xff` is not UTF-8")


def test_aliases_of_aliases_are_looked_at_once() -> None:
    """A bomb of 2 to the power of 60 values takes no time."""
    lines = ["x0: &x0 {processors: [{log: {}}]}"]
    lines += [f"x{n}: &x{n} {{a: *x{n - 1}, b: *x{n - 1}}}" for n in range(1, 60)]
    text = "\n".join([*lines, "input: {kafka: *x59}"])

    assert needs(text) == {"input kafka", "processor log"}


def test_a_value_that_holds_itself_ends() -> None:
    """YAML lets a value be an alias of what it is in."""
    assert needs("input: &i {kafka: &k {again: *k, <<: *k, processors: [{log: {}}]}}") == {
        "input kafka",
        "processor log",
    }


@given(st.text(alphabet="inputo:{}[]&*<- \nkafab!'\"|>#,?", max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    """No crash; every problem is at a place of the file."""
    found = read(text)

    for problem in found.diagnostics:
        assert 0 <= problem.line <= text.count("\n") + 1
    assert found.needs or found.diagnostics


def test_variables_in_flow_lists_are_replaced_before_yaml_is_read() -> None:
    """`[ ${BROKERS} ]` was a mapping in a list to YAML, and a default with a colon ended the file."""
    text = """\
input:
  kafka: { addresses: [ ${BROKERS} ], verbs: [ ${VERB:POST}, PUT ], url: ${URL:http://127.0.0.1:1} }
output:
  stdot: {}
"""
    assert problems(text) == [
        "2:25 WOM-112 variable `BROKERS` has no default, so it is read as empty here",
        "4:3 WOM-111 no package registers output `stdot`",
    ]


@pytest.mark.parametrize(
    "output", ["  ${BLOCK:stdout: {}}\n", "  type: ${OUT:stdout}\n", "  ${OUT:stdout}: {}\n"], ids=str.strip
)
def test_the_default_of_a_variable_that_names_a_component_counts(output: str) -> None:
    """Such manifests lacked the component, and nothing said so."""
    found = read(f"input: {{kafka: {{}}}}\noutput:\n{output}")

    assert Component("output", "stdout") in {need.component for need in found.needs if need.line == 3}
    (warning,) = found.diagnostics
    assert (warning.rule, warning.severity, warning.line) == ("WOM-112", Severity.WARNING, 3)
    assert "names an output, and its default" in warning.message


def test_a_column_behind_a_variable_is_that_of_the_file() -> None:
    """Replacing a variable moves what is behind it."""
    text = 'input: {kafka: {a: "${LONG_NAME:x}", b: "${{LONG_NAME}}"}, processors: [{lgo: {}}]}\n'

    (problem,) = read(text).diagnostics

    assert text[problem.column - 1 :].startswith("lgo")


def test_a_root_field_that_benthos_refuses_is_named() -> None:
    """Lint fails on it, and nothing was said."""
    found = read("redpanda: {}\ninputs: {}\ninput: {stdin: {}}\n")

    assert [f"{each.line}:{each.column} {each.severity} {each.message}" for each in found.diagnostics] == [
        f"{line}:1 warning Benthos has no root field `{name}`: "
        "the program refuses it unless it is started with `run --chilled`"
        for line, name in ((1, "redpanda"), (2, "inputs"))
    ]
    assert found.diagnostics[1].hint == "did you mean `input`?"


def test_comments_and_strings_of_mappings_call_nothing() -> None:
    """`# this.parse_xml()` brought a module in."""
    text = """\
pipeline:
  processors:
    - mapping: |
        # the old version called this.doc.parse_xml() and fake("name") here
        root.note = "call fake(x) later, or \\" .parse_xml()"
        root.raw = \"\"\"fake("name")\"\"\"
        root.v = this.v
"""
    assert needs(text) == {"processor mapping"}


def test_files_that_mappings_import_count() -> None:
    """Relative to the configuration, and then to the importing file; files that import each other end."""
    files = {
        "maps/a.blobl": b'import "./b.blobl"\nmap x { root = this.parse_xml() }\n',
        "maps/b.blobl": b'import "../maps/a.blobl"\nmap y { root = fake("name") }\n',
    }
    text = """\
pipeline:
  processors:
    - mapping: |
        import "./maps/a.blobl"
        root = this.apply("x")
    - mapping: 'from "lost.blobl"'
"""
    found = read_pipeline("p.yaml", text.encode(), KNOWN, files.get)

    named = {str(need.component) for need in found.needs if need.line}
    assert named == {"processor mapping", "bloblang-method parse_xml", "bloblang-function fake"}
    (warning,) = found.diagnostics
    assert (warning.rule, warning.line) == ("WOM-112", 6)
    assert "`lost.blobl`, which this mapping imports, cannot be read" in warning.message


def test_components_nested_in_a_templates_mapping_count() -> None:
    """Keys of objects that it assigns name components, too."""
    text = """\
name: many
type: input
mapping: |
  let inputs = this.urls.map_each(u -> { "kafka": { "url": u } })
  root.broker.inputs = $inputs
  root.processors = [ { "unarchive": { "format": "lines" } } ]
"""
    assert needs(text) == {"input broker", "input kafka", "processor unarchive"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("output: {kafka: {sasl: [{mechanism: none}, {mechanism: AWS_MSK_IAM}]}}", {"aws-auth kafka"}),
        ("output: {kafka: {sasl: {mechanism: AWS_MSK_IAM}}}", {"aws-auth kafka"}),
        ("output: {kafka: {sasl: [{mechanism: PLAIN}]}}", set()),
        ("output: {opensearch: {aws: {enabled: true}}}", {"aws-auth opensearch"}),
        ("output: {opensearch: {aws: {enabled: ${AWS:true}}}}", {"aws-auth opensearch"}),
        ("output: {opensearch: {aws: {enabled: false}}}", set()),
        ("input: {postgres_cdc: {aws: {enabled: true}}}", {"aws-auth postgres_cdc"}),
        ("input: {mysql_cdc: {aws: {enabled: true}}}", {"aws-auth mysql_cdc"}),
        ("input: {sql_raw: {driver: postgres}}", {"sql-driver postgres"}),
    ],
)
def test_what_a_setting_needs_beside_its_component(text: str, expected: set[str]) -> None:
    """`sql_raw` was there without its driver, and `kafka` without what signs for AWS: programs that fail at start."""
    names = {
        Component("output", "opensearch"),
        *(Component("input", name) for name in ("postgres_cdc", "mysql_cdc", "sql_raw")),
    }
    required = {
        *(Component("aws-auth", name) for name in ("kafka", "opensearch", "postgres_cdc", "mysql_cdc")),
        Component("sql-driver", "postgres"),
    }
    found = read_pipeline("p.yaml", text.encode(), KNOWN | names | required)

    assert {str(n.component) for n in found.needs if n.component.kind in {"aws-auth", "sql-driver"}} == expected
    assert not found.diagnostics


def test_a_file_of_unit_tests_is_no_error() -> None:
    """Benthos keeps them beside pipelines, so a folder of pipelines was refused for one."""
    assert read("tests: [{name: a, target_mapping: ./a.blobl}]\n") == Pipeline(())
