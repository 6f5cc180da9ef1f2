//! What a gateway reports, what it fails to report, and what stands on the list of those that reached nobody.

use access::{FOREVER, Grant, Ground};

use super::*;

impl Region {
    fn accepted(&mut self) -> Delivery {
        let delivery = self.due().remove(0);
        self.outcome(&delivery, DeliveryOutcome::Accepted);
        delivery
    }

    fn report(&mut self, attempt: AttemptId, report: GatewayReport) -> Reported {
        self.write(Actor::system("gateway"), move |ctx, tx| record_report(ctx, tx, attempt, report)).unwrap()
    }

    fn ways_due(&mut self) -> Vec<Way> {
        self.due().iter().map(|d| d.way).collect()
    }

    fn stuck(&mut self, who: Actor) -> Result<Vec<Undeliverable>, NotifyError> {
        let ctx = self.ctx(who);
        Ok(self.read(move |tx| undeliverable(&ctx, tx, 10))?.into_value().0)
    }

    /// The case of the message's person is open at the operator's office.
    fn open_case(&mut self) {
        let holder = operator().office.unwrap().0;
        let grant = Grant {
            person: PERSON,
            holder,
            ground: Ground::Case,
            source: Uuid::from_u128(404),
            until: FOREVER,
            items: access::Items::All,
        };
        self.write(Actor::system("response"), move |ctx, tx| access::grant(ctx, tx, grant)).unwrap();
    }

    fn close_case(&mut self) {
        self.write(Actor::system("response"), |ctx, tx| access::revoke_source(ctx, tx, Uuid::from_u128(404))).unwrap();
    }
}

fn at_work(role: Role, id: u128) -> Ctx {
    let actor = Actor { role, id: Uuid::from_u128(id), office: None, person: None, device: "test".into() };
    let purpose = if role == Role::Administrator { Purpose::Registration } else { Purpose::CityDuty };
    Ctx::new(actor, purpose, Instant::parse("2026-11-22T08:00").unwrap(), RequestId(Uuid::from_u128(id)))
}

#[test]
fn a_call_that_nobody_answered_is_followed_by_the_next_way() {
    let mut region = Region::new();
    let id = region.send(&[Way::Phone, Way::Sms]);
    let call = region.accepted();
    assert!(region.ways_due().is_empty());
    let began = region.now;
    assert_eq!(region.report(call.attempt, GatewayReport::Failed), Reported::Noted);
    let sms = region.due().remove(0);
    assert_eq!(sms.way, Way::Sms);
    assert!(region.now - began <= NEXT_WAY_WITHIN);
    region.outcome(&sms, DeliveryOutcome::Accepted);
    assert_eq!(region.report(sms.attempt, GatewayReport::Read), Reported::Noted);
    assert_eq!(region.states(id), [(Way::Phone, AttemptState::Failed), (Way::Sms, AttemptState::Read)]);
}

/// The same for a gateway of which nothing was expected: an accepted attempt counted as sent, and yet it failed.
#[test]
fn a_report_counts_even_where_none_was_awaited() {
    let mut region = Region::new();
    region.send(&[Way::Sms, Way::Mail]);
    let sms = region.due().remove(0);
    region.outcome(&sms, DeliveryOutcome::Sent);
    assert!(region.ways_due().is_empty());
    region.report(sms.attempt, GatewayReport::Failed);
    assert_eq!(region.ways_due(), [Way::Mail]);
}

#[test]
fn a_report_that_comes_twice_or_late_changes_nothing_more() {
    let mut region = Region::new();
    let id = region.send(&[Way::Sms, Way::Mail, Way::Phone]);
    let sms = region.accepted().attempt;
    assert_eq!(region.report(sms, GatewayReport::Failed), Reported::Noted);
    let rows = |r: &Region| r.read(|tx| audit::newest(tx, 100)).unwrap().len();
    let before = (region.states(id), rows(&region));
    assert_eq!(region.report(sms, GatewayReport::Failed), Reported::Known);
    assert_eq!((region.states(id), rows(&region)), before);
    let mail = region.due().remove(0);
    region.outcome(&mail, DeliveryOutcome::Sent);
    assert_eq!(region.report(mail.attempt, GatewayReport::Failed), Reported::Unknown, "no gateway carries mail");
    assert_eq!(region.report(AttemptId(Uuid::from_u128(1)), GatewayReport::Read), Reported::Unknown);
    region.write(recipient(), move |ctx, tx| mark_read(ctx, tx, id)).unwrap();
    assert_eq!(region.report(sms, GatewayReport::Failed), Reported::Known, "who has read it needs no further way");
    use AttemptState::{Failed, Sent, Unneeded};
    assert_eq!(region.states(id), [(Way::Sms, Failed), (Way::Mail, Sent), (Way::Phone, Unneeded)]);
}

