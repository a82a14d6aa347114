//! The files of a folder, where no endpoint answers: a built app, with its routes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ACCEPT;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use tower_http::services::ServeDir;

/// Serves the files of a folder. With `spa`, a page that is not there is its `index.html`. A link that leads out of the folder is not followed.
pub(crate) fn router(folder: &Path, spa: bool) -> Router {
    // The folder itself may be a link.
    let folder: Arc<Path> = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()).into();
    let files = ServeDir::new(&folder).fallback(pages(spa.then(|| folder.join("index.html"))));
    Router::new().fallback_service(files).layer(from_fn(move |request: Request, next: Next| {
        let folder = Arc::clone(&folder);
        async move {
            let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
            let asked = folder.join(path.trim_start_matches('/'));
            if leads_out(&folder, &asked).await || leads_out(&folder, &asked.join("index.html")).await {
                return StatusCode::NOT_FOUND.into_response();
            }
            next.run(request).await
        }
    }))
}

/// Whether there is a file, and it is not in the folder.
async fn leads_out(folder: &Path, file: &Path) -> bool {
    tokio::fs::canonicalize(file).await.is_ok_and(|real| !real.starts_with(folder))
}

/// Answers where the folder has no file: with the page of a single-page app for whoever asks for a page, else with 404.
fn pages(index: Option<PathBuf>) -> Router {
    Router::new().fallback(move |request: Request| {
        let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let index = index.clone().filter(|_| request.method() == Method::GET && accepts.contains("text/html"));
        async move {
            let page = match index {
                Some(path) => tokio::fs::read_to_string(path).await.ok(),
                None => None,
            };
            page.map_or_else(not_found, |text| Html(text).into_response())
        }
    })
}

fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
