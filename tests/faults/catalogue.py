"""The faults that are injected, what has to follow, and the tests that prove it; docs/reliability.md is made of it.

`python -m tests.faults.catalogue` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        expected: what follows, in the words of conditions and reasons.
        proofs: tests, as `path::name` below `tests/`.
        gap: what no test shows, or what is not held; "" where nothing is missing.
    """

    number: int
    injected: str
    expected: str
    proofs: tuple[str, ...]
    gap: str = ""


_GIT = (
    Fault(
        1,
        "git is killed (SIGKILL) in the middle of a fetch",
        "locks and half packs are removed by the next fetch, which succeeds; nobody has to do anything",
        (
            "faults/test_git.py::test_a_fetch_that_is_killed_at_any_moment",
            "integration/git/test_killed.py::test_a_killed_fetch_leaves_a_mirror_that_works",
        ),
    ),
    Fault(
        2,
        "a git host accepts connections and never answers",
        "`FetchFailed` with `TimedOut` after the deadline, git and its helpers gone, also without `ps`; no descriptor, "
        "child or file more after hundreds of rounds; other sources keep their pace",
        (
            "faults/test_git.py::test_a_host_that_hangs_for_hundreds_of_rounds",
            "integration/git/test_sources.py::test_a_silent_host_is_unreachable_in_time",
            "integration/nats/test_many_sources.py::test_each_source_is_on_its_own",
        ),
    ),
    Fault(
        3,
        "a git host answers 500, 429, 401, 403, 404, half, garbage or a byte at a time",
        "`FetchFailed` with `Unreachable`, `AccessDenied` or `TimedOut`; nothing that was declared changes; waiting "
        "grows to a cap; the first pass after the trouble is whole",
        (
            "faults/test_git.py::test_a_host_in_trouble",
            "faults/test_git.py::test_trouble_between_asking_and_fetching",
            "unit/services/test_reconciler.py::test_a_source_that_fails_prunes_nothing",
            "unit/services/test_reconciler.py::test_retries_back_off_to_a_cap",
        ),
    ),
    Fault(
        4,
        "the watched branch is deleted",
        "`FetchFailed` with `RefNotFound`, and `Stalled` at once; nothing is retired; the branch is looked for again",
        (
            "faults/test_git.py::test_a_branch_that_is_deleted_and_comes_back",
            "integration/git/test_watching.py::test_a_deleted_branch_prunes_nothing",
        ),
    ),
    Fault(
        5,
        "a forced push to an older commit, or to unrelated history",
        "exactly what the new commit declares; equal files of published programs cost no build",
        (
            "faults/test_git.py::test_a_forced_push_to_an_older_commit_builds_nothing",
            "faults/test_git.py::test_a_forced_push_of_unrelated_history_with_equal_files_builds_nothing",
            "integration/git/test_watching.py::test_a_forced_push_ends_with_its_own_distributions",
            "integration/git/test_sources.py::test_a_forced_push_ends_with_the_new_tree",
        ),
    ),
    Fault(
        6,
        "a push that touches the README only",
        "no manifest is read anew, no build is asked for; only the source is noted as read",
        (
            "integration/git/test_watching.py::test_a_push_that_touches_no_manifest_builds_nothing",
            "unit/services/test_manifests.py::test_only_changed_files_are_read_again",
        ),
    ),
    Fault(
        7,
        "a folder of 10,000 manifests is renamed (200 in the short form)",
        "no build is asked for, and each record tells the new path",
        ("faults/test_git.py::test_a_renamed_folder_of_many_manifests_builds_nothing",),
        "builds that are not published when their manifest is renamed are queued again under its new date",
    ),
    Fault(
        8,
        "links, submodules, huge files, odd and hostile names and paths in a tree",
        "each is told at its path, nothing outside of the tree is read, the other manifests are used",
        (
            "integration/git/test_hostile.py::test_an_entry_that_is_refused",
            "integration/git/test_hostile.py::test_a_tree_that_leads_elsewhere",
            "integration/git/test_hostile.py::test_a_lock_that_is_somewhere_else",
            "integration/git/test_sources.py::test_odd_entries_are_reported_and_never_read",
            "integration/git/test_hostile_sizes.py::test_100_000_entries",
        ),
    ),
    Fault(
        9,
        "YAML with double keys, alias bombs, tabs, endless nesting, several documents, versions that are numbers",
        "rejected with line, column and rule in bounded time, or kept as the text that was written",
        (
            "unit/domain/test_manifest_corpus.py::test_case_breaks_its_rule",
            "unit/domain/test_manifest_laws.py::test_any_bytes_get_an_answer",
            "unit/domain/test_manifest_laws.py::test_hostile_size_gets_an_answer",
            "unit/domain/test_manifest_laws.py::test_number_trap_in_a_version_is_told_with_all_its_digits",
            "integration/git/test_hostile_sizes.py::test_a_yaml_bomb_harms_nobody",
        ),
    ),
    Fault(
        10,
        "two manifests, or two sources, declare one name",
        "in one source neither is used and what was declared before stays (`InvalidManifest`); of two sources the "
        "first keeps it (`NameConflict`); a hundred passes later nothing more was written",
        (
            "faults/test_git.py::test_two_manifests_of_one_name_never_take_turns",
            "unit/services/test_manifests.py::test_name_conflict_is_told_at_both_and_stays",
            "unit/services/test_reconciler.py::test_two_sources_cannot_have_one_name",
            "integration/nats/test_many_sources.py::test_a_name_belongs_to_one_source",
        ),
    ),
    Fault(
        11,
        "a commit removes all manifests",
        "`PruneBlocked`; nothing is retired until the names are committed to `RETIRED`; a commit that removes most of "
        "them is held back as well",
        (
            "unit/services/test_reconciler.py::test_an_empty_folder_retires_nothing",
            "unit/services/test_reconciler.py::test_a_commit_that_retired_most_of_a_source_was_obeyed",
            "integration/git/test_watching.py::test_a_confirmation_beside_the_manifests_lets_many_go",
            "integration/git/test_places.py::test_a_renamed_folder_retired_everything",
        ),
    ),
    Fault(
        12,
        "a commit without a trusted signature on top of a good one",
        "`VerificationFailed`, and the last verified commit counts",
        (
            "integration/git/test_signatures.py::test_the_last_good_commit_stays",
            "integration/git/test_signatures.py::test_ssh_refusals",
            "integration/git/test_signatures.py::test_gpg_refusals",
            "unit/services/test_reconciler.py::test_a_commit_without_its_signature_is_named_and_not_used",
        ),
    ),
    Fault(
        13,
        "URLs, branches and folders that are options or commands (`ext::`, `--upload-pack`, `-oProxyCommand`)",
        "refused before any program is started; the canary file is not there",
        (
            "integration/git/test_sources.py::test_dangerous_addresses_are_refused",
            "integration/git/test_hostile.py::test_urls_that_would_run_something",
            "integration/git/test_hostile.py::test_nothing_of_a_repository_is_executed",
            "integration/git/test_hostile.py::test_names_that_are_options_where_names_are_asked_for",
            "integration/nats/test_many_sources.py::test_a_source_that_cannot_be_is_told_where_it_stands",
        ),
    ),
    Fault(
        14,
        "the mirror is damaged: stale locks, cut-off packs, HEAD gone, nonsense in every file",
        "noticed and fetched anew within the same pass, with the same result",
        ("integration/git/test_sources.py::test_a_broken_mirror_mends_itself",),
    ),
    Fault(
        15,
        "the disk is full while fetching, while compiling, while a log or a record is written, or a copy for a reader",
        "`FetchFailed` with a hint, a shorter log, or `disk-failed` for the reader alone; a builder without space "
        "pauses with the reason, and neither that nor a broker that takes nothing costs a build an attempt; "
        "nothing half is published or taken for whole; well again once there is room",
        (
            "faults/test_git.py::test_a_disk_that_is_full_while_fetching",
            "faults/test_git.py::test_a_mirror_that_cannot_even_be_made",
            "faults/test_builds.py::test_a_disk_that_is_full_while_compiling",
            "faults/test_builds.py::test_a_log_on_a_full_disk_ends_no_build",
            "faults/test_processes.py::test_disk_of_a_builder_full",
            "faults/test_processes.py::test_disk_of_a_builder_fills_up_while_it_builds",
            "unit/services/test_builder_room.py::test_a_builder_without_space_used_up_the_attempts_of_builds",
            "unit/services/test_builder_room.py::test_an_attempt_that_ran_out_of_space_was_used_up",
            "unit/services/test_builder_room.py::test_each_attempt_that_runs_out_of_space_makes_the_pause_longer",
            "unit/domain/test_lifecycle.py::test_a_build_that_no_disk_has_room_for_was_tried_for_ever",
            "unit/adapters/test_workspaces.py::test_a_builder_could_not_start_on_a_full_disk",
            "faults/test_broker.py::test_a_full_disk",
            "faults/test_broker.py::test_a_store_that_takes_nothing_costs_no_attempt",
            "unit/services/test_sweeper.py::test_a_store_that_was_full_took_builds_from_builders_that_live",
            "faults/test_processes.py::test_disk_of_an_api_full",
            "integration/api/test_files.py::test_a_full_disk_costs_the_copies_that_nobody_reads",
            "integration/api/test_log_lines.py::test_a_growing_log_on_a_full_disk",
        ),
    ),
)

