from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from deploy.clouds.calls import NAME, Line
from emulators.memory import MemoryCloud, offer
from lab.keys import make_key

from zephyr_deploy.deploy import guests
from zephyr_deploy.deploy.clouds import boot
from zephyr_deploy.deploy.clouds.choosing import wanted
from zephyr_deploy.deploy.clouds.place import key_of
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import begun_in
from zephyr_deploy.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConflictError,
    CreditError,
    DeadlineError,
    GoneError,
    HostKeyError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
    UnhealthyError,
    UnreachableError,
)
from zephyr_deploy.paths import state_dir
from zephyr_deploy.providers.clouds.types import Account
from zephyr_deploy.providers.nodes.connect import pin_file
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.spec.deployment import Access, Cost, Deployment, Machine


class Killed(BaseException):
    """What ends a process here, so that nothing of it is written any more."""


def test_a_launch_makes_one_stamped_machine_that_is_noted_and_pinned(session):
    instance = session.up()
    (machine,) = session.cloud.paper.made.values()
    assert (instance.state, instance.address) == ("running", machine.address)
    assert instance.stamp.deployment == NAME
    assert instance.stamp.expires is not None
    assert instance.stamp.price_per_hour_usd == 1.0
    assert instance.stamp.host_key == machine.host_key.fingerprint
    assert record_of(NAME).nodes[0].host == machine.address
    assert machine.host_key.public.split()[1] in pin_file(NAME).read_text()
    assert "(console)" in session.notices()


def test_a_second_up_uses_the_same_machine_and_asks_nobody(session):
    first = session.up()

    def agree(_proposal):
        raise AssertionError("nothing is ordered")

    assert session.up(agree=agree).id == first.id
    assert session.cloud.calls.count("create") == 1


def test_the_user_is_shown_what_is_ordered_and_may_say_no(session):
    shown = []

    def refuse(proposal):
        shown.append(proposal)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.up(agree=refuse)
    (proposal,) = shown
    assert (proposal.account.id, proposal.offers[0].machine_type) == ("1234", "g5.xlarge")
    assert (proposal.allowed, proposal.ends_itself) == ("203.0.113.7/32", True)
    assert proposal.idle == timedelta(hours=1)
    assert session.cloud.resources() == []


def test_what_is_missing_from_the_choice_is_a_warning_and_what_is_good_to_know_is_none(session):
    session.up(wanted=lambda: replace(session.wanted(), notes=("far is left out",), remarks=("a rate",)))
    levels = {event.message: event.level for event in session.events if hasattr(event, "level")}
    assert (levels["far is left out"], levels["a rate"]) == ("warning", "info")


def test_what_is_opened_for_the_endpoint_is_shown_before_the_order(session):
    shown = []
    deployment = Deployment(provider="aws", access=Access(expose=True, domain="llm.example.org"))
    session.up(wanted=lambda: wanted(session.cloud, deployment), agree=shown.append)
    assert shown[0].opened == {80: "0.0.0.0/0", 443: "203.0.113.7/32"}


def test_the_order_is_in_the_journal_before_it_is_given_and_holds_no_secret(session):
    entries = []
    session.cloud.create, create = (
        lambda order: (entries.extend(Journal(NAME).entries()), create(order))[1],
        session.cloud.create,
    )
    session.up()
    assert (entries[-1].step, entries[-1].stage) == ("create", "intent")
    assert "PRIVATE" not in str(entries)


def test_zones_and_then_offers_are_tried_until_one_has_a_machine(session):
    session.cloud.sold = [offer("small"), offer("large", 2.0)]
    session.cloud.fails["create"] = [NoCapacityError("none left"), NoCapacityError("none left")]
    assert session.up().machine_type == "large"
    assert "small in a: none left" in session.notices()
    assert "small in b: none left" in session.notices()


