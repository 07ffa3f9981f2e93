/*
A user notifier for a chat: it posts each message to an incoming webhook, in the form that Slack takes.

The contract is in docs/hooks.md, with the schemas of event and answer. Each person who is asked in the chat has a channel
`{"custom": {"name": "chat", "address": "T024BE7LD/B024BE7LH/…"}}`: the name is CHANNEL below, and the address is the part of the
person's webhook after WEBHOOKS. So no person's entry can make this function call another host.

Try it on one machine (`make up HOOKS=infra/examples`): there the phone takes the place of the chat. On AWS, template.yaml
deploys it.

What to keep when you replace the chat by something else:

- `accepted` means that the message is on its way, and `unreachable` that it was not sent and never will be. Everything else is
  an `outage`, also if you do not know: the provider then tries no other channel, and tells the client to try again.
- A message is sent once for each `id`. Lambda repeats a call that it throttled or whose answer was lost.
- Nothing is sent after `deadline`: the request has been withdrawn by then.
- No preview opens the link.
- Event and address are one person's. Nothing here prints them, and no error quotes them: Lambda logs both.

Setting:

    WEBHOOKS   what all webhooks begin with, such as https://hooks.slack.com/services/
*/

const VERSION = 1;
const HOOK = "user_notifier";
/** The operator's name for this kind of channel. */
const CHANNEL = "chat";
/** The provider never waits longer. Unit: milliseconds. */
const BUDGET = 4000;
/** Kept from the time that is left, for the way back. Unit: milliseconds. */
const WAY_BACK = 200;
/** How many messages a sandbox remembers. */
const REMEMBERED = 1000;

/** The members that are used here. */
type NotifierEvent = {
  version: number;
  hook: string;
  id: string;
  channel: { name: string; address: string };
  text: string;
  deadline: number;
};

type Answer = { version: 1; outcome: "accepted" | "unreachable" | "outage"; reason?: string };

const webhooks = new URL(process.env.WEBHOOKS ?? "https://hooks.slack.com/services/");
/** By the id of the message. */
const answers = new Map<string, Promise<Answer>>();

export async function handler(event: NotifierEvent): Promise<Answer> {
  if (event.version !== VERSION || event.hook !== HOOK) {
    throw new Error("this event is of another version or hook");
  }
  const known = answers.get(event.id);
  if (known) return known;
  const answer = post(event);
  answers.set(event.id, answer);
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value!);
  return answer;
}

async function post({ channel, text, deadline }: NotifierEvent): Promise<Answer> {
  if (channel.name !== CHANNEL || !/^[\w-]+(\/[\w-]+)*$/.test(channel.address)) {
    return unreachable("this is no address of the chat");
  }
  const left = Math.min(deadline - Date.now(), BUDGET) - WAY_BACK;
  if (left <= 0) return outage("there was no time left");
  let status: number;
  try {
    const response = await fetch(new URL(channel.address, webhooks), {
      method: "POST",
      headers: { "content-type": "application/json" },
      // The text is shown as it is, and the chat does not open its link.
      body: JSON.stringify({ text: escaped(text), mrkdwn: false, unfurl_links: false, unfurl_media: false }),
      redirect: "manual",
      signal: AbortSignal.timeout(left),
    });
    status = response.status;
    await response.body?.cancel();
  } catch {
    return outage("the chat did not answer");
  }
  if (status === 200) return { version: VERSION, outcome: "accepted" };
  // The webhook or its channel was removed.
  if (status === 404 || status === 410) return unreachable(`the chat answered ${status}`);
  return outage(`the chat answered ${status}`);
}

/** Slack takes these three characters for its own. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function unreachable(reason: string): Answer {
  return { version: VERSION, outcome: "unreachable", reason };
}

function outage(reason: string): Answer {
  return { version: VERSION, outcome: "outage", reason };
}