_FLEET = (
    Fault(
        16,
        "a builder is killed (SIGKILL) in any step",
        "its lease runs out, the attempt ends `lost` with `BuilderLost`, another builder finishes; one result",
        (
            "faults/test_processes.py::test_builders_killed_at_every_step",
            "faults/test_processes.py::test_builder_killed_in_the_compiler",
            "faults/test_recovery.py::test_builder_killed_while_it_compiles",
        ),
    ),
    Fault(
        17,
        "a builder is stopped (SIGSTOP) past its lease, and goes on",
        "it finds its build gone, ends its compiler and drops the result; its write is refused",
        (
            "faults/test_processes.py::test_stopped_before_it_publishes",
            "e2e/test_faults.py::test_stopped_builder_cannot_publish",
            "unit/services/test_queue.py::test_zombie_cannot_publish",
        ),
    ),
    Fault(
        18,
        "many builders see one build",
        "one of them gets it; it is compiled once",
        (
            "unit/services/test_queue.py::test_only_one_claims",
            "unit/services/test_builder.py::test_two_builders_build_nothing_twice",
            "e2e/test_faults.py::test_two_builders_share_the_work",
        ),
    ),
    Fault(
        19,
        "one build is asked for a thousand times at once",
        "one record is created, and it is built once",
        (
            "unit/services/test_queue.py::test_a_thousand_equal_requests_are_one_build",
            "integration/nats/test_service.py::test_of_a_thousand_equal_requests_one_creates",
        ),
    ),
    Fault(
        20,
        "the answer to a claim, a step, an end or a request is lost",
        "whoever wrote finds its own token, or asks again and gets the same; no second attempt",
        (
            "integration/nats/test_outages.py::test_a_write_that_was_stored_but_not_answered_is_won",
            "unit/services/test_queue.py::test_repeated_claim_is_the_same_attempt",
            "unit/services/test_queue.py::test_repeated_step_and_end_change_nothing",
            "unit/services/test_queue.py::test_claim_that_comes_late_makes_no_second_attempt",
            "faults/test_messages.py::test_a_thousand_messages_in_any_order",
        ),
    ),
    Fault(
        21,
        "the broker is killed while builds run, are queued and are uploaded",
        "every role goes on by itself, no acknowledged write is lost, no build is taken away for the outage",
        (
            "faults/test_recovery.py::test_broker_killed_and_back",
            "e2e/test_faults.py::test_broker_killed_under_every_role",
            "integration/nats/test_outages.py::test_no_acknowledged_write_is_lost_and_followers_go_on",
            "integration/nats/test_outages.py::test_an_object_is_put_and_fetched_across_outages",
            "faults/test_cluster.py::test_leader_killed_under_writers",
            "faults/test_broker.py::test_frozen_for_longer_than_a_lease",
        ),
    ),
    Fault(
        22,
        "the broker is away for long",
        "the watcher waits longer each time and asks for nothing twice afterwards; the API answers with what it has, "
        "and says how old that is",
        (
            "unit/services/test_reconciler.py::test_a_broker_that_is_away_is_made_up_for",
            "unit/services/test_catalog.py::test_status_says_how_old_the_catalogue_is",
            "unit/services/test_sweeper.py::test_outage_is_not_held_against_a_builder",
            "integration/nats/test_outages.py::test_an_outage_longer_than_the_patience_is_told",
            "faults/test_broker.py::test_back_with_an_empty_store",
        ),
    ),
    Fault(
        23,
        "a builder is cut off from the broker, and nothing else is",
        "its build goes to another one after a lease; its result is refused when it is back",
        (
            "unit/services/test_builder.py::test_lost_build_stops_the_compiler",
            "unit/services/test_queue.py::test_attempt_of_another_builder_is_out_of_reach",
        ),
        "it compiles on while it is cut off: what it publishes then is refused, so only its time is lost",
    ),
    Fault(
        24,
        "a record that nobody can read",
        "it is named (`store-damaged`) and hides no other; of a build, it is a condition (`BuildUnreadable`) of its "
        "distribution and source, the other manifests are built, and `wombat retry ID` removes it, so that the watcher "
        "requests the build again",
        (
            "faults/test_processes.py::test_an_unreadable_build_record_stopped_its_source",
            "unit/services/test_reconciler.py::test_an_unreadable_build_record_stopped_the_other_manifests",
            "unit/services/test_sweeper.py::test_an_unreadable_record_ended_the_sweeper",
            "unit/services/test_builder_room.py::test_a_claim_that_failed_was_never_asked_for_again",
            "integration/nats/test_damage.py::test_a_value_nobody_can_read_hides_no_other",
            "unit/services/test_catalog.py::test_an_unreadable_entry_is_named_and_spoils_no_other",
            "integration/api/test_answers.py::test_an_unreadable_entry_is_reported",
        ),
    ),
    Fault(
        25,
        "an artifact, some of its chunks or a bit of it is gone",
        "never a wrong byte: downloads answer 404 or 502 in time, and a record without its object is built again",
        (
            "integration/nats/test_damage.py::test_an_object_whose_chunks_are_gone_is_corrupt_at_once",
            "integration/nats/test_damage.py::test_a_flipped_bit_in_a_chunk_is_detected",
            "integration/nats/test_damage.py::test_a_bit_flipped_on_the_brokers_disk_is_detected",
            "integration/api/test_files.py::test_damaged_bytes_are_never_sent",
            "unit/services/test_queue.py::test_record_without_its_object_is_a_miss",
            "cli/test_gc.py::test_versions_go_as_told_and_a_lost_artifact_is_built_again",
        ),
    ),
    Fault(
        26,
        "an upload is cut off",
        "its chunks are invisible, and the next try writes new ones",
        (
            "integration/nats/test_damage.py::test_chunks_that_do_not_verify_are_not_published",
            "integration/nats/test_damage.py::test_the_same_commit_twice_keeps_the_object",
            "faults/test_cluster.py::test_leader_killed_under_an_upload",
        ),
    ),
    Fault(
        27,
        "builds are asked for while no builder runs",
        "all of them are built when one comes",
        (
            "e2e/test_faults.py::test_requested_while_no_builder_runs",
            "unit/services/test_builder.py::test_build_that_was_queued_before_the_builder_came",
        ),
    ),
    Fault(
        28,
        "the clocks of builders are wrong by an hour",
        "leases and waits do not mind, and times are the service's",
        (
            "faults/test_processes.py::test_clocks_an_hour_ahead_and_behind",
            "unit/services/test_sweeper.py::test_clock_of_the_wall_does_not_matter",
        ),
    ),
    Fault(
        29,
        "two watchers watch one source",
        "equal requests are one build, and writing stops",
        ("faults/test_processes.py::test_two_watchers_on_one_source",),
    ),
    Fault(
        30,
        "a follower is slow, or hears nothing any more",
        "it pages on from where it was, sees the last value of every key, and notices a store that was replaced",
        (
            "contract/test_store.py::test_a_slow_follower_sees_the_last_value_of_every_key",
            "integration/nats/test_outages.py::test_a_follower_of_a_quiet_store_is_synced_again_soon_after_the_outage",
            "integration/nats/test_outages.py::test_a_store_that_was_lost_is_a_reset",
            "faults/test_messages.py::test_many_followers_of_one_log",
            "integration/api/test_logs.py::test_a_reader_that_takes_nothing_is_disconnected",
        ),
    ),
)

