//! How much of the memory that the process may have is in use, by its cgroup.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the system mounts the hierarchy.
const MOUNT: &str = "/sys/fs/cgroup";

/// Limits from here on mean that there is none (cgroup v1 writes 2^63 rounded to a page).
const NO_LIMIT: u64 = 1 << 60;

/// The names of the files, by version.
struct Names {
    limit: &'static str,
    usage: &'static str,
    inactive: &'static str,
}

const V2: Names = Names {
    limit: "memory.max",
    usage: "memory.current",
    inactive: "inactive_file",
};

const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

/// The groups of this process, from its own to the outermost.
///
/// ```
/// use plimsoll_core::memory::Cgroups;
///
/// let groups = Cgroups::of_process();
/// if let Some(share) = groups.in_use() {
///     println!("{:.0} % of the memory limit", share * 100.0);
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cgroups(Arc<[PathBuf]>);

impl Cgroups {
    /// Those of this process; none where the system has no cgroups.
    pub fn of_process() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::at(Path::new(MOUNT), &groups)
    }

    /// Those below `mount`, as `/proc/self/cgroup` lists them (cgroups(7)): v2 has one line, `0::PATH`;
    /// v1 has one for the controller `memory`.
    pub fn at(mount: &Path, listed: &str) -> Self {
        let mut unified = None;
        let mut of_memory = None;
        for line in listed.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            if controllers.is_empty() {
                unified = Some((mount.to_owned(), path));
            } else if controllers.split(',').any(|name| name == "memory") {
                of_memory = Some((mount.join("memory"), path));
            }
        }
        let Some((root, path)) = of_memory.or(unified) else {
            return Self::default();
        };
        let own = root.join(path.trim_start_matches('/'));
        // In a container the path may be that of the host: then only the root is there.
        let groups = own.ancestors().take_while(|group| group.starts_with(&root));
        Self(groups.map(Path::to_owned).collect())
    }

    /// The greatest share of a limit that is in use, 0 to 1 and more; `None` when
    /// no group has a limit.
    pub fn in_use(&self) -> Option<f64> {
        let shares = self.0.iter().filter_map(|group| share(group));
        shares.max_by(f64::total_cmp)
    }
}

fn share(group: &Path) -> Option<f64> {
    [V2, V1].iter().find_map(|names| {
        let limit = number(&fs::read_to_string(group.join(names.limit)).ok()?)?;
        let usage = number(&fs::read_to_string(group.join(names.usage)).ok()?)?;
        let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        of_limit(limit, usage, inactive(&stat, names.inactive))
    })
}

/// The working set's share of the limit: file pages that nobody used lately are
/// given back before anything is killed, so they don't count.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn of_limit(limit: u64, usage: u64, inactive: u64) -> Option<f64> {
    let limited = limit > 0 && limit < NO_LIMIT;
    limited.then(|| usage.saturating_sub(inactive) as f64 / limit as f64)
}

/// `max` is no number: no limit.
fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn inactive(stat: &str, name: &str) -> u64 {
    let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(key, _)| *key == name);
    found.and_then(|(_, value)| number(value)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(group: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(group).unwrap();
        for (name, text) in files {
            fs::write(group.join(name), text).unwrap();
        }
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}");
    }

    #[test]
    fn the_tightest_group_of_version_2_counts_without_idle_file_pages() {
        let root = tempfile::tempdir().unwrap();
        let slice = root.path().join("work.slice");
        write(
            &slice,
            &[
                ("memory.max", "1000\n"),
                ("memory.current", "900\n"),
                ("memory.stat", "anon 1\ninactive_file 400\n"),
            ],
        );
        write(
            &slice.join("card.service"),
            &[("memory.max", "max\n"), ("memory.current", "800\n")],
        );
        let groups = Cgroups::at(root.path(), "0::/work.slice/card.service\n");
        near(groups.in_use(), 0.5);
        write(&slice.join("card.service"), &[("memory.max", "1000\n")]);
        near(groups.in_use(), 0.8);
    }

    #[test]
    fn version_1_is_read_where_memory_has_a_hierarchy_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("memory/docker/abc");
        write(
            &group,
            &[
                ("memory.limit_in_bytes", "2000\n"),
                ("memory.usage_in_bytes", "1500\n"),
                ("memory.stat", "inactive_file 9\ntotal_inactive_file 500\n"),
            ],
        );
        let listed = "12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n0::/docker/abc\n";
        let groups = Cgroups::at(root.path(), listed);
        near(groups.in_use(), 0.5);
        write(
            &group,
            &[("memory.limit_in_bytes", "9223372036854771712\n")],
        );
        assert_eq!(groups.in_use(), None);
    }

    #[test]
    fn a_path_of_the_host_leads_to_the_containers_root() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[("memory.max", "100"), ("memory.current", "25")],
        );
        near(
            Cgroups::at(root.path(), "0::/kubepods/pod1/c1").in_use(),
            0.25,
        );
        assert_eq!(Cgroups::at(root.path(), "nonsense").in_use(), None);
        assert_eq!(Cgroups::default().in_use(), None);
    }
}
