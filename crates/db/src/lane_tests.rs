//! Two lanes: what a person waits for is decided by order and counts, never by a clock.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use crate::testing::{TestDb, fresh};
use crate::{Db, DbError};

type Order = Arc<Mutex<Vec<&'static str>>>;

/// Pieces of bulk that run before somebody must have had their turn.
const PATIENCE: usize = 10_000;

/// Keeps the writer busy with a command that ends when the sender is used or dropped; returns when it has begun.
fn hold(db: &Db, bulk: bool) -> (Sender<()>, std::thread::JoinHandle<Result<(), DbError>>) {
    let (let_go, held) = channel();
    let (begun, began) = channel();
    let held = Mutex::new(held);
    let work = move |_: &mut dyn crate::Tx| {
        let _ = begun.send(());
        let held: &Receiver<()> = &held.lock().unwrap();
        let _ = held.recv();
        Ok(())
    };
    let db = db.clone();
    let thread = std::thread::spawn(move || match bulk {
        true => db.send_bulk("held", work)?.blocking_recv().unwrap(),
        false => db.write_blocking(work),
    });
    began.recv().unwrap();
    (let_go, thread)
}

fn piece(db: &Db, order: &Order) -> tokio::sync::oneshot::Receiver<Result<(), DbError>> {
    let order = order.clone();
    db.send_bulk("piece", move |_| {
        order.lock().unwrap().push("bulk");
        Ok(())
    })
    .unwrap()
}

/// Puts a person's command into its lane while the writer is held, lets it go, and waits for the answer.
fn press(test: &TestDb, order: &Order, let_go: Sender<()>) {
    let order = order.clone();
    let mut command = pin!(test.db.write(move |_| {
        order.lock().unwrap().push("person");
        Ok::<_, DbError>(())
    }));
    // The first look sends it.
    assert!(command.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(let_go);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(command).unwrap();
}

// shows: 5.4.4 bulk runs behind commands of people
#[test]
fn a_person_goes_before_all_bulk_that_waits() {
    let (test, order) = (fresh(&[]), Order::default());
    let (let_go, held) = hold(&test.db, false);
    let pieces: Vec<_> = (0..40).map(|_| piece(&test.db, &order)).collect();
    press(&test, &order, let_go);
    held.join().unwrap().unwrap();
    pieces.into_iter().for_each(|sent| sent.blocking_recv().unwrap().unwrap());
    let order = order.lock().unwrap();
    assert_eq!((order.len(), order[0]), (41, "person"), "{order:?}");
}

// shows: 5.4.4 a command of a person waits for one slice at most while bulk runs without end
#[test]
fn a_person_who_comes_in_the_middle_of_bulk_waits_for_the_piece_under_way_and_no_other() {
    let test = fresh(&[]);
    for _ in 0..20 {
        let order = Order::default();
        let (let_go, held) = hold(&test.db, true);
        let pieces: Vec<_> = (0..40).map(|_| piece(&test.db, &order)).collect();
        press(&test, &order, let_go);
        held.join().unwrap().unwrap();
        pieces.into_iter().for_each(|sent| sent.blocking_recv().unwrap().unwrap());
        assert_eq!(order.lock().unwrap()[0], "person", "the piece under way ended, and then it was the person's turn");
    }
}

// shows: 5.4.4 bulk is never forgotten, however busy people are
#[test]
fn bulk_has_its_turn_while_somebody_always_waits() {
    let test = fresh(&[]);
    let (ended, commands) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let people: Vec<_> = (0..4)
        .map(|_| {
            let (db, ended, commands) = (test.db.clone(), ended.clone(), commands.clone());
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    db.write_blocking(|_| Ok::<_, DbError>(())).unwrap();
                    commands.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let piece = || test.db.send_bulk("piece", |_| Ok::<_, DbError>(())).unwrap().blocking_recv().unwrap().unwrap();
    // On a busy machine people begin late; so late that they never do, and nothing was shown.
    let begun = (0..PATIENCE).any(|_| {
        piece();
        commands.load(Ordering::Relaxed) > 0
    });
    assert!(begun, "{PATIENCE} pieces ran, and no command of four people did");
    for _ in 0..20 {
        piece();
    }
    ended.store(true, Ordering::Relaxed);
    people.into_iter().for_each(|person| person.join().unwrap());
}

#[test]
fn work_in_slices_ends_when_nothing_more_waits_and_says_where_it_failed() {
    let test = fresh(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let left = Arc::new(AtomicUsize::new(1000));
    let taken = left.clone();
    let all = test.db.in_slices("rows", move |_, rows| {
        let now = taken.load(Ordering::Relaxed);
        taken.store(now.saturating_sub(rows), Ordering::Relaxed);
        Ok::<_, DbError>(now > rows)
    });
    runtime.block_on(all).unwrap();
    assert_eq!(left.load(Ordering::Relaxed), 0);
    let failed = test.db.in_slices("rows", |_, _| Err::<bool, _>(DbError::NoRow));
    assert!(matches!(runtime.block_on(failed), Err(DbError::NoRow)));
}
