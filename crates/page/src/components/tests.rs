//! Every component with a hostile name in it: nothing runs, nothing is styled inline, everything is escaped.

use base::wareki::Date;
use base::{Instant, Span};
use maud::{Markup, Render, html};

use super::*;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' style='x";

fn now() -> Instant {
    Instant::parse("2026-11-22T10:42:05").expect("a moment")
}

/// One of each, every text of it hostile.
fn everything() -> Vec<(&'static str, String)> {
    let all = [people_and_words(), fields_and_actions(), lists(), pictures()];
    all.into_iter().flatten().map(|(name, markup)| (name, markup.into_string())).collect()
}

fn people_and_words() -> Vec<(&'static str, Markup)> {
    let marks = [Mark::alone(), Mark::oxygen(), Mark::hard_of_hearing(), Mark::pet(HOSTILE), Mark::key(HOSTILE)];
    let person = PersonHead {
        name: HOSTILE,
        kana: HOSTILE,
        age: Some(88),
        sex: HOSTILE,
        born: Date::new(1938, 4, 1),
        town: HOSTILE,
        marks: &marks,
        href: Some(HOSTILE),
    };
    let options = [(HOSTILE, HOSTILE)];
    vec![
        ("person_head", person_head(&person)),
        ("person_line", person_line(&person)),
        ("chip", chip(State::Unknown, HOSTILE)),
        ("times", html! { (since(now(), now())) (due(now(), now(), Span::ZERO)) (at(now(), now())) (updated(now())) }),
        ("notice", notice(State::NeededNow, HOSTILE, html! { (HOSTILE) })),
        ("empty", html! { (empty(HOSTILE, HOSTILE)) (too_many(1, 2, HOSTILE)) }),
        ("refusal", refusal(HOSTILE, &options)),
        ("error_page", error_page(Trouble::Fault, Some(HOSTILE), HOSTILE, true, (HOSTILE, HOSTILE))),
        ("qr", qr(2, |row, column| row == column, HOSTILE, HOSTILE)),
    ]
}

fn fields_and_actions() -> Vec<(&'static str, Markup)> {
    let options = [(HOSTILE, HOSTILE)];
    let choices = [Choice { value: HOSTILE, label: HOSTILE, hint: HOSTILE, icon: Icon::Check, grave: true }];
    let field = |field: Field<'static>| field.value(HOSTILE).hint(HOSTILE).error(Some(HOSTILE)).render();
    vec![
        ("text", field(Field::text(HOSTILE, HOSTILE))),
        ("area", field(Field::area("note", HOSTILE, 3))),
        ("date", field(Field::date("born", HOSTILE))),
        ("select", select_field(HOSTILE, HOSTILE, &options, HOSTILE, Some(HOSTILE)).render()),
        ("radio", radio_field(HOSTILE, HOSTILE, &options, HOSTILE, Some(HOSTILE)).render()),
        ("check", check_field(HOSTILE, HOSTILE, &options, &[HOSTILE], None).render()),
        ("yes", yes_field(HOSTILE, HOSTILE, true)),
        ("errors", error_summary(&options)),
        (
            "action",
            Action::post(HOSTILE, HOSTILE)
                .danger()
                .hint(HOSTILE)
                .hidden(HOSTILE, HOSTILE)
                .confirm(HOSTILE)
                .live(HOSTILE)
                .render(),
        ),
        ("links", html! { (link_button(HOSTILE, HOSTILE)) (submit(HOSTILE)) (sound_button()) }),
        ("guarded", guarded(HOSTILE, HOSTILE, html! {})),
        ("choices", choice_grid(HOSTILE, HOSTILE, HOSTILE, &choices, Some("note"), &options)),
        ("tel", tel_button(HOSTILE, HOSTILE, true)),
        ("map", map_link(HOSTILE, Some((35.0, 137.0)))),
    ]
}

