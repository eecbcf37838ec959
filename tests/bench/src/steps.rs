//! The instructions that Envoy's worker takes for one request, counted one by one: the kernel lets the thread do a
//! single one and stops it again (`man 2 ptrace`, `PTRACE_SINGLESTEP`). Time varies with all that a machine does;
//! this figure does not, and it says which part runs in the module. What the kernel does for Envoy is not in it.

use crate::envoy::{ENVOY_CORE, Envoy, GENERATOR_CORE};
use crate::load::{Load, Template};
use crate::{Result, machine};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ops::Range;
use std::time::Duration;

/// Instructions in user space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Steps {
    /// All of the worker's, from the request's arrival until it waits for the next.
    pub(crate) all: u32,
    /// Those in memory that is executable and of no file: what V8 has compiled.
    pub(crate) in_module: u32,
}

/// The fewest for one of several requests: timers of Envoy's fall into others. They come after many, so that it is as
/// under load.
///
/// # Errors
/// When this process may not trace its children, or Envoy ends, or an answer is not 200.
pub(crate) fn count(envoy: &Envoy, load: &mut Load, template: &mut Template) -> Result<Steps> {
    // On Envoy's own core, for otherwise it would fall asleep at each step, and a core takes long to wake.
    machine::pin_to(ENVOY_CORE)?;
    let counts = count_here(envoy, load, template);
    machine::pin_to(GENERATOR_CORE)?;
    counts
}

fn count_here(envoy: &Envoy, load: &mut Load, template: &mut Template) -> Result<Steps> {
    let worker = Traced::seize(envoy.thread("wrk:worker_0")?)?;
    let compiled = envoy.anonymous_code()?;
    let counts = (0..REPEATS).map(|_| worker.request(&compiled, load, template));
    let counts: Vec<Steps> = counts.collect::<Result<_>>()?;
    Ok(counts.into_iter().min().unwrap_or_default())
}

/// A thread that this one traces.
struct Traced(Pid);

impl Traced {
    fn seize(thread: i32) -> Result<Self> {
        let thread = Pid::from_raw(thread);
        ptrace::seize(thread, Options::empty())
            .map_err(|error| format!("Envoy's instructions cannot be counted: {error}"))?;
        Ok(Self(thread))
    }

    fn request(
        &self,
        compiled: &[Range<u64>],
        load: &mut Load,
        template: &mut Template,
    ) -> Result<Steps> {
        // A step takes some 20 microseconds: what timers were due meanwhile must not fall into the next request.
        load.one_by_one(template, Duration::from_millis(100))?;
        ptrace::interrupt(self.0)?;
        self.wait()?;
        // Where it comes back to when it has waited for the next event.
        let rest = program_counter(self.0)?;
        load.send(template)?;
        let mut steps = Steps::default();
        loop {
            ptrace::step(self.0, None)?;
            self.wait()?;
            let at = program_counter(self.0)?;
            if at == rest && load.has_answer()? {
                break;
            }
            if steps.all == MOST {
                return Err(format!("{MOST} instructions brought no answer").into());
            }
            steps.all += 1;
            steps.in_module += u32::from(compiled.iter().any(|range| range.contains(&at)));
        }
        ptrace::cont(self.0, None)?;
        load.receive()?;
        Ok(steps)
    }

    /// Until it has stopped. That is never long: Envoy's watchdog wakes each worker several times a second.
    fn wait(&self) -> Result {
        match waitpid(self.0, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) => Ok(()),
            other => Err(format!("Envoy's worker ended: {other:?}").into()),
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // It can only be let go of while it is stopped, which it is after an error between two steps: to be stopped
        // again it would have to run. Where all of it fails, Envoy has ended.
        if ptrace::detach(self.0, None).is_err() {
            let _ = ptrace::interrupt(self.0);
            let _ = self.wait();
            let _ = ptrace::detach(self.0, None);
        }
    }
}

fn program_counter(thread: Pid) -> Result<u64> {
    let registers = ptrace::getregs(thread)?;
    #[cfg(target_arch = "x86_64")]
    return Ok(registers.rip);
    #[cfg(target_arch = "aarch64")]
    return Ok(registers.pc);
}

const REPEATS: usize = 3;
/// Some ten times what a request takes.
const MOST: u32 = 5_000_000;
