"""Serves the shop on Django REST Framework with gunicorn's threads; the address is printed on standard output."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from gunicorn.app.base import BaseApplication


def configure(database: Path) -> None:
    """The settings of the service."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                "OPTIONS": {
                    "timeout": 20,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
                },
                "CONN_MAX_AGE": None,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["rest_framework"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        REST_FRAMEWORK={
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
            "EXCEPTION_HANDLER": "drf_shop.refusal",
            "UNAUTHENTICATED_USER": None,
        },
        ROOT_URLCONF="drf_shop",
        SECRET_KEY="only for tests",
        TIME_ZONE="Asia/Singapore",
        USE_TZ=True,
    )
    django.setup()


def create_tables() -> None:
    """The tables, without migrations."""
    from django.db import connection
    from drf_shop import IdempotentRequest, PayoutIntent, Withdraw

    with connection.schema_editor() as editor:
        for model in (Withdraw, PayoutIntent, IdempotentRequest):
            editor.create_model(model)
    connection.close()


class Service(BaseApplication):
    """gunicorn, set up here rather than on a command line."""

    def load_config(self) -> None:
        """Loads the settings of gunicorn."""
        self.cfg.set("bind", "127.0.0.1:0")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 8)
        self.cfg.set("loglevel", "critical")
        self.cfg.set("when_ready", tell)

    def load(self) -> Any:
        """The application."""
        from django.core.handlers.wsgi import WSGIHandler

        return WSGIHandler()


def tell(server: Any) -> None:
    """Prints the address once it is known."""
    host, port = server.LISTENERS[0].getsockname()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder) / "shop.db")
        create_tables()
        Service().run()
