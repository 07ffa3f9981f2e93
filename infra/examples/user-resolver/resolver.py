"""A user resolver over SQLite: it tells the provider whom a hint means.

The contract is in docs/hooks.md, with the schemas of event and answer. This example answers each kind of hint with one
query, and describes the person in full each time: channels and claims are written to the provider's table at each
request, so what changes here counts from the next request on. Nothing has to be imported into the provider.

Try it on one machine (`make up HOOKS=infra/examples`), or call it by hand:

    cd infra/examples/user-resolver
    PEOPLE_DATABASE=/tmp/people.db python3 -c 'import resolver; print(resolver.handler(
        {"version": 1, "hook": "user_resolver", "hint": {"kind": "email", "value": "alice@example.com"}}, None))'

On AWS, template.yaml deploys it. There the database is made from the two SQL files in each sandbox, which is enough to
try it; for your own people, replace `people()` and the queries.

What to keep when you do:

- `sub` and the name (`issuer` and `subject`) of a person never change, and are never given to somebody else. The
  provider refuses an answer in which they have changed. LOGIN_ISSUER is part of the names, so it cannot change either.
- A hint means exactly one person or nobody. Nobody is `unknown_user_id`, never an exception: an exception is a fault,
  and the client is told to try again.
- Events and answers are about people. Nothing here prints them, and no exception quotes them: Lambda logs both.
- There are three seconds for everything, a cold start included.

Settings:

    PEOPLE_DATABASE   the database file; made from schema.sql and people.sql if it does not exist
    LOGIN_ISSUER      the login issuer of the people with a `login`, which has to be in the provider's
                      UserResolverIssuers; without it these people have no login
    CHAT              1: the people with a `chat` get their messages there first, through the notifier of
                      ../notifier; without it nobody does
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

VERSION = 1
HOOK = "user_resolver"

DATABASE = Path(os.environ["PEOPLE_DATABASE"])
LOGIN_ISSUER = os.environ.get("LOGIN_ISSUER") or None
CHAT = os.environ.get("CHAT") == "1"

# One query for each kind of hint that has a single value.
BY_VALUE = {
    "plain": "SELECT * FROM person WHERE customer_number = ?",
    "tel": "SELECT * FROM person WHERE phone = ?",
    "email": "SELECT * FROM person WHERE email = ?",
    "sub": "SELECT * FROM person WHERE sub = ?",
}
BY_LOGIN = "SELECT * FROM person WHERE login = ?"
BY_ID = "SELECT * FROM person WHERE CAST(id AS TEXT) = ?"
CHANNELS = "SELECT kind, address FROM channel WHERE person = ? ORDER BY position"


def handler(event, context):
    """The answer to one event."""
    if event.get("version") != VERSION or event.get("hook") != HOOK:
        raise ValueError("this event is of another version or hook")
    with closing(people()) as database:
        person = find(database, event["hint"])
        if person is None:
            return {"version": VERSION, "error": "unknown_user_id"}
        return {"version": VERSION, "user": describe(database, person)}


def find(database, hint):
    """The person whom a hint means."""
    kind = hint["kind"]
    if kind == "login":
        # Another issuer's names are not ours to know.
        if hint["issuer"] != LOGIN_ISSUER:
            return None
        return database.execute(BY_LOGIN, [hint["subject"]]).fetchone()
    if kind == "subject":
        # A name that `describe` gave to somebody without a login.
        person = database.execute(BY_ID, [hint["value"]]).fetchone()
        return person if person is not None and logs_in(person) is None else None
    if kind in BY_VALUE:
        return database.execute(BY_VALUE[kind], [hint["value"]]).fetchone()
    raise ValueError("this kind of hint is unknown")


def describe(database, person):
    """A person as the provider gets them."""
    login = logs_in(person)
    user = {
        "subject": str(person["id"]) if login is None else login,
        "sub": person["sub"],
        "active": bool(person["active"]),
        "channels": channels(database, person),
        "claims": claims(person),
    }
    if login is not None:
        user["issuer"] = LOGIN_ISSUER
    return user


def channels(database, person):
    """Where messages go, in this order. The provider hands the address of the chat to its notifier."""
    chat = [{"custom": {"name": "chat", "address": person["chat"]}}] if CHAT and person["chat"] else []
    return chat + [{kind: address} for kind, address in database.execute(CHANNELS, [person["id"]])]


def logs_in(person):
    """The person's name at the login issuer, if there is one."""
    return person["login"] if LOGIN_ISSUER else None


def claims(person):
    """What clients may see with the scopes `profile` and `email`; `locale` is also the language of messages."""
    known = {name: person[name] for name in ("name", "email", "locale") if person[name] is not None}
    if "email" in known:
        known["email_verified"] = bool(person["email_verified"])
    return known


def people():
    """A connection that cannot write."""
    database = sqlite3.connect(f"{DATABASE.absolute().as_uri()}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    return database


def make_database():
    """Makes the database of the demo, completely or not at all."""
    new = DATABASE.with_name(DATABASE.name + ".new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(new)) as database:
        for script in ("schema.sql", "people.sql"):
            database.executescript(Path(__file__).with_name(script).read_text(encoding="utf-8"))
        database.commit()
    new.replace(DATABASE)


if not DATABASE.exists():
    make_database()
