//! git-aitask: tasks are files, coordination is git refs, and every verb is one atomic push.
//!
//! Several people and agents, on several machines, work on one repository. There is no server but the git remote that they
//! share, and no git library: the program runs the user's own `git` and parses its porcelain, so that it does what the
//! installed git does. There are two faces, `git aitask VERB` ([`cli`]) and the bash scripts it replaces ([`compat`]), on the
//! same operations ([`ops`]).
//!
//! This page is the design. A rule names the tests that hold it, as `cargo test` names them; a test fails when one of them
//! is gone.
//!
//! # The idea
//!
//! A **ledger** is a few branches used as a database ([`ledger`]): `aitask-locks` (who holds what), `aitask-ids` (the next
//! number), the branch with the task data, and the branch that work is merged into. A change of it is one transaction:
//!
//! ```text
//! view    = the tips of the branches it touches: remote-tracking refs, or a fetch
//! plan    = decide(view): pure; commits for each branch, or a refusal with its reason
//! build   = blobs, trees and commits in the object store; no checkout, no index
//! publish = git push --porcelain --atomic --force-with-lease=REF:OLD ... REMOTE NEW:REF ...
//!           without a remote: git update-ref --stdin, one transaction, every ref with its old value
//! again   = only if a tip moved: fetch, decide again on the new view
//! ```
//!
//! The compare-and-swap validates the read: if every expected tip was right, the decision was made on the truth. So the first
//! attempt trusts the tips that are known (one connection), and only a rejected one pays for a fetch; where pushes of other
//! clones were seen within a minute, the fetch comes first. `pick` is lock and status in one push, `new` is number and file,
//! `finish` is merge, archive and unlock. A process killed before the push has changed nothing; one killed after it has
//! changed everything that others see, and the next command updates the checkouts.
//!
//! # Rules of the protocol
//!
//! 1. **Every commit carries a nonce** (the trailer `Aitask-Nonce`), so that two processes of one person in one second never
//!    build the same commit and both believe that they won. `races::lock_has_one_winner`,
//!    `races::new_gives_every_task_a_number_of_its_own`, `compat::faults::the_same_id_is_not_given_twice_to_one_identity_in_one_second`,
//!    `coordination::proofs::simulation::planted_faults_are_found`
//! 2. **The outcome of a push is read, never guessed**: from the porcelain flag of each ref; after a broken connection or a
//!    time limit, from the history of the branch, where our nonce stands or does not. Where the remote cannot be read, the
//!    answer is "unknown"; a clone that shows a part of the push looks again. `servers::broken::accepted_and_reported_failed_is_recognised`,
//!    `ledger::transaction::tests::a_push_of_which_only_a_part_is_seen_is_neither_repeated_nor_called_undone`,
//!    `ledger::transaction::tests::a_push_that_is_still_on_its_way_is_not_forgotten_for_an_older_view_and_not_made_twice`,
//!    `servers::broken::failed_without_landing_is_tried_again`,
//!    `servers::broken::with_the_remote_gone_it_is_unknown_and_the_same_command_finishes`,
//!    `coordination::proofs::simulation::answers_are_true`, `coordination::proofs::model::no_reachable_state_has_two_holders`,
//!    `proofs::histories::some_order_explains_every_answer`
//! 3. **"Somebody was first" is said only when a tip moved.** Authentication, hooks, protected branches, a stale lock file
//!    of the server and damage of the clone have a kind, a sentence and a hint of their own ([`error::Kind`]). A server that
//!    can be read and turns a push away in words of its own, or in none, is asked once more, by a push that sends nothing.
//!    `compat::faults::a_refusal_is_not_called_a_race_nor_tried_again`, `servers::unreachable::a_stale_lock_file_of_the_server_is_named`,
//!    `servers::permission::over_ssh_in_whatever_words`, `servers::permission::a_connection_that_is_reset_once_is_no_refusal`,
//!    `servers::damaged::a_broken_tracking_ref_is_named_and_the_hint_repairs_it`
//! 4. **Retries are limited by time** (30 s; a sync ends after 25 s or five rounds), not by a count, with exponential backoff and jitter; the processes of one host
//!    wait for each other at a file lock, so that they do not race over the network. One limit counts all that waits for others;
//!    hooks, signing, a transfer that moves, and waits that only save runs of a check do not count. `compat::faults::the_sixth_contender_does_not_give_up`,
//!    `servers::time::one_second_is_one_second`, `servers::time::a_hook_is_no_network_time`
//! 5. **A takeover is bound to the lock that was judged**: if its holder refreshes it meanwhile, the takeover fails. Its
//!    commit names that lock, so that the history shows that it was wanted.
//!    `compat::faults::force_breaks_no_lock_but_the_one_it_showed`, `holding::rounds::taken_over_while_finish_is_checking`,
//!    `verbs::lock::a_takeover_says_which_lock_it_takes`
//! 6. **A former holder can neither finish nor release the task.** Drop, finish, archive, unlock and a change of the status or
//!    assignee of a held task move the lock branch in the same swap, where needed by a commit without a change, since git does not send a ref that stays, and would compare
//!    nothing. The former holder hears of the takeover at its next verb in the worktree, in the first line.
//!    `holding::fences::a_push_of_a_former_holder_fails_when_the_takeover_lands_during_the_hook_of_the_server`,
//!    `holding::displaced::a_former_holder_is_told_not_holder_after_the_task_has_ended`,
//!    `holding::taken_over::every_verb_in_the_worktree_begins_with_it`,
//!    `holding::taken_over::of_two_agents_in_one_clone_the_one_that_had_the_task_is_told`,
//!    `coordination::before_remote::what_was_taken_while_the_remote_was_gone_is_not_called_taken_over_when_it_is_back`.
//!    Who ends the last child of a task ends that task with it only where nobody holds it and its branch has no work that
//!    is not merged.
//!    `holding::parents::the_last_child_does_not_take_its_parent_from_the_session_that_holds_it`,
//!    `holding::parents::finishing_the_last_child_does_not_end_a_parent_whose_work_is_not_merged`
//! 7. **"Cannot tell" is neither "dead" nor "free".** A lock that cannot be read is held by somebody unknown; a process of
//!    another machine, boot or PID namespace may live; an unreadable remote is not an empty one.
//!    `bad_input::data::a_lock_that_cannot_be_read_is_held_by_somebody_unknown`,
//!    `servers::damaged::what_cannot_be_read_gives_nobody_a_held_task`,
//!    `servers::damaged::what_this_clone_lacks_is_no_state_of_the_locks_or_tasks`,
//!    `holding::worlds::a_session_in_another_pid_namespace_is_unknown_and_not_dead`,
//!    `coordination::upstream::a_remote_that_cannot_be_asked_is_not_taken_for_one_without`
//! 8. **No entry is dropped that the plan did not name**: git tells what is in the places of its files, and where that may
//!    be lost, the trees are compared before the push. A coordination branch that
//!    was deleted or set back on the server is noticed, and put back from what this clone knew.
//!    `coordination::gone::init_puts_the_locks_back_and_nobody_gets_a_held_task`,
//!    `coordination::gone::a_lock_branch_that_was_set_back_gives_nobody_a_held_task`
//! 9. **Pushes of the coordination branches run no hooks of the user; pushes of code do.**
//!    `compat::broken::hooks_of_the_user_run_for_task_data_alone`
//! 10. **The task branch is part of the state.** `pick` and `--steal` go on from the published one; `drop`, `finish --no-push`
//!     and `sync` of a task publish it, and `finish` removes it, each in the verb's one swap; with `aitask.publish` every
//!     verb in the worktree publishes it. Whoever publishes it moves the lock branch, and fetches bring both together, so that
//!     a pick with the right lock branch has the right task branch; one that came by another fetch is fetched again. A push
//!     moves it forward, or replaces exactly what this clone pushed last. The lock names the branch that it was cut from, so
//!     that it goes back there from every clone; where that one is gone, the user says where it goes. A drop that publishes
//!     nothing, since main has the work, is part of a swap that guards main.
//!     `holding::handover::a_fetch_of_the_lock_branch_alone_hides_no_published_branch`,
//!     `holding::handover::a_fetch_that_leaves_no_trace_in_fetch_head_hides_no_published_branch`,
//!     `holding::handover::a_branch_that_was_cut_from_another_base_goes_back_there_from_every_clone`,
//!     `holding::handover::work_from_another_base_goes_back_there_when_it_was_taken_without_a_worktree`,
//!     `holding::handover::work_from_a_base_that_is_gone_goes_nowhere_until_somebody_says_where`,
//!     `holding::handover::drop_publishes_what_was_taken_back_from_main_since_this_clone_fetched`,
//!     `holding::handover::pick_goes_on_from_the_published_branch_and_says_whose_commits_those_are`,
//!     `holding::handover::handed_over_three_times_with_kills_no_commit_is_lost_and_none_is_twice`,
//!     `holding::handover::sync_publishes_the_branch_of_the_task_and_nothing_else_does`,
//!     `holding::task_branch::what_this_clone_pushed_last_may_be_replaced_and_nothing_else`.
//!     A branch with a former name of the task is not forgotten: until it has the present one, the verbs refuse.
//!     `holding::renamed::the_work_of_a_task_whose_file_was_renamed_is_not_forgotten`,
//!     `holding::renamed::a_branch_with_the_number_of_a_task_that_is_not_its_own_keeps_nobody_from_the_task`
//! 11. **A server without atomic push** gets one push for each branch: a move of the lock branch first, then the others, and the
//!     release of a lock last; the same command finishes what was cut off. `servers::not_atomic::killed_between_the_pushes_the_same_command_finishes`
//! 12. **The tasks are on one branch, whatever is checked out**: the one that `aitask.data` names, else `aitask-data` where the
//!     remote has it, else the default branch of the remote. Where that is gone, it is said and not published again; where
//!     another one is the default, `sync`, `init` and reads with `--fetch` say so. Whoever moves the tasks to a branch of their
//!     own, and whoever publishes tasks on a code branch, moves a coordination branch too, so that a clone that has not heard
//!     of the move publishes nothing there.
//!     `coordination::data_home::on_a_feature_branch_every_verb_reads_and_writes_the_default_branch`,
//!     `coordination::data_home::a_renamed_default_branch_is_said_at_once_and_its_commands_follow_it`,
//!     `coordination::data_home::another_default_branch_beside_the_old_one_is_said_and_its_commands_bring_all_tasks_there`,
//!     `coordination::data_home::after_the_setup_of_the_scripts_moved_the_tasks_a_clone_that_has_not_heard_of_it_is_told`,
//!     `coordination::data_home::the_script_that_picks_says_that_the_tasks_were_moved`,
//!     `coordination::data_home::task_changes_of_a_clone_that_had_not_heard_of_the_move_are_brought_to_the_new_branch_by_its_hints`,
//!     `coordination::moved_tasks::a_change_that_was_kept_in_a_conflict_of_git_is_said_by_all_and_brought_by_the_hint_of_doctor`.
//!     A new repository gets `aitask-data`, and a clone checks it out with the first verb that changes something:
//!     `coordination::new_repository::a_new_repository_gets_a_branch_for_its_tasks_and_nothing_is_committed_to_main`,
//!     `coordination::new_repository::a_repository_that_has_tasks_keeps_them_where_they_are`,
//!     `coordination::new_repository::tasks_on_another_branch_get_no_second_home`,
//!     `coordination::new_repository::the_first_verb_that_changes_something_checks_the_tasks_out`
//! 13. **A newer program's records are neither misread nor overwritten**, and keys of a lock or a task that are not known are kept.
//!     `files::records::tests::a_newer_record_is_not_read_and_not_overwritten`, `coordination::locks::tests::older_shapes_and_unknown_keys`
//! 14. **What is published is what was named.** A task branch is cut from the published tip of its base; a sync of the verbs
//!     publishes task data alone; a history that was rewritten on the server is neither merged nor published again.
//!     `sharing::code_branch::commits_that_only_this_clone_has_are_not_in_the_worktree_and_a_finish_does_not_publish_them`,
//!     `sharing::code_branch::unfinished_code_stays_and_the_task_data_is_published`,
//!     `sharing::code_branch::a_history_that_was_rewritten_on_the_server_is_not_published_again`
//! 15. **What was published is said to have happened**, whatever fails afterwards, and a dry run promises what the real run does.
//!     `verbs::after_landing::pick_that_cannot_make_the_worktree_says_that_the_task_is_taken`,
//!     `verbs::after_landing::finish_that_cannot_remove_the_worktree_says_that_the_task_is_finished`,
//!     `verbs::after_landing::an_answer_that_cannot_be_written_does_not_say_that_nothing_was_done`,
//!     `verbs::after_landing::a_dry_run_promises_what_the_real_run_does`
//! 16. **A holder is a session, and agents of one person are told apart without set-up**: by the name that an agent exports,
//!     else by its process; of several agents the nearest process above counts. A name counts more than a process. Locks
//!     carry the kind of the agent and a digest of the name, never the name.
//!     `holding::matrix::claude_code_by_its_variable`, `holding::matrix::codex_by_its_process`,
//!     `holding::matrix::gemini_by_the_script_that_node_runs`,
//!     `coordination::agents::tests::of_two_programs_that_name_a_session_the_nearer_one_counts`,
//!     `coordination::agents::tests::two_agents_below_one_inherited_name_of_another_program_are_not_one_session`,
//!     `holding::agents::the_lock_has_the_kind_and_a_digest_after_the_lines_of_the_scripts_and_never_the_name`
//! 17. **Who goes on with a task**: the session that holds it; the same person in the worktree of the task, once that session
//!     is dead, or where it is the terminal or pane that they are in. A session that lives, or of which this cannot be told,
//!     keeps the task until somebody wants a takeover (`--steal`). Locks and sessions that name nobody are told apart by
//!     worktree and address, and such a lock is not that of an agent elsewhere. What `git aitask` advises goes by the same rule.
//!     `holding::going_on::what_a_dead_session_holds_is_ended_in_its_worktree_and_elsewhere_after_a_pick`,
//!     `holding::going_on::a_session_in_another_pid_namespace_of_a_host_of_this_name_keeps_its_task`,
//!     `holding::going_on::what_a_newer_program_says_of_its_session_is_neither_guessed_nor_lost`,
//!     `holding::agents::an_agent_that_a_person_starts_in_the_worktree_goes_on_with_what_was_taken_in_that_shell`,
//!     `holding::going_on::a_lock_that_names_no_session_is_not_that_of_every_agent`,
//!     `holding::going_on::an_agent_that_runs_below_the_holder_does_not_discard_the_work_of_that_one`,
//!     `holding::going_on::a_command_without_a_terminal_below_the_shell_that_took_the_task_is_of_the_holder`,
//!     `holding::going_on::a_session_that_was_started_again_is_not_taken_for_dead_once_it_has_changed_something`,
//!     `holding::advice::each_of_two_agents_can_follow_it`. Who files a task by hand releases no lock of another:
//!     `sharing::sync::a_held_task_that_another_person_files_by_hand_stays_held_and_its_holder_brings_it_back`
//! 18. **JSON needs no second look**: the command of a hint is started as it stands, a usage error has all that its text
//!     has, a time has its zone or is said to have none, and `--schema` describes every document: each that a test reads is
//!     compared with it, and may have no field beside.
//!     `error::hint::tests::for_programs_a_command_is_a_list_of_words_and_a_shell_is_named_where_one_is_needed`,
//!     `verbs::face::a_usage_error_in_json_loses_nothing_of_its_text`,
//!     `verbs::lock::the_time_of_a_lock_has_a_zone_and_none_is_made_up`,
//!     `cli::tests::every_verb_has_the_schema_of_its_document_or_is_named_as_having_none`,
//!     `dsl::json_of_a_verb_is_checked_against_its_schema`
//! 19. **A task is one object in every document**, of what this command found or made true.
//!     `verbs::task_object::every_document_tells_the_same_of_a_task`,
//!     `verbs::task_object::a_document_says_whether_the_task_is_that_of_this_session`,
//!     `connections::documents::a_document_costs_no_connection_and_few_processes`
//! 20. **No verb lets tasks wait for each other in a circle, nor for a task that nobody knows.** A task waits for those that
//!     it depends on, a parent for its open children. The swap decides, on the newest content; what is there already is
//!     named, and refuses no other change.
//!     `ops::edit::decide::tests::in_a_thousand_graphs_every_circle_is_refused`,
//!     `verbs::edit::of_two_who_each_add_half_of_a_circle_one_is_refused`,
//!     `verbs::edit::a_circle_that_is_there_already_is_named_and_refuses_no_other_edit`,
//!     `verbs::new::no_child_waits_silently_for_the_child_before_it`
//! 21. **`check` judges the task files as the verbs do, and needs nothing else**: neither set-up nor network nor a branch
//!     that is checked out. `ops::check::decide::tests::what_is_well_formed_gives_no_finding`,
//!     `verbs::check::a_job_of_ci_without_home_set_up_or_network_checks_the_files_of_its_checkout`
//! 22. **Anybody can judge afterwards, offline and from the branches alone, whether the rules were kept**
//!     (`git aitask doctor --history`): the nonce holds together what a transaction did on several
//!     branches, and no date counts. What cannot be told is no violation.
//!     `ops::history::planted::each_of_forty_planted_violations_is_found_and_named`,
//!     `ops::history::proofs::a_clean_history_raises_no_alarm`, `verbs::history::what_the_verbs_did_is_clean`,
//!     `verbs::history::what_another_program_did_wrong_is_found`
//!
//! 23. **Texts are changed on their newest content, too**: of two who write into one task at once, whoever holds it, both get
//!     their words in, and a command that was cut off and is given again writes nothing twice. Only the end of the text counts
//!     for that: `task::text_change::tests::the_same_command_again_adds_nothing_and_says_why`,
//!     `verbs::edit_text::a_note_or_a_text_that_is_there_further_up_is_added_again`,
//!     `verbs::edit_text::two_who_write_at_once_both_get_their_text_in`,
//!     `verbs::edit_text::everybody_may_add_a_note_to_a_task_that_another_session_holds`, `killed::verbs::edit_text`
//!
//! 24. **An archived task comes back in one swap**, out of a bundle too, and its branch with it, where a merge commit
//!     tells every clone where that ended; a finish then merges what comes on top.
//!     `verbs::reopen::of_a_parent_that_ended_with_its_last_child_no_branch_is_published`,
//!     `verbs::reopen::after_a_squash_or_a_fast_forward_every_clone_begins_at_main_again`,
//!     `verbs::reopen::file_and_plan_come_back_and_the_merged_branch_is_published_again`,
//!     `verbs::reopen::out_of_a_bundle_whose_other_files_stay`, `verbs::reopen::what_was_merged_is_not_merged_again`,
//!     `killed::verbs::reopen`
//!
//! 25. **Processes of one clone that wait for each other push together.** They take turns in the order in which they entered
//!     the queue. Each decides on what those before it are about to publish and builds its own commits on top; one swap,
//!     with leases on what the first one read, proves all decisions. A refusal and "nothing to do" are decided on what was
//!     published. Only pushes of one user that go the same way, run no hook of the user and add commits to branches of this
//!     program are joined; what the server refuses is tried by each alone. Whoever is killed, the others go on. Finishes that
//!     were checked together join in the same way, in one swap or not at all (rule 27).
//!     `races::queue::turns_come_in_the_order_of_entry`,
//!     `races::queue::who_is_killed_while_it_waits_holds_up_nobody_and_lets_nobody_pass`,
//!     `races::group::thirty_two_at_once_are_a_few_pushes`,
//!     `races::group::those_who_wait_are_one_push_in_the_order_in_which_they_came`,
//!     `races::group::what_another_clone_published_meanwhile_makes_all_of_them_decide_again`,
//!     `races::group::of_two_who_want_one_task_the_second_is_told_what_was_published`,
//!     `races::group::what_the_server_refuses_is_refused_alone`, `races::group::pushes_that_go_another_way_are_not_joined`,
//!     `races::group::a_hook_of_the_user_runs_for_each_push_of_task_data`,
//!     `races::group::killed_while_it_pushes_for_the_others`,
//!     `races::group::a_member_that_is_killed_while_it_waits_has_published`,
//!     `races::group::a_push_that_hangs_ends_in_time_for_the_one_who_has_the_least`,
//!     `races::group::a_remote_that_is_not_reached_is_tried_once_for_all_and_nobody_waits_longer_than_its_time`,
//!     `races::group::nobody_comes_between_the_push_of_a_finish_and_the_removal_of_its_worktree`
//!
//! 26. **A check runs again only for other code**, another command or another value of a variable that it names, and nobody
//!     waits for it but who needs it. Only what has passed is remembered.
//!     `verbs::checks::what_has_passed_does_not_run_again_and_the_answer_says_since_when`,
//!     `verbs::checks::tasks_that_others_file_while_a_check_runs_make_no_second_run`,
//!     `verbs::checks::code_that_others_push_meanwhile_is_checked_and_nobody_waits_for_that`,
//!     `verbs::checks::several_checks_run_in_order_each_is_remembered_alone_and_the_first_failure_ends_it`,
//!     `verbs::checks::another_value_of_a_variable_that_counts_is_another_check`,
//!     `verbs::checks::one_check_at_a_time_runs_on_a_clone_unless_more_are_allowed`,
//!     `verbs::landings::a_check_that_outlives_its_killed_finish_is_waited_for`,
//!     `verbs::landings_held_up::what_a_check_of_a_killed_finish_left_running_on_purpose_is_not_waited_for`
//!
//! 27. **Who lands after a check stands in line with the others of the clone**, and the first checks all of them together, each
//!     merged on top of those before it. Those that pass land in one swap, each with its own merge; a bad one is found by
//!     halves, and it alone hears of it. Nothing is on the branch that was checked only with what did not land: where one
//!     cannot land after all, the others are checked again without it. The locks of the line are those of living processes,
//!     so that nobody waits for one that was killed or is stopped. The clones of one user on one machine take turns.
//!     `landing::train::tests::every_good_one_lands_in_order_and_each_bad_one_is_refused`,
//!     `landing::train::tests::all_good_ones_cost_one_run_and_sixteen_with_three_bad_ones_at_most_fifteen`,
//!     `verbs::landings::six_at_once_cost_two_runs_and_each_makes_its_own_merge`,
//!     `verbs::landings::every_good_one_lands_each_bad_one_hears_why_and_nobody_else_does`,
//!     `verbs::landings::who_conflicts_with_those_before_it_is_refused_alone`,
//!     `verbs::landings::who_cannot_land_after_it_was_checked_along_is_left_out_and_the_others_are_checked_again`,
//!     `verbs::landings::who_pushes_another_way_is_checked_and_lands_alone`,
//!     `verbs::landings::what_has_passed_together_does_not_count_without_the_others`,
//!     `verbs::landings::who_is_stopped_holds_up_nobody`,
//!     `verbs::landings_held_up::who_is_stopped_after_it_was_checked_along_is_not_waited_for`,
//!     `verbs::landings_held_up::who_is_stopped_while_several_land_together_is_not_waited_for`,
//!     `verbs::landings_held_up::who_was_stopped_and_goes_on_does_not_wait_for_the_one_that_passed_it`,
//!     `verbs::landings_held_up::a_process_that_hangs_with_a_file_of_the_landings_holds_up_nobody`,
//!     `verbs::landings_held_up::waiting_for_another_clone_takes_no_time_from_the_push`,
//!     `verbs::landings_held_up::slow_signers_land_together_and_who_has_little_time_is_left_out`,
//!     `verbs::landings::clones_of_one_machine_check_and_land_in_turn`,
//!     `verbs::landings::the_turn_of_a_clone_ends_with_its_process_and_nobody_waits_longer_than_its_time`,
//!     `verbs::landings::finishes_of_several_clones_land_every_good_one`,
//!     `verbs::landings::others_stand_in_line_too_and_are_checked_alone`,
//!     `verbs::landings::other_verbs_go_on_while_a_line_waits`,
//!     `verbs::landings::when_the_first_is_killed_the_next_one_goes_on_and_nothing_is_lost`,
//!     `killed::landings::beside_another_finish`, `killed::landings::behind_another_finish`,
//!     `killed::landings::the_first_of_several_that_land_together`,
//!     `killed::landings::one_that_is_called_to_land_together`
//!
//! 28. **What is kept to be fast changes no answer**: it is made of commits and blobs alone, is not trusted where it is damaged
//!     or of another version, and whoever deletes it loses time.
//!     `connections::cache::with_and_without_it_the_answers_are_the_same`,
//!     `connections::cache::what_is_damaged_or_foreign_is_not_trusted_and_is_replaced`,
//!     `connections::cache::two_that_write_it_at_once_both_answer_and_leave_a_whole_one`,
//!     `connections::cache::of_five_thousand_tasks_none_is_read_twice`
//!
//! 29. **Without git only what is plain is read**: where the repository is, refs, and which files the index marks. Links,
//!     symbolic refs, formats that are not known and whatever is damaged are left to git, and both say the same. Objects are
//!     read by one git for the whole command, which ends with it.
//!     `connections::place::where_everything_is_as_git_makes_it_the_files_tell`,
//!     `connections::files::refs_are_told_by_files_as_git_tells_them`,
//!     `connections::files::marks_of_the_index_are_told_by_its_file_in_every_version`,
//!     `connections::files::a_git_that_reads_objects_and_was_ended_is_started_again`,
//!     `killed::signals::the_git_that_reads_objects_outlived_a_signal`
//!
//! # Rules of safety
//!
//! 1. **Uncommitted work is lost only with `--discard`.** `verbs::drop::uncommitted_work_is_refused_and_lost_only_when_told`,
//!    `verbs::kept::untracked_work_is_kept_where_status_hides_it`,
//!    `verbs::kept::edits_that_git_status_does_not_show_are_uncommitted_work`,
//!    `verbs::kept::an_ignored_file_in_a_clone_in_the_worktree_keeps_both`
//! 2. **A local branch is deleted only after the push, from exactly the tip that landed.**
//!    `sharing::worktree_teardown::commits_that_are_not_merged_stay_whatever_the_options`,
//!    `verbs::finish::squashed_to_one_commit_that_keeps_the_old_ones_under_a_name`,
//!    `verbs::kept::commits_made_on_no_branch_in_the_worktree_are_kept_when_it_goes`
//! 3. **A merge touches no checkout** (`git merge-tree --write-tree`, before git 2.38 a temporary worktree); a conflict is a list
//!    of files and changes nothing. `verbs::finish::a_conflict_is_a_list_of_files_and_changes_nothing`
//! 4. **A checkout follows by fast-forward, or by a merge with the user's own commits; never by rebase, reset or stash.**
//!    `verbs::finish::unrelated_work_in_the_main_checkout_survives_byte_for_byte`,
//!    `verbs::finish::commits_of_the_user_on_the_local_branch_are_joined_and_never_rewritten`
//! 5. **Only what lies in `aiwork/` is removed**, through no link, after the registry of worktrees was read again.
//!    `sharing::worktree::no_link_is_followed`, `verbs::worktree::a_repository_in_the_place_of_a_worktree_is_not_deleted`,
//!    `proofs::attacks::attacks_run_nothing_and_reach_nothing_else`
//! 6. **Names are parsed into types where they come in** ([`task::TaskId`], [`git::Branch`], ...), and reach git as whole
//!    arguments, never through a shell. `sharing::worktree::names_that_lead_elsewhere_are_refused`,
//!    `bad_input::text::titles_that_are_odd`, `proofs::any_bytes_are_read_or_refused`,
//!    `proofs::invocations::any_words_to_every_verb`, `proofs::invocations::any_words_to_every_script`.
//!    Git is not run in a repository within a worktree whose configuration may name a command.
//!    `security::unpacked::a_command_of_a_repository_in_an_ignored_folder_is_not_run_when_the_worktree_is_removed`
//! 7. **What others wrote cannot control a terminal or forge a line for a program.**
//!    `security::output::a_hostile_task_is_shown_harmless_by_everything_that_shows_it`,
//!    `compat::faults::an_address_cannot_forge_a_line`,
//!    `verbs::check::hostile_names_and_contents_give_no_command_in_any_form`,
//!    `security::completion::no_shell_runs_what_stands_in_a_title_that_it_shows`
//! 8. **No prompt and no hang without a terminal**; a time limit ends the process and everything it started. What git fetches
//!    in a partial clone while it reads has that of the network.
//!    `servers::time::what_a_partial_clone_fetches_while_it_reads_is_network_time_and_nobody_is_asked`.
//!    No verb opens an editor there. `task_files::by_hand::without_a_terminal_and_an_editor_nobody_waits`,
//!    `servers::unreachable::a_remote_that_hangs_is_left_alone`, `killed::signals::a_hanging_network_outlived_a_signal`
//! 9. **After a kill at any call of git the same command finishes the job.** `killed::verbs::pick`, `killed::verbs::finish_merge`,
//!    `killed::groups::everything_killed_while_it_finishes`, `killed::create::create_and_commit`; what it made for the moment
//!    is swept: `killed::leftovers::the_worktree_of_a_merge_that_was_killed`
//! 10. **Work that has landed is not merged again**, however it landed (merge, squash, rebase, fast-forward, cherry-pick) and
//!     whatever came later; what was taken back is named, and not brought back. `verbs::landed::merged_as_one_commit`,
//!     `verbs::landed_elsewhere::finish_of_a_merged_pull_request_works_in_another_clone_of_its_holder`,
//!     `verbs::landed::finish_merges_nothing_that_landed_as_one_commit_when_the_same_lines_were_changed_since`,
//!     `verbs::landed::finish_does_not_merge_again_what_was_taken_back_until_that_is_reverted`,
//!     `verbs::landed::main_with_the_revert_in_it_merged_into_the_branch_does_not_bring_the_work_back`,
//!     `verbs::landed::commits_after_what_was_taken_back_neither_bring_it_back_nor_leave_it_out`,
//!     `verbs::landed_again::what_was_taken_back_and_merged_again_with_other_content_is_not_called_taken_back`,
//!     `verbs::landed_elsewhere::what_others_did_and_took_back_before_the_task_was_worked_on_is_not_taken_for_its_work`
//! 11. **The user's rules on code hold for what is made in their name**: the merge commit is signed where they sign, its message
//!     passes their hooks, and the attributes of the output branch count.
//!     `verbs::rules::merge_and_squash_are_signed_where_the_user_signs`, `verbs::rules::what_cannot_be_signed_is_not_published`,
//!     `verbs::rules::the_message_passes_the_hooks_once_and_is_used_for_every_try`,
//!     `verbs::rules::the_message_of_a_merge_does_not_replace_one_that_the_user_has_open_in_an_editor`,
//!     `verbs::rules::attributes_of_the_output_branch_count_and_not_those_of_the_checkout`
//! 12. **No content of a repository is an internal error**: what is in the place of something else is named, and changes
//!     nothing. `bad_input::trees::what_is_in_the_place_of_a_file_is_named`, `bad_input::trees::no_content_is_an_internal_error`
//! 13. **Files of the user for agents come back byte for byte**: a stanza stands between markers and a skill carries a digest,
//!     so that what a person wrote or changed is neither replaced nor removed; nothing is written through a link.
//!     `agents::marked::tests::whatever_the_file_is_it_comes_back`,
//!     `verbs::agents::what_was_there_is_there_again_after_remove_byte_for_byte`,
//!     `verbs::agents::nothing_is_written_through_a_link`, `verbs::agents::an_empty_folder_that_was_there_stays`,
//!     `verbs::agents_hooks::hooks_are_merged_into_the_settings_and_taken_out_byte_for_byte`
//! 14. **A hook of an agent program refuses, or it is silent**: it fails for no other cause, since some programs stop at that,
//!     and its command never changes, since some ask for trust again. `verbs::hook::whatever_does_not_concern_it_is_silent`,
//!     `verbs::hook::no_hook_but_the_end_that_gives_back_makes_a_connection`,
//!     `verbs::hook::a_worktree_that_a_program_asks_for_is_made_and_its_path_is_all_that_is_said`,
//!     `ops::agents::hooks::tests::the_commands_of_hooks_never_change`
//! 15. **A repair loses nothing and evicts nobody**: `doctor` names what does not match, each thing alone, and mends what is
//!     certain. The lock of an open task stays, whoever holds it, and so do uncommitted work and ignored files; a file that is
//!     removed is kept as a commit first. A dry run names all that is mended, and what another command of the clone has
//!     done by half is no finding. `doctor::a_new_repository_and_one_in_the_middle_of_work_have_no_finding`,
//!     `proofs::doctor::each_planted_inconsistency_is_found_alone_and_mended_or_left`,
//!     `ops::doctor::decide::tests::only_the_lock_of_an_archived_task_is_ever_released`,
//!     `doctor::the_lock_of_an_open_task_is_never_released`,
//!     `doctor::a_lock_that_somebody_takes_after_it_was_judged_stays`, `doctor::what_is_removed_is_kept_as_a_commit_first`,
//!     `doctor::cut_off_at_any_call_of_git_the_same_command_mends_the_rest`,
//!     `doctor::mending::a_worktree_of_an_ended_task_with_ignored_files_is_kept`,
//!     `doctor::mending::what_a_dry_run_did_not_name_is_not_mended`,
//!     `doctor::mending::while_another_command_of_the_clone_runs_its_half_done_work_is_no_finding`,
//!     `doctor::mending::a_diagnosis_makes_no_queue_where_there_is_none_and_does_not_write_to_it`,
//!     `doctor::mending::the_holder_of_a_lock_whose_record_is_unreadable_gets_it_back`
//! 16. **To see whether tasks conflict changes nothing and fails nothing**: what git writes for it goes to a temporary object
//!     store and to copies of indexes, which are gone afterwards, also after a kill; what cannot be read is unknown, and hides
//!     no other task. `verbs::radar::uncommitted_work_in_two_worktrees_conflicts_and_nothing_of_the_user_changes`,
//!     `verbs::radar::killed_while_it_merges_it_leaves_nothing_after_the_next_command`,
//!     `verbs::radar::a_branch_that_cannot_be_read_is_unknown_and_hides_no_other`,
//!     `verbs::radar::of_two_hundred_planted_conflicts_all_are_found_and_no_other`
//!
//! # The modules
//!
//! A module uses those below it. Of its own floor it uses another only where no circle comes of it; neither modules nor files
//! may form one (`arrows::arrows_between_rooms_go_down`, `arrows::files_make_no_circle`).
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 9 | [`cli`], [`compat`] | the two faces: arguments in, text and exit codes out |
//! | 8 | [`ops`] | the operations, a file or a folder each: gather, decide, act |
//! | 7 | [`data_branch`] | making, attaching and migrating the branch of the task data |
//! | 6 | [`landing`], [`sync`], [`worktrees`], [`archive`], [`demo`] | merging without a checkout, checks, and the line of those who land; bringing two histories of task data together; worktree and branch of a task; filing a task away; the demonstration |
//! | 5 | [`project`] | this repository as a project: where the data is, the index of its tasks, what an answer carries |
//! | 4 | [`coordination`] | what the coordination branches mean: locks, ids, sessions |
//! | 3 | [`ledger`] | branches as a database; it knows no lock and no task |
//! | 2 | [`git`], [`report`] | the only code that starts git; the only code that prints |
//! | 1 | [`task`], [`agents`], [`settings`], [`files`], [`digest`], [`packed`], [`error`], [`interrupt`], [`waiting`] | tasks as text; texts for coding agents; settings; private records and atomic writes; digests; the form of what is kept; errors and hints; signals; the time that others take |
//!
//! # How a `pick` runs
//!
//! 1. `run` below sees no script's name and hands over to [`cli`], which parses the arguments ([`cli::pick`]) and opens the
//!    project ([`project::context`]). A new option of `pick` is a field of its arguments there and of `PickOptions` in [`ops::pick`].
//! 2. [`ops::pick`] gathers: who asks ([`coordination::session`]), and which task ([`project::index`]); [`worktrees`] says where
//!    its worktree can be.
//! 3. The transaction ([`ledger::transaction`]) waits for its turn on this host ([`ledger::queue`]) and reads the tips
//!    ([`ledger::view`]). A record in `.git/aitask/held/` ([`files::records`]) notes the attempt before the push, so that a killed
//!    command can be finished.
//! 4. `ops::pick::decide`, a pure function of the view and the request, refuses, or plans the two commits: the task's file with
//!    its new status, and the lock ([`coordination::decide`] judges the lock that is there, [`coordination::locks`] writes it).
//! 5. [`git::objects`] builds the commits, [`ledger::publish`] pushes them, and the answer of the remote is judged there, from
//!    [`git::porcelain::push`]. Where others of this clone wait, the push is left to one of them
//!    (`ledger::group`). A tip that moved leads back to step 3 after a fetch; an answer that was not heard to
//!    `ledger::unconfirmed`.
//! 6. What has landed is said to have landed, whatever fails now: the checkouts follow ([`ledger::checkouts`]), [`worktrees`] adds
//!    the branch and the worktree, and the record is completed.
//! 7. [`cli::pick`] gives the outcome to [`report`], as a page or as JSON.
//!
//! # Formats
//!
//! For programs that read the branches and files: locks [`coordination::locks`], ids [`coordination::ids`], the first files of
//! a data branch [`data_branch`], task files [`task`], private records of a clone [`files::records`], the nonce
//! [`ledger::plan`].

