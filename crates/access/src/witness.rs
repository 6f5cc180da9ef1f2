//! The wall: what it lets through it gives a witness for, and without one no view of a person can be made.

use std::collections::{BTreeMap, BTreeSet};

use base::{Ctx, PersonId, Purpose, Role};
use db::{DbError, Tx};

use crate::grants::{self, Acquaintance};
use crate::{AccessError, Act, Charge, Ground, Policies, Rules, policy};

/// That the policies let this actor do these things with this person, each on its ground. Only the wall makes one; the
/// record of looks and commands takes person, items and ground from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    person: PersonId,
    allowed: Vec<(Act, Ground)>,
}

impl Witness {
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// The ground of the first act that was asked for.
    pub fn ground(&self) -> Ground {
        self.allowed[0].1
    }

    pub fn has(&self, act: Act) -> bool {
        self.allowed.iter().any(|(a, _)| *a == act)
    }

    /// For a view: refused where the witness is for something else.
    pub fn demand(&self, act: Act) -> Result<PersonId, AccessError> {
        if self.has(act) { Ok(self.person) } else { Err(AccessError::Denied { act, person: Some(self.person) }) }
    }

    /// This witness for what it lets its reader see.
    pub fn shows<T>(self, value: T) -> Shown<T> {
        Shown { value, witnesses: vec![self] }
    }

    /// Each act with its ground, in the order in which they were asked for.
    pub fn allowed(&self) -> &[(Act, Ground)] {
        &self.allowed
    }
}

/// What the wall let through, with the witnesses of those whom it shows: the shape in which a capability hands out
/// anything about a person. Who shows it gives the witnesses to the record.
#[derive(Clone, Debug)]
pub struct Shown<T> {
    value: T,
    witnesses: Vec<Witness>,
}

impl<T> Shown<T> {
    /// A list may be empty, and then shows nobody.
    pub fn new(value: T, witnesses: Vec<Witness>) -> Shown<T> {
        Shown { value, witnesses }
    }

    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    pub fn into_parts(self) -> (T, Vec<Witness>) {
        (self.value, self.witnesses)
    }

    /// The value alone, for a rule that shows it to nobody.
    pub fn into_value(self) -> T {
        self.value
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Shown<U> {
        Shown { value: f(self.value), witnesses: self.witnesses }
    }
}

/// Two things shown are alike where what is shown is, whoever was let through.
impl<T: PartialEq<U>, U> PartialEq<U> for Shown<T> {
    fn eq(&self, other: &U) -> bool {
        self.value == *other
    }
}

impl<T> std::ops::Deref for Shown<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// The witnesses of one page, gathered while it is read.
#[derive(Default, Debug)]
pub struct Witnesses(Vec<Witness>);

impl Witnesses {
    /// What was let through, to be shown on this page.
    pub fn take<T>(&mut self, shown: Shown<T>) -> T {
        self.0.extend(shown.witnesses);
        shown.value
    }

    /// What is not shown after all is not witnessed.
    pub fn retain(&mut self, shown: impl Fn(PersonId) -> bool) {
        self.0.retain(|w| shown(w.person));
    }

    pub fn into_vec(self) -> Vec<Witness> {
        self.0
    }
}

impl Extend<Witness> for Witnesses {
    fn extend<I: IntoIterator<Item = Witness>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

/// That the policies let this actor do something for the region as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charged(Charge);

impl Charged {
    pub const fn charge(self) -> Charge {
        self.0
    }