def test_nothing_anywhere_is_told_as_a_table(session):
    session.cloud.sold = [offer("small"), offer("large", 2.0)]
    session.cloud.fails["create"] = [NoCapacityError(f"none left {n}") for n in range(4)]
    with pytest.raises(NoCapacityError, match=r"(?s)small in a: none left 0.*large in b: none left 3") as caught:
        session.up()
    assert "offers" in caught.value.hint
    assert len(caught.value.details["tried"]) == 4
    assert Journal(NAME).unfinished() == []


def test_an_offer_that_the_quota_forbids_is_not_tried_in_another_zone(session):
    session.cloud.sold = [offer("big"), offer("small", 2.0)]
    session.cloud.fails["create"] = [QuotaError("0 vCPUs", hint="raise it: https://…")]
    assert session.up().machine_type == "small"
    assert session.cloud.calls.count("create") == 2


def test_a_quota_that_forbids_everything_is_said_with_its_remedy(session):
    session.cloud.fails["create"] = [QuotaError("0 vCPUs", hint="raise it: https://…")]
    with pytest.raises(QuotaError, match="0 vCPUs") as caught:
        session.up()
    assert caught.value.hint == "raise it: https://…"


@pytest.mark.parametrize("error", [CreditError("no credit"), AuthError("expired"), GoneError("no such image")])
def test_what_no_other_place_mends_ends_the_search(session, error):
    session.cloud.fails["create"] = [error]
    with pytest.raises(type(error)):
        session.up()
    assert session.cloud.calls.count("create") == 1
    assert Journal(NAME).unfinished() == []


def test_a_busy_cloud_is_asked_again(session):
    session.cloud.fails["create"] = [ThrottledError("slow down"), ThrottledError("slow down")]
    session.up()
    assert session.cloud.calls.count("create") == 3
    assert len(session.cloud.there) == 1


def test_an_order_whose_answer_is_lost_is_repeated_where_that_is_safe(session):
    session.cloud.lost["create"] = [AmbiguousError("no answer"), AmbiguousError("no answer")]
    session.cloud.lag_s = 0.1
    session.up()
    assert len(session.cloud.there) == 1


def test_an_order_whose_answer_is_lost_is_looked_for_where_repeating_makes_another(session):
    session.cloud.repeatable = False
    session.cloud.lost["create"] = [AmbiguousError("no answer")]
    session.cloud.lag_s = 0.1
    session.up()
    assert session.cloud.calls.count("create") == 1
    assert len(session.cloud.there) == 1


def test_an_order_that_never_appears_is_not_given_twice_in_one_run(session):
    session.cloud.repeatable = False
    session.cloud.fails["create"] = [AmbiguousError("no answer")]
    with pytest.raises(AmbiguousError):
        session.up()
    assert "may have been ordered" in session.notices()
    assert session.cloud.calls.count("create") == 1
    session.up()
    assert len(session.cloud.there) == 1


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("when", ["fails", "lost"])
@pytest.mark.parametrize("lag_s", [0.0, 0.15])
def test_a_kill_around_the_order_leaves_one_machine_after_the_next_up(session, repeatable, when, lag_s):
    session.cloud.repeatable = repeatable
    session.cloud.lag_s = lag_s
    getattr(session.cloud, when)["create"] = [Killed()]
    with pytest.raises(Killed):
        session.up()
    assert [entry.step for entry in Journal(NAME).unfinished()] == ["create"]
    session.up()
    assert len(session.cloud.there) == 1
    assert Journal(NAME).unfinished() == []


def test_two_machines_of_one_deployment_are_refused_by_name(session):
    first = session.up()
    session.cloud.there["i-99"] = first.model_copy(update={"id": "i-99"})
    session.cloud.paper.launch("i-99", user="ubuntu", keys=[], user_data="")
    session.cloud._listed_at["i-99"] = 0.0
    with pytest.raises(ConflictError, match=r"i-1, i-99") as caught:
        session.up()
    assert "down demo" in caught.value.hint


