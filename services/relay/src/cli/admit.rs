//! `admit new|list|end`.

use crate::admin::words::{AdmissionRow, NewAdmission, Request};
use crate::classes;
use crate::clock;
use crate::fault::{Exit, Fault};
use telesphor_wire::error::ErrorCode;

use super::args::{Admit, AdmitCommand};
use super::context::Context;
use super::qr;

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &Admit) -> Result<(), Fault> {
    match &args.command {
        AdmitCommand::New {
            class,
            uses,
            until,
            qr,
        } => new(context, class, *uses, until, *qr),
        AdmitCommand::List => list(context),
        AdmitCommand::End { id } => {
            let row: AdmissionRow = context.ask(&Request::AdmitEnd { id: id.clone() })?;
            context.out.show(&row, || {
                format!("Ended: {}. Who enrolled with it stays enrolled.", row.id)
            });
            Ok(())
        }
    }
}

fn new(context: &Context<'_>, class: &str, uses: u32, until: &str, qr: bool) -> Result<(), Fault> {
    let number = classes::number(class)
        .ok_or_else(|| Fault::usage(format!("'{class}' is no class; there are: {}", classes::all())))?;
    let until = clock::until(until)?;
    let made: NewAdmission = context.ask(&Request::AdmitNew {
        class: number,
        uses,
        until,
    })?;
    context.out.note(&format!(
        "Admits {} time(s) as {} until {}. Whoever has the link can use it; give it to nobody else.",
        made.row.uses,
        made.row.class,
        clock::show(made.row.until)
    ));
    context.out.show(&made, || made.link.clone());
    if qr && !context.out.json {
        context
            .out
            .data(&qr::draw(&made.link).ok_or_else(|| Fault::bug("the link is too long for a QR code"))?);
    }
    Ok(())
}

fn list(context: &Context<'_>) -> Result<(), Fault> {
    let rows: Vec<AdmissionRow> = context.ask(&Request::AdmitList)?;
    if rows.is_empty() {
        return Err(Fault::new(
            Exit::NotFound,
            ErrorCode::NotFound,
            "there is no admission that still works",
        ));
    }
    for row in &rows {
        context.out.show(row, || {
            let id = row.id.get(..12).unwrap_or(&row.id);
            format!(
                "{id}  {:<12}  {:>4} left  until {}",
                row.class,
                row.uses,
                clock::show(row.until)
            )
        });
    }
    Ok(())
}