    pub const fn ground(self) -> Ground {
        Ground::Duty
    }
}

/// Whether the actor may do this with this person, and on what ground. To be called first in every verb.
pub fn require(ctx: &Ctx, tx: &mut dyn Tx, act: Act, person: PersonId) -> Result<Witness, AccessError> {
    require_some(ctx, tx, &[act], &[], person)
}

/// As [`require`], for all of these acts.
pub fn require_all(ctx: &Ctx, tx: &mut dyn Tx, acts: &[Act], person: PersonId) -> Result<Witness, AccessError> {
    require_some(ctx, tx, acts, &[], person)
}

/// As [`require_all`] for `must`, and with those of `may` that are allowed too. `must` names one act at least.
pub fn require_some(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    must: &[Act],
    may: &[Act],
    person: PersonId,
) -> Result<Witness, AccessError> {
    some_by(policy::installed(), ctx, tx, must, may, person)
}

pub(crate) fn some_by(
    rules: &Rules,
    ctx: &Ctx,
    tx: &mut dyn Tx,
    must: &[Act],
    may: &[Act],
    person: PersonId,
) -> Result<Witness, AccessError> {
    let asked = Asked { rules, ctx, person, cities: cities_matter(rules, ctx, must, may), known: None };
    asked.witness(tx, must, may)?.map_err(|act| AccessError::Denied { act, person: Some(person) })
}

/// The witnesses of a list, each person once and in its order, in two statements at most, whatever its length. Persons with whom
/// not all of `must` may be done are left out: the filter of the list has let them through by mistake or a moment too
/// late.
pub fn require_each(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    must: &[Act],
    may: &[Act],
    persons: &[PersonId],
) -> Result<Vec<Witness>, AccessError> {
    each_by(policy::installed(), ctx, tx, must, may, persons)
}

pub(crate) fn each_by(
    rules: &Rules,
    ctx: &Ctx,
    tx: &mut dyn Tx,
    must: &[Act],
    may: &[Act],
    persons: &[PersonId],
) -> Result<Vec<Witness>, AccessError> {
    let mut once = BTreeSet::new();
    let persons: Vec<PersonId> = persons.iter().copied().filter(|person| once.insert(*person)).collect();
    let cities = cities_matter(rules, ctx, must, may);
    let by_duty = |act: &Act| rules.region.decide(ctx.actor.role, ctx.purpose, *act, Ground::Duty);
    let mut known = match rules.cities.is_empty() && must.iter().chain(may).all(by_duty) {
        true => BTreeMap::new(),
        false => grants::known_of(ctx, tx, &persons, cities)?,
    };
    let mut witnesses = Vec::with_capacity(persons.len());
    for person in persons {
        let known = known.remove(&person).unwrap_or_default();
        let asked = Asked { rules, ctx, person, cities, known: Some(known) };
        witnesses.extend(asked.witness(tx, must, may)?.ok());
    }
    Ok(witnesses)
}

/// Those of these rows whose persons the wall lets through, as [`require_each`] does.
pub fn shown_rows<T>(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    (must, may): (&[Act], &[Act]),
    mut rows: Vec<T>,
    person: impl Fn(&T) -> PersonId,
) -> Result<Shown<Vec<T>>, AccessError> {
    let persons: Vec<PersonId> = rows.iter().map(&person).collect();
    let witnesses = require_each(ctx, tx, must, may, &persons)?;
    let known: BTreeSet<PersonId> = witnesses.iter().map(Witness::person).collect();
    rows.retain(|row| known.contains(&person(row)));
    Ok(Shown::new(rows, witnesses))
}

/// Those of these persons with whom the actor may do what `act` names. A fault counts as no.
pub fn which(ctx: &Ctx, tx: &mut dyn Tx, act: Act, persons: &[PersonId]) -> BTreeSet<PersonId> {
    let witnesses = require_each(ctx, tx, &[act], &[], persons).unwrap_or_default();
    witnesses.iter().map(Witness::person).collect()
}

/// Whether the actor may do this with this person; a fault counts as no.
pub fn may(ctx: &Ctx, tx: &mut dyn Tx, act: Act, person: PersonId) -> bool {
    require(ctx, tx, act, person).is_ok()
}

/// Whether the region's policies let somebody of this role do this with those whom they know on this ground: for rules
/// about somebody else than the one who acts.
pub fn would(role: Role, purpose: Purpose, act: Act, ground: Ground) -> bool {
    policy::installed().region.decide(role, purpose, act, ground)
}

/// Whether where somebody lives could decide any of this.
fn cities_matter(rules: &Rules, ctx: &Ctx, must: &[Act], may: &[Act]) -> bool {
    let by_city = |act: &Act| rules.region.decide(ctx.actor.role, ctx.purpose, *act, Ground::City);
    !rules.cities.is_empty() || must.iter().chain(may).any(by_city)
}

/// Whether the actor may do this for the region as a whole.
pub fn charge(ctx: &Ctx, charge: Charge) -> Result<Charged, AccessError> {
    match policy::installed().region.decide(ctx.actor.role, ctx.purpose, charge, Ground::Duty) {
        true => Ok(Charged(charge)),
        false => Err(AccessError::NotInCharge { charge }),
    }
}

/// One reader before one person. What the database knows of them is read once, and only if it matters.
struct Asked<'a> {
    rules: &'a Rules,
    ctx: &'a Ctx,
    person: PersonId,
    cities: bool,
    known: Option<Acquaintance>,
}

impl Asked<'_> {
    /// The witness, or the first act that is not allowed.
    fn witness(mut self, tx: &mut dyn Tx, must: &[Act], may: &[Act]) -> Result<Result<Witness, Act>, DbError> {
        let mut allowed = Vec::with_capacity(must.len() + may.len());
        for act in must {
            match self.ground(tx, *act)? {
                Some(ground) => allowed.push((*act, ground)),
                None => return Ok(Err(*act)),
            }
        }
        for act in may {
            allowed.extend(self.ground(tx, *act)?.map(|ground| (*act, ground)));
        }
        Ok(if allowed.is_empty() { Err(Act::SeeIdentity) } else { Ok(Witness { person: self.person, allowed }) })
    }

    /// The first ground on which the act is allowed.
    fn ground(&mut self, tx: &mut dyn Tx, act: Act) -> Result<Option<Ground>, DbError> {
        let own =
            matches!(self.ctx.actor.role, Role::Resident | Role::Link) && self.ctx.actor.person == Some(self.person);
        let stated = [(Ground::Duty, true), (Ground::Own, own)];
        // Where all cities have the same policies, one's own city need not be known to decide by duty.
        let at_once = stated.iter().find(|(ground, holds)| *holds && self.decide(&self.rules.region, act, *ground));
        if let (Some((ground, _)), true) = (at_once, self.rules.cities.is_empty()) {
            return Ok(Some(*ground));
        }
        if self.known.is_none() {
            self.known = grants::known_of(self.ctx, tx, &[self.person], self.cities)?.remove(&self.person);
        }
        let Some(known) = &self.known else { return Ok(None) };
        let policies = self.rules.of(known.city.as_deref());
        let stated = [(Ground::Duty, true), (Ground::Own, own), (Ground::City, known.own_city)];
        let granted = known.grants.iter().filter(|(_, items)| items.opens(act)).map(|(ground, _)| (*ground, true));
        let mut grounds = stated.into_iter().chain(granted).filter(|(_, holds)| *holds).map(|(ground, _)| ground);
        Ok(grounds.find(|ground| self.decide(policies, act, *ground)))
    }

    fn decide(&self, policies: &Policies, act: Act, ground: Ground) -> bool {
        policies.decide(self.ctx.actor.role, self.ctx.purpose, act, ground)
    }
}
