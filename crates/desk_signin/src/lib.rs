//! Signing in and out, and what leads somebody here: links in messages, and the messages themselves.

mod link;
mod messages;
mod signing;
mod verbs;

use page::door::Door;
use page::site::Site;

pub use verbs::Look;

pub fn doors(site: &Site) -> Vec<Door> {
    let mut doors = signing::doors(site);
    doors.extend(link::doors());
    doors.extend(messages::doors());
    doors
}
