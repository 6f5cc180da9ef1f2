//! Memory that was freed, and that the C library keeps in case it is asked for again.

/// Gives it back to the machine: to be called where much was needed once (docs/adr/0031).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)] // The declaration of one function of glibc that takes no address.
pub fn give_back() {
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    malloc_trim(0);
}

/// Keeps what is freed in few places: with one for nearly every thread, what one freed is of no use to the others, and
/// the program holds the most that each of them ever needed. To be called before any thread begins.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)] // The declaration of one function of glibc that takes two numbers.
pub fn keep_together() {
    unsafe extern "C" {
        safe fn mallopt(what: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
    }
    const M_ARENA_MAX: std::ffi::c_int = -8;
    mallopt(M_ARENA_MAX, ARENAS);
}

/// As many as there are processors on the machine we measure on; a thread that finds one taken uses the other.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: std::ffi::c_int = 2;

/// Other C libraries keep nothing that could be asked back.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_together() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn resident_mb() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("this process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    // shows: 5.7.4 memory that building the town took is given back
    #[test]
    fn what_was_freed_behind_something_that_stays_goes_back_to_the_machine() {
        // Small pieces, so that they come from the heap; the last one stays above all others and holds the heap up.
        let mut pieces: Vec<Box<[u8; 1000]>> = (0..200_000).map(|_| Box::new([1; 1000])).collect();
        let stays = pieces.pop();
        drop(pieces);
        let kept = resident_mb();
        give_back();
        let left = resident_mb();
        assert!(left + 150 < kept, "{kept} MB, then {left} MB");
        drop(stays);
    }
}
