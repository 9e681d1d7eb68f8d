//! The one suite that every store passes: a test for each promise of [`Store`](crate::Store).
//!
//! A store says where it lives, and [`contract_tests!`](crate::contract_tests) makes the tests:
//!
//! ```ignore
//! struct Temporary(tempfile::TempDir);
//!
//! #[async_trait]
//! impl Home for Temporary {
//!     async fn open(&self) -> Arc<dyn Store> { .. }
//! }
//!
//! async fn temporary() -> Temporary { .. }
//!
//! store::contract_tests!(temporary);
//! ```

mod census;
mod changes;
mod concurrency;
mod documents;
mod expiry;
mod filters;
mod history;
mod home;
mod journal;
pub mod notation;
mod ordering;
mod paging;
mod restart;
mod rights;
mod tenants;
mod trial;

use history::{aggregates, chronicle, corrections, questions, recording, values, windows};
pub use home::Home;

/// Makes each promise public, so that one not listed is dead code and fails the build; and the
/// macro that makes a test of each.
macro_rules! promises {
    ($d:tt $($room:ident { $($promise:ident,)+ })+) => {
        $($(
            pub async fn $promise(home: impl Home) {
                $room::$promise(&home).await;
            }
        )+)+

        /// One test for each promise. Takes an async function that makes an empty
        /// [`Home`](crate::contract::Home).
        #[macro_export]
        macro_rules! contract_tests {
            ($d make:path) => {
                $($(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $promise() {
                        $d crate::contract::$promise($d make().await).await;
                    }
                )+)+
            };
        }
    };
}

