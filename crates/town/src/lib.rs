//! A town in a box: invented people, homes and days, from a seed, for the demonstration, the tests and the benches.
//! The same seed and the same moment give the same town.

pub mod build;
pub mod daily;
pub mod equip;
pub mod history;
pub mod life;
pub mod names;
pub mod past;
pub mod places;
pub mod plan;
pub mod settle;
pub mod story;
mod usage;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum TownError {
    #[error("the plan of the town does not fit the register: {0}")]
    Plan(String),
    #[error(transparent)]
    People(#[from] people::PeopleError),
    #[error(transparent)]
    Signin(#[from] signin::SigninError),
    #[error(transparent)]
    Watch(#[from] watch::WatchError),
    #[error("the station did not take the town's readings: {0}")]
    Station(ingest::DeliveryError),
    #[error(transparent)]
    Response(#[from] response::ResponseError),
    #[error(transparent)]
    Db(#[from] db::DbError),
}
