//! Which rows there are and who takes part in each.

/// One comparison.
pub struct Row {
    pub name: &'static str,
    /// What a figure is per, for the table.
    pub unit: &'static str,
    pub peers: &'static [&'static str],
}

const RUNTIMES: &[&str] = &["simoom", "tokio", "monoio", "asyncio", "uvloop"];
const SPAWNS: &[&str] = &["floor", "simoom", "tokio", "monoio", "asyncio", "uvloop"];
const TIMER_HEAPS: &[&str] = &["floor", "simoom", "tokio", "monoio"];
const SHARED: &[&str] = &["simoom", "tokio", "asyncio", "uvloop"];
const NOTIFYING: &[&str] = &["simoom", "tokio"];
const GATHERING: &[&str] = &["simoom", "asyncio", "uvloop"];
const ECHOES: &[&str] = &["raw-epoll", "simoom", "tokio", "monoio"];
const STORES: &[&str] = &["kv", "redis-server"];
const TIMERS: &[&str] = &[
    "floor",
    "simoom-calm",
    "simoom-random",
    "madsim",
    "madsim-bare",
    "tokio-paused",
];
const RPC: &[&str] = &[
    "simoom-calm",
    "simoom-random",
    "simoom-portfolio",
    "madsim",
    "madsim-bare",
    "tokio-paused",
];
const SIMULATED: &[&str] = &["simoom-calm", "simoom-random"];
const BOOT: &[&str] = &[
    "simoom-calm",
    "simoom-random",
    "simoom-portfolio",
    "madsim",
    "madsim-bare",
];

pub const ROWS: &[Row] = &[
    row("spawn_b1", "task", SPAWNS),
    row("spawn_b1000", "task", SPAWNS),
    row("yield_t1", "yield", RUNTIMES),
    row("yield_t1000", "yield", RUNTIMES),
    row("stream_cap100", "message", RUNTIMES),
    row("pingpong_cap1", "round trip", RUNTIMES),
    row("lock_t1", "lock", SHARED),
    row("notify_t1", "notification", NOTIFYING),
    row("semaphore", "permit", SHARED),
    row("gather", "future", GATHERING),
    row("timeout", "time-out", SHARED),
    row("sleepers", "task", RUNTIMES),
    row("blocking", "round trip", SHARED),
    row("churn_0", "timer", TIMER_HEAPS),
    row("churn_100000", "timer", TIMER_HEAPS),
    row("echo_c1", "message", ECHOES),
    row("echo_c64", "message", ECHOES),
    row("kv_p1", "request", STORES),
    row("kv_p16", "request", STORES),
    row("sim_timers", "sleep", TIMERS),
    row("sim_rpc", "request", RPC),
    row("sim_blocking", "hand-over", SIMULATED),
    row("sim_boot", "world", BOOT),
];

const fn row(name: &'static str, unit: &'static str, peers: &'static [&'static str]) -> Row {
    Row { name, unit, peers }
}
