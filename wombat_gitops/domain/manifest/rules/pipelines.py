"""Rules about Benthos pipelines, 110 to 119."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

PIPELINE_FORM: Final = Rule(
    "WOM-110",
    "pipeline-form",
    "a pipeline is one YAML document as Benthos reads it",
    "what cannot be read names no component, and a distribution made for it would lack them",
    "mend the YAML at the line that is shown; a manifest is no pipeline",
    "input:\n  stdin: {}\npipeline:\n  processors:\n    - mapping: root = content().uppercase()\noutput:\n  stdout: {}",
)
PIPELINE_COMPONENT: Final = Rule(
    "WOM-111",
    "pipeline-component",
    "a package of the modules that were looked into registers every component of a pipeline",
    "a program without it refuses to start with that pipeline",
    "correct the name, take a version that has it, name the module that registers it with `--module`, or give the "
    "template that defines it too",
    "input:\n  stdin: {}",
)
PIPELINE_UNCLEAR: Final = Rule(
    "WOM-112",
    "pipeline-unclear",
    "the names of a pipeline's components stand in it",
    "a name that comes from a variable is known only when the pipeline runs (a warning)",
    "write the name, and keep variables to values",
    "output:\n  stdout: {}",
)
PIPELINE_PROGRAM: Final = Rule(
    "WOM-113",
    "pipeline-program",
    "the pipeline of a test starts no other programs",
    "tests run on the builder, only inside its sandbox and without a network, and a builder without a sandbox refuses "
    "them; a program that is there on one builder may be missing on the next (a warning)",
    "test with components that work inside the program, such as `mapping`",
    "tests:\n  - name: shouts\n    config: |\n      input: {stdin: {}}\n      pipeline:\n        processors:\n"
    "          - mapping: root = content().uppercase()\n      output: {stdout: {}}",
)
