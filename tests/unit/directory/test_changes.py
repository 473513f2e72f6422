"""What `apply` would write: only what differs, in an order in which names exist, and nobody else's."""

from directory.changes import Action, Change, compare, put
from directory.checks import flaws, flaws_of, users
from directory.file import parse
from directory.snapshot import Directory
from schemas.directory import ApiKey, Assistant, Former
from tests.fakes import world

FREE_IT = "retire it there, or delete it over the admin API with a key of the operator"


def changes(current: Directory, text: str, *, prune: bool = False) -> tuple[list[Change], list[str]]:
    return compare(current, parse(text, source="f", variables={}), prune=prune)


def test_nothing_to_do() -> None:
    assert changes(world.directory(), world.FILE, prune=True) == ([], [])


def test_what_is_named_is_written_before_what_names_it() -> None:
    found, _ = changes(Directory(), world.FILE)
    kinds = [change.kind for change in found]
    assert sorted(kinds, key=["account", "number", "assistant", "api_key"].index) == kinds
    assert {change.version for change in found} == {1}


def test_an_update_names_the_fields_and_the_next_version() -> None:
    found, _ = changes(world.directory(), world.FILE.replace("name: Desk", "name: Front desk"))
    assert [(c.action, c.kind, c.id, c.version, c.fields) for c in found] == [
        (Action.UPDATE, "assistant", "desk", 2, ("name",))
    ]


def test_what_the_file_leaves_out_stays_unless_pruned() -> None:
    text = world.FILE.replace('      "+14155550106": {account: tw}\n', "")
    assert changes(world.directory(), text) == ([], [])
    found, _ = changes(world.directory(), text, prune=True)
    assert [(c.action, c.id, c.entity) for c in found] == [(Action.DELETE, "+14155550106", None)]


def test_an_organizations_defaults_are_set_changed_and_pruned() -> None:
    an_hour = "organizations: {acme: {defaults: {validity_seconds: 3600}}}"
    directory = world.directory()
    assert directory.organization("acme") is None
    for text, action, fields, validity in (
        (an_hour, Action.CREATE, ("kind", "id", "validity_seconds"), 3600),
        (an_hour.replace("3600", "60"), Action.UPDATE, ("validity_seconds",), 60),
        ("organizations: {acme: {defaults: {}}}", Action.UPDATE, ("validity_seconds",), None),
    ):
        (change,), problems = changes(directory, text)
        assert not problems
        assert (change.action, change.kind, change.id) == (action, "organization", "acme")
        assert set(fields) <= set(change.fields)
        directory, refused = directory.after([change.entry(1)])
        assert not refused
        found = directory.organization("acme")
        assert found is not None
        assert found.validity_seconds == validity
        assert changes(directory, text)[0] == []
    assert changes(directory, "organizations: {acme: }")[0] == []
    gone = [c for c in changes(directory, "organizations: {acme: }", prune=True)[0] if c.id == "acme"]
    assert [(c.action, c.version) for c in gone] == [(Action.DELETE, 4)]
    directory, _ = directory.after([gone[0].entry(2)])
    assert directory.organization("acme") is None


def test_who_redacts_is_not_pruned_by_the_way() -> None:
    redacts = "organizations: {acme: {defaults: {redact: true}}}"
    (change,), _ = changes(world.directory(), redacts)
    directory, _ = world.directory().after([change.entry(1)])
    _, problems = changes(directory, "organizations: {acme: }", prune=True)
    assert [problem for problem in problems if "set redact to false first" in problem] != []
    (change,), problems = changes(directory, redacts.replace("true", "false"))
    assert problems == []
    directory, _ = directory.after([change.entry(2)])
    found, problems = changes(directory, "organizations: {acme: }", prune=True)
    assert problems == []
    assert ("organization", "acme") in {(one.kind, one.id) for one in found}


def test_prune_leaves_other_organizations_alone_and_deletes_users_first() -> None:
    found, problems = changes(world.directory(), "organizations: {globex: }", prune=True)
    assert [(c.action, c.kind) for c in found] == [
        (Action.DELETE, "api_key"),
        (Action.DELETE, "assistant"),
        (Action.DELETE, "number"),
    ]
    assert problems == []


def test_a_deleted_entity_comes_back_with_the_version_after_its_deletion() -> None:
    current = world.directory()
    gone, _ = changes(current, "organizations: {globex: }", prune=True)
    current, _ = current.after([change.entry(1) for change in gone])
    found, _ = changes(current, world.FILE)
    assert {(c.action, c.version) for c in found} == {(Action.CREATE, 3)}


def test_another_owners_entity_is_not_taken() -> None:
    found, problems = changes(
        world.directory(), world.of("globex", f'numbers: {{"{world.TWILIO}": {{account: tw}}}}')
    )
    assert found == []
    assert problems == [
        f"globex: number {world.TWILIO}: it belongs to acme; {FREE_IT}",
    ]


