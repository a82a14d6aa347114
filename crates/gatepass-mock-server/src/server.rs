//! The server as a value: starts on a free port of this machine and ends when it is dropped.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::careless::Careless;
use crate::command::Command;
use crate::control::{self, Orders};
use crate::net::{CuttableListener, Cutter};
use crate::origin::{OriginPolicy, is_loopback_host};
use crate::record::Recorded;
use crate::settings::Settings;
use crate::state::{Counts, State};
use crate::token::random_text;
use crate::{files, http, socket};

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address. Default 127.0.0.1; anything but loopback needs [`Options::allow_non_loopback`].
    pub host: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Origins that are let in beside the server's own.
    pub origins: Vec<String>,
    /// Lets in requests without an Origin header: clients that are no browsers. Default false, as Django Channels.
    pub allow_absent_origin: bool,
    /// Allows an address that other machines can reach.
    pub allow_non_loopback: bool,
    /// A folder whose files are served where no endpoint answers.
    pub files: Option<PathBuf>,
    /// Whether a page that is not there is `index.html` of the folder: the routes of a single-page app.
    pub spa: bool,
    /// How long the first head of a connection, or the next part of a body, may take to arrive. Default 10 s.
    pub request_timeout: Duration,
    /// How long credentials live and so on.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            origins: Vec::new(),
            allow_absent_origin: false,
            allow_non_loopback: false,
            files: None,
            spa: false,
            request_timeout: Duration::from_secs(10),
            settings: Settings::default(),
        }
    }
}

/// A running mock server with its own port, state and control server. It ends with its value.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    /// The URL of the control API.
    control: String,
    state: State,
    orders: Orders,
    tasks: [JoinHandle<()>; 2],
    all: CancellationToken,
}

impl MockServer {
    /// Starts a server on a free port of 127.0.0.1 that lets in its own pages and clients without an Origin.
    ///
    /// # Panics
    /// The machine has no free port.
    pub async fn start() -> Self {
        let options = Options { allow_absent_origin: true, ..Options::default() };
        Self::start_with(options).await.unwrap_or_else(|error| panic!("the mock server cannot start: {error}"))
    }

