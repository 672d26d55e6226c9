//! `sync machines`: which machines' word counts as the user's own, and what is said about unknown ones after an import.

use std::process::ExitCode;

use clap::Subcommand;

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::domain::{FailureCode, MachineKey};
use crate::memory::Memory;
use crate::store::{Machine, MachineRelation, OpenMode};
use crate::sync;

#[derive(Debug, Subcommand)]
pub(super) enum MachinesAction {
    /// List this machine and those that have signed something here
    List,
    /// Count what a machine's user typed as typed by you; with --as it is said by somebody else
    Trust {
        /// Fingerprint of the machine, or its first sixteen digits; `sync machines` shows it there
        fingerprint: String,
        /// Name of the person whose machine it is, if it is not yours
        #[arg(long = "as", value_name = "NAME")]
        person: Option<String>,
    },
    /// Count everything from a machine as from elsewhere again
    Distrust {
        /// Fingerprint of the machine, or its first sixteen digits
        fingerprint: String,
    },
}

pub(super) fn run(action: Option<&MachinesAction>, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Create)?;
    match action {
        None | Some(MachinesAction::List) => list_machines(&memory, session),
        Some(MachinesAction::Trust { fingerprint, person: None }) => {
            relate_machine(&memory, fingerprint, MachineRelation::Own, None, session)
        }
        Some(MachinesAction::Trust { fingerprint, person: Some(person) }) => {
            relate_machine(&memory, fingerprint, MachineRelation::Other, Some(person), session)
        }
        Some(MachinesAction::Distrust { fingerprint }) => {
            relate_machine(&memory, fingerprint, MachineRelation::Unknown, None, session)
        }
    }
}

fn list_machines(memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    sync::own_machine(memory, session.now)?;
    let (machines, unsigned) = (memory.machines()?, unsigned_texts(memory)?);
    let deletions = memory.deletion_signers()?;
    if session.output.is_json() {
        let rows = machines.iter().map(|machine| {
            serde_json::json!({
                "fingerprint": machine.key.fingerprint(), "name": machine.name, "relation": machine.relation.name(),
                "first_seen": machine.first_seen.to_string(), "texts": machine.parts,
                "deletions": if machine.relation == MachineRelation::This { deletions.here } else { machine.deletions },
            })
        });
        session.output.print_json(&serde_json::json!({
            "machines": rows.collect::<Vec<_>>(), "unsigned_texts": unsigned,
            "unsigned_deletions": deletions.unsigned,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    for machine in &machines {
        let relation = match machine.relation {
            MachineRelation::This => "this machine".to_owned(),
            MachineRelation::Own => "yours".to_owned(),
            MachineRelation::Other => format!("of {}", display_name(machine)),
            MachineRelation::Unknown => "not confirmed".to_owned(),
        };
        session.output.print_line(&format!(
            "{}  {relation:<14}  {}  texts: {}, deletions: {}",
            machine.key,
            display_name(machine),
            group_digits(machine.parts),
            group_digits(if machine.relation == MachineRelation::This { deletions.here } else { machine.deletions })
        ));
    }
    if unsigned > 0 {
        session.output.print_line(&format!("texts from elsewhere without a signature: {}", group_digits(unsigned)));
    }
    if deletions.unsigned > 0 {
        let count = group_digits(deletions.unsigned);
        session.output.print_line(&format!("deletions from elsewhere without a signature: {count}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn display_name(machine: &Machine) -> &str {
    if machine.name.is_empty() { "(no name)" } else { &machine.name }
}

fn relate_machine(
    memory: &Memory,
    fingerprint: &str,
    relation: MachineRelation,
    name: Option<&String>,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let machines = memory.machines()?;
    let mut named = machines.iter().filter(|machine| machine.key.has_fingerprint(fingerprint));
    let (Some(machine), None) = (named.next(), named.next()) else {
        let hint = "run `claude-memory sync machines` to see the fingerprints; give at least sixteen digits";
        return Err(Failure::new(
            FailureCode::NotFound,
            format!("no machine with the fingerprint {fingerprint} has signed anything here"),
            Some(hint),
        ));
    };
    if machine.relation == MachineRelation::This {
        return Err(Failure::new(FailureCode::InvalidInput, "this is the machine you are on", None));
    }
    memory.relate_machine(machine.key, relation, name.map(String::as_str), session.now)?;
    let key = machine.key;
    if session.output.is_json() {
        session
            .output
            .print_json(&serde_json::json!({ "fingerprint": key.fingerprint(), "relation": relation.name() }));
    } else {
        let texts = group_digits(machine.parts);
        session.output.print_line(&match relation {
            MachineRelation::Own | MachineRelation::This => {
                format!("{key}: texts that count as yours from now on: {texts}")
            }
            MachineRelation::Other => {
                format!("{key}: texts that are shown as said by {}: {texts}", name.map_or("", String::as_str))
            }
            MachineRelation::Unknown => format!("{key}: texts that count as from elsewhere: {texts}"),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// What had come from elsewhere before an import, so that only what is new is reported.
pub(super) struct KnownSources {
    machines: Vec<MachineKey>,
    unsigned: u64,
}

impl KnownSources {
    pub(super) fn read(memory: &Memory) -> Result<Self, Failure> {
        let machines = memory.machines()?.into_iter().filter(|machine| machine.parts > 0);
        Ok(Self { machines: machines.map(|machine| machine.key).collect(), unsigned: unsigned_texts(memory)? })
    }

    /// Prints what to run for machines that are not confirmed, after something of them was imported the first time.
    pub(super) fn print_new(&self, memory: &Memory, session: &Invocation) -> Result<(), Failure> {
        let is_new = |machine: &&Machine| {
            machine.relation == MachineRelation::Unknown && machine.parts > 0 && !self.machines.contains(&machine.key)
        };
        for machine in memory.machines()?.iter().filter(is_new) {
            let (key, texts) = (machine.key, group_digits(machine.parts));
            session.output.print_message(&format!(
                "texts signed by a machine that you have not confirmed: {texts} (it calls itself {:?}). Search finds them; \
                 hooks do not inject them.\nIs it your machine? Compare the fingerprint with `claude-memory sync machines` \
                 there, then run\n  claude-memory sync machines trust {key}\nIs it somebody else's?\n  \
                 claude-memory sync machines trust {key} --as NAME",
                machine.name
            ));
        }
        let unsigned = unsigned_texts(memory)?.saturating_sub(self.unsigned);
        if unsigned > 0 {
            session.output.print_message(&format!(
                "texts without a signature: {}. They count as from elsewhere: search finds them, hooks do not inject them. If \
                 they are yours, update claude-memory on the machine that wrote them, then push or export there and import \
                 again",
                group_digits(unsigned)
            ));
        }
        Ok(())
    }
}

fn unsigned_texts(memory: &Memory) -> Result<u64, Failure> {
    Ok(memory.snapshot()?.unsigned_parts().map_err(crate::memory::Error::from)?)
}
