"""The one place that knows all classes: it builds adapters and hands them to services.

    sources.manifest_source(settings, revision=None)    what to read manifests from
    machine.go_tools(settings), resolver(…), compiler(…)  Go (async)
    addresses.broker_address, api_address               where a running system is
    clients.build_client(settings)                      async context: the service as a `BuildClient`
    single.run_service, run_builder, run_watcher        one role until an event
    local.local_engine(settings), local_records(…)      no broker at all
    rebuild.build_stores(settings, local=…), bench(…)   a known build, and a place to build it again
    up.up(settings, stop, on_started, http)             everything in one process

The API is composed above, in `api.server`: `listening(settings)` gives *http*, `run_api` is that role alone.
"""
