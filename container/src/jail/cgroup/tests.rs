//! Version 2 on a tree of plain files: which file gets which value, and what is read where.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that looks like a group whose controllers may be used.
struct Tree(PathBuf);

impl Tree {
    fn new(controllers: &str) -> Self {
        static TREES: AtomicU32 = AtomicU32::new(0);
        let name = format!("docle-tree-{}-{}", std::process::id(), TREES.fetch_add(1, Ordering::Relaxed));
        let base = std::env::temp_dir().join(name);
        fs::create_dir(&base).unwrap();
        fs::write(base.join("cgroup.controllers"), controllers).unwrap();
        Self(base)
    }

    fn group(&self) -> (Group, PathBuf) {
        let group = Group::create(&Kind::V2(self.0.clone()), 3).unwrap();
        let directory = self.0.join(format!("docle-{}-3", std::process::id()));
        assert!(directory.is_dir());
        (group, directory)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn all_three_controllers_are_needed_and_handed_on() {
    let tree = Tree::new("cpuset cpu io memory pids\n");
    assert_eq!(Kind::usable_v2(tree.0.clone()), Some(Kind::V2(tree.0.clone())));
    // Each write says what is added; a plain file keeps the last one.
    assert_eq!(fs::read_to_string(tree.0.join("cgroup.subtree_control")).unwrap(), "+io");
    assert_eq!(Kind::usable_v2(Tree::new("cpuset cpu io pids\n").0.clone()), None);
    assert_eq!(Kind::usable_v2(PathBuf::from("/nowhere")), None);
}

#[test]
fn limits_and_weights_lie_in_their_files() {
    let tree = Tree::new("");
    let (mut group, directory) = tree.group();
    let says = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(says("pids.max"), PROCESSES.to_string());
    group.join(4_711).unwrap();
    assert_eq!(says("cgroup.procs"), "4711");

    fs::write(directory.join("memory.current"), "5\n").unwrap();
    group.rest(100 << 20).unwrap();
    assert_eq!((says("memory.max"), says("cpu.weight")), (((100 << 20) + 5).to_string(), "10".into()));
    group.prepare(64 << 20).unwrap();
    assert_eq!((says("memory.max"), says("memory.swap.max")), (((64 << 20) + 5).to_string(), "0".into()));
    assert_eq!(says("cpu.weight"), "200");
    group.stand_back().unwrap();
    assert_eq!(says("cpu.weight"), "20");
    group.hurry().unwrap();
    assert_eq!(says("cpu.weight"), "2000");
    group.limit_disks(&BTreeSet::from(["8:0".to_owned()])).unwrap();
    assert_eq!(says("io.max"), "8:0 rbps=67108864 riops=1000");
}

#[test]
fn pages_that_earlier_runs_had_read_counted_as_memory_of_the_next_one() {
    let tree = Tree::new("");
    let (mut group, directory) = tree.group();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("memory.current", "30000000\n");
    write("memory.stat", "anon 9000000\nfile 2000000\n");
    group.measure_spawner();
    assert!(!group.is_stale(), "little is left alone");
    group.rest(64 << 20).unwrap();
    group.prepare(64 << 20).unwrap();
    write("memory.peak", "33000000\n");
    assert_eq!(group.used().unwrap().peak_bytes, 3_000_000, "what was there before is not the run's");

    write("memory.current", "48000000\n");
    assert!(group.is_stale());
    group.drop_stale().unwrap();
    assert_eq!(fs::read_to_string(directory.join("memory.reclaim")).unwrap(), "20000000");
}

#[test]
fn a_group_is_empty_when_only_its_spawner_is_in_it() {
    let tree = Tree::new("");
    let (group, directory) = tree.group();
    for (processes, is_empty) in [("", true), ("7\n", true), ("7\n8\n", false), ("8\n", false)] {
        fs::write(directory.join("cgroup.procs"), processes).unwrap();
        assert_eq!(group.holds_only(7), is_empty, "{processes:?}");
    }
}

#[test]
fn what_a_run_used_is_what_was_added_since() {
    let tree = Tree::new("");
    let (mut group, directory) = tree.group();
    let says = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    says("cpu.stat", "usage_usec 1000\nuser_usec 400\nsystem_usec 600\n");
    says("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\noom_group_kill 7\n");
    says("memory.peak", "900000000\n");
    says("memory.current", "1000\n");
    says("pids.events", "max 4\n");
    group.rest(64 << 20).unwrap();
    group.prepare(64 << 20).unwrap();
    assert!(fs::read_to_string(directory.join("memory.peak")).unwrap().starts_with('0'), "the peak begins anew");

    says("cpu.stat", "usage_usec 3500\nuser_usec 2400\nsystem_usec 1100\n");
    says("memory.peak", "51000\n");
    let used = group.used().unwrap();
    assert_eq!(used, Used { cpu_micros: 2_500, peak_bytes: 50_000, out_of_memory: false, out_of_processes: false });
    says("pids.events", "max 5\n");
    assert!(group.used().unwrap().out_of_processes);
    says("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 3\noom_group_kill 7\n");
    assert!(group.used().unwrap().out_of_memory);

    says("memory.current", "70000\n");
    says("memory.stat", "anon 10000\nfile 20000\nfile_mapped 15000\n");
    group.measure_spawner();
    assert_eq!((group.holds_bytes(), group.spawner_bytes), (Some(70_000), 50_000));
}
