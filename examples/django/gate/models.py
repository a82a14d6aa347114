"""What was said in rooms: the last messages of each, numbered without a hole."""

from django.db import models, transaction

# How many messages of a room are kept.
LOG_LENGTH = 100


class Room(models.Model):
    name = models.CharField(max_length=64, unique=True)
    # The number of its last message.
    seq = models.PositiveBigIntegerField(default=0)

    def __str__(self):
        return self.name

    @classmethod
    def say(cls, name, sender, text):
        """Writes a message down. Nobody else counts meanwhile, so that there is one order."""
        with transaction.atomic():
            cls.objects.get_or_create(name=name)
            room = cls.objects.select_for_update().get(name=name)
            room.seq += 1
            room.save(update_fields=["seq"])
            room.messages.create(seq=room.seq, sender=sender, text=text)
            room.messages.filter(seq__lte=room.seq - LOG_LENGTH).delete()

    @classmethod
    def after(cls, name, seq):
        """The messages after a number, oldest first; the number of the last one; and whether some of them are gone."""
        # First the number, and then no message beyond it: the next call has those.
        last = cls.objects.filter(name=name).values_list("seq", flat=True).first() or 0
        messages = list(Message.objects.filter(room__name=name, seq__gt=seq, seq__lte=last).order_by("seq"))
        # A number that is not of this log, because that was begun anew, is a gap, too.
        return messages, last, seq > last or len(messages) < last - seq


class Message(models.Model):
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages")
    seq = models.PositiveBigIntegerField()
    sender = models.CharField(max_length=150)
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "seq"], name="room_seq")]

    def __str__(self):
        return f"{self.room_id} {self.seq}"
