//! What `COMMAND` tells of the commands.
//!
//! Owns the form of the answers. Knows nothing of the store.

use crate::command::{self, DescribeCommand, Spec};
use crate::resp::{Args, Replies};

pub(super) fn describe(command: DescribeCommand<'_>, replies: &mut Replies) {
    match command {
        DescribeCommand::Count => {
            replies.integer(i64::try_from(command::commands().len()).unwrap_or(i64::MAX));
        }
        DescribeCommand::Names => {
            replies.array(command::commands().len());
            for spec in command::commands() {
                replies.bulk(spec.name.as_bytes());
            }
        }
        DescribeCommand::Shapes { names } => {
            let specs = named(names);
            replies.array(specs.len());
            for spec in specs {
                match spec {
                    Some(spec) => describe_shape(spec, replies),
                    None => replies.null(),
                }
            }
        }
        DescribeCommand::Docs { names } => {
            let specs: Vec<_> = named(names).into_iter().flatten().collect();
            replies.array(2 * specs.len());
            for spec in specs {
                replies.bulk(spec.name.as_bytes());
                replies.array(4);
                for text in ["summary", spec.summary, "group", spec.group] {
                    replies.bulk(text.as_bytes());
                }
            }
        }
    }
}

fn describe_shape(spec: &Spec, replies: &mut Replies) {
    replies.array(6);
    replies.bulk(spec.name.as_bytes());
    replies.integer(spec.arity);
    replies.array(spec.flags.len());
    for flag in spec.flags {
        replies.simple(flag);
    }
    for key in spec.keys {
        replies.integer(key);
    }
}

/// The commands with these names, or all if there are no names.
fn named(names: Args<'_>) -> Vec<Option<&'static Spec>> {
    if names.is_empty() {
        return command::commands().iter().map(Some).collect();
    }
    names.iter().map(command::find).collect()
}
