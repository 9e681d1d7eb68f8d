//! What ETSI GS CIM 009 V1.9.1 says, clause by clause, asked of the door in-process.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as tests do")]

mod support;

mod access;
mod c4_14_tenants;
mod c5_13_contexts;
mod c5_15_source_identity;
mod c5_5_2_limits_of_queries;
mod c5_6_11_upsert_evolution;
mod c5_6_12_add_to_evolution;
mod c5_6_13_delete_from_evolution;
mod c5_6_14_instances_over_time;
mod c5_6_17_merge_entity;
mod c5_6_18_replace_entity;
mod c5_6_1_create_entity;
mod c5_6_21_purge_entities;
mod c5_6_2_update_attributes;
mod c5_6_3_append_attributes;
mod c5_6_4_partial_update;
mod c5_6_5_delete_attribute;
mod c5_6_6_delete_entity;
mod c5_6_7_batches;
mod c5_7_1_retrieve_entity;
mod c5_7_2_query_entities;
mod c5_7_5_discovery;
mod c5_8_1_create_subscription;
mod c5_8_2_update_subscription;
mod c5_8_3_read_subscriptions;
mod c5_8_6_notifications;
mod c5_7_3_retrieve_evolution;
mod c5_7_4_query_evolutions;
mod c6_23_query_by_post;
mod c6_24_query_evolutions_by_post;
mod c6_3_10_partial_answers;
mod c6_3_10_pages;
mod c6_3_20_invalid_parameters;
mod c6_3_2_http_errors;
mod c6_3_4_media_types;
mod c6_3_5_context_of_a_request;
mod c6_3_6_answers;
mod rights;
mod ts_104_176_attribute_values;
