//! Messages under way, as a test sees and steers them.

use std::net::SocketAddr;
use std::panic::Location;

use super::net::Net;
use super::node::Node;
use super::simulation::{tell, with};
use crate::world::World;
use crate::world::net::{Filter, MessageKind, Protocol, UnderWay};

/// A message that was sent and has neither arrived nor been lost.
///
/// # Examples
/// See [`Net::in_flight`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its name, for [`Net::drop_message`].
    pub id: MessageId,
    /// The name of the node that sent it.
    pub from: String,
    /// The name of the node it is for.
    pub to: String,
    /// The address it was sent from.
    pub source: SocketAddr,
    /// The address it was sent to.
    pub target: SocketAddr,
    /// What it is.
    pub kind: MessageKind,
    /// What it carries; nothing but data and datagrams carries any.
    pub bytes: Vec<u8>,
    /// Whether it waits: for a link to heal, or to be released.
    pub held: bool,
}

impl Message {
    /// How it is carried.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match self.kind {
            MessageKind::Datagram => Protocol::Udp,
            _ => Protocol::Tcp,
        }
    }
}

/// Names a message of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(u64);

/// Which messages are meant: all, but for what is asked of them.
///
/// # Examples
/// See [`Net::hold`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Matching(Filter);

impl Matching {
    /// All messages.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that `node` sends.
    #[must_use]
    pub fn from(self, node: &Node) -> Self {
        Self(Filter {
            from: Some(node.id),
            ..self.0
        })
    }

    /// Those that are for `node`.
    #[must_use]
    pub fn to(self, node: &Node) -> Self {
        Self(Filter {
            to: Some(node.id),
            ..self.0
        })
    }

    /// Those from or to this port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self(Filter {
            port: Some(port),
            ..self.0
        })
    }

    /// Those carried so.
    #[must_use]
    pub fn protocol(self, protocol: Protocol) -> Self {
        Self(Filter {
            protocol: Some(protocol),
            ..self.0
        })
    }
}

/// A hold on messages; see [`Net::hold`]. Dropping it releases nothing.
#[derive(Clone, Debug)]
pub struct Hold {
    world: u64,
    rule: u64,
}

impl Hold {
    /// Lets the held messages travel on, each for a time of its own, and holds no more.
    ///
    /// What another hold or a cut link keeps stays. Does nothing the second time.
    #[track_caller]
    pub fn release(&self) {
        tell(self.world, "net.hold.ended", Location::caller(), |_| {
            String::new()
        });
        with(self.world, |backend| {
            backend.with(|world| world.release_messages(self.rule));
        });
    }
}

impl Net {
    /// The messages that were sent and have neither arrived nor been lost, in the order of their
    /// sending.
    ///
    /// # Examples
    /// ```
    /// use simoom::net::UdpSocket;
    /// use simoom_sim::{Config, MessageKind, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let _server = sim.node("server");
    ///     let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    ///     socket.send_to(b"hello", "server:53").await.unwrap();
    ///     let messages = sim.net().in_flight();
    ///     assert_eq!(messages[0].kind, MessageKind::Datagram);
    ///     assert_eq!(messages[0].to, "server");
    ///     assert_eq!(messages[0].bytes, b"hello");
    ///     assert!(sim.net().drop_message(messages[0].id));
    ///     assert!(sim.net().in_flight().is_empty());
    /// })
    /// .unwrap();
    /// ```
    #[must_use]
    pub fn in_flight(&self) -> Vec<Message> {
        with(self.world, |backend| {
            backend.with(|world| {
                let under_way = world.under_way();
                under_way.into_iter().map(|it| message(world, it)).collect()
            })
        })
    }

    /// Keeps messages from arriving until they are released, those on their way included.
    ///
    /// To their senders it looks as if the link were cut, with the same time-outs; what is held is
    /// not lost but delivered after [`Hold::release`], datagrams too.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::net::{TcpListener, TcpStream};
    /// use simoom::time::timeout;
    /// use simoom_sim::{Config, Matching, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let server = sim.node("server").run(|| async {
    ///         TcpListener::bind("0.0.0.0:80").await?.accept().await?;
    ///         Ok::<(), std::io::Error>(())
    ///     });
    ///     let hold = sim.net().hold(Matching::all().to(&server).port(80));
    ///     let mut connecting = Box::pin(TcpStream::connect("server:80"));
    ///     assert!(timeout(Duration::from_secs(1), &mut connecting).await.is_err());
    ///     hold.release();
    ///     connecting.await.unwrap();
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn hold(&self, matching: Matching) -> Hold {
        tell(self.world, "net.hold.began", Location::caller(), |world| {
            matching.0.words(world)
        });
        let rule = with(self.world, |backend| {
            backend.with(|world| world.hold_messages(matching.0))
        });
        Hold {
            world: self.world,
            rule,
        }
    }

    /// Ends every [hold](Self::hold).
    #[track_caller]
    pub fn release_all(&self) {
        tell(self.world, "net.hold.ended", Location::caller(), |_| {
            "all that is held".to_owned()
        });
        with(self.world, |backend| {
            backend.with(World::release_all_messages);
        });
    }

    /// Loses a message; false if it is no longer on its way.
    ///
    /// A datagram is gone. A segment is sent again after 200 ms, lost again after 200 ms more, then
    /// 400 ms, and each further time after twice as long; a SYN after 1 s, five times, then after
    /// 2 s and so on; the answer to a SYN after 1 s, 2 s and so on. What was sent after it on its
    /// connection waits for it. A reset is gone. A held segment stays held.
    #[track_caller]
    pub fn drop_message(&self, id: MessageId) -> bool {
        let place = Location::caller();
        with(self.world, |backend| {
            backend.with(|world| {
                world.tell_act("net.message.dropped", place, |world| {
                    let what = world.message_words(id.0);
                    what.unwrap_or_else(|| "one that is there no more".to_owned())
                });
                world.drop_message(id.0)
            })
        })
    }
}

fn message(world: &World, it: UnderWay) -> Message {
    let name = |node: crate::world::node::NodeId| world.nodes[node.0 as usize].name.clone();
    Message {
        id: MessageId(it.event),
        from: name(it.near),
        to: name(it.far),
        source: it.source,
        target: it.target,
        kind: it.kind,
        bytes: it.bytes,
        held: it.held,
    }
}
