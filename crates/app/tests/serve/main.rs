//! The program as a region runs it: its own process, its own ports, on the engine under test.

#[allow(dead_code)]
mod client;
#[allow(dead_code)] // What the stories to come need.
mod harness;
mod kill;
