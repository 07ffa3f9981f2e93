//! The heads of the chains of evidence, which are stored outside the table. Only they reveal documents that were
//! removed or reordered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::domain::base::time::Timestamp;
use crate::domain::request::evidence_document::Document;

/// A line of the log about a document that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Head {
    chain: String,
    sequence: u64,
    digest: String,
    /// Unit: seconds since the epoch.
    kept_until: i64,
}

/// All stored heads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads(BTreeMap<(String, u64), (BTreeSet<String>, i64)>);

impl Heads {
    /// Reads the log: a sequence of JSON objects, each of which is a line of the log or a batch of lines from
    /// CloudWatch Logs (`logEvents`). Other lines are ignored.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut heads = Self::default();
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.map_err(|error| error.to_string())?;
            match value["logEvents"].as_array() {
                None => heads.take(&value),
                Some(events) => {
                    for event in events {
                        let message =
                            event["message"].as_str().and_then(|text| serde_json::from_str(text).ok());
                        message.iter().for_each(|line| heads.take(line));
                    }
                }
            }
        }
        Ok(heads)
    }

    fn take(&mut self, line: &Value) {
        if line["event"] != "evidence" {
            return;
        }
        let Ok(head) = Head::deserialize(line) else { return };
        let (digests, kept_until) = self.0.entry((head.chain, head.sequence)).or_default();
        digests.insert(head.digest);
        *kept_until = (*kept_until).max(head.kept_until);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stored digests for this place. If there is more than one, the chain was reset to an earlier document
    /// and then continued.
    pub fn at(&self, chain: &str, sequence: u64) -> Option<&BTreeSet<String>> {
        self.0.get(&(chain.to_owned(), sequence)).map(|(digests, _)| digests)
    }
}

/// The documents of one chain with their digests, by number. More than one with the same number is irregular.
type Numbered<'a> = BTreeMap<u64, Vec<(&'a Document, &'a str)>>;