    /// Starts a server.
    ///
    /// # Errors
    /// What is wrong with the options, or why the port cannot be had.
    pub async fn start_with(options: Options) -> Result<Self, String> {
        if !options.host.is_loopback() && !options.allow_non_loopback {
            return Err(format!(
                "{} can be reached by other machines, and this server lets known users in; use 127.0.0.1, or --allow-non-loopback",
                options.host
            ));
        }
        if let Some(folder) = options.files.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(format!("{} is no folder", folder.display()));
        }
        let mut origins = OriginPolicy::new(&options.origins, options.allow_absent_origin)?;
        let listener = listen(SocketAddr::new(options.host, options.port))
            .map_err(|error| format!("cannot listen on {}:{}: {error}", options.host, options.port))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            origins.allow(format!("http://{host}:{}", address.port()));
        }
        let control_listener = CuttableListener {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?,
            all: CancellationToken::new(),
            head_timeout: options.request_timeout,
        };
        let token = random_text();
        let port = control_listener.listener.local_addr().map_err(|error| error.to_string())?;
        let control = format!("http://{port}/{token}/control");

        let state = State::new(options.settings, origins.clone());
        let router = router(&state, &origins, control.clone(), &options);
        let (orders, inbox) = mpsc::unbounded_channel();
        let control_router = control::router(state.clone(), orders.clone(), origins, &token);
        let all = CancellationToken::new();
        let supervisor = Supervisor {
            router,
            state: state.clone(),
            address,
            request_timeout: options.request_timeout,
            serving: None,
            all: all.clone(),
        };
        let tasks = [
            tokio::spawn(supervisor.run(listener, inbox)),
            tokio::spawn(async move {
                // Ends only with its task.
                axum::serve(control_listener, control_router).await.ok();
            }),
        ];
        Ok(Self { address, control, state, orders, tasks, all })
    }

    /// Returns the address: `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address for sockets: `ws://127.0.0.1:port`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Returns the address of the control server.
    #[must_use]
    pub fn control_url(&self) -> String {
        self.control.clone()
    }

    /// Makes something happen; returns when it has.
    pub async fn control(&self, command: Command) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send((command, done)).is_ok() {
            is_done.await.ok();
        }
    }

    /// Returns everything that was received since the start or the last reset, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Recorded> {
        self.state.lock().received.clone()
    }

    /// Returns the counts since the start or the last reset.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.lock().counts.clone()
    }

    /// Waits until the counts satisfy a condition.
    pub async fn wait_for(&self, is_enough: impl Fn(&Counts) -> bool) {
        self.state.wait_for(|inner| is_enough(&inner.counts)).await;
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.all.cancel();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The task that owns the listening socket and carries out commands in order.
struct Supervisor {
    router: Router,
    state: State,
    address: SocketAddr,
    request_timeout: Duration,
    serving: Option<(JoinHandle<()>, CancellationToken)>,
    all: CancellationToken,
}

impl Supervisor {
    async fn run(mut self, listener: TcpListener, mut inbox: mpsc::UnboundedReceiver<(Command, oneshot::Sender<()>)>) {
        self.serve(listener);
        while let Some((command, done)) = inbox.recv().await {
            match command {
                Command::Stop => self.stop().await,
                Command::Start => self.start(),
                Command::Restart => {
                    self.stop().await;
                    self.state.lock().tickets.clear();
                    self.start();
                }
                Command::Answer { .. }
                | Command::ClearFaults
                | Command::Delay { .. }
                | Command::DropSockets { .. }
                | Command::ExpireTokens
                | Command::ForgetLogs
                | Command::LoseAnswers { .. }
                | Command::LoseReplies { .. }
                | Command::Publish { .. }
                | Command::Repeat { .. }
                | Command::Revoke { .. }
                | Command::Push { .. }
                | Command::RefuseHandshakes { .. }
                | Command::Reset
                | Command::SendRaw { .. }
                | Command::SetSettings { .. }
                | Command::SetTicketStore { .. }
                | Command::SetUserActive { .. }
                | Command::Silence { .. }
                | Command::BeCareless { .. } => self.state.apply(&command),
            }
            // The caller may have gone.
            done.send(()).ok();
        }
    }

    fn serve(&mut self, listener: TcpListener) {
        let all = self.all.child_token();
        let listener = CuttableListener { listener, all: all.clone(), head_timeout: self.request_timeout };
        let service = self.router.clone().into_make_service_with_connect_info::<Cutter>();
        let end = all.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                // Ends only with its task.
                _ = axum::serve(listener, service) => {}
            }
        });
        self.serving = Some((task, all));
    }

    async fn stop(&mut self) {
        if let Some((task, all)) = self.serving.take() {
            all.cancel();
            task.abort();
            // The listening socket is closed when the task is gone.
            task.await.ok();
        }
    }

    fn start(&mut self) {
        if self.serving.is_some() {
            return;
        }
        match listen(self.address) {
            Ok(listener) => self.serve(listener),
            Err(error) => tracing::error!(%error, "cannot listen again on {}", self.address),
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart takes the port that its own connections have just left.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

fn router(state: &State, origins: &OriginPolicy, control: String, options: &Options) -> Router {
    let allow_any_host = options.allow_non_loopback;
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate({
            let origins = origins.clone();
            move |origin, _| origins.allows(origin.to_str().ok())
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_credentials(true)
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([DATE, RETRY_AFTER])
        .max_age(Duration::from_secs(600));
    let endpoints = Router::new()
        .route("/auth", get(http::auth).post(http::auth))
        .route("/ws_ticket", get(http::ticket).post(http::ticket))
        .route("/ws_session_key", post(http::session_key))
        .route("/logout", post(http::logout))
        .route("/protected", get(http::protected))
        .route("/api/token/", post(http::token))
        .route("/api/token/refresh/", post(http::refresh))
        .route("/api-token-auth/", post(http::opaque_token))
        .route("/auth/token/login/", post(http::djoser::login))
        .route("/auth/token/logout/", post(http::djoser::logout))
        .route("/auth/jwt/create/", post(http::token))
        .route("/auth/jwt/refresh/", post(http::refresh))
        .route("/drf-jwt/api-token-auth/", post(http::drf_jwt::login))
        .route("/drf-jwt/api-token-refresh/", post(http::drf_jwt::refresh))
        .route("/drf-jwt/logout/", post(http::drf_jwt::logout))
        .route("/o/token/", post(http::oauth::token))
        .route("/hidden/login/", post(http::hidden_refresh::login))
        .route("/hidden/token/refresh/", post(http::hidden_refresh::refresh))
        .route("/hidden/logout/", post(http::hidden_refresh::logout))
        .route("/session/login/", post(http::session_cookie::login))
        .route("/session/logout/", post(http::drf_jwt::logout))
        .route("/session/me/", get(http::session_cookie::me))
        .route("/session/ws_ticket", post(http::session_cookie::ticket))
        .route("/mfa/login/", post(http::two_step::password))
        .route("/mfa/login/code/", post(http::two_step::code))
        // Where the controls are, for pages that this server serves.
        .route("/control", get(move || async move { control }))
        .layer(from_fn_with_state(state.clone(), recorded))
        .layer(cors)
        .route("/channel/", any(socket::enter))
        .route("/ws/{name}/", any(socket::enter))
        .route("/api/websocket", any(socket::enter))
        .route("/graphql", any(socket::enter))
        .route("/websocket", any(socket::enter))
        .route("/trpc", any(socket::enter))
        .route("/api/kernels/{id}/channels", any(socket::enter))
        .route("/api/v1/namespaces/{namespace}/pods/{pod}/exec", any(socket::enter))
        .route("/socket/websocket", any(socket::enter))
        .with_state(state.clone());
    let endpoints = endpoints.layer(RequestBodyTimeoutLayer::new(options.request_timeout));
    let endpoints = match &options.files {
        Some(folder) => endpoints.fallback_service(files::router(folder, options.spa)),
        None => endpoints,
    };
    let state = state.clone();
    endpoints.layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        let state = state.clone();
        async move {
            if !allow_any_host && !is_loopback_host(request.headers()) {
                return StatusCode::FORBIDDEN.into_response();
            }
            let mut response = next.run(request).await;
            if state.lock().is_careless(Careless::HiddenHeaders) {
                response.headers_mut().remove(ACCESS_CONTROL_EXPOSE_HEADERS);
            }
            response
        }
    }))
}

/// Notes method, path and status of an HTTP request; neither query, headers nor body.
async fn recorded(axum::extract::State(state): axum::extract::State<State>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::info!(%method, %path, status = response.status().as_u16(), "http");
    state.record(Recorded::Http { method, path, status: response.status().as_u16() });
    response
}
