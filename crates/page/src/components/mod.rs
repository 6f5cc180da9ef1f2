//! The building blocks of every page, one file per noun. They are functions from plain values to markup: no clock, no
//! database, no session; what a role may not see is not passed in. Nothing here writes an inline style, an inline script
//! or an event handler, so that the strict content policy of [`crate::layout`] holds.
//!
//! # Catalogue
//! | file | what | use |
//! |---|---|---|
//! | `time` | `ja_date(t)` `ja_date_both(date)` `ja_day(t)` `ja_time(t)` `ja_moment(t, now)` `length(span)` | text |
//! | | `since(t, now)` 「38分前（10:42）」, `due(limit, now, near)` 「あと12分」, `at(t, now)`, `updated(now)` | live |
//! | `person` | `person_head(&PersonHead{name, kana, age, sex, born, town, marks, href})`, `person_line(&…)`, `marks(&[Mark])` | |
//! | `state` | `chip(State::NeededNow, "未受付")` | `NeededNow NearLimit InProgress Confirmed Estimated Unknown Done` |
//! | `icon` | `icon(Icon::Key)` | always beside a word |
//! | `field` | `(Field::text("name", "氏名").value(v).required().hint("…").error(opt))` | `text kana tel email number date day moment time search user_name password new_password code area` |
//! | | `select_field(name, label, &[(value, word)], chosen, err)`, `radio_field(…)`, `check_field(…, &[chosen], err)`, `yes_field(name, label, on)`, `error_summary(&[(id, words)])` | |
//! | `action` | `(Action::post(url, "受け付ける").primary().hidden("k", "v").icon(i).hint("…").confirm("…").live("#case"))` | a form with one button |
//! | | `submit(label)`, `link_button(href, label)`, `buttons(html)`, `action_bar(html)`, `guarded(summary, what_happens, form)`, `guarded_when(open, …)` | |
//! | | `choice_grid(url, name, legend, &[Choice{value, label, hint, icon, grave}], note_field, &[hidden])` | outcomes with one touch |
//! | | `tel_button(label, number, primary)`, `map_link(address, Some((lat, lon)))`, `sound_button()` | |
//! | `panel` | `notice(State, title, html)`, `empty(title, what_next)`, `too_many(shown, all, how)`, `refusal(reason, &[(href, label)])`, `error_page(Trouble, detail, reference, sent, way)`, `qr(width, dark, label, alternative)`, `spelled(code)` | |
//! | `list` | `(Table::new(caption, &headings).row(vec![html]).alarm_row(vec![…]))`, `definitions(&[(term, html)])`, `pager(before, after, words)`, `tabs(label, &[Tab])`, `figures(label, &[Figure])` | |
//! | `story` | `story(&[StoryEntry{at, title, who, body, icon, state}], now)`, `steps(label, &[Step{label, state, note}])` | |
//! | `raster` | `activity_raster(id, title, &[DayActivity{label, first_hour, rows: Vec<RasterRow{label, cells: [Cell; 96], usual: Option<[f32; 48]>}>, silence}])` | SVG |
//! | `curve` | `curve(&Curve{id, title, unit, from, until, points, range, bands, gap})`, `bars(title, &[(label, value, words)])`, `sparkline(&values, words)` | SVG |
//!
//! Classes a page may use itself: `columns` (two columns from 960 px: first child narrow queue, second the case),
//! `card`, `stack` (children 16 px apart), `lead` (one large sentence), `soft` (secondary words), `sr-only`, `no-print`,
//! `only-print`.

pub mod action;
pub mod curve;
pub mod field;
pub mod icon;
pub mod list;
pub mod panel;
pub mod person;
pub mod raster;
pub mod state;
pub mod story;
pub mod time;

pub use action::*;
pub use curve::*;
pub use field::*;
pub use icon::*;
pub use list::*;
pub use panel::*;
pub use person::*;
pub use raster::*;
pub use state::*;
pub use story::*;
pub use time::{
    at, due, ja_date, ja_date_both, ja_day, ja_moment, ja_time, length, local, since, updated, whole_dates,
};

#[cfg(test)]
mod tests;
