"""Django's own session, with CSRF protection: for `cookie()`, `csrf: 'django'` and `restore`.

These are plain views, so Django's `CsrfViewMiddleware` checks them. The page first asks who is signed in, and gets the cookie `csrftoken` with the answer.
"""

from django.contrib.auth import authenticate, login, logout
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from gate import tickets
from gate.text import object_of, text_of


@ensure_csrf_cookie
@require_GET
def me(request):
    """{user}, or 401; and the cookie with the CSRF token."""
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "Nobody is signed in."}, status=401)
    return JsonResponse({"user": request.user.get_username()})


@require_POST
def log_in(request):
    """{username, password} → 204, the session's cookie, and a new CSRF token."""
    data = object_of(request.body.decode(errors="replace"))
    user = authenticate(request, username=text_of(data.get("username")) or "", password=text_of(data.get("password")) or "")
    if user is None:
        return JsonResponse({"detail": "Wrong user or password."}, status=401)
    login(request, user)
    return HttpResponse(status=204)


@require_POST
def log_out(request):
    logout(request)
    return HttpResponse(status=204)


@require_POST
def ticket(request):
    """A ticket for the cookie."""
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "Nobody is signed in."}, status=401)
    text, expires = tickets.issue(request.user.pk, request.headers.get("origin"))
    return JsonResponse({"ticket": text, "expires": expires}, headers={"Cache-Control": "no-store"})
