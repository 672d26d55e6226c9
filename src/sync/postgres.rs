//! Connections to PostgreSQL: TLS with verified certificates, and one task that drives each connection.

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{Error, Result, error_chain};
use super::postgres_endpoint::PostgresEndpoint;

/// Timeout of a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects. The connection is driven until the client is dropped.
pub(super) async fn open_connection(place: &PostgresEndpoint) -> Result<Client> {
    if place.config.get_ssl_mode() == SslMode::Disable {
        let (client, connection) = place.config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(drive_connection(connection));
        return Ok(client);
    }
    let (client, connection) = place.config.connect(MakeRustlsConnect::new(tls_config(&place.authorities)?)).await?;
    tokio::spawn(drive_connection(connection));
    Ok(client)
}

/// Drives a connection to its end. Its error is only logged here: the next query on the client returns it.
async fn drive_connection(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection to PostgreSQL ended");
    }
}

/// Connects and runs a trivial query.
pub(super) async fn ping_postgres(place: &PostgresEndpoint) -> Result<()> {
    let asked = async {
        let client = open_connection(place).await?;
        client.simple_query("SELECT 1").await?;
        Ok(())
    };
    let late = |_| Error::Target { target: "postgres", why: format!("no answer within {} s", PING_TIMEOUT.as_secs()) };
    tokio::time::timeout(PING_TIMEOUT, asked).await.map_err(late)?
}

/// Builds the TLS configuration: the system's authorities, and those in a PEM file.
fn tls_config(authorities: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // One unreadable system certificate must not make the others untrusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if !authorities.is_empty() {
        let wrong = |why: String| Error::Invalid {
            message: format!("cannot read the certificates in {authorities}: {why}"),
            hint: "sync.postgres_ca_file must name a PEM file of certificates",
        };
        let found = CertificateDer::pem_file_iter(Path::new(authorities)).map_err(|error| wrong(error.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        // Data exceptions, violated constraints, exceeded limits (postgresql.org, appendix A): a retry would fail too.
        let refused =
            error.as_db_error().filter(|db| ["22", "23", "54"].iter().any(|class| db.code().code().starts_with(class)));
        if let Some(db) = refused {
            return Self::Refused { target: "postgres", why: format!("{} ({})", db.message(), db.code().code()) };
        }
        Self::Target { target: "postgres", why: error_chain(&error) }
    }
}