def test_references_must_lead_somewhere_allowed() -> None:
    text = world.of(
        "globex",
        f"""
        numbers:
          "+16465550131": {{account: nowhere, campaign: none}}
        campaigns:
          c: {{brand: none, use: alerts}}
        assistants:
          thief: {{name: T, numbers: ["{world.TWILIO}", "+19999999999"]}}
          twin: {{name: T, numbers: ["{world.OTHERS}"]}}
        use_cases:
          5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10: {{name: U, numbers: ["{world.TELNYX}"]}}
        api_keys:
          same: {{sha256: {world.sha256(world.KEY)}}}
        """,
    )
    _, problems = changes(world.directory(), text)
    assert problems == [
        "globex: assistant thief: numbers: number +14155550100 belongs to acme",
        "globex: assistant thief: numbers: there is no number +19999999999",
        "globex: campaign c: brand: there is no brand none",
        "globex: number +16465550131: account: there is no account nowhere",
        "globex: number +16465550131: campaign: there is no campaign none",
        "globex: use_case 5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10: numbers: number +12125550110 belongs to acme",
        "globex: api_key same: sha256: this key is demo's already",
        f"globex: assistant thief: numbers: number {world.TWILIO} is desk's already",
        f"globex: assistant twin: numbers: number {world.OTHERS} is support's already",
    ]


def test_an_account_of_another_tenant_may_not_be_used() -> None:
    text = """
organizations:
  globex:
    accounts:
      own: {credentials: {provider: telnyx, api_key: "env:A", public_keys: ["env:A"]}}
    numbers:
      "+16465550131": {account: own}
  acme:
    numbers:
      "+14155550108": {account: own}
"""
    _, problems = changes(world.directory(), text)
    assert problems == ["acme: number +14155550108: account: account own belongs to globex"]


def test_pruning_what_others_name_is_refused() -> None:
    _, problems = changes(world.directory(), "organizations: {operator: }", prune=True)
    assert f"acme: number {world.TWILIO}: account: there is no account tw" in problems


def test_problems_from_before_do_not_stop_others() -> None:
    current = world.directory()
    broken, _ = changes(current, "organizations: {operator: }", prune=True)
    current, _ = current.after([change.entry(1) for change in broken])
    found, problems = changes(current, world.of("initech", "brands: {b: {name: B}}"))
    assert problems == []
    assert len(found) == 1


def test_what_a_file_retires_is_deleted_and_stays_so() -> None:
    text = world.of("acme", 'retired: {numbers: ["+14155550106", "+14155550199"], assistants: [asleep]}')
    found, problems = changes(world.directory(), text)
    assert problems == []
    assert [(c.action, c.kind, c.id) for c in found] == [
        (Action.DELETE, "assistant", "asleep"),
        (Action.DELETE, "number", "+14155550106"),
    ]
    after, _ = world.directory().after([change.entry(1) for change in found])
    assert changes(after, text) == ([], [])


def test_what_is_others_or_in_use_cannot_be_retired() -> None:
    text = world.of("acme", f'retired: {{numbers: ["{world.OTHERS}", "{world.TWILIO}"]}}')
    _, problems = changes(world.directory(), text)
    assert problems == [
        f"acme: number {world.OTHERS}: it belongs to globex; {FREE_IT}",
        f"acme: assistant desk: numbers: there is no number {world.TWILIO}",
    ]


def test_a_file_knows_nothing_of_replaced_keys_and_brings_none_back() -> None:
    directory = world.directory()
    key = directory.api_key(world.sha256(world.KEY))
    assert key is not None
    former = (Former(sha256=key.sha256, until=0),)
    rotated = put(directory, key.model_copy(update={"sha256": world.sha256("new"), "former": former}))
    assert rotated is not None
    directory, _ = directory.after([rotated.entry(1)])
    _, problems = changes(directory, world.FILE)
    assert problems == [
        "acme: api_key demo: sha256: this key was replaced by a newer one; put that one's here"
    ]
    newest = world.FILE.replace(world.sha256(world.KEY), world.sha256("new"))
    assert changes(directory, newest) == ([], [])
    (other,), _ = changes(directory, newest.replace(world.sha256("new"), world.sha256("other")))
    assert isinstance(other.entity, ApiKey)
    assert other.entity.former == former


def test_one_entity_is_judged_as_a_whole_file_is() -> None:
    """What the admin API finds wrong with one write is what `compare` finds."""
    live = world.directory().live
    taken = Assistant(organization="globex", id="x", name="X", numbers=(world.TWILIO, "+19999999999"))
    found = list(flaws_of(taken, live))
    assert found == [flaw for flaw in flaws({**live, ("assistant", "x"): taken}) if flaw.id == "x"]
    assert [(flaw.field, flaw.told) for flaw in found] == [
        ("numbers", f"there is no number {world.TWILIO}"),
        ("numbers", "there is no number +19999999999"),
        ("numbers", f"number {world.TWILIO} is taken already"),
    ]
    assert [(user.id, field) for user, field in users(("number", world.TWILIO), live)] == [
        ("desk", "numbers")
    ]
