"""What bounds a model: money, slots, the breaker, and rows that stay."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from apps.interactions.models import (
    ModelCall,
    ModelOptIn,
    ModelSpend,
    OutsideModel,
)
from apps.interactions.outside_model import ToRead, ask, breaker, caps, opted_in
from apps.interactions.outside_model.breaker import Pass
from tests import factories
from tests.conftest import STATUS
from tests.faults import processes
from tests.interactions.outside_model.asked import (
    case_of,
    outcome,
    reading,
)


class TestCaps:
    def test_the_cap_of_a_day_holds(self, case, opt_in, server):
        OutsideModel.objects.update(daily_cap=Decimal("0.01"), at_once=1)
        for _ in range(12):
            reading(case)
        spend = ModelSpend.objects.get()
        assert 0 < len(server.seen()) < 12
        assert spend.spent <= Decimal("0.01")
        assert spend.spent == sum(call.cost for call in ModelCall.objects.all())

    @pytest.mark.parametrize("behaviour", ["lying_usage", "no_usage", "slow"])
    def test_a_call_of_unknown_cost_counts_as_the_most(self, case, opt_in, server, behaviour):
        server.behave(behaviour)
        reading(case)
        call = ModelCall.objects.get()
        prompt = call.prompt
        assert call.cost == caps.most_cost(opt_in.model, prompt, 300)
        assert ModelSpend.objects.get().spent == call.cost

    @pytest.mark.django_db(transaction=True)
    def test_sixteen_threads_spend_no_cent_too_much(self, model, partner):
        OutsideModel.objects.update(daily_cap=Decimal("1.00"))
        model.refresh_from_db()
        most, now = Decimal("0.03"), timezone.now()
        caps.reserve(partner, model, most, now)

        def spend(_):
            try:
                return caps.reserve(partner, model, most, now) is not None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(16) as pool:
            took = sum(pool.map(spend, range(100)))
        assert took == 32
        assert ModelSpend.objects.get().spent == Decimal("0.99")

    @pytest.mark.django_db(transaction=True)
    def test_no_more_calls_at_once_than_allowed_over_processes(self, model, partner, order, arrive, server):
        ModelOptIn.objects.create(partner=partner, model=model, classify=True)
        OutsideModel.objects.update(at_once=2)
        case = case_of(arrive(STATUS, order=order, work=False))
        server.behave("unhurried")

        def work(number):
            question = ToRead(case, (STATUS,))
            ask([question] * 6, opted_in([case.partner]), seconds=20)
            return ModelCall.objects.filter(outcome="used").count()

        processes.race(work, 2)
        assert len(server.seen()) == 12
        assert server.most_at_once() == 2

    @pytest.mark.django_db(transaction=True)
    def test_a_killed_process_frees_its_slot(self, model):
        OutsideModel.objects.update(at_once=1)
        model.refresh_from_db()
        connections.close_all()
        says, hears = os.pipe()
        child = os.fork()
        if child == 0:
            processes._forget_inherited_connections()
            caps.take_slot(model, ())
            os.write(hears, b"x")
            time.sleep(60)
            os._exit(1)
        os.read(says, 1)
        assert caps.take_slot(model, ()) is None
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        freed = eventually(lambda: caps.take_slot(model, ()))
        assert freed == 0
        caps.give_back_slot(model, 0)

    def test_a_session_never_takes_one_slot_twice(self, model):
        model.at_once = 2
        taken = [caps.take_slot(model, ())]
        taken.append(caps.take_slot(model, taken))
        assert sorted(taken) == [0, 1]
        assert caps.take_slot(model, taken) is None
        for slot in taken:
            caps.give_back_slot(model, slot)

    def test_every_slot_is_given_back(self, case, opt_in, server):
        server.behave({"right": 1, "reset": 1, "slow": 1}, seed=3)
        ask([ToRead(case, ("hello",))] * 20, opted_in([case.partner]))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone()[0] == 0


def eventually(look, seconds=5.0):
    deadline = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class TestBreaker:
    def test_it_leaves_a_broken_endpoint_alone_and_tries_it_again(self, case, opt_in, server):
        OutsideModel.objects.update(failures_to_open=3)
        server.behave("error_500")
        for _ in range(6):
            assert reading(case) is None
        assert len(server.seen()) == 3
        OutsideModel.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        reading(case)
        reading(case)
        assert len(server.seen()) == 4, "one call tries it, and it is still broken"
        server.behave("right")
        OutsideModel.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        assert reading(case) is not None
        assert reading(case) is not None
        assert OutsideModel.objects.get().open_until is None

    @pytest.mark.parametrize("behaviour", ["unknown_intent", "tool_calls", "error_400", "refusal", "cut_off"])
    def test_what_a_customer_may_have_caused_opens_nothing(self, case, opt_in, server, behaviour):
        OutsideModel.objects.update(failures_to_open=2)
        server.behave(behaviour)
        for _ in range(4):
            reading(case)
        assert len(server.seen()) == 4

    @pytest.mark.django_db(transaction=True)
    def test_it_is_one_for_all_processes(self, model):
        OutsideModel.objects.update(failures_to_open=4, pause_seconds=1000)
        model.refresh_from_db()
        now = timezone.now()

        def fail_twice(number):
            for _ in range(2):
                breaker.failed(model, now)

        processes.race(fail_twice, 2)
        assert processes.race(lambda number: breaker.admit(model, now), 2) == [Pass.STAY, Pass.STAY]
        later = now + timedelta(seconds=1001)
        passes = processes.race(lambda number: breaker.admit(model, later), 6)
        assert sorted(one.value for one in passes) == ["probe"] + ["stay"] * 5
        processes.race(lambda number: breaker.answered(model, Pass.GO), 1)
        assert breaker.admit(model, later) is Pass.STAY, "a call from before it opened closes nothing"
        processes.race(lambda number: breaker.answered(model, Pass.PROBE), 1)
        assert processes.race(lambda number: breaker.admit(model, later), 2) == [Pass.GO, Pass.GO]


class TestRows:
    @pytest.mark.parametrize(
        "address",
        ["ftp://models.example/v1", "https://", "models.example", "https://user:key@models.example/v1", "https://models.example/v1?key=1",
         "http://169.254.169.254/v1", "http://[fe80::1]/v1", "https://models.example:99999/v1", "http://[::1"],
    )  # fmt: skip
    def test_an_address_that_is_none_is_refused(self, address, db):
        with pytest.raises(ValidationError):
            OutsideModel(name="x", base_url=address, model="m").full_clean()

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]",
                                      "0.0.0.0", "a.localhost", "LOCALHOST."])  # fmt: skip
    def test_this_machine_is_for_development_only(self, host, db, settings):
        row = OutsideModel(name="x", base_url=f"http://{host}:8000/v1", model="m")
        row.full_clean()
        settings.OUTSIDE_MODELS_MAY_BE_LOCAL = False
        with pytest.raises(ValidationError):
            row.full_clean()

    def test_an_address_that_is_not_allowed_is_not_called_either(self, case, opt_in, server, settings):
        settings.OUTSIDE_MODELS_MAY_BE_LOCAL = False
        assert reading(case) is None
        assert (server.seen(), outcome()) == ([], "not_called")

    def test_no_other_secret_can_be_sent_as_a_key(self, db):
        for name in ("REMIT_SECRET_KEY", "DATABASE_URL", "remit_model_key", "REMIT_MODEL_KEY-X"):
            with pytest.raises(ValidationError):
                OutsideModel(name="x", base_url="https://models.example/v1", model="m", key_variable=name).full_clean()
        with pytest.raises(DatabaseError), transaction.atomic():
            OutsideModel.objects.create(name="x", base_url="https://m.example", model="m", key_variable="DATABASE_URL")

    def test_a_key_that_is_not_there_is_no_call(self, case, opt_in, server):
        OutsideModel.objects.update(key_variable="REMIT_MODEL_KEY_GONE")
        assert reading(case) is None
        assert (server.seen(), outcome()) == ([], "not_called")

    def test_a_call_stays_as_it_was_and_its_texts_can_be_emptied(self, case, opt_in):
        reading(case)
        rows = ModelCall.objects.all()
        for change in ({"outcome": "odd"}, {"cost": 0}, {"prompt": "another"}, {"answer": "another"}):
            with pytest.raises(DatabaseError), transaction.atomic():
                rows.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
        rows.update(prompt="", answer="")
        assert rows.get().prompt == ""

    def test_the_admin_shows_all_of_it(self, case, opt_in):
        reading(case)
        client = Client()
        client.force_login(factories.UserFactory(is_superuser=True))
        for name in ("outsidemodel", "modeloptin", "modelcall", "modelspend"):
            assert client.get(f"/admin/interactions/{name}/").status_code == 200
        call = ModelCall.objects.get()
        assert "order_status" in client.get(f"/admin/interactions/modelcall/{call.pk}/change/").content.decode()
        assert client.post(f"/admin/interactions/modelcall/{call.pk}/change/", {}).status_code == 403
        page = client.get(f"/admin/interactions/outsidemodel/{opt_in.model_id}/change/").content.decode()
        assert 'name="base_url"' not in page, "brands agreed to this address"

    def test_who_opted_in_is_kept(self, partner, model):
        user = factories.UserFactory(is_superuser=True)
        client = Client()
        client.force_login(user)
        fields = {"partner": partner.pk, "model": model.pk, "classify": "on"}
        assert client.post("/admin/interactions/modeloptin/add/", fields).status_code == 302
        assert ModelOptIn.objects.get().by == user
