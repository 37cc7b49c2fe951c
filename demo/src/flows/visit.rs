//! Act 2: a visit, in the six steps of the source document's figure.

use super::cast::{Cast, MEDICINE, NOTE, answered, came, file};
use crate::acts::cast::settle;
use crate::page::Page;
use crate::scopes;
use crate::stage::{StageError, text};

/// What the laboratory's system writes: dummies where a name would be, the code as the order's number.
fn values(tube: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|ACME|EHR|EHR|20261120120000+0200||ORU^R01^ORU_R01|1|P|2.5.1\r\
         PID|1||0||DUMMY^DUMMY||19000101|U\r\
         OBR|1|{tube}|R-1|24323-8^Panel^LN|||20261120080000+0200\r\
         OBX|1|NM|2823-3^Potassium^LN||4.10|mmol/L^^UCUM|3.5 to 5.1|N|||F\r\
         OBX|2|NM|10839-9^Troponin I^LN||0.008|ng/mL^^UCUM|< 0.04|N|||F\r"
    )
}

/// Plays it; gives the prescription's id and the result's.
pub(super) fn play(page: &mut Page, cast: &Cast) -> Result<(String, String), StageError> {
    page.section("A visit: the six steps");
    let shared = scopes::chosen(&cast.documents);
    let names: Vec<String> = shared.iter().map(|s| format!("scope:{s}")).collect();
    let what: Vec<&str> = names.iter().map(String::as_str).collect();
    let until = [
        "--with",
        "dr-virtanen",
        "--until",
        "90d",
        "--why",
        "visit",
        "--yes",
    ];
    cast.aino.run(&[&["share"], &what[..], &until[..]].concat())?;
    settle(&[&cast.aino, &cast.doctor])?;
    let wanted = cast
        .documents
        .iter()
        .filter(|d| scopes::is_in(d, &shared) && !scopes::is_sensitive(d))
        .count();
    let inbox = cast.doctor.json(&["inbox"])?;
    let seen = inbox.iter().filter(|d| d["way"] == "shown to me").count();
    page.must(
        wanted > 0 && seen == wanted,
        "1 History",
        &format!(
            "Aino shows Dr Virtanen {seen} of {} documents: {}",
            cast.documents.len(),
            shared.join(", ")
        ),
        &format!("{wanted}, and no other"),
    );

    let note = file(&cast.doctor, "note.txt", NOTE)?;
    cast.doctor.run(&[
        "send",
        "aino",
        &note,
        "--title",
        "Examination",
        "--scope",
        "heart",
    ])?;
    settle(&[&cast.doctor, &cast.aino])?;
    let came_note = came(&cast.aino, "Examination")?.unwrap_or_default();
    let role = ["--offline", "--role", "licensed-physician"];
    let genuine = cast
        .aino
        .attempt(&[&["verify", &came_note], &role[..]].concat())?;
    page.must(
        genuine.status.success(),
        "2 Notes",
        "signed by Dr Virtanen, licensed by the board's word; hers, and his own copy",
        "a genuine note in her record",
    );

    let about = [
        "--medicine",
        MEDICINE,
        "--dosage",
        "one three times a day",
        "--unit",
        "capsules",
        "--amount",
        "30",
    ];
    let prescribed = answered(
        &cast.doctor,
        &[&cast.aino],
        &[&["rx", "write", "aino"], &about[..]].concat(),
    )?;
    let rx = text(&prescribed, "id", "rx write")?.to_owned();
    settle(&[&cast.doctor, &cast.aino])?;
    let listed = cast.aino.json(&["rx", "list"])?;
    page.must(
        listed.iter().any(|r| r["id"] == rx.as_str()),
        "3 Prescription",
        &format!("{MEDICINE}: 30, to Aino; any pharmacy can check it"),
        "the prescription in her record",
    );

    let ordered = answered(
        &cast.doctor,
        &[&cast.hospital],
        &["lab", "order", "potassium", "10839-9=Troponin I", "--for", "aino"],
    )?;
    let [tube, form] = ["tube", "form"].map(|f| text(&ordered, f, "lab order").map(str::to_owned));
    let (tube, form) = (tube?, form?);
    settle(&[&cast.doctor, &cast.lab, &cast.aino])?;
    let at_lab = cast.lab.json(&["lab", "open"])?;
    let blind = at_lab.iter().any(|o| o["tube"] == tube.as_str());
    let named = ["Korhonen", "Aino", "Virtanen"]
        .iter()
        .any(|name| serde_json::Value::from(at_lab.clone()).to_string().contains(name));
    page.must(
        blind && !named,
        "4 Sample",
        &format!("tube {tube}, form {form}: Acme Lab has two codes and a clinic that pays"),
        "the order, and nobody's name, at the laboratory",
    );

    cast.lab.run(&["lab", "receive", &tube, &form])?;
    let report = file(&cast.lab, "oru.hl7", &values(&tube.replace('-', "")))?;
    let reported = cast.lab.json(&["lab", "result", &tube, &form, &report])?;
    let result = reported
        .iter()
        .find_map(|r| r["results"][0].as_str())
        .unwrap_or_default()
        .to_owned();
    settle(&[&cast.lab, &cast.doctor, &cast.aino])?;
    let proof = cast.aino.attempt(&["--json", "lab", "match", &result])?;
    let words = String::from_utf8_lossy(&proof.stdout);
    page.must(
        proof.status.success() && words.contains("\"mine\":true"),
        "5 Result",
        "signed by the laboratory for a number, by the doctor for whom: together, Aino's",
        "the patient's own proof",
    );

    let ticket = ["--with", "corner-pharmacy", "--amount", "14"];
    answered(
        &cast.aino,
        &[&cast.pharmacy],
        &[&["rx", "ticket", &rx], &ticket[..]].concat(),
    )?;
    settle(&[&cast.aino, &cast.pharmacy])?;
    let filled = cast
        .pharmacy
        .json(&["rx", "fill", &rx, "--amount", "14", "--yes"])?;
    let handed = filled
        .iter()
        .any(|f| f["state"] == "handed-over" && f["remaining"]["free"] == 16);
    let twice = cast
        .pharmacy
        .attempt(&["rx", "fill", &rx, "--amount", "14", "--yes"])?;
    page.must(
        handed && !twice.status.success(),
        "6 Pharmacy",
        "checked with no call to anybody; 14 handed over, 16 left; the same ticket again: refused",
        "one fill of 14, and no second",
    );
    Ok((rx, result))
}
