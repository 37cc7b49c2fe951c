//! The fixed script, and scripts by seed.

use super::model::{Deed, Model, Scope, Scopes, Turn, Who};

pub const SCOPES: [Scope; 8] = [
    "heart",
    "musculoskeletal",
    "psychiatry",
    "medication",
    "allergies",
    "respiratory",
    "vitals",
    "social",
];

/// Everybody who can stand on the ward's plan.
pub const WARD: [Who; 8] = ["Maria", "Olli", "Sanna", "Pekka", "Riku", "Kim", "Laine", "Tiina"];
/// Knows the hospital, and is granted nothing, ever.
pub const STRANGER: Who = "Mallory";
/// The patient's own contacts. One of them works on the ward, too.
pub const CONTACTS: [Who; 2] = ["Gp", "Laine"];

fn plan(turns: &[(Who, Who)]) -> Deed {
    let unlimited = |&(who, role)| Turn {
        who,
        role,
        limited: false,
    };
    Deed::Plan(turns.iter().map(unlimited).collect())
}

fn with_limited(turns: &[(Who, Who)], limited: &[(Who, Who)]) -> Deed {
    let Deed::Plan(mut all) = plan(turns) else {
        return Deed::Ends;
    };
    all.extend(limited.iter().map(|&(who, role)| Turn {
        who,
        role,
        limited: true,
    }));
    Deed::Plan(all)
}

/// Sixty steps through two days of a ward.
pub fn fixed() -> Vec<Deed> {
    use Deed::{Ends, Grant, Note, Phone, Revoke, Show, Withdraw, Write};
    let (n, c, p, a) = ("nurse", "cardiologist", "physiotherapist", "anaesthetist");
    vec![
        plan(&[("Maria", n), ("Olli", n), ("Laine", c)]),
        Grant(vec!["heart", "medication"], n, false),
        Write(vec!["heart"]),
        Grant(vec!["heart", "psychiatry"], c, false),
        Note("Maria", n),
        Show(vec!["medication", "allergies"], "Gp", false),
        Write(vec!["psychiatry"]),
        Write(vec!["heart", "psychiatry"]),
        plan(&[("Maria", n), ("Olli", n), ("Pekka", n), ("Riku", n), ("Laine", c)]),
        Note("Pekka", n),
        plan(&[("Pekka", n), ("Riku", n), ("Laine", c)]),
        Write(vec!["medication"]),
        Phone(false),
        plan(&[("Pekka", n), ("Riku", n), ("Sanna", n), ("Laine", c)]),
        Note("Sanna", n),
        plan(&[("Sanna", n), ("Tiina", n), ("Laine", c)]),
        Phone(true),
        Write(vec!["allergies"]),
        Show(vec!["vitals", "heart"], "Laine", false),
        Write(vec!["vitals"]),
        plan(&[("Sanna", n), ("Tiina", n), ("Laine", c), ("Kim", p)]),
        Grant(vec!["musculoskeletal"], p, false),
        Write(vec!["musculoskeletal"]),
        Note("Kim", p),
        Revoke(c, vec!["psychiatry"]),
        Write(vec!["psychiatry"]),
        Withdraw("Laine"),
        Withdraw("Gp"),
        Write(vec!["medication"]),
        Grant(vec!["respiratory"], n, false),
        // Nobody stays: the patient's phone lets the next ones in.
        plan(&[("Maria", n), ("Olli", n), ("Laine", c), ("Kim", p)]),
        Write(vec!["respiratory"]),
        Note("Olli", n),
        Show(vec!["allergies", "social"], "Gp", false),
        Write(vec!["social"]),
        Revoke(n, vec![]),
        Write(vec!["heart"]),
        Grant(vec!["heart", "vitals"], n, false),
        plan(&[("Maria", n), ("Olli", n), ("Laine", c), ("Laine", n), ("Kim", p)]),
        Write(vec!["heart"]),
        // An agency nurse, a grant and a show that end by themselves, at the relay.
        with_limited(
            &[("Maria", n), ("Olli", n), ("Laine", c), ("Tiina", a), ("Kim", p)],
            &[("Riku", n)],
        ),
        Grant(vec!["allergies", "medication"], a, true),
        Show(vec!["musculoskeletal"], "Laine", true),
        Ends,
        Write(vec!["allergies"]),
        Write(vec!["musculoskeletal"]),
        plan(&[]),
        Write(vec!["heart", "vitals"]),
        plan(&[("Maria", n), ("Pekka", n), ("Tiina", a)]),
        Grant(vec!["allergies", "medication"], a, false),
        Note("Maria", n),
        Phone(false),
        plan(&[("Maria", n), ("Olli", n), ("Tiina", a)]),
        Note("Olli", n),
        Phone(true),
        Revoke(a, vec!["medication"]),
        with_limited(
            &[("Maria", n), ("Olli", n), ("Tiina", a)],
            &[("Sanna", n), ("Kim", p)],
        ),
        Ends,
        Withdraw("Gp"),
        Revoke(n, vec![]),
    ]
}

/// SplitMix64: the same on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn scopes(&mut self) -> Scopes {
        let mut all: Scopes = (0..=self.below(2)).map(|_| self.one(&SCOPES)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A script that makes sense, by seed; `documents` lie in the record already.
pub fn by_seed(seed: u64, steps: usize, mut model: Model) -> Vec<Deed> {
    const ROLES: [Who; 3] = ["nurse", "cardiologist", "anaesthetist"];
    let mut dice = Dice(seed);
    // Without a roster there is no role to grant anything to.
    let mut script = vec![plan(&[("Maria", ROLES[0]), ("Laine", ROLES[1])])];
    model.apply(&script[0]);
    let mut limited = 0;
    while script.len() < steps {
        let may_limit = limited > 0 || (!model.phone_off && dice.below(6) == 0);
        let ends = may_limit && dice.below(2) == 0;
        let deed = match dice.below(16) {
            _ if limited > 2 => Deed::Ends,
            0..4 => {
                let mut turns: Vec<Turn> = model
                    .turns
                    .iter()
                    .filter(|t| t.limited || dice.below(3) > 0)
                    .cloned()
                    .collect();
                for _ in 0..=dice.below(3) {
                    let (who, role) = (dice.one(&WARD), dice.one(&ROLES));
                    if !turns.iter().any(|t| t.who == who && t.role == role) {
                        turns.push(Turn {
                            who,
                            role,
                            limited: ends,
                        });
                    }
                }
                Deed::Plan(turns)
            }
            4..6 => Deed::Grant(dice.scopes(), dice.one(&ROLES), ends),
            6 => Deed::Show(dice.scopes(), dice.one(&CONTACTS), ends),
            7 => Deed::Withdraw(dice.one(&CONTACTS)),
            8 => Deed::Revoke(
                dice.one(&ROLES),
                match dice.below(2) {
                    0 => Scopes::new(),
                    _ => dice.scopes(),
                },
            ),
            9 => Deed::Phone(model.phone_off),
            10..12 => Deed::Note(dice.one(&WARD), dice.one(&ROLES)),
            _ => Deed::Write(dice.scopes()),
        };
        // While something runs out by itself, she is there to see it.
        if !model.possible(&deed) || (limited > 0 && matches!(deed, Deed::Phone(_))) {
            continue;
        }
        model.apply(&deed);
        let any = model.turns.iter().any(|t| t.limited) || model.grants.iter().any(|g| g.live && g.limited);
        limited = if any { limited + 1 } else { 0 };
        script.push(deed);
    }
    script
}
