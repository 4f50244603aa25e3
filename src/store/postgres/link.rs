//! One connection to the database, ready to be used: it answers or is given up, its statements are prepared, and it
//! leads to the same store as before.

use super::address::PostgresSettings;
use super::tls::Tls;
use crate::application::ports::StoreError;
use crate::store::rows::failed;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, Error, Row, Statement};

/// The database ends by itself what takes longer, in milliseconds; and a session whose gateway has gone. How a commit
/// lasts is noted, for transactions that find out late that theirs must.
const SESSION: &str = "
    SELECT set_config(name, value, false) FROM (VALUES
        ('statement_timeout', '5000'), ('lock_timeout', '4000'), ('idle_in_transaction_session_timeout', '5000'),
        ('client_connection_check_interval', '1000'), ('tcp_user_timeout', '5000'), ('tcp_keepalives_idle', '3'),
        ('tcp_keepalives_interval', '1'), ('tcp_keepalives_count', '3'), ('client_min_messages', 'error'),
        ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                               ELSE current_setting('synchronous_commit') END)
    ) AS wanted (name, value) WHERE name IN (SELECT name FROM pg_settings);
    SELECT set_config('xceed_gateway.lasting', current_setting('synchronous_commit'), false)";
/// A database that does not answer within that time is given up, and the connection with it.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Texts of notifications.
pub(super) type Heard = mpsc::UnboundedReceiver<String>;

/// A connection.
pub(super) struct Link {
    pub(super) client: Client,
    /// The database's process for it.
    pub(super) pid: i32,
    statements: Mutex<HashMap<&'static str, Statement>>,
    driver: JoinHandle<()>,
}

impl Link {
    /// Connects, without a look at what is there.
    pub(super) async fn open(settings: &PostgresSettings, tls: &Tls) -> Result<(Self, Heard), StoreError> {
        let connecting = async {
            let (client, connection) = settings.config.connect(tls.clone()).await?;
            let (tell, news) = mpsc::unbounded_channel();
            let driver = tokio::spawn(drive(connection, tell));
            client.batch_execute(SESSION).await?;
            let pid = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
            Ok::<_, Error>((Self { client, pid, statements: Mutex::default(), driver }, news))
        };
        match timeout(PATIENCE, connecting).await {
            Ok(linked) => linked.map_err(|error| failed(explain(&error))),
            Err(_) => Err(StoreError("the database does not answer".to_owned())),
        }
    }

    /// Runs a statement, which is prepared when it is first used. What is polled in order is sent in order.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql);
        let statement = match statement {
            Some(statement) => statement,
            None => self.prepare(sql).await?,
        };
        self.client.query(&statement, values).await
    }

    /// Prepares a statement, so that the next use of it is one message.
    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement, Error> {
        let statement = self.client.prepare(sql).await?;
        if let Ok(mut statements) = self.statements.lock() {
            statements.insert(sql, statement.clone());
        }
        Ok(statement)
    }

    fn prepared(&self, sql: &'static str) -> Option<Statement> {
        self.statements.lock().ok()?.get(sql).cloned()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Gives the connection up: whoever waits for an answer on it hears so.
    pub(super) fn give_up(&self) {
        self.driver.abort();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Brings what is asked to the database and back, until either end is gone.
async fn drive<S, T>(mut connection: Connection<S, T>, tell: mpsc::UnboundedSender<String>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(news) = message {
            let _ = tell.send(news.payload().to_owned());
        }
    }
}

/// Waits for an answer, but not for ever: a database that is silent is given up with its connection.
pub(super) async fn answer<T>(
    link: &Link,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, StoreError> {
    match timeout(PATIENCE, asked).await {
        Ok(answered) => answered.map_err(|error| {
            if error.code() == Some(&SqlState::UNDEFINED_TABLE) {
                // The next connection finds out what has become of the store.
                link.give_up();
            }
            failed(explain(&error))
        }),
        Err(_) => {
            link.give_up();
            Err(StoreError("the database does not answer".to_owned()))
        }
    }
}

/// What went wrong, without a row's values, which the database tells in the detail.
pub(super) fn explain(error: &Error) -> String {
    match error.as_db_error() {
        Some(told) => format!("the database says {}: {}", told.code().code(), told.message()),
        None => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        }
    }
}