_BUILDS = (
    Fault(
        31,
        "a package does not compile",
        "`CompileError` with the compiler's first line and the package, the log is kept, no retry; the next change of "
        "the manifest is another build",
        (
            "integration/golang/test_compiler.py::test_compile_error_names_the_package_and_the_first_error",
            "unit/services/test_builder.py::test_user_error_is_not_retried",
            "unit/services/test_queue.py::test_failed_build_stays_failed",
            "e2e/test_main_job.py::test_broken_package_is_named",
        ),
    ),
    Fault(
        32,
        "the module proxy answers 503 or 429, hangs, breaks off, refuses, or has no address",
        "`ModuleProxyUnavailable`, `NetworkError` or `SilentTimeout`, tried again three times with growing waits, then "
        "failed until a person retries; nothing half stays in the module cache",
        (
            "faults/test_builds.py::test_a_module_proxy_in_trouble",
            "faults/test_builds.py::test_trouble_is_tried_three_times_and_then_a_person_is_asked",
            "unit/services/test_builder.py::test_transient_failure_is_retried_later",
        ),
    ),
    Fault(
        33,
        "a module is not what the lock says",
        "`ChecksumMismatch` that names the module; it never reaches the compiler and is never tried again",
        (
            "faults/test_builds.py::test_a_module_that_was_changed_is_never_tried_again",
            "integration/golang/test_compiler.py::test_tampered_module_is_refused",
        ),
        "a retracted version is built: the lock names it exactly, and its sum holds",
    ),
    Fault(
        34,
        "a build floods its log, hangs, forks, fills the disk or the memory",
        "`LogLimit`, `SilentTimeout` or `TimedOut`, `ProcessLimit`, `OutputLimit`, `OutOfMemory`; no process of it is "
        "left, and a build beside it ends well",
        (
            "faults/test_limits.py::test_a_build_that_takes_too_much",
            "faults/test_limits.py::test_a_build_beside_one_that_takes_too_much",
            "unit/adapters/test_watchdog.py::test_who_takes_too_much_is_ended",
            "unit/adapters/test_watchdog.py::test_a_daemon_is_ended_with_the_program_that_left_it",
            "integration/golang/test_compiler.py::test_binary_that_never_ends_is_stopped",
            "faults/test_processes.py::test_compiler_ended_for_its_memory",
        ),
        "memory, processes and silence are bounded on Linux alone",
    ),
    Fault(
        35,
        "a build ends every builder that takes it",
        "failed with `KillsItsBuilder` after three lost builders; only a person's retry queues it again",
        (
            "unit/services/test_sweeper.py::test_poison_ends_as_failed",
            "unit/services/test_wanted.py::test_a_build_that_kills_its_builders_waits_for_a_person",
        ),
    ),
    Fault(
        36,
        "the toolchain of a builder is broken",
        "it takes itself out of service, and its builds succeed elsewhere; a program that is no Go is passed over",
        (
            "integration/golang/test_toolchain.py::test_a_program_called_go_that_is_none_is_passed_over",
            "integration/golang/test_toolchain.py::test_a_release_that_cannot_be_had_is_named",
            "unit/services/test_builder_service.py::test_builder_with_a_broken_machine_claims_nothing",
            "unit/services/test_builder_service.py::test_builds_of_a_broken_builder_succeed_elsewhere",
        ),
    ),
    Fault(
        37,
        "a newer revision comes while older builds wait or run",
        "queued builds that nobody asks for any more are superseded, running ones end; none that is wanted is lost",
        (
            "unit/services/test_reconciler.py::test_a_newer_version_supersedes_queued_builds",
            "unit/services/test_wanted.py::test_no_order_takes_a_build_that_another_source_asks_for",
            "unit/services/test_queue.py::test_running_build_cannot_be_superseded",
        ),
    ),
    Fault(
        38,
        "one spec is built twice, in other folders with empty caches and a hostile Go configuration",
        "equal bytes",
        (
            "integration/golang/test_compiler.py::test_bytes_depend_on_nothing_but_the_spec",
            "e2e/test_real_benthos.py::test_tiny_is_the_same_in_two_folders_with_empty_caches",
        ),
    ),
    Fault(
        39,
        "manifests with line breaks, `::error::`, `{{`, quotes, backticks, options and `../` in every field",
        "no workflow command, no markup, no flag, no shell, no path outside",
        (
            "integration/golang/test_compiler.py::test_hostile_text_is_refused_before_anything_runs",
            "integration/golang/test_compiler.py::test_hostile_lists_are_refused",
            "unit/domain/test_gosource.py::test_any_text_survives_quoting",
            "unit/domain/test_manifest_laws.py::test_no_text_becomes_a_workflow_command",
            "unit/domain/test_report.py::test_no_text_of_an_author_becomes_markup",
            "unit/services/test_queue.py::test_hostile_fields_are_refused",
        ),
    ),
)

