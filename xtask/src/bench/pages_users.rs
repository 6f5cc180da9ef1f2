//! The readers of the `pages` bench: people of care teams with a session each, and what each of them may read, found
//! out through the pages themselves.

use anyhow::{Context, Result, bail, ensure};

use crate::bench::http::{Asker, Line, all_of_role, between, enter, first_of_role};

/// Those who share notebooks, as the list of accounts names their roles.
const READERS: &[&str] = &["医師", "訪問看護師", "薬剤師", "ケアマネジャー", "訪問介護員"];
/// A reader with fewer people would ask for the same pages again and again.
const LEAST_PERSONS: usize = 8;
/// Sessions of one account; some below what ends the oldest.
const SESSIONS: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One person's: the sheet with the notebook, the home under watch, a note.
    Page,
    /// Many persons': the day, everybody in one's care.
    List,
    /// A care manager's day.
    Day,
    /// The call centre's queue.
    Queue,
    /// Fifty residents of the register.
    Register,
}

/// Something to ask for and what its answer must hold.
#[derive(Clone)]
pub struct Wanted {
    pub path: String,
    pub request: Vec<u8>,
    /// The person's name as pages write it.
    pub holds: String,
}

#[derive(Clone)]
pub struct User {
    asker: Asker,
    /// For each person their pages.
    persons: Vec<Vec<Wanted>>,
    lists: Vec<Vec<Wanted>>,
    /// The one page of whoever works at one list.
    own: Vec<Vec<Wanted>>,
    seed: u64,
}

impl User {
    pub async fn line(&self) -> Result<Line> {
        Line::open(self.asker.port).await
    }

    /// Draws without end: any person, then any of their pages.
    pub fn draws<'a>(&'a self, kind: Kind) -> impl FnMut() -> &'a Wanted + Send {
        let from = match kind {
            Kind::Page => &self.persons,
            Kind::List => &self.lists,
            Kind::Day | Kind::Queue | Kind::Register => &self.own,
        };
        let mut state = self.seed;
        let mut below = move |n: usize| {
            // xorshift64: the order only has to be no pattern of ours.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % n as u64) as usize
        };
        move || {
            let pages = &from[below(from.len())];
            &pages[below(pages.len())]
        }
    }

    fn wanted(&self, path: &str, holds: &str) -> Wanted {
        Wanted { path: path.to_owned(), request: self.asker.get(path), holds: holds.to_owned() }
    }
}

/// Signs in as many people who work at one list all day: everybody of that role by turns, in as
/// many sessions as an account may have.
pub async fn gather_for(port: u16, kind: Kind, many: usize) -> Result<Vec<User>> {
    let (role, path, holds) = match kind {
        Kind::Day => ("ケアマネジャー", "/today", "新しいこと"),
        Kind::Queue => ("コールセンター", "/cases", "次に対応する方"),
        _ => ("事務局", "/register", "<ruby>"),
    };
    let mut line = Line::open(port).await?;
    let accounts = all_of_role(&mut line, port, role).await?;
    let (mut users, mut askers) = (Vec::new(), Vec::new());
    for n in 0..many.min(accounts.len() * SESSIONS) {
        askers.push(enter(&mut line, port, &accounts[n % accounts.len()]).await?);
    }
    for n in 0..many {
        let asker = askers[n % askers.len()].clone();
        let mut user = User { asker, persons: Vec::new(), lists: Vec::new(), own: Vec::new(), seed: n as u64 + 1 };
        let page = line.ask(&user.asker.get(path)).await?.page()?.to_owned();
        ensure!(page.contains(holds), "{path} does not hold {holds}");
        // Whoever stands first on the list is looked for on each answer.
        let first = named(&page).into_iter().next().map_or(holds.to_owned(), |(_, name)| name);
        let first = if kind == Kind::Queue { holds.to_owned() } else { first };
        user.own.push(vec![user.wanted(path, &first)]);
        users.push(user);
    }
    Ok(users)
}

/// Signs in as many different people of care teams.
pub async fn gather(port: u16, many: usize) -> Result<Vec<User>> {
    let mut line = Line::open(port).await?;
    let administrator = first_of_role(&mut line, port, "事務局").await?;
    let administrator = enter(&mut line, port, &administrator).await?;
    let (mut users, mut next) = (Vec::new(), Some("/accounts".to_owned()));
    while let Some(path) = next {
        let page = line.ask(&administrator.get(&path)).await?.page()?.to_owned();
        for row in page.split("<tr role=\"row\">").filter(|row| READERS.iter().any(|role| row.contains(&cell(role)))) {
            let account = between(row, "href=\"/accounts/", "\"").context("an account without its address")?;
            let user = sign_in(&mut line, port, account, users.len() as u64).await?;
            users.extend(user.filter(|user| user.persons.len() >= LEAST_PERSONS));
            if users.len() == many {
                describe(&users);
                return Ok(users);
            }
        }
        next = between(&page, "href=\"/accounts?after=", "\"").map(|after| format!("/accounts?after={after}"));
    }
    bail!("only {} people of care teams know {LEAST_PERSONS} persons", users.len())
}

fn cell(role: &str) -> String {
    format!("<div>{role}</div>")
}

fn describe(users: &[User]) {
    let pages = |kind: &str| {
        let of = |user: &User| user.persons.iter().flatten().filter(|w| w.path.starts_with(kind)).count();
        users.iter().map(of).sum::<usize>()
    };
    let persons: usize = users.iter().map(|user| user.persons.len()).sum();
    let (sheets, homes, notes) = (pages("/people/"), pages("/homes/"), pages("/notes/"));
    eprintln!("{} users, {persons} persons: {sheets} sheets, {homes} homes, {notes} notes", users.len());
}

async fn sign_in(line: &mut Line, port: u16, account: &str, n: u64) -> Result<Option<User>> {
    let asker = enter(line, port, account).await?;
    let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(n + 1);
    let mut user = User { asker, persons: Vec::new(), lists: Vec::new(), own: Vec::new(), seed };
    let answer = line.ask(&user.asker.get("/people")).await?;
    if answer.status != 200 {
        return Ok(None);
    }
    let persons = named(answer.body);
    if persons.len() < LEAST_PERSONS {
        return Ok(None);
    }
    user.lists.push(persons.iter().map(|(_, name)| user.wanted("/people", name)).collect());
    let today = named(line.ask(&user.asker.get("/today")).await?.page()?);
    if !today.is_empty() {
        user.lists.push(today.iter().map(|(_, name)| user.wanted("/today", name)).collect());
    }
    for (path, name) in &persons {
        let sheet = line.ask(&user.asker.get(path)).await?.page()?.to_owned();
        let mut pages = vec![user.wanted(path, name)];
        for kind in ["/homes/", "/notes/"] {
            let Some(id) = between(&sheet, &format!("href=\"{kind}"), "\"") else { continue };
            let wanted = user.wanted(&format!("{kind}{id}"), name);
            // Opened once beforehand: the first reading of a note also writes its receipt.
            line.ask(&wanted.request).await?.page()?;
            pages.push(wanted);
        }
        user.persons.push(pages);
    }
    Ok(Some(user))
}

/// The persons a list leads to: the address of their page, and the name as it is written.
fn named(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for link in page.split("<a href=\"/people/").skip(1) {
        let Some((id, rest)) = link.split_once("\">") else { continue };
        let Some((name, _)) = rest.split_once("</a>") else { continue };
        let path = format!("/people/{id}");
        if name.starts_with("<ruby>") && found.iter().all(|(known, _)| *known != path) {
            found.push((path, name.to_owned()));
        }
    }
    found
}