def test_a_machine_that_is_on_its_way_out_does_not_count(session):
    first = session.up()
    session.cloud.ending_s = 60.0
    session.cloud.delete(session.cloud.resources(NAME)[0])
    second = session.up()
    assert second.id != first.id
    assert session.up().id == second.id
    assert [instance.id for instance in session.cloud.reachable(NAME)] == [second.id]


def test_a_machine_that_ends_while_it_boots_is_told(session, monkeypatch):
    session.cloud.ending_s = 60.0
    get = session.cloud.get
    session.cloud.get = lambda instance: get(instance).model_copy(update={"state": "failed"})
    with pytest.raises(UnhealthyError, match="i-1 is failed") as caught:
        session.up()
    assert "down demo" in caught.value.hint
    assert "i-1 costs $1.00 an hour; take it away with: zephyr-deploy down demo" in session.notices()


def test_a_machine_is_told_of_though_nobody_can_say_whether_it_is_the_only_one(session):
    instances, made = session.cloud.instances, session.cloud.there
    session.cloud.instances = lambda name=None: raise_(AuthError("expired")) if made else instances(name)
    with pytest.raises(AuthError):
        session.up()
    assert "i-1 costs $1.00 an hour; take it away with: zephyr-deploy down demo" in session.notices()


def test_a_machine_that_never_runs_has_a_deadline(session, monkeypatch):
    monkeypatch.setattr(boot, "RUNNING_S", 0.05)
    get = session.cloud.get
    session.cloud.get = lambda instance: get(instance).model_copy(update={"address": None})
    with pytest.raises(DeadlineError, match="i-1 to run"):
        session.up()
    assert "down demo" in session.notices()


def test_a_console_that_never_shows_a_key_has_a_deadline(session, monkeypatch):
    monkeypatch.setattr(boot, "CONSOLE_S", 0.05)
    session.cloud.host_keys = lambda _instance: ()
    with pytest.raises(DeadlineError, match="console of i-1"):
        session.up()


def test_a_cloud_without_a_console_is_trusted_once_and_only_for_an_own_machine(session):
    shown = []
    session.cloud = MemoryCloud()
    launch = session.launch()
    boot_run = boot.Boot._answers

    def answers(self, instance, trust, phase):
        shown.append(trust)
        boot_run(self, instance, trust, phase)
        return "SHA256:" + "A" * 43

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boot.Boot, "_answers", answers)
        launch.run()
        session.up()
    first, second = shown
    assert (first.first_use, first.known) == (True, ())
    assert (second.first_use, second.fingerprint) == (False, "SHA256:" + "A" * 43)
    assert "shows host keys nowhere" in session.notices()


def test_the_machine_of_another_laptop_whose_key_nobody_verified_is_not_trusted(session, monkeypatch, tmp_path):
    session.cloud = MemoryCloud()
    session.cloud.fails["restamp"] = [Killed()]
    monkeypatch.setattr(boot.Boot, "_answers", lambda *_: "SHA256:" + "A" * 43)
    with pytest.raises(Killed):
        session.up()
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "other"))
    with pytest.raises(HostKeyError, match="nobody has verified"):
        session.up()


def test_another_account_is_refused_as_long_as_there_is_anything_of_it(session):
    session.up()
    session.cloud.account = lambda: Account(provider="aws", id="9999")
    with pytest.raises(ConflictError, match="account 1234; these credentials are of 9999"):
        session.up()


def test_where_the_cloud_cannot_be_asked_a_machine_that_is_noted_is_said_to_cost_on(session):
    made = session.up()
    session.cloud.fails["account"] = [AuthError("expired", hint="Log in.")]
    with pytest.raises(AuthError) as caught:
        session.up()
    since, ends = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (made.created_at, made.stamp.expires))
    assert caught.value.message == (
        f"expired\n  Machine ubuntu@{made.address} of demo is noted here: as long as it is there, it costs "
        f"$1.00 an hour since {since}; it ends itself at {ends} at the latest."
    )
    assert caught.value.hint == "Log in. To end what costs, after that: zephyr-deploy down demo"


