//! The program as a region runs it: its own process, its own ports, on the engine under test.

mod audit_chain;
mod audit_forged;
mod backup;
mod backups_at_once;
mod bridge;
mod certificates;
#[allow(dead_code)]
mod client;
mod command_line;
mod disk;
mod doors;
mod first_account;
mod forms;
#[allow(dead_code)] // What the stories to come need.
mod harness;
mod headers;
mod kill;
mod migrate;
mod proxies;
mod proxy;
mod raw;
mod roles;
mod second;
mod siege;
mod silent;
mod strangers;
mod tls;
mod watcher;
