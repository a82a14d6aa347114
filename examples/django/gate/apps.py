from django.apps import AppConfig


class GateConfig(AppConfig):
    name = "gate"

    def ready(self):
        from gate.endings import connect_signals

        connect_signals()
