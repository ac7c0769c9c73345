use plimsoll_core::memory::Cgroups;

use super::seldom::blocking;
use crate::Check;

/// Passes while the process's cgroup, and each one around it, uses at most this
/// share of its memory limit (`0.95` is 95 %); file pages that nobody used lately
/// do not count. Without a limit it passes. At the limit the kernel kills.
pub fn memory(name: impl Into<String>, at_most: f64) -> Check {
    let groups = Cgroups::of_process();
    blocking(name, move || judge(groups.in_use(), at_most))
}

fn judge(share: Option<f64>, at_most: f64) -> Result<(), String> {
    match share {
        Some(share) if share > at_most => Err(format!(
            "{:.1} % of the memory limit is in use, more than {:.1} %",
            share * 100.0,
            at_most * 100.0
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;

    #[tokio::test]
    async fn too_near_the_limit_fails_and_without_one_nothing_does() {
        assert_eq!(
            judge(Some(0.97), 0.95),
            Err("97.0 % of the memory limit is in use, more than 95.0 %".into())
        );
        assert_eq!(judge(Some(0.95), 0.95), Ok(()));
        assert_eq!(judge(None, 0.0), Ok(()));
        assert_eq!(ask(&memory("memory", f64::INFINITY)).await, Ok(()));
    }
}
