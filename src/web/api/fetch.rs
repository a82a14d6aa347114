//! Calls of an app's own with the session's token, as `session.fetch()` of the npm package.

use gloo_net::http::{Request, Response};

use super::session::Session;
use crate::error::TokenError;
use crate::proto::session::TokenRequirement;

/// Why a call was not answered.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no token to be had.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// The browser failed, or was not allowed to.
    #[error("{0}")]
    Network(#[from] gloo_net::Error),
}

impl Session {
    /// Makes a request with the token, which is renewed before it ends, and once more if the server answers 401. Only the origins of the
    /// session's endpoints and [`SessionEnvironment::fetch_origins`](super::SessionEnvironment::fetch_origins) get it, but not the endpoints of login and
    /// refresh; a request with an `Authorization` of its own goes as it is.
    ///
    /// # Errors
    /// There is no token, or no answer.
    pub async fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        if !self.may_get(&request.url()) || request.headers().get("authorization").is_some() {
            return Ok(request.send().await?);
        }
        let request = web_sys::Request::from(request);
        // A body can be read once.
        let again = request.clone().map_err(|error| gloo_net::Error::GlooError(format!("{error:?}")))?;
        let (response, generation) = self.send(request, TokenRequirement::VALID).await?;
        if response.status() != 401 {
            return Ok(response);
        }
        match self.send(again, TokenRequirement::OtherThan(generation)).await {
            Ok((second, _)) => Ok(second),
            Err(FetchError::Token(_)) => Ok(response),
            Err(error @ FetchError::Network(_)) => Err(error),
        }
    }

    /// Sends with a token of the user who is signed in at that moment. Returns the generation of the token as well.
    async fn send(
        &self,
        request: web_sys::Request,
        requirement: TokenRequirement,
    ) -> Result<(Response, u32), FetchError> {
        let token = self.request_token(requirement).await?;
        // Somebody else may have signed in while this was woken.
        if token.user_epoch != self.view().user_epoch {
            return Err(TokenError::Superseded.into());
        }
        let request = Request::from(request);
        request.headers().set("authorization", token.authorization.expose());
        Ok((request.send().await?, token.generation))
    }
}
