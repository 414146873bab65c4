//! The whole way of an order on real servers: one file for each promise.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod books;
mod events;
mod goods;
mod placing;
mod regulars;
mod shop;
mod staff;

mod a_crash_repeats_nothing;
mod a_declined_card_returns_the_stock;
mod a_failing_charge_is_tried_again;
mod a_record_that_cannot_be_taken_is_set_aside_alone;
mod a_record_that_kills_is_set_aside_alone;
mod a_rejected_order_holds_nothing;
mod a_reservation_waits_only_so_long;
mod a_rolling_restart_is_noticed_by_nobody;
mod an_audit_finds_what_is_wrong;
mod an_order_can_be_cancelled_until_it_is_shipped;
mod an_order_goes_the_whole_way;
mod dead_letters_are_decided_about;
mod every_order_ends_whatever_is_killed;
mod everything_told_twice;
mod one_key_is_one_order;
mod payment_waits_for_its_provider;
mod redis_may_vanish;
mod retries_wait_at_the_broker;
mod sold_out_stays_at_zero;
mod steps_taken_twice;
mod the_audit_finds_every_mutant;
mod the_stream_never_fills_up;
mod what_dies_is_started_again;
mod who_works_leaves_what_waits_to_others;
