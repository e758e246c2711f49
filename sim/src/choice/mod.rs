//! What chance decided: typed, anchored choices, and plans made of those that differ from calm.

mod anchor;
mod path;
mod plan;
mod siblings;
mod value;

pub(crate) use self::anchor::{
    Anchor, AnchorHash, ChoiceKind, Operation, Place, Point, ResourceName,
};
pub(crate) use self::path::{
    PathHash, PathId, Paths, escape, escape_thing, frame_name, parse_path, unescape,
};
pub(crate) use self::plan::{
    ANY, ANY_TASK, Deviation, Plan, PlanError, REPLAY, Rate, Story, parse_seed,
};
pub(crate) use self::siblings::{Families, Renamed};
pub use self::value::value;
pub(crate) use self::value::{below, hash_bytes, hash_text, mix};
