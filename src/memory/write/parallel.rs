//! Runs the same work on many jobs with several workers, one thread each. Does not own the workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `work` on every job and returns the results in the order of the jobs, `None` for those not started because of
/// `stop`. A worker takes the next job as soon as it is free, so that a long one does not block the others.
pub(in crate::memory) fn run_parallel<W: Send, J: Sync, R: Send>(
    workers: &[Mutex<W>],
    jobs: &[J],
    stop: &AtomicBool,
    work: impl Fn(&mut W, &J) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<R>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let run = |worker: &Mutex<W>| {
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(job), Some(outcome)) = (jobs.get(index), outcomes.get(index)) else { return };
            let done = work(&mut worker, job);
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        }
    };
    // The caller is the first worker: a single job needs no thread.
    let (own, others) = workers.split_first().map_or((None, workers), |(own, others)| (Some(own), others));
    let others = others.get(..others.len().min(jobs.len().saturating_sub(1))).unwrap_or(&[]);
    std::thread::scope(|scope| {
        for worker in others {
            scope.spawn(|| run(worker));
        }
        own.into_iter().for_each(run);
    });
    outcomes.into_iter().map(|outcome| outcome.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_in_the_order_of_the_jobs() {
        let workers: Vec<Mutex<usize>> = (0..3).map(|_| Mutex::new(0)).collect();
        let jobs: Vec<usize> = (0..500).collect();
        let work = |done: &mut usize, job: &usize| {
            *done += 1;
            job * 2
        };
        let answers = run_parallel(&workers, &jobs, &AtomicBool::new(false), work);
        assert!(answers.iter().zip(&jobs).all(|(answer, job)| *answer == Some(job * 2)));
        assert_eq!(workers.into_iter().map(|done| done.into_inner().unwrap()).sum::<usize>(), 500);
        let stopped = run_parallel(&[Mutex::new(0)], &jobs, &AtomicBool::new(true), work);
        assert!(stopped.iter().all(Option::is_none));
    }
}
