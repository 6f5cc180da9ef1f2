//! Small pictures drawn by ourselves on a 24-unit grid. A picture never speaks alone: the word stands beside it, so
//! every icon is hidden from readers of the page by ear.

use maud::{Markup, html};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Icon {
    Alone,
    Ambulance,
    Arrow,
    Bell,
    Calendar,
    Chat,
    Check,
    Clock,
    Cross,
    Door,
    Ear,
    Eye,
    Home,
    Info,
    Key,
    Line,
    Map,
    Note,
    Oxygen,
    Paw,
    Person,
    Phone,
    Question,
    Sound,
    Stethoscope,
    Temperature,
    Walk,
    Warning,
}

impl Icon {
    pub const ALL: &'static [Icon] = &[
        Icon::Alone,
        Icon::Ambulance,
        Icon::Arrow,
        Icon::Bell,
        Icon::Calendar,
        Icon::Chat,
        Icon::Check,
        Icon::Clock,
        Icon::Cross,
        Icon::Door,
        Icon::Ear,
        Icon::Eye,
        Icon::Home,
        Icon::Info,
        Icon::Key,
        Icon::Line,
        Icon::Map,
        Icon::Note,
        Icon::Oxygen,
        Icon::Paw,
        Icon::Person,
        Icon::Phone,
        Icon::Question,
        Icon::Sound,
        Icon::Stethoscope,
        Icon::Temperature,
        Icon::Walk,
        Icon::Warning,
    ];

    fn path(self) -> &'static str {
        match self {
            Icon::Alone => "M3 11 12 4l9 7M5 10v10h14V10M12 12.5a1.8 1.8 0 1 0 0-.1M9 20v-2a3 3 0 0 1 6 0v2",
            Icon::Ambulance => {
                "M2 7h12v10H2zM14 10h4l4 4v3h-8zM6 19.5a1.8 1.8 0 1 0 0-.1M17 19.5a1.8 1.8 0 1 0 0-.1M8 9v5M5.5 11.5h5"
            }
            Icon::Arrow => "M4 12h15M13 6l6 6-6 6",
            Icon::Bell => "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
            Icon::Calendar => "M4 6h16v14H4zM4 10h16M8 3v5M16 3v5",
            Icon::Chat => "M4 5h16v11H11l-5 4v-4H4z",
            Icon::Check => "M4 13l5 5L20 6",
            Icon::Clock => "M12 3a9 9 0 1 0 .1 0M12 7v5l4 2",
            Icon::Cross => "M5 5l14 14M19 5 5 19",
            Icon::Door => "M6 21V3h12v18M3 21h18M14 12v1",
            Icon::Ear => "M7 10a5 5 0 0 1 10 0c0 4-4 4-4 8a3 3 0 0 1-5 2M10 10a2 2 0 0 1 4 0M3 3l18 18",
            Icon::Eye => "M2 12c4-7 16-7 20 0-4 7-16 7-20 0M12 9.5a2.5 2.5 0 1 0 .1 0",
            Icon::Home => "M3 11 12 4l9 7M5 10v10h14V10M10 20v-6h4v6",
            Icon::Info => "M12 3a9 9 0 1 0 .1 0M12 11v6M12 7v.5",
            Icon::Key => "M8 11a4 4 0 1 0 .1 0M11 13 20 4M16 8l3 3M18 6l2 2",
            Icon::Line => "M3 9c6-6 12-6 18 0M6 13c4-4 8-4 12 0M12 18v.5M4 4l16 16",
            Icon::Map => "M12 21c-5-6-7-8-7-11a7 7 0 0 1 14 0c0 3-2 5-7 11M12 7.5a2.5 2.5 0 1 0 .1 0",
            Icon::Note => "M5 3h10l4 4v14H5zM9 11h6M9 15h6",
            Icon::Oxygen => "M9 8h6v11a2 2 0 0 1-2 2h-2a2 2 0 0 1-2-2zM10 8V5h4v3M12 5V3M9 13h6",
            Icon::Paw => {
                "M12 12c3 0 5 4 5 6s-2 2-5 2-5 0-5-2 2-6 5-6M6 10a1 1.5 0 1 0 .1 0M10 5a1 1.5 0 1 0 .1 0M14 5a1 1.5 0 1 0 .1 0M18 10a1 1.5 0 1 0 .1 0"
            }
            Icon::Person => "M12 4a3.5 3.5 0 1 0 .1 0M5 21v-2a7 7 0 0 1 14 0v2z",
            Icon::Phone => {
                "M6 3h3l2 5-2.5 2a11 11 0 0 0 5.5 5.5L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3"
            }
            Icon::Question => "M8 9a4 4 0 1 1 6 3.5c-1.5 1-2 1.5-2 3.5M12 19.5v.5",
            Icon::Sound => "M4 9h4l5-4v14l-5-4H4zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
            Icon::Stethoscope => "M5 3v6a4 4 0 0 0 8 0V3M9 13v3a5 5 0 0 0 10 0v-3M19 9a2 2 0 1 0 .1 0",
            Icon::Temperature => "M10 14V5a2 2 0 0 1 4 0v9a4 4 0 1 1-4 0M12 9v8",
            Icon::Walk => "M13 3a1.5 1.5 0 1 0 .1 0M12 8l-1 6 3 3 1 5M11 14l-3 7M12 8l-4 2-1 4M12 8l3 3 3 1",
            Icon::Warning => "M12 3 2 20h20zM12 9v6M12 17v.5",
        }
    }
}

pub fn icon(icon: Icon) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(icon.path()) {} }
    }
}