// First, since its macro `command!` is visible only in the modules below it.
#[macro_use]
mod error;

mod agents;
mod archive;
#[cfg(test)]
#[path = "../tests/support/chance.rs"]
mod chance;
mod cli;
mod compat;
mod coordination;
mod data_branch;
mod demo;
mod digest;
mod files;
mod git;
mod interrupt;
mod landing;
mod ledger;
#[cfg(test)]
#[path = "../tests/support/linearizability.rs"]
mod linearizability;
mod ops;
mod packed;
mod project;
// one file for the proofs of the crate and those in tests/, as chance.rs is
#[cfg(test)]
#[path = "../tests/support/proof.rs"]
#[expect(clippy::disallowed_methods, reason = "a proof reads what scripts/prove set")]
mod proof;
#[cfg(test)]
mod proofs;
mod report;
mod settings;
mod sync;
mod task;
mod waiting;
mod worktrees;

use error::{Error, Kind};
use report::Report;
use settings::Environment;
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of this process; returns its exit code. The name by which it
/// was called, or its first argument, selects the face.
#[must_use]
pub fn run() -> ExitCode {
    end_on_panic();
    interrupt::watch();
    let environment = Environment::of_process();
    let code = script(&environment).map_or_else(|| cli::run(environment, &compat::files()), ExitCode::from);
    interrupt::end();
    code
}