def test_one_whose_launch_was_cut_off_before_it_was_noted_is_said_to_cost_on_too(session):
    session.cloud.get, get = (lambda _instance: raise_(Killed())), session.cloud.get
    with pytest.raises(Killed):
        session.up()
    session.cloud.get = get
    session.cloud.fails["account"] = [UnreachableError("no network")] * 2
    with pytest.raises(UnreachableError, match=r"Machine i-1 of demo is noted here: as long as it is there, it costs"):
        session.up()
    session.down()
    with pytest.raises(UnreachableError, match=r"^no network$"):
        session.up()


def test_an_order_without_an_answer_is_said_where_the_cloud_cannot_be_asked(session):
    session.cloud.lost["create"] = [Killed()]
    with pytest.raises(Killed):
        session.up()
    session.cloud.fails["account"] = [ThrottledError("later")]
    with pytest.raises(ThrottledError, match="may have been ordered for demo before"):
        session.up()


def test_an_account_where_nothing_was_ordered_keeps_no_deployment(session):
    def refuse(_proposal):
        raise Killed

    with pytest.raises(Killed):
        session.up(agree=refuse)
    session.cloud.fails["offers"] = [ThrottledError("later")]
    with pytest.raises(ThrottledError):
        session.up()
    session.cloud.account = lambda: Account(provider="aws", id="9999")
    assert session.up().state == "running"


def test_where_no_machine_was_to_be_had_and_nothing_is_left_another_place_may_be_tried(session):
    session.cloud.fails["create"] = [NoCapacityError("none"), NoCapacityError("none")]
    with pytest.raises(NoCapacityError):
        session.up()
    assert begun_in(NAME) is None
    session.cloud.account = lambda: Account(provider="aws", id="9999")
    session.up()
    assert begun_in(NAME) == "aws"


def test_a_zone_without_a_network_is_passed_over_and_one_that_has_it_is_taken(session):
    session.cloud.fails["ready"] = [ConfigError("there is no default subnet in a")]
    assert session.up().zone == "b"
    assert "g5.xlarge in a: there is no default subnet in a" in session.notices()


@pytest.mark.parametrize("kind", [ConfigError, GoneError])
def test_where_no_place_can_be_made_ready_the_first_says_why(session, kind):
    session.cloud.fails["ready"] = [kind("there is no network", hint="Make one."), kind("here neither")]
    with pytest.raises(kind, match="there is no network") as caught:
        session.up()
    assert caught.value.hint == "Make one."


def test_what_is_in_the_way_is_no_reason_to_go_elsewhere(session):
    session.cloud.fails["ready"] = [ConflictError("the key is another key")]
    with pytest.raises(ConflictError):
        session.up()
    assert session.cloud.calls.count("ready") == 1


def test_each_machine_lives_as_long_as_the_budget_pays_for_it(session):
    session.cloud.sold = [offer("small"), offer("large", 2.0)]
    session.cloud.fails["create"] = [NoCapacityError("none"), NoCapacityError("none")]
    wanted = replace(session.wanted(), cost=Cost(ttl="none", budget_usd=6))
    before = datetime.now(timezone.utc)
    instance = session.up(wanted=lambda: wanted)
    assert instance.machine_type == "large"
    assert abs(instance.stamp.expires - before - timedelta(hours=3)) < timedelta(minutes=1)
    (machine,) = session.cloud.paper.made.values()
    assert '"ttl_s": 10800.0' in machine.user_data


def test_a_machine_that_would_cost_on_is_not_told_to_end_itself(session, monkeypatch):
    monkeypatch.delattr(MemoryCloud, "ends_itself")
    session.up()
    (machine,) = session.cloud.paper.made.values()
    assert machine.user_data == ""


