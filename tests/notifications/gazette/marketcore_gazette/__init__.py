"""A plugin that tells people things: editions, gathered into one letter, and alarms by text message."""

from marketcore.plugins import Plugin

plugin = Plugin("gazette", "News for members")


class Pigeons:
    """Carries text messages, and remembers them; while ``ill``, none arrives."""

    def __init__(self):
        self.sent = []
        self.ill = False

    def send(self, number, text, id):
        if self.ill:
            raise ConnectionError("the pigeons are ill")
        self.sent.append((number, text, id))


def includeme(config):
    templates = "marketcore_gazette:templates"
    config.add_notification_type("gazette.edition", title="Editions", templates=templates, digest=True)
    config.add_notification_type("gazette.alarm", title="Alarms", templates=templates, channels="in_app sms")
    config.add_sms_provider("pigeons", Pigeons())
