"""Typed settings: environment variables `WOMBAT_…`, overridden by command-line options."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Final, Self

import platformdirs
from pydantic import AfterValidator, ByteSize, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wombat_gitops.domain.platforms import supported_platforms
from wombat_gitops.domain.subjects import LEASE_SECONDS

_GO_VARIABLES: Final = (
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GONOSUMCHECK",
    "GOPRIVATE",
    "GONOPROXY",
    "GOINSECURE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


def _data() -> Path:
    return Path(platformdirs.user_data_dir("wombat", appauthor=False))


def _networks(text: str) -> str:
    """Raise ValueError where *text* is not a list of addresses and networks."""
    for part in text.split(",") if text else []:
        ipaddress.ip_network(part.strip())
    return text


def _check_hosts(text: str) -> str:
    """Raise ValueError where a part of *text* is not the bare name of a host."""
    for name in list_of(text):
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", name):
            msg = f"`{name}` is not the name of a host without scheme and port, such as `wombat.example.org`"
            raise ValueError(msg)
    return text


def _check_platforms(text: str) -> str:
    """Raise ValueError where a part of *text* means no platform at all."""
    known = {"/".join(name.split("/")[:size]) for name in supported_platforms() for size in (1, 2, 3)}
    for pattern in list_of(text):
        if pattern.removesuffix("/v1") not in known:
            msg = f"`{pattern}` is no pattern of platforms, such as `linux` or `linux/arm64`"
            raise ValueError(msg)
    return text


def _check_labels(text: str) -> str:
    """Raise ValueError where a part of *text* is not `key=value`."""
    for label in list_of(text):
        if not re.fullmatch(rf"{_LABEL}={_LABEL}", label):
            msg = f"`{label}` is not `key=value` in lower-case letters, digits, `.`, `_`, `/` and `-`"
            raise ValueError(msg)
    return text


def list_of(text: str) -> tuple[str, ...]:
    """The parts of a list that is parted by commas, sorted."""
    return tuple(sorted({part.strip() for part in text.split(",")} - {""}))


_LABEL: Final = r"[a-z0-9](?:[a-z0-9._/-]{0,61}[a-z0-9])?"


class Settings(BaseSettings):
    """Everything a person can set; each field is the variable `WOMBAT_<NAME>`.

    Attributes:
        data: folder for everything that is kept: broker store, Go caches, mirrors, downloads.
        nats: address of the broker, `nats://host:port`, several servers separated by commas; empty: the broker of a
            running `wombat up`.
        nats_domain: JetStream domain that holds the streams, for a broker that is a leaf node; empty: the broker's own.
        credentials: file with the key of a user of the broker, as `wombat auth init` makes it; for the role that runs.
        ca: file with the certificates of those who may vouch for the broker; its traffic is encrypted then.
        server: address of the HTTP API for commands that only read; empty: as for `nats`.
        repo: repository whose manifests are watched or applied: a path, or a URL for the watcher.
        ref: branch that is watched; empty: the work tree itself, for a path only.
        folder: folder in the repository that holds the manifests.
        sources: file that lists many sources to watch; *repo*, *ref* and *folder* are not watched then.
        public_url: address at which everybody reaches the website, for links in feeds and in what is written to git
            hosts; scripts of other websites may then read the API.
        allowed_hosts: names, parted by commas, that requests to an API without *public_url* may have in `Host`, besides
            loopback, IP addresses and the name of the machine.
        rate: requests a second that one client of the API may go on with (ten seconds' worth at once); 0: any number.
        trusted_proxies: addresses or networks, parted by commas, whose `X-Forwarded-For` tells who the client is.
        behind_tls: people reach the API by TLS, which ends before it; browsers are told never to come without.
        policy: files of kind `Policy` that hold for every build of a service or a builder, parted by commas.
        sandbox: `required`: build only where foreign code is contained by bubblewrap, which is what the role `builder`
            takes by default; `best`: contain it as well as this machine can, the default elsewhere.
        workers: builds that one builder runs at once.
        memory: bytes that all programs of one build may use together, such as `4GiB`; 0: nine tenths of the machine's.
        processes: programs that one build may run at once.
        output: bytes that one build may write to its folder, and to any one file.
        silence: seconds for which a program of a build may neither write nor compute.
        min_free: bytes that must be free in the data folder before a builder takes a build, such as `2GiB`; 0: any.
        builder_name: what a builder is called; empty: the name of its host.
        platforms: patterns of the platforms that a builder builds for, such as `linux,darwin/arm64`; empty: all.
        labels: what a builder tells of itself, by which builds choose, such as `disk=ssd,zone=a`.
        stop_seconds: how long running builds may go on once a builder is asked to stop; 0: they are given back at once.
        replicas: copies of each stream that the broker's cluster keeps.
        keep_versions: newest versions of a distribution to keep where its manifest does not say; 0: all.
        keep_days: for how many days to keep versions where the manifest does not say; 0: for ever.
        quota: bytes that all artifacts may have together, such as `200GiB`; 0: any number.
        artifacts_limit: bytes of artifacts and uploads that the broker takes at most, more than *quota*; 0: any number.
        bucket_limit: bytes of each of the five KV buckets with records; 0: any number, or 64 MiB where the broker's
            account demands a size.
        retire_share: percent of all artifacts that may go at once without `wombat gc --confirm`.
        grace: seconds for which nothing may have named a stored thing before it goes; longer than the longest build.
        collect_interval: seconds between two times at which the service clears away by itself; 0: only when asked.
        scrub_rate: bytes a second at which the service reads artifacts to find damage, such as `4MiB`; 0: it does not.
        scrub_interval: seconds between two checks of one artifact.
        metrics_port: port for metrics, `/healthz` and `/readyz`, 0 for any free one; unset: there is none.
        metrics_host: address that this port is opened at.
        prune_share: percent of a source's distributions, if more than one, that a commit may retire unconfirmed.
        interval: seconds between two looks at a source that tells no changes by itself.
    """

    model_config = SettingsConfigDict(env_prefix="WOMBAT_", env_ignore_empty=True, frozen=True, extra="ignore")

    data: Path = Field(default_factory=_data)
    nats: str = ""
    nats_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    credentials: Path | None = None
    ca: Path | None = None
    server: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    repo: str = "."
    ref: str = ""
    folder: str = "manifests"
    sources: Path | None = None
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = ""
    allowed_hosts: Annotated[str, AfterValidator(_check_hosts)] = ""
    rate: Annotated[float, Field(ge=0)] = 50.0
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    behind_tls: bool = False
    policy: str = ""
    sandbox: Annotated[str, Field(pattern=r"^(required|best)?$")] = ""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    memory: Annotated[ByteSize, Field(ge=0)] = ByteSize(0)
    processes: Annotated[int, Field(ge=16)] = 1024
    output: Annotated[ByteSize, Field(ge=1)] = ByteSize(16 * 1024**3)
    silence: Annotated[float, Field(gt=0)] = 600.0
    min_free: Annotated[ByteSize, Field(ge=0)] = ByteSize(512 * 1024**2)
    builder_name: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,40}$")] = ""
    platforms: Annotated[str, AfterValidator(_check_platforms)] = ""
    labels: Annotated[str, AfterValidator(_check_labels)] = ""
    stop_seconds: Annotated[float, Field(ge=0)] = 0.0
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    interval: Annotated[float, Field(gt=0)] = 30.0
    prune_share: Annotated[float, Field(ge=0, le=100)] = 50.0
    lease_seconds: Annotated[float, Field(ge=1)] = LEASE_SECONDS
    keep_versions: Annotated[int, Field(ge=0)] = 0
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    quota: Annotated[ByteSize, Field(ge=0)] = ByteSize(0)
    artifacts_limit: Annotated[ByteSize, Field(ge=0)] = ByteSize(0)
    bucket_limit: Annotated[ByteSize, Field(ge=0)] = ByteSize(0)
    retire_share: Annotated[float, Field(ge=0, le=100)] = 30.0
    grace: Annotated[float, Field(ge=3600)] = 24 * 3600.0
    collect_interval: Annotated[float, Field(ge=0)] = 3600.0
    scrub_rate: Annotated[ByteSize, Field(ge=0)] = ByteSize(4 * 1024**2)
    scrub_interval: Annotated[float, Field(gt=0)] = 24 * 3600.0
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    log_format: str = "text"
    log_level: str = "info"

    @model_validator(mode="after")
    def _limit_above_quota(self) -> Self:
        """Refuse a limit that is reached before the quota: nothing would be retired to make room."""
        if 0 < self.artifacts_limit <= self.quota:
            msg = "WOMBAT_ARTIFACTS_LIMIT has to be larger than WOMBAT_QUOTA, at which old versions are removed"
            raise ValueError(msg)
        return self


def go_environment() -> dict[str, str]:
    """The variables of the process's environment that tell Go where modules come from."""
    return {name: value for name in _GO_VARIABLES if (value := os.environ.get(name))}


def tracing_wanted() -> bool:
    """Whether a collector of traces is named, by the variables that OpenTelemetry has for it."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT"))


def search_path() -> str:
    """PATH of the process, for finding programs."""
    return os.environ.get("PATH", os.defpath)