/// The irregularities in all documents of a table, in words for the auditor.
///
/// Without heads, only gaps within a chain and documents that do not refer to the previous one are found: with
/// write access to the table, the end of a chain or all of it can be removed unnoticed. With heads, removed
/// documents are found until their retention date.
pub fn irregularities(
    documents: &[(Document, String)],
    heads: Option<&Heads>,
    now: Timestamp,
) -> Vec<String> {
    let mut chains: BTreeMap<&str, Numbered<'_>> = BTreeMap::new();
    for (document, digest) in documents {
        let chain = chains.entry(&document.chain).or_default();
        chain.entry(document.sequence).or_default().push((document, digest));
    }
    let mut found = Vec::new();
    for (name, chain) in &chains {
        // Documents before the first remaining one may have been deleted after their retention date.
        let mut last: Option<(u64, &str)> = None;
        for (number, there) in chain {
            if there.len() > 1 {
                found.push(format!(
                    "chain {name}: there are {} documents with the number {number}",
                    there.len()
                ));
            }
            if let Some((before, _)) = last.filter(|(before, _)| before + 1 != *number) {
                found.push(format!(
                    "chain {name}: documents are missing between number {before} and number {number}"
                ));
            }
            for (document, _) in there {
                let follows = match last {
                    Some((before, digest)) if before + 1 == *number => {
                        document.previous.as_deref() == Some(digest)
                    }
                    Some(_) | None => (*number == 1) == document.previous.is_none(),
                };
                if !follows {
                    found.push(format!(
                        "chain {name}: number {number} does not refer to the previous document"
                    ));
                }
            }
            last = there.first().map(|(_, digest)| (*number, *digest));
        }
    }
    for ((name, number), (digests, kept_until)) in heads.iter().flat_map(|heads| &heads.0) {
        if digests.len() > 1 {
            found.push(format!(
                "chain {name}: there were {} documents with the number {number}",
                digests.len()
            ));
        }
        let there = chains.get(name.as_str()).and_then(|chain| chain.get(number));
        match there.and_then(|there| there.first()) {
            None if *kept_until > now.seconds() => {
                found.push(format!("chain {name}: number {number} was stored, and has been removed"));
            }
            Some((_, digest)) if !digests.contains(*digest) => {
                found.push(format!("chain {name}: number {number} is not the document that was stored"));
            }
            None | Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::evidence::{Outcome, digest_of};
    use crate::domain::request::evidence_document::{Chain, Kind, ProofName, VERSION};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    /// A chain of `length` documents, with their digests.
    fn chain(random: u8, length: usize) -> Vec<(Document, String)> {
        let mut last = Chain::new([random; 16]);
        let mut documents = Vec::new();
        for number in 0..length {
            let document = Document {
                version: VERSION,
                kind: Kind::Decision,
                lifted_at: None,
                request: format!("request {number}"),
                client_id: "kiosk".to_owned(),
                person: "p".to_owned(),
                chain: last.name.clone(),
                sequence: last.sequence + 1,
                previous: last.head.clone(),
                at: 1,
                kept_until: 2_000_000,
                decision: Some(Outcome::Denied),
                scope: Some("openid".to_owned()),
                proof: Some(ProofName::Link),
                thumbprint: None,
                alg: None,
                key: None,
                sealed: String::new(),
                commitment: String::new(),
            };
            let digest = digest_of(&document.encode());
            last = last.then(&digest);
            documents.push((document, digest));
        }
        documents
    }

    /// The lines of the log for them.
    fn lines(documents: &[(Document, String)]) -> String {
        let lines = documents.iter().map(|(document, digest)| {
            format!(
                r#"{{"level":"info","event":"evidence","chain":"{}","sequence":{},"digest":"{digest}","kept_until":{}}}"#,
                document.chain, document.sequence, document.kept_until
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// HYG-5-03
    #[test]
    fn heads_are_read_from_the_log_and_from_a_stream_of_it() {
        let documents = chain(1, 3);
        let lines = lines(&documents);
        let heads = Heads::read(&format!("{{\"event\":\"approved\"}}\n{lines}")).unwrap();
        assert_eq!(heads.0.len(), 3);
        assert!(heads.at(&documents[0].0.chain, 1).unwrap().contains(&documents[0].1));
        let events: Vec<_> = lines.lines().map(|line| serde_json::json!({"message": line})).collect();
        let batch = serde_json::json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string();
        assert_eq!(Heads::read(&format!("{batch}{batch}")).unwrap(), heads, "twice is once");
        assert!(Heads::read("").unwrap().is_empty() && Heads::read("no JSON").is_err());
    }

    /// HYG-5-03
    #[test]
    fn whole_chains_have_nothing_irregular() {
        let documents = [chain(1, 3), chain(2, 1)].concat();
        let heads = Heads::read(&lines(&documents)).unwrap();
        assert_eq!(irregularities(&documents, Some(&heads), NOW), Vec::<String>::new());
        assert_eq!(irregularities(&documents[1..], None, NOW), Vec::<String>::new(), "the first was swept");
        let later = Timestamp::from_seconds(3_000_000);
        assert_eq!(irregularities(&[], Some(&heads), later), Vec::<String>::new(), "all were swept");
    }

    /// HYG-5-03
    #[test]
    fn a_document_that_was_removed_is_found_where_heads_are_kept() {
        let documents = [chain(1, 3), chain(2, 1)].concat();
        let heads = Heads::read(&lines(&documents)).unwrap();
        for removed in 0..documents.len() {
            let mut left = documents.clone();
            let (document, _) = left.remove(removed);
            let found = irregularities(&left, Some(&heads), NOW);
            let line = format!(
                "chain {}: number {} was stored, and has been removed",
                document.chain, document.sequence
            );
            assert!(found.contains(&line), "{removed}: {found:?}");
        }
        // Without heads, a gap within a chain is found, but not a missing end.
        let without = |removed| {
            let mut left = documents.clone();
            left.remove(removed);
            irregularities(&left, None, NOW).len()
        };
        assert_eq!([without(1) > 0, without(2) > 0, without(3) > 0], [true, false, false]);
    }

    /// HYG-5-03
    #[test]
    fn documents_in_another_order_are_found() {
        let documents = chain(1, 3);
        let heads = Heads::read(&lines(&documents)).unwrap();
        let mut forged = documents.clone();
        (forged[0].0.sequence, forged[1].0.sequence) = (2, 1);
        for (document, digest) in &mut forged {
            *digest = digest_of(&document.encode());
        }
        assert!(!irregularities(&forged, None, NOW).is_empty());
        assert!(!irregularities(&forged, Some(&heads), NOW).is_empty());
        // A chain that was reset, and continued with other documents that are consistent.
        let mut last = documents[0].0.clone();
        (last.sequence, last.previous) = (2, Some(documents[0].1.clone()));
        last.request = "another".to_owned();
        let again = [documents[0].clone(), (last.clone(), digest_of(&last.encode()))];
        assert_eq!(irregularities(&again, None, NOW), Vec::<String>::new(), "there is no gap");
        assert!(!irregularities(&again, Some(&heads), NOW).is_empty());
        let both = Heads::read(&[lines(&documents), lines(&again)].join("\n")).unwrap();
        assert!(
            irregularities(&documents, Some(&both), NOW).iter().any(|line| line.contains("there were 2"))
        );
        assert!(
            !irregularities(&[documents[0].clone(), documents[0].clone()], None, NOW).is_empty(),
            "twice"
        );
    }
}
