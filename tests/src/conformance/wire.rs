//! A wire between two network namespaces that loses, delays, doubles and reorders packets.
//!
//! Owns a pair of TUN devices and the thread that carries packets from one to the other: what
//! `tc netem` does on machines that have it. The one call of the system that makes a device of a
//! file is the only `unsafe` here.

#![expect(unsafe_code, reason = "a file becomes a network device by an ioctl")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What happens to packets, in both directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// How long each takes, at least and at most.
    pub(super) delay_us: (u64, u64),
    /// How many of a hundred are lost.
    pub(super) lost: u64,
    /// How many of a hundred arrive twice.
    pub(super) doubled: u64,
    /// How many of a hundred are 10 ms late.
    pub(super) late: u64,
}

impl Weather {
    /// Nothing happens, within 2 ms.
    pub(super) const FAIR: Self = Self {
        delay_us: (1_000, 2_000),
        lost: 0,
        doubled: 0,
        late: 0,
    };
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client to the server.
    There,
    /// From the server to the client.
    Back,
}

/// What a test does to the wire while it carries packets.
#[derive(Debug, Default)]
pub(super) struct Control {
    cut: [AtomicBool; 2],
    /// So many more packets are lost in each direction.
    lose: [AtomicU32; 2],
    ended: AtomicBool,
    /// What is sent to these gets nowhere.
    holes: Mutex<Vec<Ipv4Addr>>,
}

impl Control {
    pub(super) fn cut(&self, way: Way, cut: bool) {
        self.cut[way as usize].store(cut, Ordering::SeqCst);
    }

    pub(super) fn lose_next(&self, way: Way, packets: u32) {
        self.lose[way as usize].store(packets, Ordering::SeqCst);
    }

    pub(super) fn swallow(&self, address: Ipv4Addr) {
        self.holes().push(address);
    }

    fn holes(&self) -> std::sync::MutexGuard<'_, Vec<Ipv4Addr>> {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a packet is lost whatever the weather.
    fn takes(&self, way: Way, packet: &[u8]) -> bool {
        if self.cut[way as usize].load(Ordering::SeqCst) {
            return true;
        }
        // Only IPv4 counts: neighbour discovery of IPv6 goes on behind everybody's back.
        if packet.first().is_none_or(|first| first >> 4 != 4) {
            return true;
        }
        let target = packet.get(16..20).map(|it| [it[0], it[1], it[2], it[3]]);
        if target.is_some_and(|it| self.holes().contains(&it.into())) {
            return true;
        }
        let one_less = |left: u32| left.checked_sub(1);
        let left = &self.lose[way as usize];
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }
}

/// A wire under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Carries packets between two devices.
    pub(super) fn between(client: File, server: File, weather: Weather, seed: u64) -> Self {
        let control = Arc::new(Control::default());
        let carrier = Carrier {
            devices: [client, server],
            control: control.clone(),
            weather,
            draw: seed,
            waiting: BTreeMap::new(),
            carried: 0,
        };
        let thread = std::thread::spawn(move || carrier.carry());
        Self {
            control,
            thread: Some(thread),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.control.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Carrier {
    devices: [File; 2],
    control: Arc<Control>,
    weather: Weather,
    draw: u64,
    /// Packets by when they arrive and in which order they came.
    waiting: BTreeMap<(Instant, u64), (Way, Vec<u8>)>,
    carried: u64,
}

/// How often the thread looks whether it shall end.
const LOOK: Duration = Duration::from_millis(20);

impl Carrier {
    fn carry(mut self) {
        let mut packet = vec![0; 65_536];
        while !self.control.ended.load(Ordering::SeqCst) {
            self.deliver();
            let next = self.waiting.keys().next().map(|(at, _)| *at);
            let wait = next.map_or(LOOK, |at| {
                at.saturating_duration_since(Instant::now()).min(LOOK)
            });
            let mut ready = [
                PollFd::new(self.devices[0].as_fd(), PollFlags::POLLIN),
                PollFd::new(self.devices[1].as_fd(), PollFlags::POLLIN),
            ];
            // A wait of less than a millisecond is none: packets are a little late otherwise.
            let millis = u8::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(20);
            let timeout = if wait < Duration::from_micros(300) {
                0
            } else {
                millis
            };
            let _ = poll(&mut ready, PollTimeout::from(timeout));
            for way in [Way::There, Way::Back] {
                while let Ok(count) = (&self.devices[way as usize]).read(&mut packet) {
                    self.take(way, &packet[..count]);
                }
            }
        }
    }

    fn take(&mut self, way: Way, packet: &[u8]) {
        if self.control.takes(way, packet) || self.happens(self.weather.lost) {
            return;
        }
        let copies = 1 + u32::from(self.happens(self.weather.doubled));
        for _ in 0..copies {
            let (least, most) = self.weather.delay_us;
            let mut delay = Duration::from_micros(least + self.below(most - least + 1));
            if self.happens(self.weather.late) {
                delay += Duration::from_millis(10);
            }
            self.carried += 1;
            let at = (Instant::now() + delay, self.carried);
            self.waiting.insert(at, (way, packet.to_vec()));
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            let (way, packet) = first.remove();
            let _ = (&self.devices[1 - way as usize]).write(&packet);
        }
    }

    fn happens(&mut self, of_hundred: u64) -> bool {
        of_hundred > 0 && self.below(100) < of_hundred
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.draw = simoom_sim::value(self.draw, 0, 1);
        self.draw % limit
    }
}

/// Makes a TUN device called `name` in the namespace of the calling thread.
pub(super) fn device(name: &str) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let mut request = [0_u8; size_of::<libc::ifreq>()];
    request[..name.len()].copy_from_slice(name.as_bytes());
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as u16;
    request[libc::IFNAMSIZ..libc::IFNAMSIZ + 2].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the descriptor is open, and `request` is as long as the `ifreq` that the call reads
    // and writes, in whose layout the name comes first and the flags follow it (netdevice(7)).
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}