promises! { $
    changes {
        a_created_entity_is_there_at_once,
        creating_twice_is_refused,
        a_replacement_keeps_only_the_moment_of_creation,
        what_may_create_creates,
        what_may_not_create_needs_an_entity,
        every_operation_does_what_the_model_says,
        an_append_tells_what_it_left_alone,
        a_deleted_entity_is_gone_and_may_come_again,
        an_entity_of_other_types_is_left_alone,
        later_changes_of_one_call_see_earlier_ones,
        a_change_that_fails_leaves_the_others_alone,
        no_changes_are_nothing,
        what_is_refused_leaves_nothing_behind,
        every_value_comes_back_as_it_was,
        members_without_a_meaning_come_back_too,
        an_id_may_be_any_uri,
    }
    tenants {
        nothing_of_one_tenant_is_visible_to_another,
        one_call_may_change_several_tenants,
        the_first_write_creates_a_tenant_and_nothing_ends_it,
    }
    filters {
        entities_are_found_by_id,
        entities_are_found_by_type,
        entities_are_found_by_attribute,
        entities_are_found_by_value,
        entities_are_found_by_what_is_inside_a_value,
        entities_are_found_by_attributes_of_attributes,
        entities_are_found_by_moment,
        entities_are_found_by_what_they_point_to,
        conditions_are_joined_by_and_and_or,
        filters_are_turned_round,
        entities_are_found_by_place,
        places_are_found_where_the_world_is_sewn_together,
        entities_are_found_by_scope,
        filters_follow_changes,
    }
    ordering {
        answers_stand_in_the_order_asked_for,
        a_later_key_decides_what_an_earlier_one_leaves_open,
        an_order_does_not_change_who_is_meant,
    }
    paging {
        reading_on_by_id_joins_to_the_whole,
        pages_of_any_size_join_to_the_whole,
        a_page_beyond_the_end_is_empty,
        a_page_of_none_counts,
        what_was_not_asked_is_not_counted,
    }
    expiry {
        what_has_expired_is_not_seen,
        what_has_expired_is_as_good_as_gone_for_changes,
        a_sweep_takes_away_what_has_expired,
        two_parts_may_expire_at_one_moment,
        a_sweep_has_a_limit,
        a_moment_put_off_is_put_off,
    }
    census {
        the_census_is_what_counting_would_give,
        a_census_is_of_many,
        a_tenant_has_no_more_entities_than_it_may,
    }
    journal {
        the_journal_tells_before_and_after,
        an_event_says_where_when_and_what,
        positions_have_no_gaps,
        a_reader_takes_the_journal_in_steps,
        a_reader_sees_what_came_since,
        a_follower_hears_where_the_journal_ends,
    }
    documents {
        a_document_is_kept_replaced_and_removed,
        documents_stand_by_name,
        documents_are_read_in_parts,
        documents_are_not_entities,
        a_document_may_be_a_megabyte,
    }
    concurrency {
        changes_of_one_entity_at_once_lose_nothing,
        of_creates_at_once_one_wins,
        changes_of_many_entities_at_once_are_all_found,
    }
    recording {
        what_changes_is_recorded,
        what_stays_as_it_was_is_not_recorded_again,
        a_later_reading_of_the_same_moment_takes_the_place,
        changes_at_one_moment_are_told_apart,
        what_is_deleted_leaves_a_tombstone,
        scopes_are_recorded,
        a_deleted_entity_keeps_its_evolution,
        an_entity_that_comes_back_goes_on,
        an_evolution_has_all_types_there_were,
        what_has_expired_is_forgotten,
        evolutions_of_one_tenant_are_hidden_from_another,
        the_past_survives_a_restart,
    }
    chronicle {
        readings_make_an_entity,
        readings_are_added_to_an_evolution,
        what_is_newer_becomes_what_the_entity_says,
        readings_of_the_future_are_only_recorded,
        readings_without_a_moment_are_all_kept,
        of_two_readings_of_one_moment_the_later_stays,
        readings_do_not_bring_an_entity_back,
        types_of_readings_are_those_of_the_evolution,
        an_evolution_needs_an_entity_or_types,
        later_chronicles_of_one_call_see_earlier_ones,
    }
    corrections {
        a_reading_is_corrected,
        a_corrected_reading_may_move,
        a_corrected_reading_may_be_a_deletion,
        a_reading_is_forgotten,
        a_reading_must_be_there,
        an_attribute_is_forgotten,
        an_evolution_is_forgotten,
        a_forgotten_evolution_of_a_deleted_entity_is_gone,
    }
    windows {
        readings_are_chosen_by_each_of_their_moments,
        windows_take_readings_before_the_epoch,
        attributes_are_picked_and_omitted,
        datasets_are_chosen,
        the_last_readings_are_told,
        an_answer_ends_where_it_is_full,
        an_answer_of_the_last_ends_at_the_same_moment,
    }
    values {
        numbers_are_told_letter_by_letter,
        every_kind_of_value_is_told_as_it_was_said,
        moments_are_told_to_the_microsecond,
        thousands_of_readings_are_told,
    }
    aggregates {
        thousands_of_numbers_are_summed_up,
        periods_begin_where_the_window_does,
        texts_and_deletions_are_aggregated_as_far_as_they_can,
        each_dataset_is_aggregated_alone,
        an_answer_has_only_so_many_periods,
    }
    questions {
        evolutions_are_found_by_what_they_are,
        evolutions_are_found_by_any_of_their_readings,
        filters_are_asked_of_the_readings_in_the_window,
        deleted_entities_are_found_by_their_past,
        evolutions_are_told_in_pages,
        one_limit_holds_for_all_evolutions_of_an_answer,
    }
    rights {
        what_is_hidden_is_not_shown,
        what_is_hidden_is_not_found,
        what_is_hidden_is_not_counted,
        what_is_hidden_tells_no_order,
        what_is_hidden_has_no_past,
        what_may_not_be_changed_stays,
        what_may_not_be_chronicled_is_refused,
    }
    restart {
        what_was_answered_survives_a_restart,
        work_goes_on_after_a_restart,
        an_expiry_survives_a_restart,
        the_end_of_the_journal_survives_a_restart,
    }
}
