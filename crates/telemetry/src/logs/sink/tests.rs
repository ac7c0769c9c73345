use std::sync::mpsc;
use std::time::Duration;

use plimsoll_core::Clock;

use super::super::Format;
use super::super::callsite::Callsites;
use super::super::style::{Sample, Style};
use super::*;

/// An output that does as it is told at each write, and as a good one after.
struct Told {
    turns: mpsc::Receiver<Turn>,
    written: Arc<Mutex<Vec<u8>>>,
}

enum Turn {
    /// Takes this many bytes.
    Take(usize),
    Fail(std::io::ErrorKind),
    Panic,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let most = match self.turns.recv() {
            Ok(Turn::Take(most)) => most.min(bytes.len()),
            Ok(Turn::Fail(kind)) => return Err(kind.into()),
            Ok(Turn::Panic) => panic!("told to"),
            Err(_) => bytes.len(),
        };
        self.written
            .lock()
            .unwrap()
            .extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn sink(capacity: usize) -> (LogSink, mpsc::Sender<Turn>, Arc<Mutex<Vec<u8>>>) {
    let (turn, turns) = mpsc::channel();
    let written = Arc::default();
    let output = Told {
        turns,
        written: Arc::clone(&written),
    };
    (start(capacity, Box::new(output)), turn, written)
}

fn start(capacity: usize, output: Box<dyn Write + Send>) -> LogSink {
    let style = Style::new(
        Format::Json,
        false,
        Clock::system(),
        "card-service",
        Sample::new(1.0),
    );
    let callsites = Arc::new(Callsites::new(None));
    let notices = Notices::new(Arc::new(style), callsites);
    LogSink::start(capacity, output, notices).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn lines(written: &Mutex<Vec<u8>>) -> Vec<String> {
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn lost_for(balance: &Balance, reason: Reason) -> u64 {
    balance.dropped[reason as usize]
}

#[test]
fn a_full_queue_and_a_full_disk_are_counted_and_told_in_one_line() {
    let (sink, turn, written) = sink(20);
    for _ in 0..100 {
        sink.submit(b"1234\n");
    }
    turn.send(Turn::Fail(std::io::ErrorKind::StorageFull))
        .unwrap();
    drop(turn);
    sink.flush(soon());
    sink.submit(b"last\n");
    sink.shutdown(soon());
    let balance = sink.balance();
    assert!(balance.holds(), "{balance:?}");
    assert_eq!(balance.pending, 0);
    let full = lost_for(&balance, Reason::QueueFull);
    let failed = lost_for(&balance, Reason::WriteFailed);
    assert!(full > 0 && failed > 0, "{balance:?}");
    let lines = lines(&written);
    assert_eq!(lines.len() as u64, balance.delivered);
    let told: u64 = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["lost"].as_u64())
        .sum();
    assert_eq!(told, full + failed, "{lines:?}");
}

#[test]
fn a_line_torn_by_a_failure_is_counted_as_lost_and_spoils_no_other() {
    let (sink, turn, written) = sink(CAPACITY);
    for line in [b"one\n", b"two\n", b"six\n"] {
        sink.submit(line);
    }
    turn.send(Turn::Take(6)).unwrap();
    turn.send(Turn::Fail(std::io::ErrorKind::StorageFull))
        .unwrap();
    drop(turn);
    sink.flush(soon());
    sink.submit(b"ten\n");
    sink.shutdown(soon());
    let lines = lines(&written);
    assert_eq!(&lines[..2], ["one", "tw"]);
    assert!(lines.contains(&"ten".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("lost 2 lines")));
    let balance = sink.balance();
    assert_eq!(lost_for(&balance, Reason::WriteFailed), 2);
    // All but the torn one.
    assert_eq!(balance.delivered, lines.len() as u64 - 1);
    assert!(balance.holds());
}

#[test]
fn an_output_that_has_no_room_for_now_is_asked_again() {
    let (sink, turn, written) = sink(CAPACITY);
    for kind in [
        std::io::ErrorKind::WouldBlock,
        std::io::ErrorKind::Interrupted,
        std::io::ErrorKind::WouldBlock,
    ] {
        turn.send(Turn::Fail(kind)).unwrap();
    }
    drop(turn);
    sink.submit(b"line\n");
    sink.shutdown(soon());
    assert_eq!(lines(&written), ["line"]);
}

#[test]
fn an_output_that_panics_hangs_no_shutdown_and_loses_no_count() {
    let (sink, turn, written) = sink(CAPACITY);
    turn.send(Turn::Panic).unwrap();
    sink.submit(b"line\n");
    sink.flush(soon());
    sink.submit(b"line\n");
    sink.shutdown(soon());
    let balance = sink.balance();
    assert_eq!(lost_for(&balance, Reason::WriteFailed), 2);
    assert!(balance.holds(), "{balance:?}");
    assert_eq!(lines(&written), [""; 0]);
}

#[test]
fn an_output_that_hangs_costs_shutdown_its_deadline_and_the_queue_is_counted_as_lost() {
    let (sink, turn, written) = sink(CAPACITY);
    sink.submit(b"hangs\n");
    // The writer has taken it once the queue is empty.
    while !sink.0.lock().is_empty() {
        std::thread::yield_now();
    }
    sink.submit(b"queued\n");
    sink.shutdown(Instant::now() + Duration::from_millis(20));
    let balance = sink.balance();
    assert!(balance.holds(), "{balance:?}");
    assert_eq!(lost_for(&balance, Reason::Shutdown), 1);
    assert_eq!(balance.pending, 1);
    drop(turn);
    sink.shutdown(soon());
    assert_eq!(lines(&written), ["hangs"]);
    assert_eq!(sink.balance().delivered, 1);
}

#[test]
fn shutdown_writes_everything_and_later_lines_are_counted_as_lost() {
    let (sink, turn, written) = sink(CAPACITY);
    drop(turn);
    for _ in 0..1_000 {
        sink.submit(b"line\n");
    }
    sink.shutdown(soon());
    sink.submit(b"late\n");
    assert_eq!(lines(&written).len(), 1_000);
    let balance = sink.balance();
    assert_eq!(lost_for(&balance, Reason::Shutdown), 1);
    assert!(balance.holds());
}

#[test]
fn a_burst_leaves_no_memory_behind_and_lines_keep_their_order() {
    let (sink, turn, written) = sink(CAPACITY);
    for number in 0..200_000 {
        sink.submit(format!("{number}: {}\n", "x".repeat(60)).as_bytes());
    }
    let long = "y".repeat(3 * CHUNK);
    sink.submit(format!("200000: {long}\n").as_bytes());
    drop(turn);
    sink.flush(soon());
    for (number, line) in lines(&written).iter().enumerate() {
        assert!(line.starts_with(&format!("{number}: ")), "{number}");
    }
    let state = sink.0.lock();
    let kept: usize = state.spare.iter().map(Vec::capacity).sum();
    assert!(kept + state.filling.bytes.capacity() <= (SPARE + 1) * CHUNK);
    assert_eq!((state.bytes, state.pending, state.full.len()), (0, 0, 0));
}

#[test]
fn lines_of_many_threads_arrive_whole_and_are_all_counted() {
    let (sink, turn, written) = sink(CAPACITY);
    drop(turn);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let sink = sink.clone();
            scope.spawn(move || {
                for number in 0..5_000 {
                    sink.line(|out| {
                        out.extend_from_slice(format!("{thread} {number}\n").as_bytes());
                    });
                    assert!(sink.balance().holds());
                }
            });
        }
    });
    sink.shutdown(soon());
    let mut next = [0; 4];
    for line in lines(&written) {
        let (thread, number) = line.split_once(' ').unwrap();
        let of_thread: &mut u32 = &mut next[thread.parse::<usize>().unwrap()];
        assert_eq!(number.parse::<u32>().unwrap(), *of_thread);
        *of_thread += 1;
    }
    assert_eq!(next, [5_000; 4]);
    assert_eq!(sink.balance().delivered, 20_000);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_stops_nothing() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let sink = start(CAPACITY, Box::new(full.unwrap()));
    for _ in 0..1_000 {
        sink.submit(b"line\n");
    }
    sink.shutdown(soon());
    let balance = sink.balance();
    assert_eq!(lost_for(&balance, Reason::WriteFailed), 1_000);
    assert!(balance.holds(), "{balance:?}");
    let outlet = sink.outlet();
    assert!(outlet.failed_in_a_row > 0 && outlet.succeeded == 0);
}