@pytest.mark.parametrize("spot", [True, False])
def test_one_that_can_be_taken_back_is_told_to_listen_for_that(session, spot):
    session.cloud.sold = [offer(spot=spot)]
    session.up()
    (machine,) = session.cloud.paper.made.values()
    assert ("interruption.py http://169.254.169.254\n" in machine.user_data) == spot


def test_a_machine_that_no_list_has_yet_is_not_made_again(session):
    """A kill after the order was carried out, and written down."""
    session.cloud.lag_s = 0.2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boot.Boot, "run", lambda _boot, _instance: raise_(Killed()))
        with pytest.raises(Killed):
            session.up()
    assert session.cloud.instances(NAME) == []
    session.up()
    assert session.cloud.calls.count("create") == 1


def test_a_machine_that_is_gone_as_soon_as_it_was_made_is_not_taken(session):
    first = session.up()
    session.cloud._ends_at[first.id] = 0.0
    assert session.up().id != first.id


def raise_(error):
    raise error


@pytest.mark.parametrize("error", [NoCapacityError("none left"), QuotaError("0 vCPUs"), GoneError("no such image")])
def test_where_no_machine_is_to_be_had_nothing_that_was_made_for_it_is_left(session, error):
    session.cloud.fails["create"] = [error, error]
    with pytest.raises(type(error)):
        session.up()
    assert session.cloud.resources() == []


def test_what_cannot_be_cleaned_up_is_said_and_the_cause_stays_the_cause(session):
    session.cloud.fails["create"] = [GoneError("no such image")]
    session.cloud.fails["delete"] = [AuthError("not allowed")]
    with pytest.raises(GoneError, match="no such image"):
        session.up()
    assert "still there: not allowed; zephyr-deploy down demo" in session.notices()


@pytest.mark.parametrize("first", ["other", "own"])
def test_of_two_laptops_that_order_at_once_one_gives_way(session, first):
    create = session.cloud.create

    def both(order):
        if first == "own":
            made = create(order)
        elsewhere = order.stamp.model_copy(update={"run": "e" * 8})
        other = create(order.model_copy(update={"stamp": elsewhere, "token": "other"}))
        return made if first == "own" else create(order) and other_than(other, session.cloud)

    def other_than(other, cloud):
        return next(i for i in cloud.there.values() if i.id != other.id)

    session.cloud.create = both
    kept = session.up()
    there = [i for i in session.cloud.there.values() if session.cloud.get(i).state != "gone"]
    assert [i.id for i in there] == [kept.id] if first == "other" else len(there) == 2
    assert kept.id == "i-1"
    assert ("Another up was faster: i-1 stays, and i-2 is taken away." in session.notices()) == (first == "other")


def test_who_gives_way_is_let_in_to_the_machine_that_stays(session, monkeypatch):
    create, let_in = session.cloud.create, []

    def both(order):
        elsewhere = order.stamp.model_copy(update={"run": "e" * 8})
        create(order.model_copy(update={"stamp": elsewhere, "token": "other", "public_key": "ssh-ed25519 AAAA"}))
        return create(order)

    def connect(*_args, **_kwargs):
        if not let_in:
            raise UnreachableError("it did not answer within 10 s")
        return Line()

    session.cloud.create = both
    monkeypatch.setattr(session.cloud, "let_in", lambda instance, *_: let_in.append(instance.id))
    monkeypatch.setattr(boot, "connect", connect)
    monkeypatch.setattr(guests, "call", lambda *_args, **_options: None)
    assert session.up().id == "i-1"
    assert let_in == ["i-1"]


def test_what_another_up_made_while_none_was_to_be_had_stays(session):
    def other_is_faster(order):
        session.cloud.create = create
        elsewhere = order.stamp.model_copy(update={"run": "e" * 8})
        create(order.model_copy(update={"stamp": elsewhere, "token": "other"}))
        raise NoCapacityError("none left")

    create, session.cloud.create = session.cloud.create, other_is_faster
    session.cloud.fails["create"] = []
    session.cloud.zones = lambda _offer: ("a",)
    with pytest.raises(NoCapacityError):
        session.up()
    assert [thing.kind for thing in session.cloud.resources()] == ["instance", "security-group", "key"]
    assert session.up().id == "i-1"


