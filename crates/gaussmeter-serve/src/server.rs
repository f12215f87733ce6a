use crate::answer::Answers;
use crate::connection::{self, Limits};
use crate::guard::Guard;
use crate::http::{Shared, router};
use crate::work::Work;
use gaussmeter::data::DataError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Threads that take requests; work is done on others.
const THREADS: usize = 2;

/// A server cannot be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A file or a preset of `--spectrum` cannot be read.
    #[error("{source}")]
    Data {
        /// As it was given.
        name: String,
        /// The reason.
        source: Box<DataError>,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {host}:{port}: {source}")]
    Listen {
        /// The host.
        host: String,
        /// The port; 0 for a free one.
        port: u16,
        /// The reason.
        source: io::Error,
    },
    /// The system gives no threads, or no random numbers.
    #[error("cannot start: {0}")]
    System(String),
}

/// How to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The port; 0 for a free one.
    pub port: u16,
    /// Another address or name than that of this machine alone. Then every request needs a token.
    pub host: Option<String>,
    /// The token; a random one if there is none.
    pub token: Option<String>,
    /// Files and presets to offer.
    pub spectra: Vec<String>,
    /// How long clients may take.
    pub limits: Limits,
}

/// A server that runs, until it is dropped.
#[derive(Debug)]
pub struct Server {
    url: String,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Options {
    /// Starts a server.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn start(&self) -> Result<Server, ServeError> {
        let mut answers = Answers::default();
        for name in &self.spectra {
            let given = answers.store.give(name);
            given
                .map_err(|source| ServeError::Data { name: name.clone(), source: source.into() })?;
        }
        let listener = self.listen()?;
        let failed = |error: io::Error| ServeError::System(error.to_string());
        let address = listener.local_addr().map_err(failed)?;
        let token = match (&self.host, &self.token) {
            (None, _) => None,
            (Some(_), Some(token)) => Some(token.clone()),
            (Some(_), None) => Some(random()?),
        };
        let others: Vec<String> =
            self.host.iter().cloned().chain([address.ip().to_string()]).collect();
        let guard = Guard::new(address.port(), &others, token.clone());
        let work = Work::new().map_err(|error| ServeError::System(error.to_string()))?;
        let shared = Shared {
            answers: Arc::new(answers),
            work: Arc::new(work),
            guard: Arc::new(guard),
            limits: self.limits,
        };
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            listener.set_nonblocking(true).map_err(failed)?;
            TcpListener::from_std(listener).map_err(failed)?
        };
        runtime.spawn(connection::accept(listener, router(shared), self.limits));
        let host = match (&self.host, address.ip()) {
            (Some(name), _) if name.parse::<IpAddr>().is_err() => name.clone(),
            (_, IpAddr::V6(address)) => format!("[{address}]"),
            (_, IpAddr::V4(address)) => address.to_string(),
        };
        let query = token.map_or_else(String::new, |token| format!("?token={token}"));
        let url = format!("http://{host}:{}/{query}", address.port());
        Ok(Server { url, address, runtime: Some(runtime) })
    }

    fn listen(&self) -> Result<std::net::TcpListener, ServeError> {
        let own = Ipv4Addr::LOCALHOST.to_string();
        let host = self.host.as_ref().unwrap_or(&own);
        let failed = |source| ServeError::Listen { host: host.clone(), port: self.port, source };
        let addresses: Vec<SocketAddr> =
            (&host[..], self.port).to_socket_addrs().map_err(failed)?.collect();
        std::net::TcpListener::bind(&addresses[..]).map_err(failed)
    }
}

/// 128 random bits.
fn random() -> Result<String, ServeError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ServeError::System(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Server {
    /// Where the page is, with the token if there is one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Connections go, and with them the work of their requests.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
    }
}
