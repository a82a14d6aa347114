"""Makes the users of the example: maggie (password `secret`) in group 1, bob (`hunter2`) in none, eve (`gone`) who is not active, ada (`lovelace`) who may use the admin."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options):
        group, _ = Group.objects.get_or_create(pk=1, name="market watch")
        for name, password, is_active in [("maggie", "secret", True), ("bob", "hunter2", True), ("eve", "gone", False)]:
            user, _ = get_user_model().objects.get_or_create(username=name)
            user.is_active = is_active
            user.set_password(password)
            user.save()
        get_user_model().objects.get(username="maggie").groups.add(group)
        ada, _ = get_user_model().objects.get_or_create(username="ada", defaults={"is_staff": True, "is_superuser": True})
        ada.set_password("lovelace")
        ada.save()
