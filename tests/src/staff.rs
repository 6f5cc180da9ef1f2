//! Simulated staff: an operator who takes a case and works it through the verbs of `response`, step by step, after waits
//! that depend on the seed and the case alone; the care manager, relative or office who visits; the doctor who answers.
//! What they find is the truth of the house, which they do not know before somebody looked.

use base::{CaseId, ContactId, Ctx, Instant, OfficeId, PersonId, Purpose, Redacted, Role, Span, StaffId, VisitId};
use db::Tx;
use people::TeamPart;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use response::{
    CallOutcome, Callee, Case, Condition, Help, NewCall, Refusal, ResponseError, Review, State, VisitReport,
    VisitState, Visitor,
};
use town::plan::chance;
use watch::Cause;

use crate::Region;

/// How it is in a home.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    Well,
    /// Out of the house for days.
    Away,
    /// On the floor, and nobody knows.
    Lying,
    Hospital,
}

/// One case and whoever works it.
pub struct Work {
    pub case: CaseId,
    pub home: usize,
    person: PersonId,
    rng: ChaCha8Rng,
    operator: (StaffId, OfficeId),
    /// When the next thing is done.
    pub next_at: Instant,
    /// Somebody left it lying; whoever comes next takes it over.
    forgotten: bool,
    visit: Option<VisitId>,
    tried: Vec<ContactId>,
    pub looks: u32,
}

/// What came of one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    Goes,
    /// Somebody stood before the person who lay there.
    Found,
    Closed,
}