/// Makes a panic end the program at once, as an internal error: the released program does not unwind, for the sake of its
/// size.
#[expect(clippy::disallowed_methods, clippy::exit, reason = "nothing goes on after a panic")]
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let error = Error::new(Kind::Bug, format!("internal error: {panic}"))
            .advice("run the same command again: it continues with what is already published");
        Report::by_arguments(std::env::args_os()).error(&error);
        std::process::exit(Kind::Bug.exit_code().into());
    }));
}

/// Runs the face of the scripts, when the program is called by the name of a script or as `compat SCRIPT`; the arguments
/// are those of the script. `None` for the other face.
fn script(environment: &Environment) -> Option<u8> {
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let called = args.next()?;
    let called = called.rsplit('/').next().unwrap_or_default().to_owned();
    let mut args: Vec<_> = args.collect();
    let by_name = compat::SCRIPTS.contains(&called.as_str());
    let name = if by_name {
        called
    } else if args.first().is_some_and(|arg| arg == "compat") && args.get(1).is_some_and(|arg| !arg.starts_with('-')) {
        args.drain(..2).nth(1)?
    } else {
        return None;
    };
    let dir = std::env::current_dir().ok()?;
    let run = if by_name { compat::run_by_name } else { compat::run };
    Some(run(&name, &args, environment, &dir))
}
