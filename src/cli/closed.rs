//! A process that nobody else on this machine may look into, and that leaves no core dump: secrets are in its memory.

/// From now on. Where the system won't, it is as it was before.
pub(super) fn close_to_others() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