fn words(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

impl Work {
    pub fn new(region: &Region, case: CaseId, home: usize, opened_at: Instant) -> Work {
        let which = home ^ (opened_at.unix_seconds() as usize) << 8;
        let mut rng = chance(region.plan.seed, "case", which);
        let operator = region.staff_of(Role::Operator, rng.random_range(0..4));
        let person = region.homes[home].settled.person;
        // Most are taken within two minutes, some lie for hours: then the next in line is told.
        let forgotten = rng.random_bool(0.12);
        let wait = if forgotten { rng.random_range(3600..50_000) } else { rng.random_range(10..150) };
        let next_at = opened_at + Span::seconds(wait);
        Work { case, home, person, rng, operator, next_at, forgotten, visit: None, tried: vec![], looks: 0 }
    }

    /// Does what is next, and says when the thing after it is done.
    pub fn step(&mut self, region: &Region, truth: Truth) -> Progress {
        let case = self.case_now(region);
        if !case.open() {
            return Progress::Closed;
        }
        let progress = self.act(region, &case, truth);
        let now = region.now();
        let wait = match self.case_now(region).wait_until {
            Some(until) if until > now => (until - now).as_seconds() + self.rng.random_range(5..200),
            _ if self.rng.random_bool(0.03) => {
                self.forgotten = true;
                self.rng.random_range(3600..40_000)
            }
            _ => self.rng.random_range(60..900),
        };
        self.next_at = now + Span::seconds(wait);
        progress
    }

    fn case_now(&self, region: &Region) -> Case {
        let case = self.case;
        region
            .read(region.program(), move |ctx, tx| response::find_case(ctx, tx, case))
            .expect("the case stands")
            .into_value()
    }

    fn act(&mut self, region: &Region, case: &Case, truth: Truth) -> Progress {
        if std::mem::take(&mut self.forgotten) && case.holder.is_some() {
            self.somebody_else(region);
            return Progress::Goes;
        }
        match case.state {
            State::Detected => self.take(region),
            State::Taken | State::CallingResident { .. } => self.call_resident(region, truth),
            State::CallingContacts => self.call_contact(region, truth),
            State::VisitRequested { .. } | State::OnTheWay | State::Arrived => return self.visit(region, case, truth),
            State::NobodyAnswers { asked } => return self.help(region, asked, truth),
            State::Reported { condition: Condition::Unwell, .. } => self.decide(region),
            State::Consultation { answered: false, .. } => self.answer(region),
            State::Reported { .. } | State::Ambulance | State::Consultation { .. } => {
                self.close(region, case);
                return Progress::Closed;
            }
            State::Resolved { .. } | State::Reviewed { .. } => return Progress::Closed,
        }
        Progress::Goes
    }

    fn desk(&self, region: &Region) -> Ctx {
        region.acting(Role::Operator, self.operator, Purpose::WatchResponse)
    }

    /// A verb of the one who has the case, which must go.
    #[track_caller]
    /// Who works the case now.
    pub fn operator(&self) -> uuid::Uuid {
        self.operator.0.0
    }

    fn at_desk<T: Send + 'static>(
        &self,
        region: &Region,
        verb: impl Fn(&Ctx, &mut dyn Tx) -> Result<T, ResponseError> + Send + 'static,
    ) -> T {
        region.write(self.desk(region), verb).expect("the operator's step is allowed")
    }

    /// Opens the page, as an operator does, then takes the case; a colleague who is a second late learns who has it.
    fn take(&mut self, region: &Region) {
        let page = region.get(&region.enter_as(self.operator.0.0), &format!("/cases/{}", self.case));
        page.is(200);
        self.looks += 1;
        let case = self.case;
        self.at_desk(region, move |ctx, tx| response::take(ctx, tx, case));
        let late = region.acting(Role::Operator, self.colleague(region), Purpose::WatchResponse);
        let second = region.write(late, move |ctx, tx| response::take(ctx, tx, case));
        assert!(matches!(second, Err(ResponseError::Refused(Refusal::HeldBy(_)))), "{second:?}");
    }

    fn somebody_else(&mut self, region: &Region) {
        self.operator = self.colleague(region);
        let case = self.case;
        self.at_desk(region, move |ctx, tx| {
            response::take_over(ctx, tx, case, words("前の担当の交代時刻を過ぎたため"))
        });
    }

    fn colleague(&self, region: &Region) -> (StaffId, OfficeId) {
        let others = (0..8).map(|n| region.staff_of(Role::Operator, n));
        others.into_iter().find(|o| *o != self.operator).expect("nobody sits at the desk alone")
    }

    fn call_resident(&mut self, region: &Region, truth: Truth) {
        let answers = match truth {
            Truth::Well => self.rng.random_bool(0.8),
            Truth::Away => self.rng.random_bool(0.25),
            Truth::Lying | Truth::Hospital => false,
        };
        let missed = [CallOutcome::NotThere, CallOutcome::Voicemail][self.rng.random_range(0..2)];
        self.call(region, Callee::Resident, if answers { CallOutcome::Well } else { missed });
    }

    fn call_contact(&mut self, region: &Region, truth: Truth) {
        let person = self.person;
        let contacts =
            region.read(region.program(), move |ctx, tx| people::contacts(ctx, tx, person)).expect("contacts");
        let next = contacts.iter().find(|c| !c.phones.is_empty() && !self.tried.contains(&c.id)).map(|c| c.id);
        let Some(contact) = next else { return self.request_visit(region) };
        self.tried.push(contact);
        let knows = match truth {
            Truth::Well | Truth::Away => self.rng.random_bool(0.5),
            Truth::Hospital => self.rng.random_bool(0.8),
            Truth::Lying => false,
        };
        let outcome = match (knows, self.rng.random_bool(0.5)) {
            (true, _) => CallOutcome::Well,
            (false, true) => CallOutcome::Unsure,
            (false, false) => CallOutcome::NotThere,
        };
        self.call(region, Callee::Contact(contact), outcome);
    }

    fn call(&self, region: &Region, to: Callee, outcome: CallOutcome) {
        let case = self.case;
        self.at_desk(region, move |ctx, tx| {
            response::record_call(ctx, tx, case, NewCall { to, outcome, note: words("") })
        });
    }

    /// The care manager, a relative, or the support centre of the area.
    fn request_visit(&mut self, region: &Region) {
        let visitors = self.visitors(region);
        let visitor = visitors[self.rng.random_range(0..visitors.len())];
        let case = self.case;
        let asked = region.write(self.desk(region), move |ctx, tx| {
            response::request_visit(ctx, tx, case, visitor, words("お願いします"))
        });
        match asked {
            Ok(visit) => self.visit = Some(visit.id),
            Err(ResponseError::Refused(Refusal::VisitorAlreadyAsked)) => {}
            Err(other) => panic!("a visit can be asked for: {other:?}"),
        }
    }

    fn visitors(&self, region: &Region) -> Vec<Visitor> {
        let case = self.case;
        let sheet = region
            .read(self.desk(region), move |ctx, tx| response::case_sheet(ctx, tx, case))
            .expect("the operator sees the case");
        let free: Vec<Visitor> = sheet.visitors.iter().filter(|v| !v.asked).map(|v| v.visitor).collect();
        assert!(!free.is_empty(), "there is always somebody to ask");
        free
    }

    /// The visit under way: agreed to, set out, arrived, reported, by the visitor or, for those without an account, by
    /// the operator who hears it on the telephone.
    fn visit(&mut self, region: &Region, case: &Case, truth: Truth) -> Progress {
        let visit = self.visit.and_then(|id| self.open_visit(region, id));
        let Some(visit) = visit else {
            self.request_visit(region);
            return Progress::Goes;
        };
        let who = self.visitor_ctx(region, visit.visitor);
        let id = visit.id;
        match visit.state {
            VisitState::Requested if self.rng.random_bool(0.2) => {
                region
                    .write(who, move |ctx, tx| response::decline_visit(ctx, tx, id, words("ほかの訪問中のため")))
                    .expect("a visit can be declined");
                self.visit = None;
            }
            VisitState::Requested => {
                region.write(who, move |ctx, tx| response::accept_visit(ctx, tx, id)).expect("a visit can be accepted");
            }
            VisitState::Accepted => {
                region.write(who, move |ctx, tx| response::on_the_way(ctx, tx, id)).expect("a visitor can set out");
            }
            VisitState::OnTheWay => {
                region.write(who, move |ctx, tx| response::arrived(ctx, tx, id)).expect("a visitor can arrive");
            }
            _ => {
                let condition = match truth {
                    Truth::Well => Condition::Well,
                    Truth::Away | Truth::Hospital => Condition::Absent,
                    Truth::Lying if self.rng.random_bool(0.5) => Condition::NoAnswer,
                    Truth::Lying => Condition::Unwell,
                };
                let report = VisitReport { condition, text: words("訪問しました。") };
                region
                    .write(who, move |ctx, tx| response::report_visit(ctx, tx, id, report.clone()))
                    .expect("a visitor can report");
                assert!(case.open());
                return found(truth, condition);
            }
        }
        Progress::Goes
    }

    fn open_visit(&self, region: &Region, id: VisitId) -> Option<response::Visit> {
        let sheet = region.read(region.program(), move |ctx, tx| response::visit_sheet(ctx, tx, id));
        sheet.ok().map(|s| s.visit.clone()).filter(|v| v.state.open())
    }

    fn visitor_ctx(&self, region: &Region, visitor: Visitor) -> Ctx {
        let Visitor::Staff(staff) = visitor else { return self.desk(region) };
        let n = region.register.staff.iter().position(|s| *s == staff).expect("of the town");
        region.acting(region.plan.staff[n].role, region.staff_numbered(n), Purpose::Care)
    }

    fn help(&mut self, region: &Region, asked: Option<Help>, truth: Truth) -> Progress {
        let case = self.case;
        if asked.is_none() {
            let help = if self.rng.random_bool(0.6) { Help::KeyHolder } else { Help::Police };
            self.at_desk(region, move |ctx, tx| response::ask_help(ctx, tx, case, help, words("")));
            return Progress::Goes;
        }
        let condition = match truth {
            Truth::Well => Condition::Well,
            Truth::Lying => Condition::Unwell,
            Truth::Away | Truth::Hospital => Condition::Absent,
        };
        let report = VisitReport { condition, text: words("開扉しました。") };
        self.at_desk(region, move |ctx, tx| response::report_help(ctx, tx, case, report.clone()));
        found(truth, condition)
    }

    /// Ill: an ambulance, or the doctor by way of the care manager.
    fn decide(&mut self, region: &Region) {
        let case = self.case;
        if self.rng.random_bool(0.7) {
            return self.at_desk(region, move |ctx, tx| {
                response::call_ambulance(ctx, tx, case, ctx.now, words("訪問した方"), words("")).map(drop)
            });
        }
        let doctor = self.of_team(region, TeamPart::AttendingDoctor).0;
        let manager = region.acting(Role::CareManager, self.of_team(region, TeamPart::CareManager), Purpose::Care);
        region
            .write(manager, move |ctx, tx| {
                response::consult(ctx, tx, case, doctor, words("受診の要否をご相談します。"))
            })
            .expect("the care manager can ask the doctor");
    }

    fn answer(&mut self, region: &Region) {
        let case = self.case;
        let doctor = region.acting(Role::Doctor, self.of_team(region, TeamPart::AttendingDoctor), Purpose::Care);
        region
            .write(doctor, move |ctx, tx| response::answer_consultation(ctx, tx, case, words("受診してください。")))
            .expect("the doctor can answer");
    }

    fn of_team(&self, region: &Region, part: TeamPart) -> (StaffId, OfficeId) {
        let team = &region.plan.residents[self.home].team;
        let (n, _) = team.iter().find(|(_, p)| *p == part).expect("every watched resident has one");
        region.staff_numbered(*n)
    }

    fn close(&mut self, region: &Region, known: &Case) {
        let (case, known) = (self.case, known.clone());
        self.at_desk(region, move |ctx, tx| {
            let cause: Cause = response::causes_now(tx, &known)?[0];
            response::close(ctx, tx, case, cause, words(""))
        });
        if self.rng.random_bool(0.5) {
            let review = Review { false_alarm: None, note: words("記録のとおりです。"), proposal: words("") };
            self.at_desk(region, move |ctx, tx| response::review(ctx, tx, case, review.clone()));
        }
    }
}

fn found(truth: Truth, condition: Condition) -> Progress {
    if truth == Truth::Lying && condition == Condition::Unwell { Progress::Found } else { Progress::Goes }
}
