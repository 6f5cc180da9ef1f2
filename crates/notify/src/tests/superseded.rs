//! A limit that nobody keeps is told again and again; the list of whoever reads it stays short.

use super::*;

const CASES: [base::CaseId; 2] = [base::CaseId(Uuid::from_u128(301)), base::CaseId(Uuid::from_u128(302))];

impl Region {
    fn tell_office(&mut self, case: base::CaseId, topic: Topic) -> MessageId {
        let to = Recipient::on_screen(operator().office.unwrap().0);
        let link = Some(LinkPurpose::OpenCase { case });
        let new = NewMessage { to, topic, link, ..message(&[Way::Screen]) };
        self.pass(Span::minutes(10));
        self.write(Actor::system("response"), move |ctx, tx| send(ctx, tx, &new)).unwrap()
    }

    fn on_screen(&mut self) -> (Vec<MessageId>, usize) {
        let ctx = self.ctx(operator());
        self.read(move |tx| {
            let shown = inbox(&ctx, tx).unwrap().into_iter().map(|item| item.message).collect();
            (shown, unread(tx, &ctx.actor).unwrap())
        })
    }
}

#[test]
fn an_office_that_reads_nothing_for_a_week_finds_one_message_a_case() {
    let mut region = Region::new();
    let opened = region.tell_office(CASES[0], Topic::AlertRaised);
    let mut told = [opened; 2];
    for _ in 0..500 {
        for (case, told) in CASES.into_iter().zip(&mut told) {
            *told = region.tell_office(case, Topic::CaseOverdue);
        }
    }
    assert_eq!(
        region.on_screen(),
        (vec![told[1], told[0], opened], 3),
        "the newest of each, and what is of another kind"
    );
    let ctx = region.ctx(operator());
    let (listed, all) = region.read(move |tx| messages(&ctx, tx)).unwrap();
    assert_eq!((listed.len(), all), (3, 3));
    let kept: i64 = region.read(|tx| tx.scalar("SELECT COUNT(*) FROM notify_message", &[])).unwrap();
    assert_eq!(kept, 1001, "whether and when each was told stays known");
}

#[test]
fn what_was_read_stays_and_what_is_told_afterwards_is_new() {
    let mut region = Region::new();
    let first = region.tell_office(CASES[0], Topic::CaseOverdue);
    region.write(operator(), move |ctx, tx| mark_read(ctx, tx, first)).unwrap();
    let second = region.tell_office(CASES[0], Topic::CaseOverdue);
    assert_eq!(region.on_screen(), (vec![second], 1));
    let ctx = region.ctx(operator());
    let (listed, _) = region.read(move |tx| messages(&ctx, tx)).unwrap();
    assert_eq!(listed.iter().map(|item| item.message).collect::<Vec<_>>(), [second, first]);
}