fn lists() -> Vec<(&'static str, Markup)> {
    let entry = StoryEntry {
        at: now(),
        title: HOSTILE,
        who: HOSTILE,
        body: html! { (HOSTILE) },
        icon: Icon::Phone,
        state: State::Unknown,
    };
    let step = Step { label: HOSTILE, state: StepState::Current, note: HOSTILE.to_owned() };
    let figure = Figure {
        label: HOSTILE,
        value: HOSTILE.to_owned(),
        hint: HOSTILE,
        href: Some(HOSTILE),
        state: Some(State::NearLimit),
    };
    let tab = Tab { href: HOSTILE, label: HOSTILE, count: Some(1), current: true };
    vec![
        ("table", Table::new(HOSTILE, &[HOSTILE]).alarm_row(vec![html! { (HOSTILE) }]).render()),
        ("definitions", definitions(&[(HOSTILE, html! { (HOSTILE) })])),
        ("pager", pager(Some(HOSTILE), Some(HOSTILE), HOSTILE)),
        ("tabs", tabs(HOSTILE, &[tab])),
        ("figures", figures(HOSTILE, &[figure])),
        ("story", story(&[entry], now())),
        ("steps", steps(HOSTILE, &[step])),
    ]
}

fn pictures() -> Vec<(&'static str, Markup)> {
    let row = RasterRow { label: HOSTILE.to_owned(), cells: [Cell::Gap; SLOTS], usual: Some([1.0; USUAL_SLOTS]) };
    let day = DayActivity { label: HOSTILE.to_owned(), first_hour: 0, rows: vec![row], silence: Some((1, 9)) };
    let bands = [Band { from: 0.0, to: 9.0, label: HOSTILE.to_owned(), tone: BandTone::Cold }];
    let points = [(now(), 20.0), (now() + Span::hours(1), 21.0)];
    let warm = Curve {
        id: HOSTILE,
        title: HOSTILE,
        unit: HOSTILE,
        from: now(),
        until: now() + Span::days(1),
        points: &points,
        range: (0.0, 30.0),
        bands: &bands,
        gap: Span::hours(2),
    };
    vec![
        ("raster", activity_raster("r", HOSTILE, &[day])),
        ("curve", curve(&warm)),
        ("bars", bars(HOSTILE, &[(HOSTILE, 1.0, HOSTILE.to_owned())])),
        ("sparkline", sparkline(&[1.0, 2.0], HOSTILE)),
    ]
}

/// The tags of a text with their attribute values emptied: what is left is what a browser would obey.
fn bare_tags(out: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for tag in out.split('<').skip(1) {
        let mut bare = String::new();
        let mut quoted = false;
        for c in tag.chars() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => break,
                c if !quoted => bare.push(c),
                _ => {}
            }
        }
        assert!(!quoted, "an attribute is not closed: <{tag}");
        tags.push(bare);
    }
    tags
}

#[test]
fn nothing_hostile_gets_out_of_its_place() {
    for (name, out) in everything() {
        for tag in bare_tags(&out) {
            assert!(!tag.starts_with("script") && !tag.starts_with("img"), "{name}: <{tag}>");
        }
    }
}

#[test]
fn no_component_has_an_inline_style_or_handler() {
    for (name, out) in everything() {
        for tag in bare_tags(&out) {
            for attribute in tag.split_whitespace().skip(1) {
                assert!(!attribute.starts_with("style") && !attribute.starts_with("on"), "{name}: <{tag}>");
                assert!(!attribute.starts_with("hx-on") && !attribute.starts_with("hx-vals"), "{name}: <{tag}>");
            }
        }
    }
}

#[test]
fn every_state_has_its_own_word_place_shape_and_colour() {
    let drawn: Vec<String> = State::ALL.iter().map(|state| chip(*state, "語").into_string()).collect();
    for (index, one) in drawn.iter().enumerate() {
        assert!(one.contains("<svg") && one.contains("語"));
        assert!(!drawn[index + 1..].contains(one));
    }
}

#[test]
fn pictures_are_hidden_from_the_ear_or_named() {
    for (name, out) in everything() {
        for svg in out.split("<svg").skip(1) {
            let tag = svg.split('>').next().unwrap_or_default();
            let inner_drawing = tag.contains("preserveAspectRatio");
            let in_hidden_part = name == "raster" && !tag.contains("role");
            assert!(
                tag.contains("aria-hidden") || tag.contains("aria-label") || inner_drawing || in_hidden_part,
                "{name}: <svg{tag}>"
            );
        }
    }
}

#[test]
fn every_button_says_what_kind_it_is() {
    for (name, out) in everything() {
        for tag in bare_tags(&out).iter().filter(|tag| tag.starts_with("button")) {
            assert!(tag.contains("type="), "{name}: <{tag}>");
        }
    }
}

#[test]
fn one_page_alone_has_nothing_to_turn() {
    assert_eq!(pager(None, None, "1ページ目").0, "");
    assert!(pager(None, Some("/next"), "1ページ目").0.contains("1ページ目"));
}
