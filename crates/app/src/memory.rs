//! The allocator of the whole program, SQLite's pages included: what threads free is put together again and goes back
//! to the machine within seconds, where the C library's arenas keep it in pieces (docs/adr/0031).

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Gives back at once what is free: to be called where much was needed once.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // The declaration of one function of the allocator, which is handed a constant and no other address.
pub fn give_back() {
    use std::ffi::{c_char, c_int, c_void};
    use std::ptr::null_mut;

    unsafe extern "C" {
        safe fn mallctl(
            name: *const c_char,
            old: *mut c_void,
            old_length: *mut usize,
            new: *mut c_void,
            new_length: usize,
        ) -> c_int;
    }
    // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
    let outcome = mallctl(c"arena.4096.purge".as_ptr(), null_mut(), null_mut(), null_mut(), 0);
    if outcome != 0 {
        tracing::debug!(outcome, "memory that is free was not given back at once");
    }
}

/// Other allocators keep nothing that could be asked back.
#[cfg(not(target_os = "linux"))]
pub fn give_back() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn resident_mb() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("this process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// Small pieces of 400 MB together, the last of which stays.
    fn filled_and_freed() -> (u64, Option<Box<[u8; 1000]>>) {
        let mut pieces: Vec<Box<[u8; 1000]>> = (0..400_000).map(|_| Box::new([1; 1000])).collect();
        (resident_mb(), pieces.pop())
    }

    // shows: 5.7.4 memory that building the town took is given back, at once or by itself
    #[test]
    fn what_was_freed_behind_something_that_stays_goes_back_to_the_machine() {
        // Where the allocator's own thread is giving back already, asking does nothing and that thread is waited for.
        for (asks, patience) in [(true, 20), (false, 60)] {
            let (held, stays) = filled_and_freed();
            let until = Instant::now() + Duration::from_secs(patience);
            while resident_mb() + 250 > held {
                if asks {
                    give_back();
                }
                assert!(Instant::now() < until, "{held} MB, and still {} MB", resident_mb());
                std::thread::sleep(Duration::from_millis(100));
            }
            drop(stays);
        }
    }
}