/// The gateway's own answer may be slower than its report, or may be lost.
#[test]
fn a_report_may_overtake_the_answer() {
    let mut region = Region::new();
    let id = region.send(&[Way::Sms, Way::Mail]);
    let sms = region.due().remove(0);
    assert_eq!(region.report(sms.attempt, GatewayReport::Failed), Reported::Noted);
    region.outcome(&sms, DeliveryOutcome::Accepted);
    assert_eq!(region.states(id)[0], (Way::Sms, AttemptState::Failed));
    assert_eq!(region.ways_due(), [Way::Mail]);

    let id = region.send(&[Way::Sms, Way::Mail]);
    let sms = region.due().remove(0);
    region.outcome(&sms, DeliveryOutcome::Failed { why: "timeout" });
    assert_eq!(region.report(sms.attempt, GatewayReport::Delivered), Reported::Noted);
    region.pass(Span::minutes(10));
    assert!(region.ways_due().is_empty(), "what is delivered is not sent again");
    assert_eq!(region.states(id), [(Way::Sms, AttemptState::Sent), (Way::Mail, AttemptState::Waiting)]);

    let id = region.send(&[Way::Sms, Way::Mail]);
    let waiting = region.read(move |tx| receipts(tx, id)).unwrap()[0].attempt;
    assert_eq!(region.report(waiting, GatewayReport::Read), Reported::Unknown, "it was never handed over");
}

#[test]
fn no_report_in_time_counts_as_failed_and_a_report_ends_the_waiting() {
    let mut region = Region::new();
    let silent = region.send(&[Way::Sms, Way::Mail]);
    region.accepted();
    let told = region.send(&[Way::Sms, Way::Mail]);
    let sms = region.accepted().attempt;
    region.report(sms, GatewayReport::Delivered);
    let read = region.send(&[Way::Screen, Way::Sms, Way::Mail]);
    region.accepted();
    region.write(recipient(), move |ctx, tx| mark_read(ctx, tx, read)).unwrap();
    region.pass(Span::minutes(4));
    assert!(region.ways_due().is_empty());
    region.pass(Span::minutes(1));
    let next = region.due();
    assert_eq!(next.iter().map(|d| (d.message, d.way)).collect::<Vec<_>>(), [(silent, Way::Mail)]);
    use AttemptState::{Failed, Queued, Sent, Unneeded, Waiting};
    assert_eq!(region.states(silent), [(Way::Sms, Failed), (Way::Mail, Queued)]);
    assert_eq!(region.states(told), [(Way::Sms, Sent), (Way::Mail, Waiting)]);
    assert_eq!(region.states(read)[..2], [(Way::Sms, Sent), (Way::Mail, Unneeded)]);
    let why = region.read(move |tx| receipts(tx, silent)).unwrap()[0].error.clone();
    assert_eq!(why.as_deref(), Some("no_report"));
    assert!(rules::failure_ja("no_report").contains("報告"));
}

#[test]
fn a_late_delivery_takes_the_message_off_the_list() {
    let mut region = Region::new();
    region.open_case();
    region.send(&[Way::Sms]);
    let sms = region.accepted().attempt;
    region.pass(report_within(Topic::NoticeAsked));
    assert!(region.due().is_empty());
    assert_eq!(region.stuck(operator()).unwrap().len(), 1);
    region.report(sms, GatewayReport::Delivered);
    assert!(region.stuck(operator()).unwrap().is_empty());
}

#[test]
fn when_no_way_is_left_the_message_stands_on_a_list_until_it_is_settled() {
    let mut region = Region::new();
    let settled = region.region.db.write_blocking(|tx| {
        access::settle_person(tx, PERSON, "23204")?;
        access::settle_office(tx, OfficeId(Uuid::from_u128(62)), "23204", true)
    });
    settled.unwrap();
    let id = region.send(&[Way::Screen, Way::Mail]);
    let mail = region.due().remove(0);
    region.outcome(&mail, DeliveryOutcome::Refused { why: "mail_refused" });
    assert_eq!(region.topics(), ["notify.screen", "notify.undeliverable"]);
    for ctx in [at_work(Role::Administrator, 61), at_work(Role::CityOfficer, 62)] {
        let (stuck, all) = region.read(move |tx| undeliverable(&ctx, tx, 10)).unwrap().into_value();
        assert_eq!(stuck.iter().map(|u| (u.message, u.person)).collect::<Vec<_>>(), [(id, Some(PERSON))]);
        assert_eq!(all, 1);
    }
    let theirs = region.write(recipient(), move |ctx, tx| settle_undeliverable(ctx, tx, id));
    assert!(matches!(theirs, Err(NotifyError::Refused(NotifyRefusal::NotForYou))));
    let blind = region.write(operator(), move |ctx, tx| settle_undeliverable(ctx, tx, id));
    let unknown = matches!(blind, Err(NotifyError::Refused(NotifyRefusal::MessageUnknown)));
    assert!(unknown, "no case of this person is open");
    region.open_case();
    region.write(operator(), move |ctx, tx| settle_undeliverable(ctx, tx, id)).unwrap();
    assert!(region.stuck(operator()).unwrap().is_empty());
    let again = region.write(operator(), move |ctx, tx| settle_undeliverable(ctx, tx, id));
    assert!(matches!(again, Err(NotifyError::Refused(NotifyRefusal::Settled))));
}

