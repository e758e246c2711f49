//! The cases of networks: bodies, and on what terms they run in both worlds.
//!
//! A case that is listed shows a difference that stays, and says why.

use std::future::Future;
use std::pin::Pin;

use super::bodies::{
    accept_without_descriptors, acknowledgements_are_lost, answers_are_lost,
    connect_from_few_ports, connect_many_at_once_to_a_backlog_of_two,
    connect_many_at_once_to_a_short_backlog, connect_to_a_black_hole, connect_to_a_closed_port,
    connect_to_a_full_backlog, connect_to_an_absent_host, connect_where_a_router_refuses,
    connect_where_routes_refuse, connect_with_a_lost_answer, connect_with_a_user_timeout,
    connect_with_one_lost_syn, connect_with_six_lost_syns, connect_without_a_route,
    eyeballs_with_a_black_hole_first, eyeballs_with_a_black_hole_last,
    eyeballs_with_a_closed_port_first, half_close_with_late_data, link_is_back_in_time,
    one_lost_segment, peer_closes_with_unread_bytes, peer_lingers_for_nothing,
    peer_reboots_while_idle, peer_reboots_while_writing, peer_vanishes_for_good,
    peer_vanishes_while_reading, peer_vanishes_while_writing, peer_vanishes_with_a_full_window,
    peer_vanishes_with_keep_alive_and_user_timeout, read_after_a_reset_what_was_there,
    requests_in_two_parts, send_much_in_bad_weather, send_much_in_fair_weather,
    send_much_in_worse_weather, send_some_in_a_storm, shut_down_both_ways,
    speak_before_there_is_room, speak_where_there_was_no_room_for_a_minute, three_lost_segments,
    two_lost_segments, two_small_writes, two_small_writes_without_delay, write_after_a_reset,
    write_again_and_again_to_a_closed_peer,
};
use super::datagrams::{
    datagrams_in_bad_weather, datagrams_in_fair_weather, datagrams_that_are_too_big,
    datagrams_to_a_black_hole, datagrams_to_a_closed_port,
    datagrams_to_a_closed_port_by_a_free_socket, datagrams_without_a_route,
};
use super::told::Told;
use super::two::{Terms, Two};
use super::wire::Weather;

/// A body and what it needs.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) terms: Terms,
    /// It takes a few seconds at most, and is asked on every push.
    pub(super) is_quick: bool,
    /// It uses all descriptors of the process up, so nothing else happens meanwhile.
    pub(super) is_alone: bool,
    /// Why the simulator answers otherwise, where it does.
    pub(super) listed: Option<&'static str>,
    pub(super) body: fn(Two, Told) -> Body,
}

/// A body under way.
pub(super) type Body = Pin<Box<dyn Future<Output = ()>>>;

const FAIR: Terms = Terms {
    weather: Weather::FAIR,
    ports: None,
    descriptors: None,
};

macro_rules! case {
    ($name:ident) => {
        case!($name, FAIR, true, None)
    };
    ($name:ident, slow) => {
        case!($name, FAIR, false, None)
    };
    ($name:ident, listed $why:literal) => {
        case!($name, FAIR, true, Some($why))
    };
    ($name:ident, $terms:expr, $quick:literal, $listed:expr) => {
        Case {
            name: stringify!($name),
            terms: $terms,
            is_quick: $quick,
            is_alone: $terms.descriptors.is_some(),
            listed: $listed,
            body: |two, told| Box::pin($name(two, told)),
        }
    };
}

const fn weather(lost: u64, doubled: u64, late: u64) -> Terms {
    Terms {
        weather: Weather {
            lost,
            doubled,
            late,
            ..Weather::FAIR
        },
        ports: None,
        descriptors: None,
    }
}

/// Every case.
pub(super) const CASES: &[Case] = &[
    case!(connect_to_a_black_hole, slow),
    case!(connect_with_one_lost_syn),
    case!(connect_with_six_lost_syns, slow),
    case!(connect_with_a_lost_answer),
    case!(connect_with_a_user_timeout),
    case!(connect_to_a_closed_port),
    case!(connect_to_an_absent_host),
    case!(connect_without_a_route),
    case!(
        connect_where_routes_refuse,
        listed "the simulator has no routing tables: every node reaches every other"
    ),
    case!(
        connect_where_a_router_refuses,
        listed "the simulator has no routers, so nobody sends ICMP but the target itself"
    ),
    case!(connect_to_a_full_backlog),
    case!(connect_many_at_once_to_a_short_backlog),
    case!(connect_many_at_once_to_a_backlog_of_two),
    case!(speak_before_there_is_room),
    case!(speak_where_there_was_no_room_for_a_minute, slow),
    case!(
        connect_from_few_ports,
        Terms {
            ports: Some((40_000, 40_003)),
            ..FAIR
        },
        true,
        None
    ),
    case!(
        accept_without_descriptors,
        Terms {
            descriptors: Some(40),
            ..FAIR
        },
        true,
        None
    ),
    case!(peer_vanishes_while_writing),
    case!(peer_vanishes_while_reading),
    case!(peer_vanishes_with_keep_alive_and_user_timeout),
    case!(peer_vanishes_with_a_full_window),
    case!(peer_vanishes_for_good, slow),
    case!(link_is_back_in_time),
    case!(acknowledgements_are_lost),
    case!(answers_are_lost),
    case!(one_lost_segment),
    case!(two_lost_segments),
    case!(three_lost_segments),
    case!(peer_reboots_while_writing),
    case!(peer_reboots_while_idle),
    case!(peer_closes_with_unread_bytes),
    case!(peer_lingers_for_nothing),
    case!(half_close_with_late_data),
    case!(shut_down_both_ways),
    case!(write_again_and_again_to_a_closed_peer),
    case!(write_after_a_reset),
    case!(read_after_a_reset_what_was_there),
    case!(two_small_writes),
    case!(two_small_writes_without_delay),
    case!(requests_in_two_parts),
    case!(send_much_in_fair_weather),
    case!(send_much_in_bad_weather, weather(1, 1, 10), true, None),
    case!(send_much_in_worse_weather, weather(10, 5, 20), false, None),
    case!(send_some_in_a_storm, weather(30, 10, 30), false, None),
    case!(datagrams_in_fair_weather),
    case!(datagrams_in_bad_weather, weather(15, 15, 30), true, None),
    case!(datagrams_to_a_closed_port),
    case!(datagrams_to_a_closed_port_by_a_free_socket),
    case!(datagrams_without_a_route),
    case!(datagrams_that_are_too_big),
    case!(datagrams_to_a_black_hole),
    case!(eyeballs_with_a_black_hole_first),
    case!(eyeballs_with_a_closed_port_first),
    case!(eyeballs_with_a_black_hole_last),
];
