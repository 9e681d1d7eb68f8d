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
mod home;
mod journal;
pub mod notation;
mod ordering;
mod paging;
mod restart;
mod tenants;
mod trial;

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
        documents_are_not_entities,
        a_document_may_be_a_megabyte,
    }
    concurrency {
        changes_of_one_entity_at_once_lose_nothing,
        of_creates_at_once_one_wins,
        changes_of_many_entities_at_once_are_all_found,
    }
    restart {
        what_was_answered_survives_a_restart,
        work_goes_on_after_a_restart,
        an_expiry_survives_a_restart,
        the_end_of_the_journal_survives_a_restart,
    }
}
