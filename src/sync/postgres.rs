//! A connection to PostgreSQL: TLS with verified certificates, one task that drives it.

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{Error, Result};
use super::place::PostgresPlace;

/// An answer to a question that costs nothing has to come within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects. The connection is driven until the client is dropped.
pub(super) async fn connect(place: &PostgresPlace) -> Result<Client> {
    if place.config.get_ssl_mode() == SslMode::Disable {
        let (client, connection) = place.config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(drive(connection));
        return Ok(client);
    }
    let (client, connection) = place.config.connect(MakeRustlsConnect::new(tls(&place.authorities)?)).await?;
    tokio::spawn(drive(connection));
    Ok(client)
}

/// Why a connection ended is told to whoever asks it next.
async fn drive(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection to PostgreSQL ended");
    }
}

/// Whether the server answers a question.
pub(super) async fn ping(place: &PostgresPlace) -> Result<()> {
    let asked = async {
        let client = connect(place).await?;
        client.simple_query("SELECT 1").await?;
        Ok(())
    };
    let late = |_| Error::Target { target: "postgres", why: format!("no answer within {} s", PATIENCE.as_secs()) };
    tokio::time::timeout(PATIENCE, asked).await.map_err(late)?
}

fn tls(authorities: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // One certificate of the system that cannot be read is no reason to trust none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if !authorities.is_empty() {
        let wrong = |why: String| Error::Invalid {
            message: format!("the certificates in {authorities} cannot be read: {why}"),
            hint: "sync.postgres_ca_file names a file with certificates in PEM",
        };
        let found = CertificateDer::pem_file_iter(Path::new(authorities)).map_err(|error| wrong(error.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
