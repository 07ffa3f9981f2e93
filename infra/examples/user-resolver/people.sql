-- The people of the demo, who are in infra/local/seed/people.json too, and Erin, who has no login. The numbers are
-- reserved for fiction, and the ARNs belong to no account.

INSERT INTO person (id, sub, login, active, customer_number, email, email_verified, phone, name, locale, chat) VALUES
  (1, 'alice', 'alice', 1, 'alice', 'alice@example.com', 1, '+15555550100', 'Alice Example', NULL, 'T0EXAMPLE/B0ALICE'),
  (2, 'bob', 'bob', 1, 'bob', 'bob@example.com', 1, '+15555550101', 'Bob Example', NULL, NULL),
  (3, 'carol', 'carol', 0, 'carol', 'carol@example.com', 0, '+15555550102', 'Carol Example', NULL, NULL),
  (4, 'dave', 'dave', 1, 'dave', 'dave@example.com', 1, NULL, 'Dave Example', NULL, NULL),
  (5, 'erin', NULL, 1, '4711 0815', 'erin@example.com', 0, '+15555550104', 'Erin Example', 'de', 'T0EXAMPLE/B0ERIN');

INSERT INTO channel (person, position, kind, address) VALUES
  (1, 1, 'sms', '+15555550100'),
  (2, 1, 'push', 'arn:aws:sns:us-east-1:123456789012:endpoint/APNS/example-bank/0f7d5971-aa8b-4bd5-b585-0826e9f93a66'),
  (2, 2, 'sms', '+15555550101'),
  (3, 1, 'sms', '+15555550102'),
  (4, 1, 'topic', 'arn:aws:sns:us-east-1:123456789012:dave'),
  (5, 1, 'sms', '+15555550104');
