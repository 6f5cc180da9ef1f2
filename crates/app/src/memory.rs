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

/// Other C libraries keep nothing that could be asked back.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

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