_EDGES = (
    Fault(
        40,
        "200 readers take parts of 100 MB at once, and some leave (60 readers in the short form)",
        "every byte is right, the server stays below 256 MiB, and no descriptor is left",
        (
            "faults/test_http.py::test_many_readers_of_parts_at_once",
            "integration/api/test_files.py::test_concurrent_downloads_share_one_transfer",
        ),
    ),
    Fault(
        41,
        "the API's user tries to write to the broker",
        "no route changes anything, whatever is asked",
        (
            "integration/api/test_answers.py::test_everything_is_read_only",
            "integration/nats/test_access.py::test_what_a_role_cannot_write",
            "integration/nats/test_access.py::test_nobody_manages_streams_or_consumers",
        ),
    ),
    Fault(
        42,
        "a pull request brings 500 wrong manifests, again and again",
        "ten annotations, a summary and one comment within GitHub's limits, exit 3; the next push edits the comment",
        (
            "faults/test_http.py::test_a_pull_request_of_hundreds_of_wrong_manifests",
            "cli/test_github.py::test_only_so_many_annotations_are_shown",
            "cli/test_github.py::test_a_report_of_any_size_becomes_a_comment_that_github_takes",
        ),
    ),
    Fault(
        43,
        "forged, repeated, huge and very many messages of a git host",
        "401, 204 and nothing follows, 413; a thousand true ones are a few looks",
        (
            "faults/test_http.py::test_a_thousand_forged_and_repeated_messages",
            "faults/test_http.py::test_a_gigabyte_is_refused_unread",
            "faults/test_http.py::test_a_thousand_true_messages_are_few_looks",
            "integration/api/test_hooks.py::test_gitlab_signing_tokens",
        ),
    ),
    Fault(
        44,
        "requests, claims, cancels and takeovers in any order, at any moment",
        "one outcome for everybody; nobody is told two things",
        (
            "unit/services/test_wanted.py::test_a_cancel_and_a_claim_have_one_outcome",
            "unit/services/test_wanted.py::test_the_last_who_leaves_supersedes",
            "faults/test_processes.py::test_service_killed_under_requests",
            "faults/test_messages.py::test_a_thousand_messages_in_any_order",
        ),
    ),
    Fault(
        45,
        "a long time passes, and everything is killed and stopped at random",
        "memory, descriptors, processes and streams are what they were; every build ends, every artifact can be read",
        ("faults/test_day.py::test_a_day_in_which_nothing_happens", "faults/test_soak.py::test_everything_at_once"),
    ),
)

CATALOGUE = (*_GIT, *_FLEET, *_BUILDS, *_EDGES)


def table() -> str:
    """The catalogue in Markdown."""
    rows = ["| | injected | expected | tried by |", "|---|---|---|---|"]
    for fault in CATALOGUE:
        expected = f"{fault.expected}. *Not held: {fault.gap}.*" if fault.gap else fault.expected
        rows.append(f"| {fault.number} | {fault.injected} | {expected} | {'<br>'.join(map(shown, fault.proofs))} |")
    return "\n".join(rows)


def shown(proof: str) -> str:
    """A test as a link from a page of the documentation."""
    path, _, name = proof.partition("::")
    return f"[`{name}`](../tests/{path})"


if __name__ == "__main__":
    print(table())
