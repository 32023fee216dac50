"""Wombat GitOps: distributions of Redpanda Benthos, declared in git, built over NATS."""

__version__ = "0.1.0"