def test_a_machine_that_was_there_lets_in_who_comes_from_another_address(session, monkeypatch):
    instance = session.up()
    session.cloud.paper.made[instance.id].keys.clear()
    told = []

    def connect(*_args, **_kwargs):
        if not session.cloud.paper.made[instance.id].keys:
            raise UnreachableError("it did not answer within 10 s")
        return Line()

    monkeypatch.setattr(boot, "connect", connect)
    monkeypatch.setattr(guests, "call", lambda _node, verb, request, **_: told.append((verb, request["key"])))
    session.up()
    (key,) = session.cloud.paper.made[instance.id].keys
    assert told == [("admit", key)]


def test_a_new_machine_is_only_waited_for(session, monkeypatch):
    tries = []

    def connect(*_args, **_kwargs):
        tries.append(1)
        if len(tries) == 1:
            raise UnreachableError("refused")
        return Line()

    monkeypatch.setattr(boot, "connect", connect)
    instance = session.up()
    assert len(session.cloud.paper.made[instance.id].keys) == 1


def test_a_machine_that_neither_a_list_nor_a_look_has_yet_is_waited_for_and_not_made_again(session, monkeypatch):
    """AWS may say of a new machine that there is none; how old it is says whether to believe that."""
    session.cloud.fails["restamp"] = [Killed()]
    with pytest.raises(Killed):
        session.up()
    get, asked = session.cloud.get, []

    def late(instance):
        asked.append(instance)
        young = instance.created_at and datetime.now(timezone.utc) - instance.created_at < timedelta(seconds=60)
        return (
            get(instance) if len(asked) > 1 else instance.model_copy(update={"state": "starting" if young else "gone"})
        )

    monkeypatch.setattr(session.cloud, "instances", lambda _name=None: [])
    monkeypatch.setattr(session.cloud, "get", late)
    assert session.up().id == "i-1"
    assert len(session.cloud.there) == 1


def test_who_gives_way_can_delete_what_no_list_has_yet(session, monkeypatch):
    create = session.cloud.create

    def both(order):
        create(order.model_copy(update={"stamp": order.stamp.model_copy(update={"run": "e" * 8}), "token": "other"}))
        made = create(order)
        session.cloud._listed_at[made.id] = float("inf")
        return made

    session.cloud.create = both
    assert session.up().id == "i-1"
    assert session.cloud.get(session.cloud.there["i-2"]).state == "gone"


def test_the_users_own_key_is_the_machines_and_is_noted(session, tmp_path):
    (tmp_path / "own").write_text("private")
    (tmp_path / "own.pub").write_text("ssh-ed25519 AAAAOWN me@here\n")
    instance = session.up(key=partial(key_of, Machine(identity=str(tmp_path / "own"))))
    assert session.cloud.paper.made[instance.id].keys == ["ssh-ed25519 AAAAOWN"]
    assert record_of(NAME).entry.identity == tmp_path / "own"


def test_a_key_that_is_in_no_file_is_noted_by_where_it_is(session, tmp_path, monkeypatch):
    key = make_key()
    monkeypatch.setenv("ZEPHYR_DEPLOY_KEY", key.private)
    instance = session.up(key=partial(key_of, Machine(identity_from="env:ZEPHYR_DEPLOY_KEY")))
    assert session.cloud.paper.made[instance.id].keys == [key.public]
    entry = record_of(NAME).entry
    assert (entry.identity, entry.identity_from) == (None, "env:ZEPHYR_DEPLOY_KEY")
    assert not [path for path in state_dir().rglob("*") if path.is_file() and "PRIVATE" in path.read_text()]
