//! The one door from async to sync. Owns threads and waiting, nothing else: tokio starts here.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Requests that work at the same time; more wait in line.
const DESKS: usize = 4;

type Opener<T, E> = Box<dyn Fn() -> Result<T, E> + Send + Sync>;

/// Opens something slow on first need and runs blocking work with it off the async threads.
pub struct Desk<T, E> {
    shared: Arc<Shared<T, E>>,
    slots: Arc<Semaphore>,
}

struct Shared<T, E> {
    open: Opener<T, E>,
    opened: Mutex<Option<Arc<T>>>,
}

impl<T, E> std::fmt::Debug for Desk<T, E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl<T, E> Clone for Desk<T, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), slots: Arc::clone(&self.slots) }
    }
}

/// The work ended in a panic, which was caught; the message says where.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a bug stopped this request: {0}")]
pub struct Panicked(String);

impl<T: Send + Sync + 'static, E: Send + 'static> Desk<T, E> {
    /// Nothing is opened until the first request.
    pub fn new(open: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Self {
        let shared = Shared { open: Box::new(open), opened: Mutex::new(None) };
        Self { shared: Arc::new(shared), slots: Arc::new(Semaphore::new(DESKS)) }
    }

    /// What is opened, opening it if need be. A failure is not remembered: the next request tries again.
    ///
    /// # Errors
    /// Whatever opening fails with.
    pub fn opened(&self) -> Result<Arc<T>, E> {
        let mut opened = self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = opened.as_ref() {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new((self.shared.open)()?);
        *opened = Some(Arc::clone(&open));
        Ok(open)
    }

    /// What is opened, if it is.
    pub fn peek(&self) -> Option<Arc<T>> {
        self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs blocking work. Work that was begun is finished even if nobody waits for it any more.
    ///
    /// # Errors
    /// The outer error is a caught panic, the inner one that of opening.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&T) -> R + Send + 'static,
    ) -> Result<Result<R, E>, Panicked> {
        let permit = Arc::clone(&self.slots).acquire_owned().await;
        let desk = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            desk.opened().map(|open| work(&open))
        });
        task.await.map_err(|error| Panicked(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn opens_once_and_survives_a_panic() {
        let opens = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&opens);
        let desk: Desk<i32, ()> = Desk::new(move || {
            *counted.lock().unwrap() += 1;
            Ok(20)
        });
        assert!(desk.peek().is_none());
        assert_eq!(desk.run(|value| value + 1).await.unwrap(), Ok(21));
        assert!(desk.run(|_| -> i32 { panic!("a test panics on purpose") }).await.is_err());
        assert_eq!(desk.run(|value| value + 2).await.unwrap(), Ok(22));
        assert_eq!(*opens.lock().unwrap(), 1);
    }
}
