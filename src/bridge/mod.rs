//! Bridge from async to sync code, the only one. Owns threads and waiting, nothing else: tokio starts here.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::domain::{Failure, FailureCode};

/// Requests that run at the same time; more wait in line.
const MAX_CONCURRENT: usize = 4;

type OpenResource<T, E> = Box<dyn Fn() -> Result<T, E> + Send + Sync>;

/// Opens a slow resource on first use and runs blocking work with it off the async threads.
pub struct EngineHandle<T, E> {
    shared: Arc<SharedResource<T, E>>,
    slots: Arc<Semaphore>,
}

struct SharedResource<T, E> {
    open: OpenResource<T, E>,
    opened: Mutex<Option<Arc<T>>>,
}

impl<T, E> std::fmt::Debug for EngineHandle<T, E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl<T, E> Clone for EngineHandle<T, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), slots: Arc::clone(&self.slots) }
    }
}

/// Error of work that ended in a panic, which was caught; the message says where.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a bug stopped this request: {0}")]
pub struct Panicked(String);

impl From<Panicked> for Failure {
    fn from(error: Panicked) -> Self {
        Self::new(FailureCode::Internal, error.to_string(), Some("please report this as a bug"))
    }
}

impl<T: Send + Sync + 'static, E: Send + 'static> EngineHandle<T, E> {
    /// Creates a handle. The resource is opened at the first request.
    pub fn new(open: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Self {
        let shared = SharedResource { open: Box::new(open), opened: Mutex::new(None) };
        Self { shared: Arc::new(shared), slots: Arc::new(Semaphore::new(MAX_CONCURRENT)) }
    }

    /// Returns the resource and opens it if needed. A failure is not cached: the next request tries again.
    ///
    /// # Errors
    /// The error of opening the resource.
    pub fn get_or_open(&self) -> Result<Arc<T>, E> {
        let mut opened = self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = opened.as_ref() {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new((self.shared.open)()?);
        *opened = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Returns the resource if it is open.
    pub fn loaded(&self) -> Option<Arc<T>> {
        self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs blocking work on the resource. Work that has begun is finished even if its caller has given up.
    ///
    /// # Errors
    /// The outer error is a caught panic, the inner one that of opening.
    pub async fn run_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&T) -> R + Send + 'static,
    ) -> Result<Result<R, E>, Panicked> {
        let permit = Arc::clone(&self.slots).acquire_owned().await;
        let desk = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            desk.get_or_open().map(|open| work(&open))
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
        let desk: EngineHandle<i32, ()> = EngineHandle::new(move || {
            *counted.lock().unwrap() += 1;
            Ok(20)
        });
        assert!(desk.loaded().is_none());
        assert_eq!(desk.run_blocking(|value| value + 1).await.unwrap(), Ok(21));
        assert!(desk.run_blocking(|_| -> i32 { panic!("a test panics on purpose") }).await.is_err());
        assert_eq!(desk.run_blocking(|value| value + 2).await.unwrap(), Ok(22));
        assert_eq!(*opens.lock().unwrap(), 1);
    }
}
