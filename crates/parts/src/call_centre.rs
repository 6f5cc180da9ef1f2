//! The call centre's number, for those whom a page leaves with a question.

use db::Tx;
use maud::{Markup, html};
use page::components::tel_button;
use people::PeopleError;

/// `None` where the region has no call centre, or none with a number on record.
pub fn number(tx: &mut dyn Tx) -> Result<Option<String>, PeopleError> {
    let Some(id) = people::call_centre(tx)? else { return Ok(None) };
    let office = people::as_far_as_readable(people::office(tx, id))?;
    Ok(office.and_then(|office| office.phone).map(|phone| phone.shown()))
}

pub fn button(number: Option<&str>) -> Markup {
    html! { @if let Some(number) = number { (tel_button("コールセンターに電話", number, false)) } }
}
