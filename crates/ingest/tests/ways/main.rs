//! The ways in, from outside: raw sockets, Mosquitto's own programs, HTTP. A station that only answers stands in for
//! the one that stores.

mod broken;
mod client;
mod http;
mod limits;
mod mosquitto;
mod mqtt;
mod once;
mod station;
