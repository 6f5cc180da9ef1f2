//! Signing in and out, enrolment, one's own sessions; in the demonstration the door by which one becomes anybody.

mod demo;
mod enrol;
mod enter;
mod letters;
mod own;
#[cfg(test)]
mod tests;
mod words;

use page::door::Door;
use page::site::Site;

pub fn doors(site: &Site) -> Vec<Door> {
    let mut doors = enter::doors();
    doors.extend(enrol::doors());
    doors.extend(own::doors());
    if site.is_demo() {
        doors.extend(demo::doors());
    }
    doors
}
