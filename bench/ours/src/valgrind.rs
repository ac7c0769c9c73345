//! Callgrind's client requests: where counting begins and ends.
//!
//! A request is a sequence of instructions that does nothing on a processor and
//! that Valgrind knows (`valgrind.h` and `callgrind.h`, "client requests").

/// `VALGRIND_RUNNING_ON`, and callgrind's own, which begin with its tool id "CT".
const RUNNING_ON_VALGRIND: u64 = 0x1001;
const CALLGRIND: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16;
const START_INSTRUMENTATION: u64 = CALLGRIND + 4;
const STOP_INSTRUMENTATION: u64 = CALLGRIND + 5;

/// Whether this process runs under Valgrind.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND) != 0
}

/// Begins to count, under callgrind; else nothing.
pub fn start() {
    request(START_INSTRUMENTATION);
}

/// Ends counting, under callgrind; else nothing.
pub fn stop() {
    request(STOP_INSTRUMENTATION);
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no other way to talk to Valgrind")]
fn request(code: u64) -> u64 {
    let arguments = [code, 0, 0, 0, 0, 0];
    let mut answer = 0_u64;
    // SAFETY: the four rotations add up to two whole turns of `rdi`, and the
    // exchange of a register with itself does nothing; under Valgrind the
    // answer is put into `rdx`.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
        );
    }
    answer
}

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "there is no other way to talk to Valgrind")]
fn request(code: u64) -> u64 {
    let arguments = [code, 0, 0, 0, 0, 0];
    let mut answer = 0_u64;
    // SAFETY: the four rotations add up to two whole turns of `x12`, and a
    // register or-ed with itself is unchanged; under Valgrind the answer is put
    // into `x3`.
    unsafe {
        std::arch::asm!(
            "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") arguments.as_ptr(),
            inout("x3") answer,
        );
    }
    answer
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const fn request(_: u64) -> u64 {
    0
}