#[test]
fn the_call_centre_sees_only_the_people_of_its_open_cases_on_the_list() {
    let mut region = Region::new();
    let mut nobody = message(&[Way::Mail]);
    nobody.to = Recipient::on_screen(Uuid::from_u128(5));
    let mut of_the_line = nobody.clone();
    (of_the_line.person, of_the_line.topic, of_the_line.link) = (None, Topic::GatewaySilent, None);
    region
        .write(Actor::system("watch"), move |ctx, tx| {
            send(ctx, tx, &nobody)?;
            send(ctx, tx, &of_the_line)
        })
        .unwrap();
    let topics = |r: &mut Region| r.stuck(operator()).unwrap().iter().map(|u| u.topic).collect::<Vec<_>>();
    assert_eq!(topics(&mut region), [Topic::GatewaySilent]);
    region.open_case();
    assert_eq!(topics(&mut region).len(), 2);
    region.close_case();
    assert_eq!(topics(&mut region), [Topic::GatewaySilent]);
}

#[test]
fn ones_own_messages_stay_on_the_page_and_what_was_read_is_off_the_list() {
    let mut region = Region::new();
    let id = region.send(&[Way::Screen, Way::Mail]);
    let mail = region.due().remove(0);
    region.outcome(&mail, DeliveryOutcome::Refused { why: "address" });
    region.pass(Span::minutes(1));
    region.write(recipient(), move |ctx, tx| mark_read(ctx, tx, id)).unwrap();
    let ctx = region.ctx(recipient());
    let (mine, all) = region.read(move |tx| messages(&ctx, tx)).unwrap();
    assert_eq!(mine.iter().map(|m| (m.message, m.read_at)).collect::<Vec<_>>(), [(id, Some(region.now))]);
    assert_eq!(all, 1);
    let ctx = at_work(Role::CityOfficer, 63);
    assert!(region.read(move |tx| undeliverable(&ctx, tx, 10)).unwrap().0.is_empty());
    let stranger = region.ctx(Actor { id: Uuid::from_u128(9), ..recipient() });
    assert_eq!(region.read(move |tx| messages(&stranger, tx)).unwrap(), (vec![], 0));
}

#[test]
fn a_gateway_that_reports_is_awaited() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (url, _) = gateway(vec![202]).await;
        let config = GatewayConfig {
            sms_url: Some(url),
            phone_url: None,
            token: "secret".to_owned().into(),
            report_token: Some("report".to_owned().into()),
        };
        let adapters = Adapters::new(None, Some(&config), "https://tsunagari.example.jp/l/").unwrap();
        assert_eq!(deliver(&adapters, &delivery(Way::Sms, "090-0000-1234")).await, DeliveryOutcome::Accepted);
    });
}

#[test]
fn what_went_into_the_folder_is_read_back_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(letters(&folder.path().join("none"), 10), (vec![], 0));
    let adapters = Adapters::folder(folder.path(), "http://127.0.0.1:8080/l/").unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for (n, way) in [(1, Way::Mail), (2, Way::Sms), (3, Way::Phone)] {
            let attempt = AttemptId(Uuid::from_u128(n));
            let address = if way == Way::Mail { "kazoku@example.jp" } else { "090-0000-1234" };
            let sent = deliver(&adapters, &Delivery { attempt, ..delivery(way, address) }).await;
            assert_eq!(sent, DeliveryOutcome::Sent);
            // Files of one tick of the file system's clock are told apart by their names.
            let file = std::fs::File::options().write(true).open(folder.path().join(format!(
                "{attempt}-{}-1.{}",
                way.key(),
                if way == Way::Mail { "eml" } else { "txt" }
            )));
            file.unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
    });
    let (read, all) = letters(folder.path(), 10);
    assert_eq!(read.iter().map(|l| l.way).collect::<Vec<_>>(), [Way::Phone, Way::Sms, Way::Mail]);
    let mail = &read[2];
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("kazoku@example.jp", "【つながり】ご確認のお願い"));
    assert!(mail.text.starts_with("つながりからのお知らせです。") && mail.text.contains("/l/TOKEN"), "{}", mail.text);
    assert_eq!((read[1].to.as_str(), read[1].subject.as_str()), ("090-0000-1234", ""));
    assert!(read[1].text.ends_with("http://127.0.0.1:8080/l/TOKEN"));
    assert_eq!((letters(folder.path(), 1).0.len(), all), (1, 3));
}
