//! The news that a server answers nothing, for whoever waits on a line to it.

use tokio::sync::watch;

/// Of a file, and where nobody watches over a server, there is none.
#[derive(Clone, Default)]
pub(crate) struct Silence(Option<watch::Receiver<bool>>);

impl Silence {
    pub(crate) fn told_by(silent: watch::Receiver<bool>) -> Silence {
        Silence(Some(silent))
    }

    /// Comes back once the server is silent; at once where it is already.
    pub(crate) async fn begins(&mut self) {
        if let Some(silent) = &mut self.0
            && silent.wait_for(|silent| *silent).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
