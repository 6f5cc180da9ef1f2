//! The allocator of the whole program, SQLite's pages included: what threads free is put together again and goes back
//! to the machine within seconds, where the C library's arenas keep it in pieces (docs/adr/0031).

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    fn resident_mb() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("this process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    // shows: 5.7.4 memory that building the town took is given back
    #[test]
    fn what_was_freed_behind_something_that_stays_goes_back_to_the_machine_by_itself() {
        let mut pieces: Vec<Box<[u8; 1000]>> = (0..400_000).map(|_| Box::new([1; 1000])).collect();
        let held = resident_mb();
        let stays = pieces.pop();
        drop(pieces);
        let until = Instant::now() + Duration::from_secs(60);
        while resident_mb() + 300 > held {
            assert!(Instant::now() < until, "{held} MB, and still {} MB", resident_mb());
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(stays);
    }
}
