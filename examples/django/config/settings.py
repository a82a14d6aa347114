"""Settings of the example. With REDIS_URL set, cache and channel layer are shared by all nodes; else both are in this process."""

import os
from datetime import timedelta
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("EXAMPLE_DATA", BASE_DIR / "data"))
REDIS_URL = os.environ.get("REDIS_URL")

# An example's key. A real one comes from the environment and is the same on every node.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "an-example-of-a-key-that-nobody-else-may-know-0123456789")
DEBUG = False
# What `AllowedHostsOriginValidator` compares the Origin of a handshake with.
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "daphne",
    "corsheaders",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.admin",
    "django.contrib.messages",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_simplejwt.token_blacklist",
    "rest_framework_jwt",
    "djoser",
    "dj_rest_auth",
    "channels",
    "gate",
]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

REST_FRAMEWORK = {
    # The first one decides what an unauthenticated request is answered with: this one says 401, SessionAuthentication 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gate.auth.AccessTokenAuthentication",
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework_jwt.authentication.JSONWebTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_RATES": {"login": "3/min"},
}
ACCESS_LIFE = timedelta(seconds=int(os.environ.get("EXAMPLE_ACCESS_SECONDS", "300")))
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_LIFE,
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
JWT_AUTH = {
    # A key of its own: what simplejwt signs, a refresh token among it, is no token of drf-jwt's.
    "JWT_SECRET_KEY": os.environ.get("DRF_JWT_SECRET_KEY", SECRET_KEY + "-drf-jwt"),
    "JWT_AUTH_HEADER_PREFIX": "JWT",
    "JWT_AUTH_COOKIE": "JWT",
    "JWT_EXPIRATION_DELTA": ACCESS_LIFE,
    "JWT_ALLOW_REFRESH": True,
    # True wherever there is https.
    "JWT_AUTH_COOKIE_SECURE": False,
    "JWT_AUTH_COOKIE_SAMESITE": "Lax",
}
# dj-rest-auth: the refresh token is in a cookie that no script sees, the access token in the answers.
REST_AUTH = {
    "USE_JWT": True,
    "SESSION_LOGIN": False,
    "JWT_AUTH_REFRESH_COOKIE": "refresh-token",
    "JWT_AUTH_HTTPONLY": True,
    "JWT_AUTH_SAMESITE": "Lax",
    # True wherever there is https.
    "JWT_AUTH_SECURE": False,
}
DJOSER = {"TOKEN_MODEL": "rest_framework.authtoken.models.Token"}

# A ticket has to outlive the few seconds that a browser may hold a dial back.
TICKET_SECONDS = int(os.environ.get("EXAMPLE_TICKET_SECONDS", "30"))
SESSION_KEY_SECONDS = int(os.environ.get("EXAMPLE_SESSION_KEY_SECONDS", "120"))
FIRST_MESSAGE_SECONDS = 5
# The longest message of a client. Uvicorn has a bound of its own (--ws-max-size, 16 MiB), and daphne has none.
MAX_MESSAGE_BYTES = 256 * 1024
# The second step of a login: a real one is of the user's authenticator.
EXAMPLE_CODE = b"123456"

# Pages of this machine, on any port. A real list names the app's own origins.
CORS_ALLOWED_ORIGIN_REGEXES = [r"^http://(localhost|127\.0\.0\.1)(:\d+)?$"]
CORS_ALLOW_CREDENTIALS = True
CORS_EXPOSE_HEADERS = ["Date", "Retry-After"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": os.environ.get("EXAMPLE_LOG", "WARNING")},
}
