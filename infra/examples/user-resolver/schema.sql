-- The operator's people, in the form that resolver.py reads. Replace both with what you have.

CREATE TABLE person (
  -- Never used again for somebody else.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- What clients know the person by. It never changes.
  sub TEXT NOT NULL UNIQUE,
  -- The person's name at the login issuer; NULL: no login there. It never changes either.
  login TEXT UNIQUE,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  customer_number TEXT UNIQUE,
  email TEXT UNIQUE CHECK (email = lower(email)),
  email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
  -- E.164.
  phone TEXT UNIQUE CHECK (phone GLOB '+[1-9]*'),
  name TEXT,
  locale TEXT,
  -- The part of the person's webhook that is theirs.
  chat TEXT
) STRICT;

CREATE TABLE channel (
  person INTEGER NOT NULL REFERENCES person (id),
  -- The order in which they are tried.
  position INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('sms', 'push', 'topic')),
  address TEXT NOT NULL,
  PRIMARY KEY (person, position)
) STRICT;
